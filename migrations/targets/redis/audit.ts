/** Compares the keys of a live Redis with its registry: data, and so no part of the comparable definitions. */
import type { Redis } from 'ioredis';
import { RedisAccess, type RedisConnection } from './access';
import { databases, type KeyDefinition } from './definitions';
import { readRegistry } from './operations';
import { matcher } from './patterns';

/** What is wrong with some keys; keys themselves are not shown, since names such as `session:…` are secrets. */
export interface KeyFault {
  readonly database: number;
  /** The pattern that the keys fit; for keys that fit none, their first segment. */
  readonly keys: string;
  readonly fault:
    | 'fits no pattern'
    | 'is in the wrong database'
    | 'has the wrong type'
    | 'has no TTL'
    | 'has a TTL that is too long';
  readonly count: number;
}

/** Result of {@link auditKeys}. */
export interface KeyAudit {
  readonly scanned: number;
  /** False when there were more keys than the limit. */
  readonly complete: boolean;
  readonly faults: readonly KeyFault[];
}

const BATCH = 500;
const LONGEST_PREFIX = 40;

/**
 * Scans the keys of every database and compares each with the registry in the store.
 * @param limit Keys to look at, at most; default 100000. A scan costs the server little but takes a while: about 1 s per 50000 keys.
 * @throws Error when Redis cannot be reached or refuses the user.
 * @see https://redis.io/docs/latest/commands/scan/
 */
export async function auditKeys(connection: RedisConnection, limit = 100_000): Promise<KeyAudit> {
  const access = await RedisAccess.open(connection);
  try {
    const { keys } = await readRegistry(access.client(0));
    const audit = new Audit([...keys.values()], access.isCluster, limit);
    const indexes = access.isCluster ? [0] : Object.keys(databases).map(Number);
    for (const database of indexes) {
      for (const master of access.masters(database)) await audit.scan(master, database);
    }
    return audit.result();
  } finally {
    access.close();
  }
}

class Audit {
  private readonly known: readonly { definition: KeyDefinition; fits: RegExp }[];
  private readonly faults = new Map<string, KeyFault>();
  private scanned = 0;
  private complete = true;

  constructor(
    definitions: readonly KeyDefinition[],
    /** A Cluster has one database for all. */
    private readonly cluster: boolean,
    private readonly limit: number,
  ) {
    this.known = definitions.map((definition) => ({ definition, fits: matcher(definition.pattern) }));
  }

  async scan(server: Redis, database: number): Promise<void> {
    let cursor = '0';
    do {
      if (this.scanned >= this.limit) {
        this.complete = false;
        return;
      }
      const [next, keys] = await server.scan(cursor, 'COUNT', BATCH);
      cursor = next;
      const own = keys.filter((key) => !key.startsWith('schema:')).slice(0, this.limit - this.scanned);
      this.scanned += own.length;
      await this.look(server, database, own);
    } while (cursor !== '0');
  }

  result(): KeyAudit {
    const faults = [...this.faults.values()].toSorted((a, b) => (sortKey(a) < sortKey(b) ? -1 : 1));
    return { scanned: this.scanned, complete: this.complete, faults };
  }

  private async look(server: Redis, database: number, keys: readonly string[]): Promise<void> {
    if (keys.length === 0) return;
    const pipeline = server.pipeline();
    for (const key of keys) pipeline.type(key).ttl(key);
    const replies = (await pipeline.exec()) ?? [];
    keys.forEach((key, index) => {
      const [typeReply, ttlReply] = [replies[index * 2], replies[index * 2 + 1]];
      const refused = typeReply?.[0] ?? ttlReply?.[0];
      if (refused) throw refused;
      this.compare(database, key, String(typeReply?.[1]), Number(ttlReply?.[1]));
    });
  }

  private compare(database: number, key: string, type: string, ttl: number): void {
    // It expired between the scan and the look.
    if (type === 'none') return;
    const definition = this.known.find(({ fits }) => fits.test(key))?.definition;
    if (!definition) return this.note(database, prefix(key), 'fits no pattern');
    const note = (fault: KeyFault['fault']) => this.note(database, definition.pattern, fault);
    if (!this.cluster && definition.database !== database) return note('is in the wrong database');
    if (type !== definition.type) return note('has the wrong type');
    if (definition.ttl === 'none') return;
    if (ttl < 0) note('has no TTL');
    else if (ttl > definition.ttl) note('has a TTL that is too long');
  }

  private note(database: number, keys: string, fault: KeyFault['fault']): void {
    const id = `${database} ${keys} ${fault}`;
    const count = (this.faults.get(id)?.count ?? 0) + 1;
    this.faults.set(id, { database, keys, fault, count });
  }
}

function prefix(key: string): string {
  const end = key.indexOf(':');
  return end < 0 ? 'keys without a prefix' : `${key.slice(0, Math.min(end, LONGEST_PREFIX))}:*`;
}

function sortKey({ database, keys, fault }: KeyFault): string {
  return `${database} ${keys} ${fault}`;
}
