import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../project-root';
import { CommandUsageError } from './io';
import type { StackPlace } from './places';

const PROJECT = 'agent-data-platform';

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
  const config = document?.config ?? {};
  const text = (key: string): string | undefined => {
    const value = config[`${PROJECT}:${key}`];
    return typeof value === 'string' ? value : undefined;
  };
  return {
    namespace: text('namespace') ?? PROJECT,
    context: text('kubeContext'),
    size: text('size') ?? 'dev',
    disabled: Object.entries(config).flatMap(([key, value]) =>
      (value as { enabled?: unknown } | null)?.enabled === false ? [key.slice(PROJECT.length + 1)] : [],
    ),
  };
}
