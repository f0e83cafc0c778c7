/** What a whole set costs as its stores grow. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { CreateBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import Redis from 'ioredis';
import { note, step } from '../../local/progress';
import { OxigraphClient } from '../../migrations/targets/oxigraph/client';
import { startOxigraph } from '../../migrations/testing/oxigraph';
import { closePools, query, superuser } from '../../migrations/testing/postgres';
import { startRedis } from '../../migrations/testing/redis';
import { type ScratchServer, startMinio, startPostgres } from '../../migrations/testing/servers';
import { restoreSet } from '../../ops/command/actions';
import { FolderRepository } from '../../ops/repository/folder';
import { BackupSets } from '../../ops/sets/backup-sets';
import { type BackupStore, openDriver } from '../../ops/stores';
import type { StoreDriver } from '../../ops/stores/driver';
import { reachable } from '../migrations/server';

/** What one store cost at one size. */
export interface StoreCost {
  /** `all` for the whole set. */
  readonly store: string;
  readonly backupSeconds: number;
  /** In the repository. */
  readonly bytes: number;
  readonly restoreSeconds: number;
}

/** One size of the data. */
export interface CurvePoint {
  /** Times the smallest. */
  readonly times: number;
  readonly stores: readonly StoreCost[];
}

interface Subject {
  start(): Promise<ScratchServer>;
  /** Adds a part; each has other data of the same size. */
  grow(server: ScratchServer, part: number): Promise<void>;
  readonly user: string;
}

const SIZES = (process.env.BENCH_SIZES ?? '1,4,16').split(',').map(Number);
const DATABASE = 'platform';
const ROWS = 20_000;
const KEYS = 20_000;
const OBJECTS = 64;
const OBJECT_BYTES = 128 * 1024;
const QUADS = 20_000;
const quiet = { progress: () => undefined };

/** Stores that are cheap to run; about 8 MB each at the smallest size. */
const subjects: Readonly<Partial<Record<BackupStore, Subject>>> = {
  postgres: {
    user: 'postgres',
    async start() {
      const server = await startPostgres('-c fsync=off -c max_wal_size=4GB');
      await query(superuser(server), 'CREATE ROLE platform_owner');
      await query(superuser(server), `CREATE DATABASE ${DATABASE} OWNER platform_owner`);
      return server;
    },
    grow: async (server, part) => {
      const admin = superuser(server, DATABASE);
      await query(
        admin,
        'CREATE TABLE IF NOT EXISTS notes (id bigint PRIMARY KEY, note text, facts jsonb); ALTER TABLE notes OWNER TO platform_owner',
      );
      const from = part * ROWS;
      await query(
        admin,
        `INSERT INTO notes SELECT i, repeat(md5(i::text), 8), jsonb_build_object('i', i, 'hash', md5('x' || i))
         FROM generate_series(${from}, ${from + ROWS - 1}) i`,
      );
    },
  },
  redis: {
    user: 'admin',
    start: () => startRedis(),
    async grow(server, part) {
      const { host, port, password } = server;
      const client = new Redis({ host, port, username: 'admin', password });
      const value = (key: number) => `${key}:`.repeat(64);
      for (let i = 0; i < KEYS; i += 1000) {
        const keys = Array.from({ length: 1000 }, (_, j) => part * KEYS + i + j);
        await client.mset(Object.fromEntries(keys.map((key) => [`key:${key}`, value(key)])));
      }
      client.disconnect();
    },
  },
  minio: {
    user: 'rootuser',
    start: () => startMinio(),
    async grow({ host, port, user, password }, part) {
      const credentials = { accessKeyId: user, secretAccessKey: password };
      const endpoint = `http://${host}:${port}`;
      const s3 = new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true, credentials });
      const Bucket = 'documents';
      if (part === 0) await s3.send(new CreateBucketCommand({ Bucket }));
      for (let i = 0; i < OBJECTS; i++) {
        const Body = Buffer.alloc(OBJECT_BYTES, `${part}/${i} `);
        await s3.send(new PutObjectCommand({ Bucket, Key: `${part}/${i}`, Body }));
      }
      s3.destroy();
    },
  },
  oxigraph: {
    user: 'owner',
    start: startOxigraph,
    async grow({ host, port, user, password }, part) {
      const client = new OxigraphClient({ endpoint: `http://${host}:${port}`, user, password });
      const quads = Array.from({ length: QUADS }, (_, i) => {
        const n = part * QUADS + i;
        return `<urn:thing:${n}> <urn:relates:${n % 50}> "${'value '.repeat(20)}${n}" .`;
      });
      await client.update(`INSERT DATA { GRAPH <urn:part:${part}> { ${quads.join('\n')} } }`);
    },
  },
};

interface Running {
  readonly server: ScratchServer;
  readonly driver: StoreDriver;
}

/** Grows the stores from size to size, and copies and restores all of them at each. */
export async function measureCurve(folder: string): Promise<CurvePoint[]> {
  const running: Record<string, Running> = {};
  const points: CurvePoint[] = [];
  try {
    await step('Starting the stores', async () => {
      for (const store of Object.keys(subjects)) running[store] = await start(store);
    });
    let parts = 0;
    for (const times of SIZES) {
      await step(`Measuring ${times} × the data`, async (report) => {
        for (; parts < times; parts++)
          for (const [store, { server }] of Object.entries(running)) {
            report(`part ${parts + 1} of ${times}: ${store}`);
            await subjects[store as BackupStore]!.grow(server, parts);
          }
        points.push({ times, stores: await measure(join(folder, `curve-${times}`), running, report) });
      });
    }
    return points;
  } finally {
    await closePools();
    for (const one of Object.values(running)) await stop(one);
  }
}

/** Each store as a set of its own, so that its costs are its own, and then their sum. */
async function measure(
  folder: string,
  running: Readonly<Record<string, Running>>,
  report: (line: string) => void,
): Promise<StoreCost[]> {
  mkdirSync(folder);
  const costs: StoreCost[] = [];
  for (const [store, { driver }] of Object.entries(running)) {
    report(`copying and restoring ${store}`);
    const sets = new BackupSets(new FolderRepository(join(folder, store)));
    const from = performance.now();
    const manifest = await sets.create('bench', { [store]: driver }, { recipients: [], ...quiet });
    const backupSeconds = (performance.now() - from) / 1000;
    const [{ bytes } = { bytes: NaN }] = await sets.list();
    const scratch = await start(store);
    try {
      const options = { ...quiet, identities: [], force: false };
      const begin = performance.now();
      await restoreSet(sets, manifest, { [store]: scratch.driver }, options);
      const restoreSeconds = (performance.now() - begin) / 1000;
      note(
        `${store}: copied in ${backupSeconds.toFixed(2)} s, restored and compared in ${restoreSeconds.toFixed(2)} s`,
      );
      costs.push({ store, backupSeconds, bytes, restoreSeconds });
    } finally {
      await closePools();
      await stop(scratch);
    }
  }
  const sum = (of: (cost: StoreCost) => number) => costs.reduce((total, cost) => total + of(cost), 0);
  const all = {
    store: 'all',
    backupSeconds: sum(({ backupSeconds }) => backupSeconds),
    bytes: sum(({ bytes }) => bytes),
    restoreSeconds: sum(({ restoreSeconds }) => restoreSeconds),
  };
  return [...costs, all];
}

/** A server, reached at its pod's address where the machine can. */
async function start(store: string): Promise<Running> {
  const { start, user } = subjects[store as BackupStore]!;
  const started = await start();
  const pod = { host: started.podIp, port: started.servicePort };
  const server = (await reachable(pod)) ? { ...started, ...pod } : started;
  const { host, port, password } = server;
  const credentials: Record<string, string> = {
    ...{ username: user, password, accessKey: user, secretKey: password },
  };
  const credential = (key: string) => credentials[key]!;
  return { server, driver: openDriver(store as BackupStore, { host, port, database: DATABASE, credential }) };
}

async function stop({ server, driver }: Running): Promise<void> {
  await driver.close();
  await server.stop();
}
