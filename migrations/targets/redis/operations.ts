import { canonicalJson } from '../../engine/canonical-json';
import type { RedisAccess, RedisClient } from './access';
import type { ChannelDefinition, KeyDefinition, RedisOperation, StreamDefinition } from './definitions';
import { type Registry, registryAfter } from './registry';

/** Hashes of the registry, in database 0: one field per pattern or name, its value the definition as JSON. */
export const registryKeys = {
  keys: 'schema:keys',
  streams: 'schema:streams',
  channels: 'schema:channels',
} as const;

/** Deletes a stream unless it holds entries. */
const DELETE_STREAM = `
local entries = redis.call('XLEN', KEYS[1])
if entries > 0 then return entries end
redis.call('DEL', KEYS[1])
return 0
`;

/** The registry as the store has it. */
export async function readRegistry(client: RedisClient): Promise<Registry> {
  const [keys, streams, channels] = await Promise.all([
    readHash<KeyDefinition>(client, registryKeys.keys),
    readHash<StreamDefinition>(client, registryKeys.streams),
    readHash<ChannelDefinition>(client, registryKeys.channels),
  ]);
  return { keys, streams, channels };
}

/**
 * Performs one operation: what it does to streams first, then its note in the registry.
 * @throws Error of one sentence with the fix when it contradicts the registry or would drop entries.
 */
export async function performRedisOperation(access: RedisAccess, change: RedisOperation): Promise<void> {
  const client = access.client(0);
  const before = await readRegistry(client);
  const after = registryAfter(before, change);
  if ('stream' in change) await changeStream(access, before, change);
  await writeHash(client, registryKeys.keys, before.keys, after.keys);
  await writeHash(client, registryKeys.streams, before.streams, after.streams);
  await writeHash(client, registryKeys.channels, before.channels, after.channels);
}

async function changeStream(
  access: RedisAccess,
  registry: Registry,
  change: Extract<RedisOperation, { stream: string }>,
): Promise<void> {
  const { stream } = change;
  const key = registry.keys.get(stream);
  // Only a stream that is gone from the registry too can be without a key: nothing is left to do.
  if (!key) return;
  const client = access.client(key.database);
  switch (change.operation) {
    case 'createStream':
      for (const group of change.groups) await createGroup(client, stream, group);
      return;
    case 'createConsumerGroup':
      return createGroup(client, stream, change.group);
    case 'deleteConsumerGroup':
      return deleteGroup(client, stream, change.group);
    case 'deleteStream': {
      const entries = await client.eval(DELETE_STREAM, 1, stream);
      if (entries === 0) return;
      throw new Error(
        `the stream "${stream}" still holds ${String(entries)} entries; let its consumers finish and trim it before it is deleted.`,
      );
    }
  }
}

/** From the first entry on, so that nothing that was written before the group is missed. */
async function createGroup(client: RedisClient, stream: string, group: string): Promise<void> {
  try {
    await client.xgroup('CREATE', stream, group, '0', 'MKSTREAM');
  } catch (error) {
    if (!(error as Error).message.startsWith('BUSYGROUP')) throw error;
  }
}

async function deleteGroup(client: RedisClient, stream: string, group: string): Promise<void> {
  const pending = (await consumerGroups(client, stream)).find(({ name }) => name === group)?.pending ?? 0;
  if (pending > 0) {
    throw new Error(
      `the consumer group "${group}" of "${stream}" has ${pending} entries that were delivered and not acknowledged; let its consumers finish first.`,
    );
  }
  await client.xgroup('DESTROY', stream, group);
}

/** Consumer groups that a stream has now; undefined when there is no such stream. */
export async function consumerGroups(
  client: RedisClient,
  stream: string,
): Promise<{ name: string; pending: number }[]> {
  let groups: unknown[];
  try {
    groups = (await client.xinfo('GROUPS', stream)) as unknown[];
  } catch (error) {
    if (/no such key/i.test((error as Error).message)) return [];
    throw error;
  }
  return groups.map((group) => {
    const fields = asRecord(group);
    return { name: String(fields.name), pending: Number(fields.pending) };
  });
}

/** A reply of names and values: a list of both, or a map, by protocol version. */
function asRecord(reply: unknown): Record<string, unknown> {
  if (!Array.isArray(reply)) return reply as Record<string, unknown>;
  const list = reply as unknown[];
  return Object.fromEntries(list.flatMap((name, i) => (i % 2 ? [] : [[String(name), list[i + 1]]])));
}

async function readHash<T>(client: RedisClient, key: string): Promise<Map<string, T>> {
  const fields = await client.hgetall(key);
  return new Map(Object.entries(fields).map(([name, text]) => [name, JSON.parse(text) as T]));
}

async function writeHash<T>(
  client: RedisClient,
  key: string,
  before: ReadonlyMap<string, T>,
  after: ReadonlyMap<string, T>,
): Promise<void> {
  if (before === after) return;
  const changed = [...after].filter(([name, value]) => before.get(name) !== value);
  if (changed.length > 0) {
    await client.hset(key, Object.fromEntries(changed.map(([name, value]) => [name, canonicalJson(value)])));
  }
  const gone = [...before.keys()].filter((name) => !after.has(name));
  if (gone.length > 0) await client.hdel(key, ...gone);
}
