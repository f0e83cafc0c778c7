import type { ChangeFolder } from './change-files';
import { ChangeFilesError } from './errors';
import { plan } from './plan';
import type { AppliedChange, Change, MigrationLock, MigrationTarget } from './target';

/** How to run changes against a store. */
export interface RunOptions {
  readonly target: MigrationTarget;
  readonly folder: ChangeFolder;
  /** Name of the folder in messages, such as `migrations/postgres/platform`. */
  readonly folderName: string;
  /** Who runs it, kept in the history, such as `ci@build-17`. */
  readonly appliedBy: string;
  /** How long to wait for another runner's lock; default 60000. */
  readonly lockWaitMs?: number;
  /** Called after each change. */
  readonly onApplied?: (applied: AppliedChange) => void;
}

/** What a run did. */
export interface RunResult {
  /** The whole history after the run, in version order. */
  readonly history: readonly AppliedChange[];
  /** The changes this run applied, in order; they stay applied when a later one failed. */
  readonly applied: readonly AppliedChange[];
  /** The change the run stopped at. */
  readonly failed?: { readonly change: Change; readonly error: Error };
}

const DEFAULT_LOCK_WAIT_MS = 60_000;

/**
 * Applies what is pending, in order, under the store's lock; stops at the first failure and keeps what was applied.
 * @throws ChangeFilesError when the files do not fit the history, LockTimeoutError when the lock is not free in time.
 */
export async function migrateUp(options: RunOptions): Promise<RunResult> {
  const { target } = options;
  const seen = await target.applied();
  // Without work there is nothing to lock, so a run with nothing pending never waits for another one.
  if (pendingOrThrow(options, seen).length === 0) return { history: seen, applied: [] };
  return locked(options, async () => {
    const before = await target.applied();
    const pending = pendingOrThrow(options, before);
    const applied: AppliedChange[] = [];
    for (const change of pending) {
      try {
        const entry = await target.apply(change, options.appliedBy);
        applied.push(entry);
        options.onApplied?.(entry);
      } catch (error) {
        return {
          // The failure may be the lost connection; then this run's own knowledge is what is left.
          history: await remember(target).catch(() => [...before, ...applied]),
          applied,
          failed: { change, error: error as Error },
        };
      }
    }
    return { history: await remember(target), applied };
  });
}

/**
 * Reverts applied changes, newest first, until `to` is the newest one left; without `to`, all of them.
 * @throws ChangeFilesError when the files do not fit the history, LockTimeoutError when the lock is not free in time.
 */
export async function migrateDown(
  options: RunOptions & { readonly to?: string },
): Promise<readonly Change[]> {
  return locked(options, async () => {
    const history = await options.target.applied();
    pendingOrThrow(options, history);
    const changes = new Map(options.folder.changes.map((change) => [change.version, change]));
    const reverted: Change[] = [];
    for (const { version } of history.toReversed()) {
      if (options.to !== undefined && version <= options.to) break;
      const change = changes.get(version)!;
      await options.target.revert(change);
      reverted.push(change);
    }
    if (reverted.length > 0) await remember(options.target);
    return reverted;
  });
}

/** Records the definitions as they are now, for `verify`; returns the history. */
async function remember(target: MigrationTarget): Promise<AppliedChange[]> {
  const history = await target.applied();
  const version = history.filter((entry) => !entry.halfDone).at(-1)?.version ?? '';
  await target.saveSnapshot({ version, schema: await target.schema() });
  return history;
}

function pendingOrThrow(options: RunOptions, history: readonly AppliedChange[]): readonly Change[] {
  const { pending, problems } = plan(options.folder, history);
  if (problems.length > 0) throw new ChangeFilesError(options.folderName, problems);
  return pending;
}

async function locked<T>(options: RunOptions, run: () => Promise<T>): Promise<T> {
  const lock: MigrationLock = await options.target.lock({
    holder: options.appliedBy,
    waitMs: options.lockWaitMs ?? DEFAULT_LOCK_WAIT_MS,
  });
  try {
    return await run();
  } finally {
    await lock.release();
  }
}
