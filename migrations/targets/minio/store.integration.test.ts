import { join } from 'node:path';
import {
  GetBucketLifecycleConfigurationCommand,
  GetBucketPolicyCommand,
  GetBucketVersioningCommand,
  GetObjectCommand,
  ListBucketsCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { readChangeFiles } from '../../engine/change-files';
import { LockTimeoutError, StoreAccessError } from '../../engine/errors';
import { migrateDown, migrateUp } from '../../engine/runner';
import { TemporaryFolder } from '../../testing/change-folder';
import { roundTrips } from '../../testing/round-trip';
import { type ScratchServer, startMinio } from '../../testing/servers';
import { minioTarget } from './store';
import { minioFormat } from './format';

const platform = readChangeFiles(join(__dirname, '../../minio/platform'), minioFormat);
let server: ScratchServer;
let client: S3Client;
let folder: TemporaryFolder;
let number = 0;
/** A history of its own for each test. */
let database: string;

beforeAll(async () => {
  server = await startMinio();
  client = new S3Client({
    endpoint: `http://${server.host}:${server.port}`,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: { accessKeyId: server.user, secretAccessKey: server.password },
  });
}, 180_000);
afterAll(async () => {
  client?.destroy();
  await server?.stop();
}, 60_000);
beforeEach(() => {
  database = `test${++number}`;
  folder = new TemporaryFolder({
    '000001-a.json': change([{ operation: 'createBucket', bucket: bucket('a') }]),
  });
});
afterEach(() => folder?.remove());

const bucket = (suffix: string) => `bucket-${database}-${suffix}`;
const change = (
  up: object[],
  down: object[] = up.map(() => ({ operation: 'deleteBucket', bucket: bucket('a') })),
) => JSON.stringify({ description: 'A change', up, down }, null, 2);
const target = (password = server.password) =>
  minioTarget({
    endpoint: `http://${server.host}:${server.port}`,
    accessKey: server.user,
    secretKey: password,
    database,
  });
const options = (changes = readChangeFiles(folder.path, minioFormat)) => ({
  target: target(),
  folder: changes,
  folderName: 'folder',
  appliedBy: 'tester',
});
const buckets = async () =>
  (await client.send(new ListBucketsCommand()))
    .Buckets!.map((entry) => entry.Name!)
    .filter((name) => name.startsWith(`bucket-${database}-`));

describe('the platform buckets', () => {
  test('are versioned, expire and are not open to plain HTTP, as read back', async () => {
    const result = await migrateUp(options(platform));
    expect(result.failed).toBeUndefined();
    const days = {
      'raw-documents': 90,
      'processed-chunks': 30,
      'generated-lessons': 90,
      'system-artifacts': 3,
    };
    for (const [name, NoncurrentDays] of Object.entries(days)) {
      const versioning = await client.send(new GetBucketVersioningCommand({ Bucket: name }));
      expect(versioning.Status).toBe('Enabled');
      const lifecycle = await client.send(new GetBucketLifecycleConfigurationCommand({ Bucket: name }));
      const common = { Status: 'Enabled', Filter: { Prefix: '' } };
      const artifacts = { ...common, ID: 'expire-artifacts', Expiration: { Days: 14 } };
      // MinIO does not keep AbortIncompleteMultipartUpload: it removes such uploads after a day by itself.
      expect(lifecycle.Rules).toEqual([
        { ...common, ID: 'expire-noncurrent-versions', NoncurrentVersionExpiration: { NoncurrentDays } },
        ...(name === 'system-artifacts' ? [artifacts] : []),
        { ...common, ID: 'expire-delete-markers', Expiration: { ExpiredObjectDeleteMarker: true } },
      ]);
      const policy = await client.send(new GetBucketPolicyCommand({ Bucket: name }));
      const statements = JSON.parse(policy.Policy!).Statement as { Resource: string[] }[];
      // MinIO keeps resources as a set, in any order.
      expect(
        statements.map((statement) => ({ ...statement, Resource: statement.Resource.toSorted() })),
      ).toEqual([
        {
          Sid: 'DenyPlainHttp',
          Effect: 'Deny',
          Principal: { AWS: ['*'] },
          Action: ['s3:*'],
          Resource: [`arn:aws:s3:::${name}`, `arn:aws:s3:::${name}/*`],
          Condition: { Bool: { 'aws:SecureTransport': ['false'] } },
        },
      ]);
      const anonymous = await fetch(`http://${server.host}:${server.port}/${name}`);
      expect(anonymous.status).toBe(403);
    }
  });

  test('go away with their settings when the change is reverted, and come again', async () => {
    // Those of the test before stay until their changes are reverted.
    await migrateUp(options(platform));
    await migrateDown(options(platform));
    await roundTrips(target(), platform);
    await migrateDown(options(platform));
    expect((await client.send(new ListBucketsCommand())).Buckets!.map((entry) => entry.Name)).toEqual([
      'schema-migrations',
    ]);
  });
});

test('keeps the history as one object per version and has nothing to do the second time', async () => {
  const { applied } = await migrateUp(options());
  const stored = await client.send(
    new GetObjectCommand({ Bucket: 'schema-migrations', Key: `${database}/changes/000001.json` }),
  );
  expect(JSON.parse(await stored.Body!.transformToString())).toEqual(applied[0]);
  expect(applied[0]).toMatchObject({ version: '000001', description: 'a', appliedBy: 'tester' });
  expect(stored.VersionId).toBeDefined();
  expect(await migrateUp(options())).toEqual({ history: applied, applied: [] });
});

test('deleting a bucket that holds objects is refused, with statement and line', async () => {
  await migrateUp(options());
  await client.send(new PutObjectCommand({ Bucket: bucket('a'), Key: 'precious', Body: 'x' }));
  await expect(migrateDown(options())).rejects.toThrow(
    `000001-a.json: statement 1 failed at line 10: bucket "${bucket('a')}" still holds objects or versions of them; move them away before it is deleted.`,
  );
  expect((await target().applied()).map((entry) => entry.version)).toEqual(['000001']);
});

test('a failing operation stops the run and keeps the changes before it', async () => {
  folder.write({
    '000002-b.json': change([
      { operation: 'createBucket', bucket: bucket('b') },
      { operation: 'putVersioning', bucket: bucket('missing'), status: 'Enabled' },
    ]),
    '000003-c.json': change([{ operation: 'createBucket', bucket: bucket('c') }]),
  });
  const result = await migrateUp(options());
  expect(result.failed!.error.message).toBe(
    `000002-b.json: statement 2 failed at line 8: bucket "${bucket('missing')}" does not exist; create it first.`,
  );
  expect(result.history.map((entry) => entry.version)).toEqual(['000001']);
  expect(await buckets()).toEqual([bucket('a'), bucket('b')]);
  folder.write({ '000002-b.json': change([{ operation: 'createBucket', bucket: bucket('b') }]) });
  expect((await migrateUp(options())).applied.map((entry) => entry.version)).toEqual(['000002', '000003']);
});

describe('the lock', () => {
  test('a held lock is named with its holder after the wait, and free after its release', async () => {
    const lock = await target().lock({ holder: 'ci@build-1', waitMs: 0 });
    const waiting = target().lock({ holder: 'me', waitMs: 300 });
    await expect(waiting).rejects.toThrow(LockTimeoutError);
    await expect(waiting).rejects.toThrow(/ is held by ci@build-1 and was not free within 0\.3 s\./);
    await lock.release();
    await (await target().lock({ holder: 'me', waitMs: 0 })).release();
  });

  test('a holder whose heartbeats go on is not taken over', async () => {
    const lock = await target().lock({ holder: 'slow', waitMs: 0 });
    await expect(target().lock({ holder: 'me', waitMs: 6_000 })).rejects.toThrow('is held by slow');
    await lock.release();
  });
});

test('refused credentials give a sentence with the fix and without the secret', async () => {
  const attempt = target('wrong-secret').applied();
  await expect(attempt).rejects.toThrow(StoreAccessError);
  await expect(attempt).rejects.toThrow(
    /the history cannot be read as "rootuser": SignatureDoesNotMatch: .* Connect with credentials that may\.$/,
  );
  await expect(attempt).rejects.not.toThrow(/wrong-secret/);
});
