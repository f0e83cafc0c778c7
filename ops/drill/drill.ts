/** Restores a whole set into servers of its own, and asserts that it is what the platform would need. */
import type { Invariant } from '../../migrations/invariants/invariants';
import { followOn, type RestoredStore, restoreSet } from '../command/actions';
import type { Asker } from '../invariants/asker';
import { checkInvariants, type InvariantResult } from '../invariants/check';
import type { ScratchStore, StartScratch } from '../scratch/scratch-store';
import { type BackupSets, newId, type Progress } from '../sets/backup-sets';
import type { Manifest } from '../sets/manifest';
import { type BackupStore, drilled } from '../stores';
import { type DrillRecord, DrillRecords } from './record';

/** What a drill needs. */
export interface DrillOptions {
  /** Contents of files with secret keys of age. */
  readonly identities: readonly string[];
  readonly invariants: readonly Invariant[];
  readonly startScratch: StartScratch;
  /** How long it may take until everything is restored and asserted. */
  readonly rtoSeconds: number;
  /** How old the copy of a store may be at the start. */
  readonly rpoSeconds: number;
  readonly progress: Progress;
  /** Default the clock. */
  readonly now?: () => Date;
}

/** What a drill found, with examples of what violates invariants. */
export interface DrillResult {
  readonly record: DrillRecord;
  readonly results: readonly InvariantResult[];
}

/**
 * Restores all stores of a set beside each other, compares them with the copy, asserts the invariants, and records what came
 * of it in the repository. The set is marked as verified when its data is whole, however long that took.
 * @throws what {@link restoreSet} and `startScratch` throw, after it is recorded.
 */
export async function drillSet(
  sets: BackupSets,
  manifest: Manifest,
  options: DrillOptions,
): Promise<DrillResult> {
  const { progress, now = () => new Date() } = options;
  const records = new DrillRecords(sets.repository);
  const startedAt = now();
  const begun = begunRecord(manifest, startedAt, options);
  const finished = () => ({ finishedAt: now().toISOString() });
  try {
    const { restored, results } = await restoreAndAssert(sets, manifest, options);
    const reachedSeconds = since(startedAt, now());
    const record = assessed({
      ...{ ...begun, ...finished() },
      rto: { ...begun.rto, reachedSeconds },
      stores: withTimes(begun.stores, restored),
      invariants: results.map(({ name, sha256, state, violations }) => ({ name, sha256, state, violations })),
    });
    if (!results.some(isBroken)) await sets.markVerified(manifest.id, { stores: restored, drill: record.id });
    await records.write(record);
    return { record, results };
  } catch (error) {
    const problems = [(error as Error).message];
    await records
      .write({ ...begun, ...finished(), problems })
      .catch((refused: Error) => progress(`The drill could not be recorded: ${refused.message}`));
    throw error;
  }
}

async function restoreAndAssert(sets: BackupSets, manifest: Manifest, options: DrillOptions) {
  const { identities, progress, invariants } = options;
  const stores = drilled(Object.keys(manifest.stores));
  await refuseDamages(sets, manifest, stores);
  progress(`${stores.join(', ')}: starting scratch servers`);
  const started = await startAll(stores, options.startScratch);
  const askers: Partial<Record<BackupStore, Asker>> = {};
  try {
    const drivers = Object.fromEntries(stores.map((store) => [store, started[store]!.driver]));
    const restored = await restoreSet(sets, manifest, drivers, { identities, force: false, progress });
    await followOn(manifest, drivers);
    progress(`asserting ${invariants.length} invariants`);
    for (const store of stores) askers[store] = await started[store]!.ask();
    return { restored, results: await checkInvariants(invariants, askers) };
  } finally {
    for (const asker of Object.values(askers)) await asker.close();
    await stopAll(Object.values(started));
  }
}

/** Of a store that is not restored the files are whole at least. */
async function refuseDamages(sets: BackupSets, manifest: Manifest, restored: readonly string[]) {
  const others = Object.entries(manifest.stores).filter(([store]) => !restored.includes(store));
  const [damage] = await sets.damages({ ...manifest, stores: Object.fromEntries(others) });
  if (damage) throw damage;
}

async function startAll(
  stores: readonly BackupStore[],
  start: StartScratch,
): Promise<Record<string, ScratchStore>> {
  const starts = await Promise.allSettled(
    stores.map(async (store): Promise<[string, ScratchStore]> => [store, await start(store)]),
  );
  const started = Object.fromEntries(
    starts.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : [])),
  );
  const failed = starts.find((one) => one.status === 'rejected');
  if (!failed) return started;
  await stopAll(Object.values(started));
  throw failed.reason;
}

async function stopAll(started: readonly ScratchStore[]): Promise<void> {
  await Promise.all(started.map((store) => store.stop()));
}

function begunRecord(
  { id, platform, stores }: Manifest,
  startedAt: Date,
  { rtoSeconds, rpoSeconds }: DrillOptions,
): Omit<DrillRecord, 'finishedAt'> {
  const ages = Object.entries(stores).map(([store, copy]) => {
    // What was written since then is in no copy.
    return [store, { ageSeconds: since(new Date(copy.startedAt), startedAt) }] as const;
  });
  return {
    ...{ format: 1, id: newId(startedAt), set: id, platform, startedAt: startedAt.toISOString() },
    problems: [],
    rto: { targetSeconds: rtoSeconds },
    rpo: {
      targetSeconds: rpoSeconds,
      reachedSeconds: Math.max(...ages.map(([, { ageSeconds }]) => ageSeconds)),
    },
    stores: Object.fromEntries(ages),
    invariants: [],
  };
}

function withTimes(stores: DrillRecord['stores'], restored: readonly RestoredStore[]): DrillRecord['stores'] {
  const times = restored.map(({ store, seconds, entries }) => [
    store,
    { ...stores[store]!, restoredInSeconds: Math.round(seconds * 10) / 10, entries },
  ]);
  return { ...stores, ...Object.fromEntries(times) };
}

/** A record with what is wrong, in words. */
function assessed(record: DrillRecord): DrillRecord {
  const { rto, rpo, stores, invariants } = record;
  const reached = rto.reachedSeconds ?? Infinity;
  const tooOld = Object.entries(stores).filter(([, { ageSeconds }]) => ageSeconds > rpo.targetSeconds);
  const problems = [
    ...invariants
      .filter(isBroken)
      .map(({ name, state, violations }) =>
        state === 'failed' ? `${name} could not be checked` : `${name} is violated ${violations} times`,
      ),
    ...(reached > rto.targetSeconds
      ? [`the recovery time was ${reached} s instead of at most ${rto.targetSeconds} s`]
      : []),
    ...tooOld.map(
      ([store, { ageSeconds }]) =>
        `the copy of ${store} was ${ageSeconds} s old instead of at most ${rpo.targetSeconds} s`,
    ),
  ];
  return { ...record, problems };
}

/** Whether an invariant keeps a drill from being passed. */
function isBroken({ state }: Pick<InvariantResult, 'state'>): boolean {
  return state === 'violated' || state === 'failed';
}

function since(from: Date, to: Date): number {
  return Math.max(0, Math.round((to.getTime() - from.getTime()) / 100) / 10);
}
