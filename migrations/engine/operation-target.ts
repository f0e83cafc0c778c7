import { ChangeFailedError, StoreAccessError } from './errors';
import { type Lease, type LeaseStorage, takeLease } from './lease';
import type {
  AppliedChange,
  Change,
  DataAudit,
  MigrationLock,
  MigrationTarget,
  SchemaSnapshot,
  Statement,
} from './target';

/** A store without transactions: it performs operations one by one, and keeps a history and a lease of its own. */
export interface OperationStore {
  /** Store name as in `migrations/<store>/`. */
  readonly store: string;
  /** The store in messages, such as `object store http://127.0.0.1:9000`. */
  readonly name: string;
  readonly lease: LeaseStorage;
  /** Makes the place of the history and the lease; can be repeated, also by runners that start together. */
  prepare(): Promise<void>;
  /** Entries in any order; empty where {@link prepare} never ran, and nothing is written to find out. */
  history(): Promise<AppliedChange[]>;
  /** Adds or replaces the entry of one version. */
  record(entry: AppliedChange): Promise<void>;
  /** Removes the entry of one version. */
  forget(version: string): Promise<void>;
  /** Performs one operation; every operation can be repeated, so a change that stopped half-way runs again from its start. */
  perform(statement: Statement): Promise<void>;
  /** See {@link MigrationTarget.schema}. */
  schema(): Promise<readonly string[]>;
  /** See {@link MigrationTarget.audit}. */
  audit?(): Promise<DataAudit>;
  snapshot(): Promise<SchemaSnapshot | undefined>;
  saveSnapshot(snapshot: SchemaSnapshot): Promise<void>;
  /** Whether an error says that the credentials are wrong or may not do this; then {@link user} is named. */
  isRefusal(error: unknown): boolean;
  readonly user: string;
  close(): Promise<void>;
}

/** Applies changes to an {@link OperationStore}. */
export class OperationTarget implements MigrationTarget {
  private lease: Lease | undefined;

  constructor(private readonly port: OperationStore) {}

  get store(): string {
    return this.port.store;
  }

  async lock(options: { holder: string; waitMs: number }): Promise<MigrationLock> {
    await this.access('the place of the history cannot be made ready', () => this.port.prepare());
    const lease = await this.access('the lock cannot be written', () =>
      takeLease(this.port.lease, this.port.name, options),
    );
    this.lease = lease;
    return {
      release: async () => {
        this.lease = undefined;
        await lease.release();
      },
    };
  }

  applied(): Promise<AppliedChange[]> {
    return this.access('the history cannot be read', async () =>
      (await this.port.history()).toSorted((a, b) => (a.version < b.version ? -1 : 1)),
    );
  }

  async apply(change: Change, appliedBy: string): Promise<AppliedChange> {
    const started = performance.now();
    await this.perform(change.file, change.up);
    const { version, description, checksum, rollback, parameters } = change;
    const entry: AppliedChange = {
      version,
      description,
      checksum,
      rollback,
      appliedAt: new Date().toISOString(),
      appliedBy,
      durationMs: Math.round(performance.now() - started),
      ...(parameters ? { parameters } : {}),
    };
    await this.port.record(entry);
    return entry;
  }

  async renew(change: Change, statements: readonly Statement[]): Promise<AppliedChange> {
    const entry = (await this.port.history()).find(({ version }) => version === change.version)!;
    await this.perform(change.file, statements);
    const renewed = { ...entry, parameters: change.parameters };
    await this.port.record(renewed);
    return renewed;
  }

  async revert(change: Change): Promise<void> {
    await this.perform(change.file, change.down);
    await this.port.forget(change.version);
  }

  schema(): Promise<readonly string[]> {
    return this.access('its definitions cannot be read', async () => (await this.port.schema()).toSorted());
  }

  audit(): Promise<DataAudit | undefined> {
    return this.access('its data cannot be looked at', async () => this.port.audit?.());
  }

  snapshot(): Promise<SchemaSnapshot | undefined> {
    return this.access('the recorded definitions cannot be read', () => this.port.snapshot());
  }

  async saveSnapshot(snapshot: SchemaSnapshot): Promise<void> {
    await this.lease?.assertHeld();
    await this.port.saveSnapshot(snapshot);
  }

  close(): Promise<void> {
    return this.port.close();
  }

  private async perform(file: string, statements: readonly Statement[]): Promise<void> {
    for (const [index, statement] of statements.entries()) {
      await this.lease?.assertHeld();
      try {
        await this.port.perform(statement);
      } catch (error) {
        throw new ChangeFailedError(file, index + 1, { line: statement.line }, reason(error), {
          cause: error,
        });
      }
    }
    // A runner that has taken over meanwhile has written its own entry.
    await this.lease?.assertHeld();
  }

  /** Turns a refusal of the credentials into a sentence with its fix. */
  private async access<T>(doing: string, run: () => Promise<T>): Promise<T> {
    try {
      return await run();
    } catch (error) {
      if (!this.port.isRefusal(error)) throw error;
      throw new StoreAccessError(
        `${this.port.name}: ${doing} as "${this.port.user}": ${reason(error)} Connect with credentials that may.`,
        { cause: error },
      );
    }
  }
}

function reason(error: unknown): string {
  const { name, message } = error as Error;
  const text = name === 'Error' ? message : `${name}: ${message}`;
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
