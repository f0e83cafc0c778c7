import type { ChangeFolder } from './change-files';
import { ChangeFilesError } from './errors';
import { type Renewal, renewals } from './parameters';
import { plan } from './plan';
import type { AppliedChange, Change, MigrationLock, MigrationTarget } from './target';
import { driftWarning, hasDrift, isRecorded, newestVersion, schemaDrift } from './verify';

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
}

/** How to apply changes. */
export interface UpOptions extends RunOptions {
  /** Newest version to apply; default all. */
  readonly to?: string;
  /** Called after each change, and after each that was renewed. */
  readonly onApplied?: (applied: AppliedChange) => void;
  /** Called before the first change when the definitions are no longer those of the last run; asking for it costs reading them. */
  readonly onDrift?: (warning: string) => void;
}

/** How to revert changes. */
export interface DownOptions extends RunOptions {
  /** Version that is the newest one left; default none, everything is reverted. */
  readonly to?: string;
  /** Called after each change. */
  readonly onReverted?: (change: Change, durationMs: number) => void;
}

/** What a run did. */
export interface RunResult {
  /** The whole history after the run, in version order. */
  readonly history: readonly AppliedChange[];
  /** The changes this run applied, in order; they stay applied when a later one failed. */
  readonly applied: readonly AppliedChange[];
  /** Applied changes whose parameters had other values, and were performed again with them; absent when there were none. */
  readonly renewed?: readonly AppliedChange[];
  /** The change the run stopped at. */
  readonly failed?: { readonly change: Change; readonly error: Error };
}

const DEFAULT_LOCK_WAIT_MS = 60_000;

/**
 * Applies what is pending, in order, under the store's lock; stops at the first failure and keeps what was applied.
 * @throws ChangeFilesError when the files do not fit the history, LockTimeoutError when the lock is not free in time.
 */
export async function migrateUp(options: UpOptions): Promise<RunResult> {
  const { target } = options;
  const seen = await target.applied();
  // Without work there is nothing to lock, so a run with nothing pending never waits for another one.
  if (isDone(workFor(options, seen))) return { history: seen, applied: [] };
  return locked(options, async () => {
    const before = await target.applied();
    const work = workFor(options, before);
    if (isDone(work)) return { history: before, applied: [] };
    if (options.onDrift) await warnOfDrift(target, before, options.onDrift);
    return perform(options, before, work);
  });
}

/** What a run has to do: first the pending changes, then the applied ones with new values. */
interface Work {
  readonly pending: readonly Change[];
  readonly renewing: readonly Renewal[];
}

function workFor(options: UpOptions, history: readonly AppliedChange[]): Work {
  const pending = toApply(options, history);
  return { pending, renewing: renewals(options.folder, [...history, ...pending]) };
}

function isDone({ pending, renewing }: Work): boolean {
  return pending.length + renewing.length === 0;
}

async function perform(options: UpOptions, before: readonly AppliedChange[], work: Work): Promise<RunResult> {
  const { target, appliedBy, onApplied } = options;
  const { pending, renewing } = work;
  const applied: AppliedChange[] = [];
  const renewed: AppliedChange[] = [];
  const done = () => ({ applied, ...(renewed.length > 0 ? { renewed } : {}) });
  try {
    for await (const entry of target.applyAll?.(pending, appliedBy) ??
      applyEach(target, pending, appliedBy)) {
      applied.push(entry);
      onApplied?.(entry);
    }
    for (const { change, statements } of renewing) {
      const entry = await target.renew!(change, statements);
      renewed.push(entry);
      onApplied?.(entry);
    }
  } catch (error) {
    // The failure may be the lost connection; then this run's own knowledge is what is left.
    const history = await remember(target).catch(() => merged(before, [...applied, ...renewed]));
    const change = pending[applied.length] ?? renewing[renewed.length]!.change;
    return { history, ...done(), failed: { change, error: error as Error } };
  }
  return { history: await remember(target), ...done() };
}

async function* applyEach(
  target: MigrationTarget,
  changes: readonly Change[],
  appliedBy: string,
): AsyncGenerator<AppliedChange> {
  for (const change of changes) yield await target.apply(change, appliedBy);
}

/** A history with the entries that a run has written since. */
function merged(history: readonly AppliedChange[], written: readonly AppliedChange[]): AppliedChange[] {
  const entries = new Map([...history, ...written].map((entry) => [entry.version, entry]));
  return [...entries.values()].sort((a, b) => (a.version < b.version ? -1 : 1));
}

/**
 * Reverts applied changes, newest first, until `to` is the newest one left; without `to`, all of them.
 * @throws ChangeFilesError when the files do not fit the history, LockTimeoutError when the lock is not free in time,
 * ChangeFailedError of the first change that cannot be reverted; those reverted before it stay reverted.
 */
export async function migrateDown(options: DownOptions): Promise<readonly Change[]> {
  const { target } = options;
  return locked(options, async () => {
    const reverted: Change[] = [];
    try {
      for (const change of toRevert(options, await target.applied())) {
        const started = performance.now();
        await target.revert(change);
        reverted.push(change);
        options.onReverted?.(change, Math.round(performance.now() - started));
      }
    } catch (error) {
      if (reverted.length > 0) await remember(target).catch(() => undefined);
      throw error;
    }
    if (reverted.length > 0) await remember(target);
    return reverted;
  });
}

/** The applied changes newer than `to`, newest first. @throws ChangeFilesError when the files do not fit the history. */
export function toRevert(
  options: Pick<DownOptions, 'folder' | 'folderName' | 'to'>,
  history: readonly AppliedChange[],
): Change[] {
  const { folder, folderName, to = '' } = options;
  pendingOrThrow(options, history);
  // Files that are all applied were not parsed yet, and this version of the engine may refuse what an older one took.
  if (folder.problems.length > 0) throw new ChangeFilesError(folderName, folder.problems);
  const changes = new Map(folder.changes.map((change) => [change.version, change]));
  return history
    .filter(({ version }) => version > to)
    .map(({ version }) => changes.get(version)!)
    .reverse();
}

/** The pending changes up to `to`, in order. @throws ChangeFilesError when the files do not fit the history. */
export function toApply(
  options: Pick<UpOptions, 'folder' | 'folderName' | 'to'>,
  history: readonly AppliedChange[],
): readonly Change[] {
  const { to } = options;
  const pending = pendingOrThrow(options, history);
  return to === undefined ? pending : pending.filter((change) => change.version <= to);
}

/** Records the live definitions as those that are meant, under the lock. */
export async function acceptSchema(options: Omit<RunOptions, 'folder' | 'folderName'>): Promise<void> {
  await locked(options, () => remember(options.target));
}

/** Records the definitions as they are now, for `verify`; returns the history. */
async function remember(target: MigrationTarget): Promise<AppliedChange[]> {
  const history = await target.applied();
  await target.saveSnapshot({ version: newestVersion(history), schema: await target.schema() });
  return history;
}

/** Says nothing where the record is of another version: then it cannot tell drift from the changes since. */
async function warnOfDrift(
  target: MigrationTarget,
  history: readonly AppliedChange[],
  warn: (warning: string) => void,
): Promise<void> {
  const drift = await schemaDrift(target, history);
  if (isRecorded(drift) && hasDrift(drift)) warn(driftWarning(drift));
}

function pendingOrThrow(
  { folder, folderName }: Pick<RunOptions, 'folder' | 'folderName'>,
  history: readonly AppliedChange[],
): readonly Change[] {
  const { pending, problems } = plan(folder, history);
  if (problems.length > 0) throw new ChangeFilesError(folderName, problems);
  return pending;
}

async function locked<T>(
  options: Pick<RunOptions, 'target' | 'appliedBy' | 'lockWaitMs'>,
  run: () => Promise<T>,
): Promise<T> {
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
