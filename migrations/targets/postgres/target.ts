import { setTimeout as delay } from 'node:timers/promises';
import { Client, DatabaseError, escapeLiteral as literal, type QueryResult } from 'pg';
import { ChangeFailedError, LockTimeoutError, StoreAccessError } from '../../engine/errors';
import type {
  AppliedChange,
  Change,
  MigrationLock,
  MigrationTarget,
  SchemaSnapshot,
  Statement,
} from '../../engine/target';
import { DEFINITIONS } from './definitions';
import { runScript, ScriptError } from './script';
import { watchSession } from './session-watch';

/** How to reach a PostgreSQL database; directly, never through PgBouncer, whose pooled sessions lose the lock. */
export interface PostgresConnection {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  readonly password: string;
  /** TLS with verification of the server's certificate; omitted means plain TCP. */
  readonly tls?: { readonly ca: string; readonly serverName: string };
  /** Who connects; shown in pg_stat_activity and to runners that wait for the lock. */
  readonly holder: string;
}

/** Advisory lock of the migrations of one database; the first key spells ADPM. */
const LOCK_KEYS = [0x4144504d, 1] as const;
const LOCK_POLL_MS = 200;
const CONNECT_TIMEOUT_MS = 10_000;

/**
 * Session defaults. The first five end a dead runner's session, and with it the lock, within seconds; lock_timeout keeps a
 * change that waits for a table from blocking everyone behind it.
 * @see https://www.postgresql.org/docs/current/runtime-config-connection.html
 */
const SESSION = {
  client_connection_check_interval: '1s',
  tcp_keepalives_idle: '2',
  tcp_keepalives_interval: '1',
  tcp_keepalives_count: '2',
  tcp_user_timeout: '4s',
  idle_in_transaction_session_timeout: '60s',
  lock_timeout: '30s',
  timezone: 'UTC',
  // Compiling the catalog queries takes longer than running them.
  jit: 'off',
};

const CREATE_HISTORY = `
  CREATE TABLE IF NOT EXISTS platform.schema_migrations (
    version        text PRIMARY KEY,
    description    text NOT NULL,
    applied_at     timestamptz NOT NULL DEFAULT now(),
    rollback       text NOT NULL,
    checksum       text NOT NULL CHECK (checksum ~ '^[0-9a-f]{64}$'),
    applied_by     text NOT NULL,
    duration_ms    integer NOT NULL,
    statements_done integer,
    error          text
  );
  CREATE TABLE IF NOT EXISTS platform.schema_snapshot (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    version  text NOT NULL,
    lines    text[] NOT NULL
  );
  COMMENT ON TABLE platform.schema_snapshot IS 'Definitions that the last run left behind, for drift detection.';
  COMMENT ON TABLE platform.schema_migrations IS 'History of the change files applied to this database.';
  COMMENT ON COLUMN platform.schema_migrations.statements_done IS
    'Set while a change without transaction is half done: how many of its statements have finished.'`;

const APPLIED_AT = `to_char(applied_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS "appliedAt"`;
const COLUMNS = `version, description, checksum, rollback, applied_by AS "appliedBy", duration_ms AS "durationMs",
  ${APPLIED_AT}, statements_done, error`;

/** Keeps an entry that is not half done: then its description would become null, which NOT NULL refuses. */
const RECORD = `
  INSERT INTO platform.schema_migrations AS history
    (version, description, rollback, checksum, applied_by, duration_ms, statements_done)
  VALUES ($1, $2, $3, $4, $5, coalesce($6, 1000 * extract(epoch FROM clock_timestamp() - now()))::integer, $7)
  ON CONFLICT (version) DO UPDATE SET
    description = CASE WHEN history.statements_done IS NOT NULL THEN excluded.description END,
    rollback = excluded.rollback, checksum = excluded.checksum, applied_by = excluded.applied_by,
    duration_ms = excluded.duration_ms, applied_at = now(), statements_done = excluded.statements_done, error = NULL
  RETURNING duration_ms AS "durationMs", ${APPLIED_AT}`;
const NOT_NULL_VIOLATION = '23502';

type HistoryRow = Omit<AppliedChange, 'halfDone'> & { statements_done: number | null; error: string | null };

/** Applies SQL changes to one PostgreSQL database over one session, which also holds the lock: both end together. */
export class PostgresTarget implements MigrationTarget {
  readonly store = 'postgres';
  private prepared = false;
  private stopWatching = () => {};

  private constructor(
    private readonly client: Client,
    private readonly connection: PostgresConnection,
  ) {
    // A connection lost while idle shows in the next query; without a listener it would end the process.
    client.on('error', () => undefined);
  }

  /** @throws StoreAccessError when the server refuses the user or the database; the driver's error when it cannot be reached. */
  static async connect(connection: PostgresConnection): Promise<PostgresTarget> {
    const { host, port, database, user, password, tls, holder } = connection;
    const config = {
      host,
      port,
      database,
      user,
      password,
      ssl: tls ? { ca: tls.ca, servername: tls.serverName, rejectUnauthorized: true } : false,
      application_name: `migrate ${holder}`.slice(0, 63),
      options: Object.entries(SESSION)
        .map(([name, value]) => `-c ${name}=${value}`)
        .join(' '),
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      keepAlive: true,
      keepAliveInitialDelayMillis: 2_000,
    };
    const client = new Client(config);
    const target = new PostgresTarget(client, connection);
    try {
      await client.connect();
    } catch (error) {
      await client.end().catch(() => undefined);
      throw target.accessError(error);
    }
    target.stopWatching = watchSession(client, config);
    return target;
  }

  async lock({ holder, waitMs }: { holder: string; waitMs: number }): Promise<MigrationLock> {
    const deadline = performance.now() + waitMs;
    while (!(await this.tryLock())) {
      if (performance.now() >= deadline) {
        throw new LockTimeoutError(this.describe(), await this.lockHolder(), waitMs);
      }
      await delay(LOCK_POLL_MS);
    }
    const release = async () => {
      // A lost session has released its lock already.
      await this.client.query('SELECT pg_advisory_unlock($1, $2)', [...LOCK_KEYS]).catch(() => undefined);
    };
    try {
      await this.createHistory();
      await this.prepareRecord();
    } catch (error) {
      await release();
      throw this.accessError(error, `${holder} cannot create the history table platform.schema_migrations`);
    }
    return { release };
  }

  private async tryLock(): Promise<boolean> {
    const { rows } = await this.client.query<{ locked: boolean }>(
      'SELECT pg_try_advisory_lock($1, $2) AS locked',
      [...LOCK_KEYS],
    );
    return rows[0]!.locked;
  }

  private async lockHolder(): Promise<string> {
    const { rows } = await this.client.query<{ holder: string }>(
      `SELECT format('%s (process %s, since %s)', a.application_name, a.pid, a.backend_start) AS holder
       FROM pg_locks l JOIN pg_stat_activity a USING (pid)
       WHERE l.locktype = 'advisory' AND l.granted AND l.classid = $1 AND l.objid = $2
         AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
      [...LOCK_KEYS],
    );
    return rows[0]?.holder ?? 'a runner that has just ended';
  }

  private async createHistory(): Promise<void> {
    const { rows } = await this.client.query<{ schema: string | null; history: string | null }>(
      `SELECT to_regnamespace('platform') AS schema, to_regclass('platform.schema_migrations') AS history`,
    );
    if (rows[0]!.history !== null) return;
    // CREATE SCHEMA IF NOT EXISTS asks for the right to create even where the schema exists.
    if (rows[0]!.schema === null) await this.client.query('CREATE SCHEMA platform');
    await this.client.query(CREATE_HISTORY);
  }

  /** With a name, it is planned once for all changes. */
  private async prepareRecord(): Promise<void> {
    if (this.prepared) return;
    await this.client.query(
      `PREPARE record_change (text, text, text, text, text, integer, integer) AS ${RECORD}`,
    );
    this.prepared = true;
  }

  async applied(): Promise<AppliedChange[]> {
    const { rows } = await this.reading<HistoryRow>(
      `SELECT ${COLUMNS} FROM platform.schema_migrations ORDER BY version`,
    );
    return rows.map(toAppliedChange);
  }

  /** Reads the engine's own tables, which are empty where they do not exist yet. */
  private async reading<Row extends object>(text: string): Promise<{ rows: Row[] }> {
    try {
      return await this.client.query<Row>(text);
    } catch (error) {
      if (error instanceof DatabaseError && (error.code === '42P01' || error.code === '3F000')) {
        return { rows: [] };
      }
      throw this.accessError(error, 'the history platform.schema_migrations cannot be read');
    }
  }

  async apply(change: Change, appliedBy: string): Promise<AppliedChange> {
    if (change.transaction) {
      const record = `EXECUTE record_change (${entryValues(change, appliedBy).map(literal).join(', ')}, NULL, NULL)`;
      return entry(change, appliedBy, await this.inTransaction(change.file, change.up, record));
    }
    const started = performance.now();
    await this.record(change, appliedBy, 0, 0);
    await this.oneByOne(change, change.up);
    return this.record(change, appliedBy, performance.now() - started, null);
  }

  async revert(change: Change): Promise<void> {
    const forget = `DELETE FROM platform.schema_migrations WHERE version = ${literal(change.version)}`;
    if (change.transaction) {
      await this.inTransaction(change.file, change.down, forget);
      return;
    }
    await this.progress(change.version, 0);
    await this.oneByOne(change, change.down);
    await this.client.query(forget);
  }

  async seed(file: string, statements: readonly Statement[]): Promise<void> {
    await this.inTransaction(file, statements);
  }

  async schema(): Promise<readonly string[]> {
    const { rows } = await this.client.query<{ line: string }>(DEFINITIONS);
    return rows.map((row) => row.line).sort();
  }

  async snapshot(): Promise<SchemaSnapshot | undefined> {
    const { rows } = await this.reading<SchemaSnapshot>(
      'SELECT version, lines AS schema FROM platform.schema_snapshot',
    );
    return rows[0];
  }

  async saveSnapshot({ version, schema }: SchemaSnapshot): Promise<void> {
    await this.client.query(
      `INSERT INTO platform.schema_snapshot (version, lines) VALUES ($1, $2)
       ON CONFLICT (only_row) DO UPDATE SET version = excluded.version, lines = excluded.lines`,
      [version, schema],
    );
  }

  async close(): Promise<void> {
    this.stopWatching();
    await this.client.end();
  }

  /** Runs statements and then the engine's own `last` in one transaction and one round trip; nothing stays of a failure. Returns the last result. */
  private async inTransaction(
    file: string,
    statements: readonly Statement[],
    last?: string,
  ): Promise<QueryResult> {
    // RESET ALL: a SET of the change before must not reach this one. A change need not wait for the disk: it is lost only
    // together with its row in the history, and the snapshot that ends each run does wait, for everything before it too.
    const before = [
      'RESET ALL',
      'BEGIN',
      ...(last === undefined ? [] : ['SET LOCAL synchronous_commit = off']),
    ];
    try {
      const texts = statements.map((statement) => statement.text);
      const after = last === undefined ? ['COMMIT'] : [last, 'COMMIT'];
      const results = await runScript(this.client, [...before, ...texts, ...after]);
      return results.at(-2)!;
    } catch (error) {
      await this.client.query('ROLLBACK').catch(() => undefined);
      if (!(error instanceof ScriptError)) throw error;
      if (!(error.cause instanceof DatabaseError)) {
        const hint = 'The connection was lost; run again: the history says what was applied.';
        throw failure(file, 0, statements[0]!, error.cause, undefined, hint);
      }
      const index = error.index - before.length;
      const statement = statements[index];
      if (statement) throw failure(file, index, statement, error.cause, error.position);
      if (last !== undefined && index === statements.length) throw recordError(file, error.cause);
      const hint = 'It was refused at COMMIT.';
      throw failure(file, statements.length - 1, statements.at(-1)!, error.cause, undefined, hint);
    }
  }

  /** Runs statements without transaction, keeping count in the history so that a half-done change is known as such. */
  private async oneByOne(change: Change, statements: readonly Statement[]): Promise<void> {
    await this.client.query('RESET ALL');
    for (const [index, statement] of statements.entries()) {
      try {
        await this.execute(change.file, index, statement);
      } catch (error) {
        // Without connection the row keeps its count and says no error: the runner died.
        await this.progress(change.version, index, (error as Error).message).catch(() => undefined);
        throw error;
      }
      await this.progress(change.version, index + 1);
    }
  }

  private async progress(
    version: string,
    statementsDone: number,
    error: string | null = null,
  ): Promise<void> {
    await this.client.query(
      'UPDATE platform.schema_migrations SET statements_done = $2, error = $3 WHERE version = $1',
      [version, statementsDone, error],
    );
  }

  private async execute(file: string, index: number, statement: Statement): Promise<void> {
    try {
      await this.client.query(statement.text);
    } catch (error) {
      const { position } = error as DatabaseError;
      throw failure(file, index, statement, error, position === undefined ? undefined : Number(position));
    }
  }

  /** Records a change outside a transaction. */
  private async record(
    change: Change,
    appliedBy: string,
    durationMs: number,
    statementsDone: number | null,
  ): Promise<AppliedChange> {
    const values = [...entryValues(change, appliedBy), Math.round(durationMs), statementsDone];
    return entry(change, appliedBy, await this.client.query(RECORD, values));
  }

  private describe(): string {
    const { host, port, database } = this.connection;
    return `PostgreSQL database "${database}" at ${host}:${port}`;
  }

  /** Turns a refusal (SQLSTATE 28…, 3D000, 42501) into a sentence with its fix; leaves other errors alone. */
  private accessError(error: unknown, doing = 'the connection was refused'): unknown {
    if (!(error instanceof DatabaseError) || !/^(28...|3D000|42501)$/.test(error.code ?? '')) return error;
    return new StoreAccessError(
      `${this.describe()}: ${doing} as user "${this.connection.user}": ${error.message}. ` +
        "Connect with the credentials of the database's owner.",
      { cause: error },
    );
  }
}

function entryValues({ version, description, rollback, checksum }: Change, appliedBy: string): string[] {
  return [version, description, rollback, checksum, appliedBy];
}

/** The entry of a change that {@link RECORD} has just recorded. */
function entry(
  { version, description, checksum, rollback }: Change,
  appliedBy: string,
  { rows }: QueryResult<Pick<AppliedChange, 'durationMs' | 'appliedAt'>>,
): AppliedChange {
  return { version, description, checksum, rollback, appliedBy, ...rows[0]! };
}

function toAppliedChange({ statements_done, error, ...entry }: HistoryRow): AppliedChange {
  if (statements_done === null) return entry;
  return { ...entry, halfDone: { statements: statements_done, ...(error === null ? {} : { error }) } };
}

function failure(
  file: string,
  index: number,
  statement: Statement,
  error: unknown,
  position?: number,
  hint?: string,
): ChangeFailedError {
  const { message, detail, hint: serverHint } = error as DatabaseError;
  const reason = [message, detail, serverHint].filter(Boolean).map(sentence).join(' ');
  return new ChangeFailedError(file, index + 1, locate(statement, position), reason, { cause: error, hint });
}

function recordError(file: string, error: Error): Error {
  if ((error as DatabaseError).code !== NOT_NULL_VIOLATION) return error;
  return new Error(`${file} was applied by another runner meanwhile.`, { cause: error });
}

function sentence(text: string | undefined): string {
  return /[.!?]$/.test(text!) ? text! : `${text}.`;
}

/** Line and column in the file of the server's character position (from 1) in a statement. */
function locate(statement: Statement, position: number | undefined): { line: number; column?: number } {
  if (position === undefined) return { line: statement.line };
  const before = [...statement.text].slice(0, position - 1).join('');
  const lines = before.split('\n');
  return { line: statement.line + lines.length - 1, column: lines.at(-1)!.length + 1 };
}
