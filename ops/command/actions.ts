/** What the commands do, without their options and their printing. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { canonicalJson } from '../../migrations/engine/canonical-json';
import type { ScratchStore } from '../scratch/scratch-store';
import { type BackupSets, outboxOf, type Progress, storedBytes } from '../sets/backup-sets';
import type { Manifest } from '../sets/manifest';
import type { BackupStore } from '../stores';
import type { ArtifactFiles, StoreContent, StoreDriver } from '../stores/driver';

/** A restore was not begun, or did not give what was copied; the message says which store and why. */
export class RestoreError extends Error {}

/** How a set is restored. */
export interface RestoreOptions {
  /** Contents of files with secret keys of age. */
  readonly identities: readonly string[];
  /** Whether stores that hold something may be overwritten. */
  readonly force: boolean;
  readonly progress: Progress;
}

/** How long one store took, and how much it holds. */
export interface RestoredStore {
  readonly store: string;
  readonly seconds: number;
  readonly entries: number;
  /** Why it was not compared with its copy; absent when it was. */
  readonly unproven?: string;
}

/**
 * Restores the stores of a set that drivers are given for, one after the other, and compares each with its copy.
 * Every file is fetched and checked before the first store is touched.
 * @throws RestoreError when a store holds something and `force` is off, or holds something else afterwards; what
 * {@link BackupSets.fetch} throws.
 */
export async function restoreSet(
  sets: BackupSets,
  manifest: Manifest,
  drivers: Readonly<Record<string, StoreDriver>>,
  { identities, force, progress }: RestoreOptions,
): Promise<RestoredStore[]> {
  const folder = await mkdtemp(path.join(tmpdir(), 'agent-data-platform-restore-'));
  try {
    const files: Record<string, ArtifactFiles> = {};
    for (const store of Object.keys(drivers)) {
      progress(`${store}: fetching and checking`, storedBytes(manifest.stores[store]!));
      files[store] = await sets.fetch(manifest, store, path.join(folder, store), identities);
    }
    if (!force) await refuseOverwriting(drivers);
    const restored: RestoredStore[] = [];
    for (const [store, driver] of Object.entries(drivers)) {
      progress(`${store}: restoring`);
      const begin = performance.now();
      await driver.restore(files[store]!);
      const expected = manifest.stores[store]!.content;
      const unproven = driver.unreadable;
      const why = unproven ? undefined : contentDifference(expected, await driver.content());
      if (why) throw new RestoreError(`${store} does not hold what was copied: ${why}. Restore it again.`);
      await driver.admit?.();
      const seconds = (performance.now() - begin) / 1000;
      const entries = Object.keys(expected).length;
      restored.push({ store, seconds, entries, ...(unproven ? { unproven } : {}) });
    }
    return restored;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * Lets the stores that follow an outbox go on from where they were when they were copied.
 * @param stores That with the outbox is among them.
 * @returns When that was, ISO 8601; undefined when the set has no cut.
 */
export async function followOn(
  { cut }: Manifest,
  stores: Readonly<Record<string, StoreDriver>>,
): Promise<string | undefined> {
  if (cut) await outboxOf(stores)?.resume(cut);
  return cut?.at;
}

/** What {@link verifySet} needs. */
export interface VerifyOptions {
  /** Contents of files with secret keys of age. */
  readonly identities: readonly string[];
  /** Starts an empty server of a store. */
  readonly startScratch: (store: BackupStore) => Promise<Pick<ScratchStore, 'driver' | 'stop'>>;
  readonly progress: Progress;
}

/**
 * Restores every store of a set into a server of its own, one after the other, compares what it then holds with what was
 * copied, and records that in the set.
 * @throws RestoreError naming the first store whose restore holds something else; what {@link BackupSets.fetch} throws.
 */
export async function verifySet(
  sets: BackupSets,
  manifest: Manifest,
  { identities, startScratch, progress }: VerifyOptions,
): Promise<RestoredStore[]> {
  const verified: RestoredStore[] = [];
  for (const store of Object.keys(manifest.stores) as BackupStore[]) {
    progress(`${store}: starting a scratch server`);
    const { driver, stop } = await startScratch(store);
    try {
      const drivers = { [store]: driver };
      verified.push(...(await restoreSet(sets, manifest, drivers, { identities, force: false, progress })));
    } finally {
      await stop();
    }
  }
  await sets.markVerified(manifest.id, { stores: verified });
  return verified;
}

async function refuseOverwriting(drivers: Readonly<Record<string, StoreDriver>>): Promise<void> {
  const holding: string[] = [];
  for (const [store, driver] of Object.entries(drivers)) {
    const content = await driver.content();
    const count = Object.values(content).reduce((sum, entry) => sum + entry.count, 0);
    if (count > 0) holding.push(`${store} (${count} in ${Object.keys(content).length})`);
  }
  if (holding.length > 0)
    throw new RestoreError(
      `These stores hold data, which a restore replaces: ${holding.join(', ')}. Nothing was changed; add --force if it is meant.`,
    );
}

/** The first entry in which two contents differ, in words; undefined when they are the same. */
export function contentDifference(expected: StoreContent, got: StoreContent): string | undefined {
  for (const name of [...new Set([...Object.keys(expected), ...Object.keys(got)])].sort()) {
    const [then, now] = [expected[name], got[name]];
    if (!now) return `${name} is missing`;
    if (!then) return `${name} is not in the copy`;
    if (then.count !== now.count) return `${name} has ${now.count} instead of ${then.count}`;
    if (canonicalJson(then) !== canonicalJson(now)) return `${name} has other content than the copy`;
  }
  return undefined;
}
