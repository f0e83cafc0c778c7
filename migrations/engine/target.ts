/** The ports between the migration engine and a store. */

/** One statement of a change file, in the store's own language (SQL text, or one operation as JSON). */
export interface Statement {
  readonly text: string;
  /** Line of the change file where the statement starts, counted from 1. */
  readonly line: number;
  /** Kind and name of the object that it defines; absent in formats without parameters. */
  readonly defines?: string;
  /** Whether values of parameters are in its text. */
  readonly parameterised?: true;
}

/** Values that an environment gives to what change files leave open, by name, such as `retention.logs`. */
export type Parameters = Readonly<Record<string, string>>;

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
  /** The values that its statements were read with; absent where it leaves nothing open. */
  readonly parameters?: Parameters;
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
  /** The values that its statements were last performed with; absent where it leaves nothing open. */
  readonly parameters?: Parameters;
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

/** One kind of data that the definitions do not allow; stores add where and what. */
export interface DataFault {
  /** How many entries have it. */
  readonly count: number;
  /** All of it in one line, without the names of single entries, which may be secrets. */
  readonly text: string;
}

/** Result of {@link MigrationTarget.audit}. */
export interface DataAudit {
  /** Entries that were looked at. */
  readonly scanned: number;
  /** False when there may be more of them than an audit looks at. */
  readonly complete: boolean;
  readonly faults: readonly DataFault[];
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
  /**
   * Applies changes in order as {@link apply} does, gives the entry of each once it is recorded, and throws at the first failure;
   * absent where nothing is won over one after the other.
   */
  applyAll?(changes: readonly Change[], appliedBy: string): AsyncIterable<AppliedChange>;
  /** Undoes one applied change and removes its record. */
  revert(change: Change): Promise<void>;
  /**
   * Performs statements of an applied change again and records the parameters' new values; absent where a store's files have no parameters.
   * @throws ChangeFailedError naming file, statement and position.
   */
  renew?(change: Change, statements: readonly Statement[]): Promise<AppliedChange>;
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
  /**
   * Compares data with the definitions, at a bounded cost; nothing or absent where the store itself refuses what does not
   * fit them.
   */
  audit?(): Promise<DataAudit | undefined>;
  /** The live definitions as a Markdown document with Mermaid diagrams; absent where a store has none. */
  diagram?(): Promise<string>;
  /** What the last run recorded; undefined when none did. */
  snapshot(): Promise<SchemaSnapshot | undefined>;
  /** Replaces the recorded snapshot; called under the lock. */
  saveSnapshot(snapshot: SchemaSnapshot): Promise<void>;
  close(): Promise<void>;
}
