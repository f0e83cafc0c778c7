/** Compares the keys of a live Redis with its registry: data, and so no part of the comparable definitions. */
import type { Redis } from 'ioredis';
import { counted } from '../../engine/change-text';
import type { DataAudit, DataFault } from '../../engine/target';
import type { RedisAccess } from './access';
import { databases, type KeyDefinition } from './definitions';
import { readRegistry } from './operations';
import { matcher } from './patterns';

/** What is wrong with some keys; keys themselves are not shown, since names such as `session:…` are secrets. */
export interface KeyFault extends DataFault {
  readonly database: number;
  /** The pattern that the keys fit; for keys that fit none, their first segment. */
  readonly keys: string;
  readonly fault: Fault;
  /** For keys that fit no pattern: what they look like, such as `surprise:<number> (string)`; up to 3. */
  readonly samples?: readonly string[];
}

type Fault =
  | 'fits no pattern'
  | 'is in the wrong database'
  | 'has the wrong type'
  | 'has no TTL'
  | 'has a TTL that is too long';

/** Result of {@link auditKeys}. */
export interface KeyAudit extends DataAudit {
  readonly faults: readonly KeyFault[];
}

const BATCH = 500;
const LONGEST_PREFIX = 40;
const MOST_GROUPS = 100;
const MOST_SAMPLES = 3;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/**
 * Scans the keys of every database and compares each with the registry in the store.
 * @param limit Keys of each database (in a Cluster: of each master) to look at, at most; default 20000. A scan costs the
 * server little but takes a while: about 1 s per 50000 keys.
 * @throws Error when Redis cannot be reached or refuses the user.
 * @see https://redis.io/docs/latest/commands/scan/
 */
export async function auditKeys(access: RedisAccess, limit = 20_000): Promise<KeyAudit> {
  const { keys } = await readRegistry(access.client(0));
  const audit = new Audit([...keys.values()], access.isCluster, limit);
  const indexes = access.isCluster ? [0] : Object.keys(databases).map(Number);
  for (const database of indexes) {
    for (const master of access.masters(database)) await audit.scan(master, database);
  }
  return audit.result();
}

interface Group {
  readonly database: number;
  readonly keys: string;
  readonly fault: Fault;
  count: number;
  readonly samples: Set<string>;
}

class Audit {
  private readonly known: readonly { definition: KeyDefinition; fits: RegExp }[];
  private readonly groups = new Map<string, Group>();
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
    let left = this.limit;
    let cursor = '0';
    do {
      if (left <= 0) {
        this.complete = false;
        return;
      }
      const [next, keys] = await server.scan(cursor, 'COUNT', BATCH);
      cursor = next;
      const own = keys.filter((key) => !key.startsWith('schema:'));
      if (own.length > left) this.complete = false;
      const wanted = own.slice(0, left);
      left -= wanted.length;
      this.scanned += wanted.length;
      await this.look(server, database, wanted);
    } while (cursor !== '0');
  }

  result(): KeyAudit {
    const { scanned, complete } = this;
    const groups = [...this.groups].toSorted(([a], [b]) => (a < b ? -1 : 1));
    return { scanned, complete, faults: groups.map(([, group]) => asFault(group)) };
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
    if (!definition) return this.note(database, prefix(key), 'fits no pattern', shape(key, type));
    const note = (fault: Fault) => this.note(database, definition.pattern, fault);
    if (!this.cluster && definition.database !== database) return note('is in the wrong database');
    if (type !== definition.type) return note('has the wrong type');
    if (definition.ttl === 'none') return;
    if (ttl < 0) note('has no TTL');
    else if (ttl > definition.ttl) note('has a TTL that is too long');
  }

  private note(database: number, keys: string, fault: Fault, sample?: string): void {
    const id = (name: string) => `${database} ${name} ${fault}`;
    // Prefixes are chosen by whoever writes keys: the report must end somewhere.
    const full = sample !== undefined && this.groups.size >= MOST_GROUPS && !this.groups.has(id(keys));
    const name = full ? 'keys of more prefixes' : keys;
    const group: Group = this.groups.get(id(name)) ?? {
      database,
      keys: name,
      fault,
      count: 0,
      samples: new Set(),
    };
    this.groups.set(id(name), group);
    group.count++;
    if (sample !== undefined && group.samples.size < MOST_SAMPLES) group.samples.add(sample);
  }
}

function asFault({ database, keys, fault, count, samples }: Group): KeyFault {
  const such = samples.size > 0 ? `, such as ${[...samples].join(', ')}` : '';
  return {
    ...{ database, keys, fault, count },
    ...(samples.size > 0 ? { samples: [...samples] } : {}),
    text: `database ${database}, ${keys}: ${fault}, ${counted(count, 'key')}${such}`,
  };
}

function prefix(key: string): string {
  const end = key.indexOf(':');
  return end < 0 ? 'keys without a prefix' : `${printable(key.slice(0, Math.min(end, LONGEST_PREFIX)))}:*`;
}

/** A key without what it says: its first segment, the kinds of the others, and its type. */
function shape(key: string, type: string): string {
  const [first = '', ...rest] = key.split(':');
  const segments = key.includes(':')
    ? [
        printable(first.slice(0, LONGEST_PREFIX)),
        ...rest.slice(0, 5).map(kind),
        ...(rest.length > 5 ? ['…'] : []),
      ]
    : [kind(key)];
  return `${segments.join(':')} (${type})`;
}

function kind(segment: string): string {
  if (/^\d+$/.test(segment)) return '<number>';
  return UUID.test(segment) ? '<uuid>' : '<text>';
}

/** Keys may hold any bytes, those that steer a terminal too. */
function printable(text: string): string {
  return text.replace(/[^!-~]/g, '?');
}
