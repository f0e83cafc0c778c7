/** Everything that a Redis copy may hold, written and read as clients do. */
import type { Redis } from 'ioredis';

/** Client of a logical database. */
export type Databases = (index: number) => Redis;

/** When what expires does. */
const LATER = Date.now() + 3_600_000;
const ALL_BYTES = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
/** A list of some items each. */
export const many = (count: number, of: (n: number) => (string | number)[]) =>
  Array.from({ length: count }, (_, n) => of(n)).flat();
export const LIBRARY = "#!lua name=lib\nredis.register_function('answer', function() return 42 end)";

/** Everything that a copy may hold, in two logical databases. */
export async function writeEdges(database: Databases): Promise<void> {
  const [client, third] = [database(0), database(3)];
  const commands: [Redis, string, ...(string | number | Buffer)[]][] = [
    [client, 'SET', '', ''],
    [client, 'SET', ALL_BYTES, ALL_BYTES],
    [client, 'SET', 'é 𝄞\r\n', 'ü\0'],
    [client, 'SET', 'number', '-12345'],
    [client, 'SET', 'large', 'large large '.repeat(400_000)],
    [client, 'SETBIT', 'bits', 70_000, 1],
    [client, 'PFADD', 'visitors', ...many(500, (n) => [n])],
    [client, 'SET', 'expires', 'later', 'PXAT', LATER],
    [third, 'SET', 'expires', 'elsewhere', 'PXAT', LATER + 1],
    [third, 'SET', 'number', '7'],
    [client, 'RPUSH', 'list', '', 'b', 'b', 'x'.repeat(10_000)],
    [client, 'RPUSH', 'long list', ...many(3000, (n) => [`item ${n}`])],
    [client, 'SADD', 'integers', 3, 1, 2],
    [client, 'SADD', 'words', 'b', 'a', ''],
    [client, 'SADD', 'large set', ...many(2000, (n) => [`member ${n}`])],
    [client, 'ZADD', 'scores', '-inf', 'low', 'inf', 'high', '0.1', 'a', '0.1', 'b', '-0', 'zero'],
    [client, 'ZADD', 'large scores', ...many(2000, (n) => [n / 7, `member ${n}`])],
    [client, 'HSET', 'hash', 'a', '1', '', '', 'é', '\0'],
    [client, 'HSET', 'large hash', ...many(2000, (n) => [`field ${n}`, `value ${n}`])],
    [client, 'HSET', 'session', 'kept', '1', 'expires', '2'],
    [client, 'HPEXPIREAT', 'session', LATER, 'FIELDS', 1, 'expires'],
    [client, 'XADD', 'stream', '1-1', 'a', '1'],
    [client, 'XADD', 'stream', '1-2', 'b', '2', 'c', ''],
    [client, 'XADD', 'stream', '5-0', 'd', '4'],
    [client, 'XDEL', 'stream', '5-0'],
    [client, 'XGROUP', 'CREATE', 'stream', 'group', '0'],
    [client, 'XGROUP', 'CREATE', 'stream', 'idle', '$'],
    [client, 'XREADGROUP', 'GROUP', 'group', 'one', 'COUNT', 2, 'STREAMS', 'stream', '>'],
    [client, 'XACK', 'stream', 'group', '1-1'],
    [client, 'XGROUP', 'CREATECONSUMER', 'stream', 'idle', 'nobody'],
    [client, 'XGROUP', 'CREATE', 'empty stream', 'group', '$', 'MKSTREAM'],
    [client, 'FUNCTION', 'LOAD', LIBRARY],
    [client, 'HSET', 'schema:lock:platform', 'token', 't', 'holder', 'somebody', 'held', 'true'],
  ];
  for (const [on, command, ...args] of commands) await on.call(command, ...args);
}

/** Everything that clients can read, but for the lock. */
export async function everything(database: Databases): Promise<{ keys: object; functions: unknown }> {
  const keys: Record<string, unknown> = {};
  for (const db of [0, 1, 3]) {
    const client = database(db);
    for (const key of await client.keysBuffer('*')) {
      if (key.toString().startsWith('schema:lock:')) continue;
      const type = await client.type(key);
      const name = `${db} ${key.toString('latin1')}`;
      keys[name] = [type, await client.pexpiretime(key), await valueOf(client, key, type)];
    }
  }
  return { keys, functions: await database(0).call('FUNCTION', 'LIST', 'WITHCODE') };
}

async function valueOf(client: Redis, key: Buffer, type: string): Promise<unknown> {
  const text = (bytes: Buffer | null) => bytes?.toString('latin1');
  if (type === 'list') return (await client.lrangeBuffer(key, 0, -1)).map(text);
  if (type === 'set') return (await client.smembersBuffer(key)).map(String).sort();
  if (type === 'zset') return client.call('ZRANGE', key, 0, -1, 'WITHSCORES');
  if (type === 'stream') {
    const state = (await client.call('XINFO', 'STREAM', key, 'FULL', 'COUNT', 0)) as unknown[];
    // How the server keeps it.
    return state.filter((_, index) => !/^radix/.test(String(state[index - (index % 2)])));
  }
  if (type !== 'hash') return text(await client.getBuffer(key));
  const fields = await client.hkeysBuffer(key);
  const expiries = (await client.call('HPEXPIRETIME', key, 'FIELDS', fields.length, ...fields)) as number[];
  const values = await client.hmgetBuffer(key, ...fields);
  return fields.map((field, index) => [String(field), String(values[index]), expiries[index]]).sort();
}
