import { writeFileSync } from 'node:fs';
import { z } from 'zod';
import { configSchema } from './config-schema';
import { stores } from './stores';
import { vault } from './vault';

/** Sections whose defaults depend on the size. */
const sized = { ...stores, vault };

interface JsonSchema {
  type?: string;
  const?: unknown;
  enum?: unknown[];
  anyOf?: JsonSchema[];
  minimum?: number;
  default?: unknown;
  description?: string;
  properties?: Record<string, JsonSchema>;
}

/** The text of docs/configuration.md, generated from the schema that `loadConfig` checks with. */
export function configurationDocs(): string {
  const schema = z.toJSONSchema(configSchema, { io: 'input' }) as JsonSchema;
  const top = Object.entries(schema.properties ?? {});
  return [
    '# Configuration',
    '',
    'Generated from `stacks/config-schema.ts` by `npm run docs:configuration`; do not edit.',
    'Every key is set in `Pulumi.<stack>.yaml` under `agent-data-platform:`. Unknown keys are errors.',
    '',
    '| key | values | default | meaning |',
    '|---|---|---|---|',
    ...top.map(
      ([name, key]) => `| \`${name}\` | ${values(key)} | ${code(key.default)} | ${key.description ?? ''} |`,
    ),
    ...sectionTable('network', schema.properties?.network ?? {}),
    ...sectionTable('tls', schema.properties?.tls ?? {}),
    ...sectionTable('backups', schema.properties?.backups ?? {}),
    ...sectionTable('backups.postgres', schema.properties?.backups?.properties?.postgres ?? {}),
    ...top
      .filter(([name]) => name in sized)
      .flatMap(([name, key]) => storeTable(name as keyof typeof sized, key)),
    '',
  ].join('\n');
}

/** A section whose defaults are the same in every size. */
function sectionTable(name: string, schema: JsonSchema): string[] {
  return [
    '',
    `## ${name}`,
    '',
    '| key | values | default | meaning |',
    '|---|---|---|---|',
    ...Object.entries(schema.properties ?? {}).map(
      ([key, { default: value, description = '', ...rest }]) =>
        `| \`${key}\` | ${values(rest)} | ${code(value)} | ${description} |`,
    ),
  ];
}

function storeTable(store: keyof typeof sized, schema: JsonSchema): string[] {
  const defaults = (size: 'dev' | 'prod', key: string) =>
    code((sized[store].sizes[size] as unknown as Record<string, unknown>)[key]);
  return [
    '',
    `## ${store}`,
    '',
    '| key | values | dev | prod | meaning |',
    '|---|---|---|---|---|',
    ...Object.entries(schema.properties ?? {}).map(
      ([name, key]) =>
        `| \`${name}\` | ${values(key)} | ${defaults('dev', name)} | ${defaults('prod', name)} | ${key.description ?? ''} |`,
    ),
  ];
}

function values(schema: JsonSchema): string {
  if (schema.anyOf) return schema.anyOf.map(values).join(' or ');
  if (schema.enum) return schema.enum.map(code).join(', ');
  if (schema.const !== undefined) return code(schema.const);
  if (schema.properties) return code(`{${Object.keys(schema.properties).join(', ')}}`);
  if (schema.type === 'integer') return `integer ≥ ${schema.minimum}`;
  return schema.type ?? '';
}

function code(value: unknown): string {
  if (value === undefined) return '';
  return `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``;
}

if (require.main === module) writeFileSync('docs/configuration.md', configurationDocs());
