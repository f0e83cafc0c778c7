import { setTimeout as delay } from 'node:timers/promises';
import { ChangeFailedError, LockTimeoutError } from './errors';
import type {
  AppliedChange,
  Change,
  MigrationLock,
  MigrationTarget,
  SchemaSnapshot,
  Statement,
} from './target';

const POLL_MS = 5;

/** What the runners of one {@link MemoryTarget} store share. */
export class MemoryStore {
  readonly history = new Map<string, AppliedChange>();
  /** Statements that took effect, in order. */
  readonly executed: string[] = [];
  holder: string | undefined;
  snapshot: SchemaSnapshot | undefined;
}

/** A migration target without a server, for unit tests; a statement whose text contains `fail` is refused. */
export class MemoryTarget implements MigrationTarget {
  readonly store = 'memory';

  constructor(readonly state: MemoryStore = new MemoryStore()) {}

  async lock({ holder, waitMs }: { holder: string; waitMs: number }): Promise<MigrationLock> {
    const deadline = performance.now() + waitMs;
    while (this.state.holder !== undefined) {
      if (performance.now() >= deadline) throw new LockTimeoutError(this.store, this.state.holder, waitMs);
      await delay(POLL_MS);
    }
    this.state.holder = holder;
    return {
      release: async () => {
        this.state.holder = undefined;
      },
    };
  }

  async applied(): Promise<AppliedChange[]> {
    return [...this.state.history.values()].sort((a, b) => a.version.localeCompare(b.version));
  }

  async apply(change: Change, appliedBy: string): Promise<AppliedChange> {
    this.execute(change.file, change.up);
    const { version, description, checksum, rollback, parameters } = change;
    const appliedAt = new Date().toISOString();
    const made = { appliedAt, appliedBy, durationMs: 0, ...(parameters ? { parameters } : {}) };
    const entry = { version, description, checksum, rollback, ...made };
    this.state.history.set(version, entry);
    return entry;
  }

  async renew(change: Change, statements: readonly Statement[]): Promise<AppliedChange> {
    this.execute(change.file, statements);
    const entry = { ...this.state.history.get(change.version)!, parameters: change.parameters };
    this.state.history.set(change.version, entry);
    return entry;
  }

  async revert(change: Change): Promise<void> {
    this.execute(change.file, change.down);
    this.state.history.delete(change.version);
  }

  /** What took effect is its schema. */
  async schema(): Promise<readonly string[]> {
    return this.state.executed.toSorted();
  }

  async snapshot(): Promise<SchemaSnapshot | undefined> {
    return this.state.snapshot;
  }

  async saveSnapshot(snapshot: SchemaSnapshot): Promise<void> {
    this.state.snapshot = snapshot;
  }

  async close(): Promise<void> {}

  private execute(file: string, statements: Change['up']): void {
    statements.forEach(({ text, line }, index) => {
      if (text.includes('fail')) throw new ChangeFailedError(file, index + 1, { line }, `refused "${text}"`);
    });
    this.state.executed.push(...statements.map(({ text }) => text));
  }
}
