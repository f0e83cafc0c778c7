import { type ChangeFormat, MalformedChangeError } from '../../engine/change-files';
import { jsonFormat } from '../../engine/json-format';
import type { Statement } from '../../engine/target';
import { operation, type RedisOperation } from './definitions';
import { emptyRegistry, registryAfter } from './registry';

const base = jsonFormat(operation);

/** The Redis change format: JSON files of {@link RedisOperation}s; patterns of one file that overlap are a fault of the file. */
export const redisFormat: ChangeFormat = {
  ...base,
  parse(text) {
    const parsed = base.parse(text);
    checkPatterns(parsed.up);
    checkPatterns(parsed.down);
    return parsed;
  },
};

/** What depends on other files (such as the key of a stream) is checked by `declaredRegistry` and by the store. */
function checkPatterns(statements: readonly Statement[]): void {
  let registry = emptyRegistry;
  for (const { text, line } of statements) {
    const change = JSON.parse(text) as RedisOperation;
    if (!/Keys$|Channels$/.test(change.operation)) continue;
    rejectRepetition(change, line);
    try {
      registry = registryAfter(registry, change);
    } catch (error) {
      const [what, fix] = (error as Error).message.split('; ') as [string, string];
      throw new MalformedChangeError(`has a fault in line ${line}: ${what}`, capitalised(fix));
    }
  }
}

/** Two definitions of one pattern in one operation: the second would silently win. */
function rejectRepetition(change: RedisOperation, line: number): void {
  const names =
    change.operation === 'registerKeys'
      ? change.keys.map(({ pattern }) => pattern)
      : change.operation === 'registerChannels'
        ? change.channels.map(({ channel }) => channel)
        : [];
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice === undefined) return;
  throw new MalformedChangeError(
    `has a fault in line ${line}: "${twice}" is defined twice`,
    'Keep one of them.',
  );
}

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
