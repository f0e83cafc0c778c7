/** The ports between the migration engine and a store. */

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
  /** Whether `up` runs inside one transaction; default true, false only where the store cannot (such as CREATE INDEX CONCURRENTLY). */
  readonly transaction: boolean;
  /** Statements in the store's own language, in order. */
  readonly up: readonly string[];
  /** Statements that undo `up`, in order. */
  readonly down: readonly string[];
}

/** One row of a store's own history (`schema_migrations`). */
export interface AppliedChange {
  readonly version: string;
  readonly description: string;
  readonly checksum: string;
  /** The `down` statements as they were when the change was applied, joined by newline. */
  readonly rollback: string;
  /** ISO 8601 UTC. */
  readonly appliedAt: string;
  readonly appliedBy: string;
  readonly durationMs: number;
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
  /** Applies one change and records it, atomically where the store can. */
  apply(change: Change, appliedBy: string): Promise<AppliedChange>;
  /** Undoes one applied change and removes its record. */
  revert(change: Pick<Change, 'version' | 'down' | 'transaction'>): Promise<void>;
  close(): Promise<void>;
}
