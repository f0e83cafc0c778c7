import type { Registry } from '../migrations/targets/redis/registry';
import { glob } from '../migrations/targets/redis/patterns';
import type { ApplicationRules } from './redis-acl';

/**
 * Data commands of one application; nothing of @admin or @dangerous, and nothing that shows other applications' keys
 * (SCAN, RANDOMKEY) or works on all of them (functions, MOVE to another database). Consumer groups come from change files.
 */
const dataCommands = [
  '+@read',
  '+@write',
  '+@transaction',
  '+eval',
  '+evalsha',
  '+eval_ro',
  '+evalsha_ro',
  '+script|exists',
  '+script|load',
  '+wait',
  '+waitaof',
  '-@admin',
  '-@dangerous',
  '-dbsize',
  '-function',
  '-move',
  '-randomkey',
  '-scan',
  '-xgroup',
];

const publishing = ['+publish', '+spublish'];
const subscribing = [
  '+psubscribe',
  '+punsubscribe',
  '+ssubscribe',
  '+subscribe',
  '+sunsubscribe',
  '+unsubscribe',
];

/**
 * ACL rules of every application that the registry names: its own keys, those it may read or write, and its channels.
 * Redis 8.0 cannot limit a user to a logical database, so the patterns' prefixes keep applications apart. It also permits
 * publishing and subscribing by one rule per channel: an application that does both somewhere may do both on all its channels.
 * @see https://redis.io/docs/latest/operate/oss_and_stack/management/security/acl/
 */
export function applicationRules({ keys, channels }: Registry): ApplicationRules {
  const definitions = [...keys.values()];
  const wires = [...channels.values()];
  const names = new Set([
    ...definitions.flatMap(({ owner, readers = [], writers = [] }) => [owner, ...readers, ...writers]),
    ...wires.flatMap(({ publishers, subscribers }) => [...publishers, ...subscribers]),
  ]);
  const rulesOf = (name: string): readonly string[] => {
    const publishes = wires.filter(({ publishers }) => publishers.includes(name));
    const subscribes = wires.filter(({ subscribers }) => subscribers.includes(name));
    const own = wires.filter((wire) => publishes.includes(wire) || subscribes.includes(wire));
    return [
      ...definitions.flatMap((key) => keyRule(name, key)).sort(),
      ...own.map(({ channel }) => `&${glob(channel)}`).sort(),
      ...dataCommands,
      ...(publishes.length > 0 ? publishing : []),
      ...(subscribes.length > 0 ? subscribing : []),
    ];
  };
  return Object.fromEntries([...names].sort().map((name) => [name, rulesOf(name)]));
}

function keyRule(
  name: string,
  key: { pattern: string; owner: string; readers?: readonly string[]; writers?: readonly string[] },
): string[] {
  const reads = key.readers?.includes(name);
  const writes = key.writers?.includes(name);
  if (key.owner === name || (reads && writes)) return [`~${glob(key.pattern)}`];
  if (reads) return [`%R~${glob(key.pattern)}`];
  return writes ? [`%W~${glob(key.pattern)}`] : [];
}
