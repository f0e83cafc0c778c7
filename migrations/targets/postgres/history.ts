/** The engine's own tables in a PostgreSQL database, and the statements on them. */
import { escapeLiteral as literal, type QueryResult } from 'pg';
import type { AppliedChange, Change } from '../../engine/target';

/** Makes the tables of the history and of the snapshot; the schema `platform` exists. */
export const CREATE_HISTORY = `
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

/** Every {@link HistoryRow} in version order. */
export const SELECT_HISTORY = `
  SELECT version, description, checksum, rollback, applied_by AS "appliedBy", duration_ms AS "durationMs",
    ${APPLIED_AT}, statements_done, error
  FROM platform.schema_migrations ORDER BY version`;

/**
 * Records a change: {@link entryValues}, then milliseconds (null: since the transaction began) and finished statements (null: all).
 * Keeps an entry that is not half done: then its description would become null, which NOT NULL refuses.
 */
export const RECORD = `
  INSERT INTO platform.schema_migrations AS history
    (version, description, rollback, checksum, applied_by, duration_ms, statements_done)
  VALUES ($1, $2, $3, $4, $5, coalesce($6, 1000 * extract(epoch FROM clock_timestamp() - now()))::integer, $7)
  ON CONFLICT (version) DO UPDATE SET
    description = CASE WHEN history.statements_done IS NOT NULL THEN excluded.description END,
    rollback = excluded.rollback, checksum = excluded.checksum, applied_by = excluded.applied_by,
    duration_ms = excluded.duration_ms, applied_at = now(), statements_done = excluded.statements_done, error = NULL
  RETURNING duration_ms AS "durationMs", ${APPLIED_AT}`;

/** Plans, once for all changes, what {@link recordChange} and {@link expectApplied} run; it divides by zero where the version is not applied. */
export const PREPARE_STATEMENTS = `
  PREPARE record_change (text, text, text, text, text, integer, integer) AS ${RECORD};
  PREPARE expect_applied (text) AS
    SELECT 1 / count(*) FROM platform.schema_migrations WHERE version = $1 AND statements_done IS NULL`;

/** Statement that records a change at the end of its transaction. */
export function recordChange(change: Change, appliedBy: string): string {
  return `EXECUTE record_change (${entryValues(change, appliedBy).map(literal).join(', ')}, NULL, NULL)`;
}

/** Statement that fails where a version is not wholly applied. */
export function expectApplied(version: string): string {
  return `EXECUTE expect_applied (${literal(version)})`;
}

/** Statement that removes a change's record. */
export function forgetChange({ version }: Change): string {
  return `DELETE FROM platform.schema_migrations WHERE version = ${literal(version)}`;
}

/** The first values of {@link RECORD}. */
export function entryValues(
  { version, description, rollback, checksum }: Change,
  appliedBy: string,
): string[] {
  return [version, description, rollback, checksum, appliedBy];
}

/** The entry of a change that {@link RECORD} has just recorded. */
export function entry(
  { version, description, checksum, rollback }: Change,
  appliedBy: string,
  { rows }: QueryResult<Pick<AppliedChange, 'durationMs' | 'appliedAt'>>,
): AppliedChange {
  return { version, description, checksum, rollback, appliedBy, ...rows[0]! };
}

/** A row of the history as the driver gives it. */
export type HistoryRow = Omit<AppliedChange, 'halfDone'> & {
  statements_done: number | null;
  error: string | null;
};

export function toAppliedChange({ statements_done, error, ...entry }: HistoryRow): AppliedChange {
  if (statements_done === null) return entry;
  return { ...entry, halfDone: { statements: statements_done, ...(error === null ? {} : { error }) } };
}
