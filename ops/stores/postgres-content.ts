/** What a PostgreSQL database holds, as one snapshot shows it. */
import { type Client, DatabaseError } from 'pg';
import type { ContentEntry, SchemaEntry, StoreContent } from './driver';
import { hashOf } from './set-digest';

/** So that equal rows have equal text on every server; an error instead of rows that row security hides. */
const READING = {
  datestyle: 'ISO',
  intervalstyle: 'postgres',
  extra_float_digits: '1',
  bytea_output: 'hex',
  lc_monetary: 'C',
  timezone: 'UTC',
  search_path: '""',
  row_security: 'off',
  idle_in_transaction_session_timeout: '0',
  statement_timeout: '0',
};

/** Tables by name, partitioned ones as a whole; none of what an extension brings. */
const TABLES = `
  SELECT c.oid::regclass::text AS name, relkind = 'p' AS partitioned
  FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
  WHERE relkind IN ('r', 'p') AND NOT relispartition AND relpersistence <> 't'
    AND nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema'
    AND NOT EXISTS (
      SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = c.oid AND deptype = 'e'
    )
  ORDER BY 1`;

const LARGE_OBJECTS = `SELECT format('%s %s', oid, encode(sha256(lo_get(oid)), 'hex')) AS line FROM pg_largeobject_metadata`;

/**
 * Sums of two hashes of each line: no order, so that nothing is sorted. The hashes are those of hash partitions, which
 * later versions keep.
 */
const digestOf = (lines: string) => `
  SELECT count(*) AS count, sum(hashtextextended(line COLLATE "C", 0)) AS first, sum(hashtextextended(line COLLATE "C", 1)) AS second
  FROM (${lines}) AS lines`;

/**
 * Keeps the planner from writing each line once for each hash, with which it could share the work among processes: half the work
 * of the processors in not much more time.
 */
const ONCE = ' OFFSET 0';

interface Table {
  readonly name: string;
  readonly partitioned: boolean;
}

/** A table is being dropped, truncated or rewritten just now. */
export class TableBusyError extends Error {}

/** One moment of a database. */
export class Snapshot {
  private constructor(
    private readonly client: Client,
    private readonly tables: readonly Table[],
    /** For other sessions that are to see the same. */
    readonly id: string,
    /** Of the write-ahead log, just before. */
    readonly position: string,
  ) {}

  static async begin(client: Client): Promise<Snapshot> {
    for (const [name, value] of Object.entries(READING)) await client.query(`SET ${name} = ${quoted(value)}`);
    const { rows: positions } = await client.query<{ position: string }>(
      `SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END AS position`,
    );
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    const { rows: tables } = await client.query<Table>(TABLES);
    const { rows: ids } = await client.query<{ id: string }>('SELECT pg_export_snapshot() AS id');
    return new Snapshot(client, tables, ids[0]!.id, positions[0]!.position);
  }

  /**
   * Keeps every table from being dropped, truncated or rewritten, which would show in earlier snapshots too.
   * @throws TableBusyError when that is waited for, unless `wait` is set.
   */
  async lock({ wait }: { wait: boolean }): Promise<void> {
    if (this.tables.length === 0) return;
    const tables = this.tables.map(source).join(', ');
    try {
      await this.client.query(`LOCK TABLE ${tables} IN ACCESS SHARE MODE ${wait ? '' : 'NOWAIT'}`);
    } catch (error) {
      // lock_not_available, undefined_table
      if (!(error instanceof DatabaseError) || !/^(55P03|42P01)$/.test(error.code ?? '')) throw error;
      throw new TableBusyError(`A table is being changed: ${error.message}. Try again when that is over.`);
    }
  }

  /**
   * Count and digest by table, and of all large objects where there are any.
   * @param alone Whether nothing else wants the processors, such as a dump.
   */
  async content({ alone }: { alone: boolean }): Promise<StoreContent> {
    const content: Record<string, ContentEntry> = {};
    const once = alone ? '' : ONCE;
    for (const table of this.tables)
      content[table.name] = await this.entry(`SELECT (t.*)::text AS line FROM ${source(table)} AS t${once}`);
    const largeObjects = await this.entry(LARGE_OBJECTS);
    if (largeObjects.count > 0) content['large objects'] = largeObjects;
    return content;
  }

  /** Changes that are wholly applied; none where there is no history. */
  async schema(): Promise<SchemaEntry[]> {
    if (!this.tables.some(({ name }) => name === 'platform.schema_migrations')) return [];
    const { rows } = await this.client.query<SchemaEntry>(
      'SELECT version, checksum FROM platform.schema_migrations WHERE statements_done IS NULL ORDER BY version COLLATE "C"',
    );
    return rows;
  }

  async end(): Promise<void> {
    await this.client.query('COMMIT');
  }

  private async entry(lines: string): Promise<ContentEntry> {
    const { rows } = await this.client.query<{ count: string; first: string | null; second: string | null }>(
      digestOf(lines),
    );
    const { count, first, second } = rows[0]!;
    return {
      count: Number(count),
      sha256: hashOf(count, first ?? '', second ?? '').toString('hex'),
    };
  }
}

/** Rows of tables that inherit from another are counted once, where they are. */
function source({ name, partitioned }: Table): string {
  return partitioned ? name : `ONLY ${name}`;
}

function quoted(value: string): string {
  return value === '""' ? `''` : `'${value}'`;
}
