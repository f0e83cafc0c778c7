import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../project-root';
import { storeNames } from '../stores';
import { CommandUsageError } from './io';
import type { StackPlace } from './places';

type PlatformStore = StackPlace['disabled'][number];

/** Vault has no change files. */
const platformStores: readonly PlatformStore[] = [...storeNames, 'vault'];
const PROJECT = 'agent-data-platform';

/** Stores that a size leaves out unless the configuration has `enabled: true`, as `sizes` in stacks/stores says. */
const offByDefault: Readonly<Record<string, readonly PlatformStore[]>> = {
  dev: ['chroma', 'vault'],
  prod: ['chroma', 'vault'],
};

/**
 * Reads from `Pulumi.<stack>.yaml` where a stack's stores are.
 * @throws CommandUsageError when there is no such stack.
 */
export function readStackPlace(stack: string, root = projectRoot()): StackPlace {
  const file = join(root, `Pulumi.${stack}.yaml`);
  if (!/^[\w.-]+$/.test(stack) || !existsSync(file)) {
    const known = readdirSync(root).flatMap((name) => /^Pulumi\.(.+)\.yaml$/.exec(name)?.[1] ?? []);
    throw new CommandUsageError(
      `Stack "${stack}" has no Pulumi.${stack}.yaml; there are: ${known.sort().join(', ')}.`,
    );
  }
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- not needed with --url
  const { parse } = require('yaml') as typeof import('yaml');
  const document = parse(readFileSync(file, 'utf8')) as { config?: Record<string, unknown> } | null;
  const value = (key: string): unknown => document?.config?.[`${PROJECT}:${key}`];
  const text = (key: string): string | undefined => {
    const found = value(key);
    return typeof found === 'string' ? found : undefined;
  };
  // `pulumi config set` may have written a section as JSON text.
  const section = (store: PlatformStore) =>
    (parse(text(store) ?? '') ?? value(store) ?? {}) as { enabled?: unknown; mode?: unknown };
  const size = text('size') ?? 'dev';
  const isOff = (store: PlatformStore) => !(section(store).enabled ?? !offByDefault[size]?.includes(store));
  return {
    namespace: text('namespace') ?? PROJECT,
    context: text('kubeContext'),
    size,
    disabled: platformStores.filter(isOff),
    redisMode: section('redis').mode === 'cluster' ? 'cluster' : 'sentinel',
  };
}
