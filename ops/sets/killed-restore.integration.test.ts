import { spawn } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { CreateBucketCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { projectRoot } from '../../migrations/project-root';
import { killHard } from '../../migrations/testing/child-runner';
import { eventually, type ScratchServer, startMinio } from '../../migrations/testing/servers';
import { restoreSet } from '../command/actions';
import { FolderRepository } from '../repository/folder';
import { MinioDriver } from '../stores/minio';
import { LATER } from '../testing/two-sets';
import { BackupSets } from './backup-sets';

const OBJECTS = 600;
let source: ScratchServer;
let target: ScratchServer;
let folder: string;

beforeAll(async () => {
  [source, target] = await Promise.all([startMinio(), startMinio()]);
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'killed-'));
}, 240_000);
afterAll(async () => {
  fs.rmSync(folder, { recursive: true, force: true });
  await source?.stop();
  await target?.stop();
}, 120_000);

const at = ({ host, port }: ScratchServer) => `http://${host}:${port}`;
const driver = (server: ScratchServer) =>
  new MinioDriver({ endpoint: at(server), accessKey: server.user, secretKey: server.password });
const client = (server: ScratchServer) =>
  new S3Client({
    ...{ endpoint: at(server), region: 'us-east-1', forcePathStyle: true },
    credentials: { accessKeyId: server.user, secretAccessKey: server.password },
  });
const count = async () => {
  const { KeyCount } = await client(target).send(new ListObjectsV2Command({ Bucket: 'documents' }));
  return KeyCount!;
};

/** A restore of the newest set as a process of its own; it must be compiled (`npm run build`). */
function startRestore({ host, port, user, password }: ScratchServer) {
  const script = path.join(projectRoot(), 'dist/ops/testing/set-process.js');
  const credentials = { accessKey: user, secretKey: password };
  // What a restore that is killed has fetched stays there.
  const TMPDIR = fs.mkdtempSync(path.join(folder, 'fetched-'));
  const ADDRESS = JSON.stringify({ host, port, database: 'platform', credentials });
  return spawn(process.execPath, [script, 'restore', folder], {
    stdio: 'inherit',
    env: { ...process.env, STORE: 'minio', ADDRESS, TMPDIR },
  });
}

test('a restore that is killed is refused over what it left, and repeated with force', async () => {
  const s3 = client(source);
  await s3.send(new CreateBucketCommand({ Bucket: 'documents' }));
  for (let from = 0; from < OBJECTS; from += 50) {
    const puts = Array.from({ length: 50 }, (_, index) => `object ${from + index}`).map((Key) =>
      s3.send(new PutObjectCommand({ Bucket: 'documents', Key, Body: Key })),
    );
    await Promise.all(puts);
  }
  const sets = new BackupSets(new FolderRepository(folder), () => LATER);
  const quiet = { progress: () => undefined };
  const manifest = await sets.create('data', { minio: driver(source) }, { ...quiet, recipients: [] });

  const child = startRestore(target);
  await eventually('the restore has begun', 60_000, async () => (await count()) > 0);
  await killHard(child);
  expect(child.signalCode).toBe('SIGKILL');
  let left = 0;
  await eventually('what was on its way has arrived', 30_000, async () => {
    const before = left;
    left = await count();
    return left === before;
  });
  expect(left).toBeGreaterThan(0);
  expect(left).toBeLessThan(OBJECTS);

  const restore = (force: boolean) =>
    restoreSet(sets, manifest, { minio: driver(target) }, { ...quiet, identities: [], force });
  await expect(restore(false)).rejects.toThrow(
    /^These stores hold data, which a restore replaces: minio \(\d+ in \d+\)\. Nothing was changed; add --force if it is meant\.$/,
  );
  expect(await count()).toBe(left);
  expect(await restore(true)).toMatchObject([{ store: 'minio' }]);
  expect(await driver(target).content()).toEqual(manifest.stores.minio!.content);
  expect(await driver(target).content()).toEqual(await driver(source).content());
}, 180_000);
