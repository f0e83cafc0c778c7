/** What a Redis copy holds, by logical database. */
import type { Redis } from 'ioredis';
import type { AppliedChange } from '../../migrations/engine/target';
import type { ContentEntry, SchemaEntry, StoreContent } from './driver';
import type { ScratchRedis } from './redis-scratch';
import { SetDigest } from './set-digest';

/** Of a runner; a copy would lock nobody out, but keep everybody waiting. */
const LOCK = /^schema:lock:/;
const HISTORY = 'schema:migrations:';
/** Types that Redis itself makes a digest of, whatever they are encoded as. */
const OWN_TYPES = new Set(['string', 'list', 'set', 'zset', 'stream']);
/** Version and checksum at the end of a dumped value. */
const FOOTER_BYTES = 10;
const PAGE = '1000';

/** Whether a key is part of a copy. */
export function isCopied(database: number, key: Buffer): boolean {
  return database !== 0 || !LOCK.test(key.toString());
}

/** Adds the parts of a copy up. Keys and fields that expire are left out: they go by themselves, and a comparison would miss them. */
export class RedisContent {
  private readonly digests = new Map<number, SetDigest>();
  private readonly functions = new SetDigest();
  private readonly history: SchemaEntry[] = [];
  private parts = 0;

  /** @param folder Of the change files whose history is noted. */
  constructor(private readonly folder: string) {}

  async add(scratch: ScratchRedis): Promise<void> {
    for (const database of await scratch.databases()) {
      const digest = this.digests.get(database) ?? new SetDigest();
      for await (const keys of scratch.keys(database)) {
        const copied = keys.filter((key) => isCopied(database, key));
        for (const [index, parts] of (await valuesOf(scratch.client, copied)).entries())
          if (parts) digest.add(copied[index]!, ...parts);
      }
      if (digest.entry().count > 0) this.digests.set(database, digest);
    }
    await scratch.client.select(0);
    // Every node of a Cluster has them all.
    if (this.parts++ === 0) await this.addFunctions(scratch.client);
    for (const text of await scratch.client.hvals(`${HISTORY}${this.folder}`)) {
      const { version, checksum, halfDone } = JSON.parse(text) as AppliedChange;
      if (!halfDone) this.history.push({ version, checksum });
    }
  }

  content(): StoreContent {
    const content: Record<string, ContentEntry> = {};
    for (const [database, digest] of [...this.digests].sort(([a], [b]) => a - b))
      content[`database ${database}`] = digest.entry();
    if (this.functions.entry().count > 0) content['functions'] = this.functions.entry();
    return content;
  }

  schema(): SchemaEntry[] {
    return this.history.sort((a, b) => (a.version < b.version ? -1 : 1));
  }

  private async addFunctions(client: Redis): Promise<void> {
    const libraries = (await client.call('FUNCTION', 'LIST', 'WITHCODE')) as string[][];
    for (const fields of libraries) this.functions.add(fields[fields.indexOf('library_code') + 1]!);
  }
}

/** Type and value of each key; undefined for what expires. */
async function valuesOf(
  client: Redis,
  keys: readonly Buffer[],
): Promise<((string | Buffer)[] | undefined)[]> {
  if (keys.length === 0) return [];
  const [types, expiries, digests] = await Promise.all([
    Promise.all(keys.map((key) => client.type(key))),
    Promise.all(keys.map((key) => client.pexpiretime(key))),
    client.call('DEBUG', 'DIGEST-VALUE', ...keys) as Promise<string[]>,
  ]);
  return Promise.all(
    keys.map(async (key, index) => {
      const [type, digest] = [types[index]!, digests[index]!];
      if (expiries[index] !== -1) return undefined;
      if (type === 'hash') return lastingFields(client, key);
      if (!OWN_TYPES.has(type)) return [type, (await client.dumpBuffer(key)).subarray(0, -FOOTER_BYTES)];
      return type === 'stream' ? [type, digest, ...(await streamState(client, key))] : [type, digest];
    }),
  );
}

/** Fields that do not expire; undefined when there are none: then the hash goes with the last of the others. */
async function lastingFields(client: Redis, key: Buffer): Promise<string[] | undefined> {
  const digest = new SetDigest();
  let cursor = '0';
  do {
    const page = (await client.callBuffer('HSCAN', key, cursor, 'COUNT', PAGE)) as [Buffer, Buffer[]];
    cursor = page[0].toString();
    const pairs = pairsOf(page[1]);
    if (pairs.length === 0) continue;
    const fields = pairs.map(([field]) => field);
    const expiries = await client.call('HPEXPIRETIME', key, 'FIELDS', fields.length, ...fields);
    for (const [index, pair] of pairs.entries())
      if ((expiries as number[])[index] === -1) digest.add(...pair);
  } while (cursor !== '0');
  const { count, sha256 } = digest.entry();
  return count > 0 ? ['hash', sha256!] : undefined;
}

/** What a stream has besides its entries: ids it has given, groups, consumers, and what is pending. */
async function streamState(client: Redis, key: Buffer): Promise<Buffer[]> {
  const state: unknown[] = [];
  const stream = fieldsOf(await client.callBuffer('XINFO', 'STREAM', key));
  for (const name of ['last-generated-id', 'max-deleted-entry-id', 'entries-added'])
    state.push(stream.get(name));
  const groups = ((await client.callBuffer('XINFO', 'GROUPS', key)) as unknown[]).map(fieldsOf);
  for (const group of groups) {
    const name = group.get('name') as Buffer;
    state.push(name, group.get('last-delivered-id'), group.get('entries-read'));
    const consumers = (await client.callBuffer('XINFO', 'CONSUMERS', key, name)) as unknown[];
    for (const consumer of consumers.map(fieldsOf)) state.push(consumer.get('name'));
    for await (const entry of pending(client, key, name)) state.push(...entry);
  }
  return state.map((value) => (Buffer.isBuffer(value) ? value : Buffer.from(String(value))));
}

/** Id, consumer and count of deliveries of every entry that a group has not acknowledged. */
async function* pending(client: Redis, key: Buffer, group: Buffer): AsyncGenerator<unknown[]> {
  let from: string | undefined = '-';
  while (from !== undefined) {
    const page = (await client.callBuffer('XPENDING', key, group, from, '+', PAGE)) as unknown[][];
    for (const [id, consumer, , deliveries] of page) yield [id, consumer, deliveries];
    const last = page.at(-1)?.[0] as Buffer | undefined;
    from = page.length < Number(PAGE) ? undefined : `(${String(last)}`;
  }
}

function fieldsOf(answer: unknown): Map<string, unknown> {
  return new Map(pairsOf(answer as unknown[]).map(([name, value]) => [String(name), value]));
}

/** Redis gives names and values in one list. */
function pairsOf<T>(list: readonly T[]): [T, T][] {
  return Array.from({ length: list.length / 2 }, (_, index) => [list[2 * index]!, list[2 * index + 1]!]);
}
