/** The ports between the migration engine and a store. */

/** One statement of a change file, in the store's own language (SQL text, or one operation as JSON). */
export interface Statement {
  readonly text: string;
  /** Line of the change file where the statement starts, counted from 1. */
  readonly line: number;
}

/** One versioned change of a store, parsed from a change file; see docs/migration-format.md. */
export interface Change {
  /** Version: the file name's number, six digits, unique in its folder, such as `000001`. */
  readonly version: string;
  /** Description: the file name's slug, such as `users-and-projects`. */
  readonly description: string;
  /** File name inside its folder. */
  readonly file: string;
  /** SHA-256 (hex) of the file's text with line endings normalised to LF. */
  readonly checksum: string;
  /** Whether the change runs inside one transaction; default true, false only where the store cannot (such as CREATE INDEX CONCURRENTLY). */
  readonly transaction: boolean;
  /** Statements in order. */
  readonly up: readonly Statement[];
  /** Statements that undo `up`, in order. */
  readonly down: readonly Statement[];
  /** The `down` statements as the history keeps them: text of the same format as the file's section. */
  readonly rollback: string;
  /** Why statements of `up` that lose data are meant, as written in the file. */
  readonly destructive?: string;
}

/** One row of a store's own history (`schema_migrations`). */
export interface AppliedChange {
  readonly version: string;
  readonly description: string;
  readonly checksum: string;
  /** The `down` statements as they were when the change was applied. */
  readonly rollback: string;
  /** ISO 8601 UTC. */
  readonly appliedAt: string;
  readonly appliedBy: string;
  readonly durationMs: number;
  /** Set when a change without transaction stopped part-way: it is pending again, from its first statement. */
  readonly halfDone?: {
    /** Statements that are known to have finished. */
    readonly statements: number;
    /** The error it stopped at; undefined when its runner died. */
    readonly error?: string;
  };
}

/** The definitions that a run left behind, for `verify` to compare with. */
export interface SchemaSnapshot {
  /** Newest applied version when it was taken. */
  readonly version: string;
  /** See {@link MigrationTarget.schema}. */
  readonly schema: readonly string[];
}

/** A held migration lock; released once. */
export interface MigrationLock {
  release(): Promise<void>;
}

/** A store that changes are applied to; one implementation per store. */
export interface MigrationTarget {
  /** Store name as in `migrations/<store>/`. */
  readonly store: string;
  /**
   * Takes the store's migration lock, trying again until `waitMs` has passed; a lock whose holder is dead is taken over.
   * @throws LockTimeoutError naming the holder.
   */
  lock(options: { holder: string; waitMs: number }): Promise<MigrationLock>;
  /** The store's history in version order; empty on a store that was never migrated (and nothing is written to find out). */
  applied(): Promise<AppliedChange[]>;
  /**
   * Applies one change and records it, atomically where the store can.
   * @throws ChangeFailedError naming file, statement and position.
   */
  apply(change: Change, appliedBy: string): Promise<AppliedChange>;
  /** Undoes one applied change and removes its record. */
  revert(change: Change): Promise<void>;
  /**
   * Runs the statements of a seed file in one transaction, without a record; absent where a store takes no seed files.
   * @throws ChangeFailedError naming file, statement and position.
   */
  seed?(file: string, statements: readonly Statement[]): Promise<void>;
  /**
   * The live definitions that changes make, as sorted comparable lines that start with the object's kind and name.
   * Data, the history itself and what upkeep makes over time (such as partitions) are left out.
   */
  schema(): Promise<readonly string[]>;
  /** What the last run recorded; undefined when none did. */
  snapshot(): Promise<SchemaSnapshot | undefined>;
  /** Replaces the recorded snapshot; called under the lock. */
  saveSnapshot(snapshot: SchemaSnapshot): Promise<void>;
  close(): Promise<void>;
}
