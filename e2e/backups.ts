import assert from 'node:assert/strict';
import { DeleteObjectCommand, ListObjectVersionsCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import type { KubernetesCluster } from '../migrations/kubernetes/cluster';
import { followOn, restoreSet } from '../ops/command/actions';
import { openStores } from '../ops/command/places';
import { type BackupStore, backupStores } from '../ops/stores';
import type { Purpose } from '../ops/stores/logins';
import { usePostgresPrograms, useRedisPrograms } from '../ops/testing/programs';
import type { Clients, ContractOutputs } from './clients';
import { type Copies, runCronJob } from './copies';

const quiet = { progress: () => undefined };

interface Marks {
  /** What the stores have of what was written before and after the copy. */
  found(): Promise<{ before: boolean; after: boolean }[]>;
  write(when: 'before' | 'after'): Promise<void>;
  close(): Promise<void>;
}

/** How long a copy (with the start of its pod) and a restore took, in seconds. */
export interface Durations {
  readonly backup: number;
  readonly restore: number;
}

/**
 * Copies the platform into a set with the CronJob, writes and deletes, restores over it from outside of the cluster, and
 * asserts that every store is what it was; the restore itself compares each with the manifest.
 */
export async function backUpAndRestore(
  cluster: KubernetesCluster,
  clients: Clients,
  outputs: ContractOutputs,
  copies: Copies,
): Promise<Durations> {
  await Promise.all([usePostgresPrograms(), useRedisPrograms()]);
  const marks = await openMarks(clients, outputs);
  try {
    await marks.write('before');
    const begun = performance.now();
    await runCronJob(cluster, outputs.namespace, 'backup-daily');
    const backup = secondsSince(begun);
    await marks.write('after');
    const sets = await copies.sets('daily').list();
    assert.deepEqual(
      sets.map(({ state, manifest }) => [state, Object.keys(manifest!.stores).sort()]),
      [['complete', [...backupStores].sort()]],
    );
    const restoring = performance.now();
    await restoreNewest(outputs, copies);
    for (const found of await marks.found()) assert.deepEqual(found, { before: true, after: false });
    return { backup, restore: secondsSince(restoring) };
  } finally {
    await marks.close();
  }
}

/** Restores stores of the newest set over a platform, as the command does. */
export async function restoreNewest(
  outputs: ContractOutputs,
  copies: Copies,
  stores: readonly BackupStore[] = backupStores,
): Promise<void> {
  const sets = copies.sets('daily');
  const manifest = await sets.newest();
  await using(outputs, 'restore', async ({ drivers }) => {
    const restored = Object.fromEntries(stores.map((store) => [store, drivers[store]!]));
    await restoreSet(sets, manifest, restored, { ...quiet, identities: [], force: true });
    assert.equal(await followOn(manifest, drivers), manifest.cut!.at);
  });
}

async function using<T>(
  { namespace }: ContractOutputs,
  purpose: Purpose,
  work: (stores: Awaited<ReturnType<typeof openStores>>) => Promise<T>,
): Promise<T> {
  const place = { namespace, size: 'dev', disabled: [] };
  const opened = await openStores('e2e', backupStores, () => Promise.resolve(place), purpose);
  return work(opened).finally(opened.close);
}

async function openMarks(clients: Clients, { postgres }: ContractOutputs): Promise<Marks> {
  const pool = await clients.postgresPool('app', postgres.primary);
  const redis = await clients.redis();
  const s3 = await clients.s3();
  const object = (when: string) => ({ Bucket: 'raw-documents', Key: `backups/${when}` });
  const key = (when: string) => `e2e:backups:${when}`;
  const has = {
    postgres: async (name: string) =>
      (await pool.query('SELECT 1 FROM platform.projects WHERE name = $1', [key(name)])).rowCount === 1,
    redis: async (name: string) => (await redis.get(key(name))) === name,
    minio: async (name: string) => {
      const { Bucket, Key } = object(name);
      const { Versions = [] } = await s3.send(new ListObjectVersionsCommand({ Bucket, Prefix: Key }));
      return Versions.some(({ IsLatest }) => IsLatest);
    },
  };
  return {
    async write(when) {
      await pool.query('INSERT INTO platform.projects (name) VALUES ($1)', [key(when)]);
      await redis.set(key(when), when);
      await s3.send(new PutObjectCommand({ ...object(when), Body: when }));
      if (when === 'before') return;
      await pool.query('DELETE FROM platform.projects WHERE name = $1', [key('before')]);
      await redis.del(key('before'));
      await s3.send(new DeleteObjectCommand(object('before')));
    },
    found: () =>
      Promise.all(
        Object.values(has).map(async (asked) => ({
          before: await asked('before'),
          after: await asked('after'),
        })),
      ),
    async close() {
      await pool.end();
      redis.disconnect();
      s3.destroy();
    },
  };
}

function secondsSince(start: number): number {
  return Math.round((performance.now() - start) / 100) / 10;
}
