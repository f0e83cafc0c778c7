import { randomBytes } from 'node:crypto';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import {
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  ListMultipartUploadsCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { MinioAdmin } from '../../components/minio-admin';
import { type ScratchServer, startMinio } from '../../migrations/testing/servers';
import { S3Repository } from '../repository/s3';
import type { StoreDriver } from '../stores/driver';
import { once } from '../stores/lines';
import { driversOf, LATER, RecordingDriver } from '../testing/two-sets';
import { BackupSets } from './backup-sets';
import type { Manifest } from './manifest';

const MIB = 2 ** 20;
const SECRET = 'a-long-enough-secret';
let server: ScratchServer;
let client: S3Client;
let endpoint: string;
let bucket: string;
let clock: Date;
let good: Manifest;

beforeAll(async () => {
  server = await startMinio();
  endpoint = `http://${server.host}:${server.port}`;
  client = new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true, credentials: root() });
}, 180_000);
afterAll(async () => {
  client?.destroy();
  await server?.stop();
}, 60_000);
beforeEach(async () => {
  bucket = `backups-${randomBytes(4).toString('hex')}`;
  await client.send(new CreateBucketCommand({ Bucket: bucket }));
  clock = LATER;
  good = await create(setsOf());
});

const root = () => ({ accessKeyId: server.user, secretAccessKey: server.password });
const repository = (credentials = root(), at = endpoint) =>
  new S3Repository({ endpoint: at, bucket, credentials });
const setsOf = (credentials = root(), at = endpoint) =>
  new BackupSets(repository(credentials, at), () => clock);
const create = (sets: BackupSets, stores: Record<string, StoreDriver> = driversOf('good')) =>
  sets.create('data', stores, { recipients: [], progress: () => undefined });
const admin = () =>
  new MinioAdmin(
    { host: server.host, port: server.port },
    { accessKey: server.user, secretKey: server.password },
  );

/** Sets as a user of the bucket sees them who may do some things only. */
async function setsOfUser(actions: string[]): Promise<BackupSets> {
  const accessKey = `user-${randomBytes(4).toString('hex')}`;
  const Resource = [`arn:aws:s3:::${bucket}`, `arn:aws:s3:::${bucket}/*`];
  await admin().putPolicy(accessKey, {
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Action: actions, Resource }],
  });
  await admin().putUser({ accessKey, secretKey: SECRET });
  await admin().setPolicy(accessKey, accessKey);
  return setsOf({ accessKeyId: accessKey, secretAccessKey: SECRET });
}

const READ = ['s3:ListBucket', 's3:GetObject'];
const denied = (what: string) =>
  `${what} in bucket ${bucket} of ${endpoint}: Access is denied: check the credentials and what they may do there. (Access Denied.)`;

/** Fails unless the set that was made first is there, whole, and the newest. */
async function expectGoodUnharmed(): Promise<void> {
  expect(await setsOf().newest()).toEqual(good);
  expect(await setsOf().damages(good)).toEqual([]);
}

test('who may only read makes no set and removes none, and the good one can be read', async () => {
  const reader = await setsOfUser(READ);
  await expect(create(reader)).rejects.toMatchObject({
    message: expect.stringMatching(/^one could not be backed up: Writing sets\/\S+\/one\/a\.dump in bucket /),
    cause: { fault: 'denied' },
  });
  await expect(reader.markVerified(good.id, {})).rejects.toMatchObject({
    message: denied(`Writing sets/${good.id}/verified.json`),
  });
  clock = new Date('2031-01-01T00:00:00Z');
  const newer = await create(setsOf());
  await expect(reader.prune({ keepDays: 1, keepLast: 1 }, false)).rejects.toMatchObject({
    message: denied(`Deleting sets/${good.id}/verified.json`),
  });
  expect((await reader.list()).map(({ id, state }) => [id, state])).toEqual([
    [good.id, 'complete'],
    [newer.id, 'complete'],
  ]);
  expect(await reader.damages(good)).toEqual([]);
});

test('who may add but not delete backs up, and prune loses nothing', async () => {
  const writer = await setsOfUser([...READ, 's3:PutObject', 's3:AbortMultipartUpload']);
  clock = new Date('2031-01-01T00:00:00Z');
  const newer = await create(writer);
  await expect(writer.prune({ keepDays: 1, keepLast: 1 }, false)).rejects.toMatchObject({
    message: denied(`Deleting sets/${good.id}/verified.json`),
  });
  expect(await writer.damages(good)).toEqual([]);
  expect(await writer.damages(newer)).toEqual([]);
});

test('who may write but not read is told so', async () => {
  const blind = await setsOfUser(['s3:PutObject']);
  await expect(blind.list()).rejects.toMatchObject({ message: denied('Listing sets/') });
  await expect(blind.manifest(good.id)).rejects.toMatchObject({
    message: denied(`Reading sets/${good.id}/manifest.json`),
  });
  await expect(blind.damages(good)).rejects.toMatchObject({
    message: denied(`Reading sets/${good.id}/one/a.dump`),
  });
});

/** A store whose copy is one file of so many MiB, after which it may fail. */
function storeOf(mebibytes: number, failure?: Error): StoreDriver {
  const bytes = async function* () {
    for (let part = 0; part < mebibytes; part += 1) yield randomBytes(MIB);
    if (failure) throw failure;
  };
  const backup: StoreDriver['backup'] = async (sink) => {
    await sink.write('large.tar', bytes(), { compress: false });
    return { serverVersion: '1', schema: [], content: {} };
  };
  return Object.assign(new RecordingDriver() as StoreDriver, { backup });
}

/** Fails unless nothing is left of a file; MinIO lists the uploads of one object only. */
async function expectNoParts(Key: string): Promise<void> {
  const uploads = async () =>
    (await client.send(new ListMultipartUploadsCommand({ Bucket: bucket, Prefix: Key }))).Uploads ?? [];
  expect(await uploads()).toEqual([]);
  await client.send(new CreateMultipartUploadCommand({ Bucket: bucket, Key }));
  expect((await uploads()).length).toBe(1);
}

/** Fails unless a store could not be backed up for that reason, and nothing was left or lost. */
async function expectFailed(large: StoreDriver, why: string, fault?: string): Promise<void> {
  clock = new Date('2031-01-01T00:00:00Z');
  const error: Error = await create(setsOf(), { large }).then(
    () => new Error('nothing failed'),
    (failure) => failure,
  );
  const [, id] = /The set (\S+) is incomplete\.$/.exec(error.message) ?? [];
  const key = `sets/${id}/large/large.tar`;
  const reason = why
    .replace('KEY', key)
    .replace(/ \(MESSAGE\)/, ` (${(error.cause as Error & { cause?: Error }).cause?.message})`);
  expect(error.message).toBe(`large could not be backed up: ${reason} The set ${id} is incomplete.`);
  if (fault) expect(error.cause).toMatchObject({ fault });
  expect((await setsOf().list()).map((set) => set.id)).toEqual([good.id]);
  await expectNoParts(key);
  await expectGoodUnharmed();
}

test.each([
  ['one part', 2],
  ['several parts', 40],
])('a bucket that fills up in a file of %s keeps nothing of it, and the sets before', async (_what, size) => {
  await admin().setQuota(bucket, MIB);
  const why = `Writing KEY in bucket ${bucket} of ${endpoint}: There is no room left: prune old sets or make the storage larger. (MESSAGE)`;
  await expectFailed(storeOf(size), why, 'full');
  await admin().setQuota(bucket, 0);
  expect(await setsOf().damages(await create(setsOf(), { large: storeOf(size) }))).toEqual([]);
});

test.each([2, 16, 32, 33, 40])('a store that fails after %d MiB leaves no part', (size) =>
  expectFailed(storeOf(size, new Error('the store went away.')), 'the store went away.'),
);

describe('a connection that breaks', () => {
  let proxy: Server;
  let passed: number;
  let limit: number;

  beforeEach(async () => {
    [passed, limit] = [0, Infinity];
    // Ends both sides of a connection when more bytes than the limit have come through from the server.
    proxy = createServer((socket) => {
      const upstream = connect(server.port, server.host);
      const end = () => (socket.destroy(), upstream.destroy());
      socket.on('error', end).on('close', end).pipe(upstream);
      upstream
        .on('error', end)
        .on('close', end)
        .on('data', (bytes) => {
          passed += bytes.length;
          if (passed > limit) end();
          else socket.write(bytes);
        });
    });
    await new Promise<void>((listening) => proxy.listen(0, '127.0.0.1', listening));
  });
  afterEach(() => new Promise((closed) => proxy.close(closed)));

  test('while a file is read is no damage of the file', async () => {
    const through = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    await repository().put('sets/x/large', Readable.from(once('large '.repeat(2 ** 20))));
    const reader = repository(root(), through);
    limit = 2 * MIB;
    const reading = await reader.get('sets/x/large');
    await expect(buffer(reading)).rejects.toMatchObject({
      name: 'RepositoryError',
      fault: 'unreachable',
      message: `Reading sets/x/large in bucket ${bucket} of ${through}: It cannot be reached: check the address and the network. (aborted)`,
    });
    reader.close();
    await expectGoodUnharmed();
  });
});
