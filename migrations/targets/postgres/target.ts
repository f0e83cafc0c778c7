import { setTimeout as delay } from 'node:timers/promises';
import { type Client, DatabaseError, type QueryResult } from 'pg';
import { LockTimeoutError } from '../../engine/errors';
import type {
  AppliedChange,
  Change,
  MigrationLock,
  MigrationTarget,
  SchemaSnapshot,
  Statement,
} from '../../engine/target';
import { DEFINITIONS } from './definitions';
import { statementError, type Transaction, transactionError } from './failure';
import {
  CREATE_HISTORY,
  entry,
  entryValues,
  expectApplied,
  forgetChange,
  type HistoryRow,
  PREPARE_STATEMENTS,
  RECORD,
  recordChange,
  SELECT_HISTORY,
  toAppliedChange,
} from './history';
import { runScript, ScriptError } from './script';
import { accessError, describeDatabase, openSession, type PostgresConnection, type Session } from './session';

export type { PostgresConnection } from './session';

/** Advisory lock of the migrations of one database; the first key spells ADPM. */
const LOCK_KEYS = [0x4144504d, 1] as const;
const LOCK_POLL_MS = 200;
/** Changes that are on their way at once, at most. */
const SENT_AHEAD = 8;

/** Applies SQL changes to one PostgreSQL database over one session, which also holds the lock: both end together. */
export class PostgresTarget implements MigrationTarget {
  readonly store = 'postgres';
  private readonly client: Client;
  private prepared = false;

  private constructor(
    private readonly session: Session,
    private readonly connection: PostgresConnection,
  ) {
    this.client = session.client;
  }

  /** @throws StoreAccessError when the server refuses the user or the database; the driver's error when it cannot be reached. */
  static async connect(connection: PostgresConnection): Promise<PostgresTarget> {
    return new PostgresTarget(await openSession(connection), connection);
  }

  async lock({ holder, waitMs }: { holder: string; waitMs: number }): Promise<MigrationLock> {
    const deadline = performance.now() + waitMs;
    while (!(await this.tryLock())) {
      if (performance.now() >= deadline) {
        throw new LockTimeoutError(describeDatabase(this.connection), await this.lockHolder(), waitMs);
      }
      await delay(LOCK_POLL_MS);
    }
    const release = async () => {
      // A lost session has released its lock already.
      await this.client.query('SELECT pg_advisory_unlock($1, $2)', [...LOCK_KEYS]).catch(() => undefined);
    };
    try {
      await this.prepare();
    } catch (error) {
      await release();
      const doing = `${holder} cannot create the history table platform.schema_migrations`;
      throw accessError(this.connection, error, doing);
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

  /** Makes the history where there is none, and plans the statements on it, in one transaction. */
  private async prepare(): Promise<void> {
    if (this.prepared) return;
    const { rows } = await this.client.query<{ schema: string | null; history: string | null }>(
      `SELECT to_regnamespace('platform') AS schema, to_regclass('platform.schema_migrations') AS history`,
    );
    const { schema, history } = rows[0]!;
    const statements = [
      // CREATE SCHEMA IF NOT EXISTS asks for the right to create even where the schema exists.
      ...(schema === null ? ['CREATE SCHEMA platform'] : []),
      ...(history === null ? [CREATE_HISTORY] : []),
      PREPARE_STATEMENTS,
    ];
    await this.client.query(statements.join(';\n'));
    this.prepared = true;
  }

  async applied(): Promise<AppliedChange[]> {
    const { rows } = await this.reading<HistoryRow>(SELECT_HISTORY);
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
      throw accessError(this.connection, error, 'the history platform.schema_migrations cannot be read');
    }
  }

  async apply(change: Change, appliedBy: string): Promise<AppliedChange> {
    return change.transaction
      ? this.applyAfter(undefined, change, appliedBy)
      : this.applyOneByOne(change, appliedBy);
  }

  /**
   * Keeps several changes on their way, so that the server need not wait for the next one. What was sent behind a change that
   * then fails does not run: it asks for the change before it first.
   */
  async *applyAll(changes: readonly Change[], appliedBy: string): AsyncGenerator<AppliedChange> {
    const sent: Promise<AppliedChange>[] = [];
    try {
      for (const [index, change] of changes.entries()) {
        // Outside a transaction nothing undoes what should not have run: such a change goes alone.
        const others = change.transaction ? SENT_AHEAD - 1 : 0;
        while (sent.length > others) yield await sent.shift()!;
        if (!change.transaction) {
          yield await this.applyOneByOne(change, appliedBy);
          continue;
        }
        const before = sent.length > 0 ? changes[index - 1] : undefined;
        const answer = this.applyAfter(before, change, appliedBy);
        // When an earlier one fails, nobody asks for this one's failure.
        answer.catch(() => undefined);
        sent.push(answer);
      }
      while (sent.length > 0) yield await sent.shift()!;
    } finally {
      await Promise.allSettled(sent);
    }
  }

  private async applyAfter(
    before: Change | undefined,
    change: Change,
    appliedBy: string,
  ): Promise<AppliedChange> {
    const result = await this.inTransaction({
      file: change.file,
      statements: change.up,
      last: recordChange(change, appliedBy),
      after: before?.version,
    });
    return entry(change, appliedBy, result);
  }

  private async applyOneByOne(change: Change, appliedBy: string): Promise<AppliedChange> {
    const started = performance.now();
    await this.record(change, appliedBy, 0, 0);
    await this.oneByOne(change, change.up);
    return this.record(change, appliedBy, performance.now() - started, null);
  }

  async revert(change: Change): Promise<void> {
    if (change.transaction) {
      await this.inTransaction({
        file: change.file,
        statements: change.down,
        last: forgetChange(change),
      });
      return;
    }
    await this.progress(change.version, 0);
    await this.oneByOne(change, change.down);
    await this.client.query(forgetChange(change));
  }

  async seed(file: string, statements: readonly Statement[]): Promise<void> {
    await this.inTransaction({ file, statements });
  }

  async schema(): Promise<readonly string[]> {
    const { rows } = await this.client.query<{ line: string }>(DEFINITIONS);
    return rows.map((row) => row.line).sort();
  }

  async diagram(): Promise<string> {
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- loaded only when it is used
    const { erDiagram } = require('./er-diagram') as typeof import('./er-diagram');
    return erDiagram(async (text) => (await this.client.query(text)).rows);
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
    await this.session.close();
  }

  /** Runs a transaction in one round trip; nothing stays of a failure. Returns the last result before COMMIT. */
  private async inTransaction(transaction: Transaction): Promise<QueryResult> {
    const { statements, last, after } = transaction;
    // RESET ALL: a SET of the change before must not reach this one. A change need not wait for the disk: it is lost only
    // together with its row in the history, and the snapshot that ends each run does wait, for everything before it too.
    const opening = [
      'RESET ALL',
      'BEGIN',
      ...(last === undefined ? [] : ['SET LOCAL synchronous_commit = off']),
      ...(after === undefined ? [] : [expectApplied(after)]),
    ];
    const texts = statements.map((statement) => statement.text);
    const ending = last === undefined ? ['COMMIT'] : [last, 'COMMIT'];
    try {
      const results = await runScript(this.client, [...opening, ...texts, ...ending]);
      return results.at(-2)!;
    } catch (error) {
      await this.client.query('ROLLBACK').catch(() => undefined);
      throw error instanceof ScriptError ? transactionError(transaction, error, opening.length) : error;
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
      throw statementError(
        file,
        index,
        statement,
        error as Error,
        position === undefined ? undefined : Number(position),
      );
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
}
