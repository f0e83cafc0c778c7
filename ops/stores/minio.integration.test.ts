import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import {
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  GetBucketLifecycleConfigurationCommand,
  GetBucketPolicyCommand,
  GetBucketVersioningCommand,
  ListBucketsCommand,
  PutBucketLifecycleConfigurationCommand,
  PutBucketPolicyCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  type PutObjectCommandInput,
  PutObjectTaggingCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { MinioAdmin } from '../../components/minio-admin';
import { adminPolicy } from '../../components/minio-policies';
import { readChangeFiles } from '../../migrations/engine/change-files';
import { migrateUp } from '../../migrations/engine/runner';
import { minioFormat } from '../../migrations/targets/minio/format';
import { minioTarget } from '../../migrations/targets/minio/store';
import { HeldConnection } from '../../migrations/testing/held-connection';
import { eventually, type ScratchServer, startMinio } from '../../migrations/testing/servers';
import { differences } from '../testing/contents';
import { CopyFolder } from '../testing/copy-folder';
import { MinioDriver } from './minio';
import { deleteVersions, versionsOf } from './minio-objects';

const platform = readChangeFiles(join(__dirname, '../../migrations/minio/platform'), minioFormat);
let source: ScratchServer;
let second: ScratchServer;
let copy: CopyFolder;

beforeAll(async () => {
  source = await administered(await startMinio());
  second = await administered(await startMinio());
}, 360_000);
afterAll(async () => {
  await source?.stop();
  await second?.stop();
}, 120_000);
beforeEach(async () => {
  copy = new CopyFolder();
  await clear(second);
});
afterEach(() => copy.remove());

type Address = Pick<ScratchServer, 'host' | 'port' | 'user' | 'password'>;
const at = ({ host, port, user, password }: Address) => ({
  ...{ endpoint: `http://${host}:${port}`, accessKey: user, secretKey: password },
});
/** The login that a restore has, and no root. */
async function administered(server: ScratchServer): Promise<ScratchServer> {
  const login = { user: 'platform-admin', password: server.password };
  const keys = { accessKey: login.user, secretKey: login.password };
  const root = new MinioAdmin(server, { accessKey: server.user, secretKey: server.password });
  await root.putPolicy('admin', adminPolicy);
  await root.putUser(keys);
  await root.setPolicy(keys.accessKey, 'admin');
  await root.as(keys).setConfig('api root_access=off');
  return { ...server, ...login };
}
const driver = (server: Address) => new MinioDriver(at(server));
const s3 = (server: Address) =>
  new S3Client({
    ...{ endpoint: at(server).endpoint, region: 'us-east-1', forcePathStyle: true },
    credentials: { accessKeyId: server.user, secretAccessKey: server.password },
  });
async function clear(server: Address): Promise<void> {
  const client = s3(server);
  for (const { Name } of (await client.send(new ListBucketsCommand({}))).Buckets ?? []) {
    await deleteVersions(client, Name!);
    await client.send(new DeleteBucketCommand({ Bucket: Name! }));
  }
}
const migrate = (server: Address, changes = platform) =>
  migrateUp({
    target: minioTarget({ ...at(server), database: 'platform' }),
    ...{ folder: changes, folderName: 'platform', appliedBy: 'tester' },
  });
const bucket = async (server: Address, Bucket: string, Status?: 'Enabled' | 'Suspended') => {
  await s3(server).send(new CreateBucketCommand({ Bucket }));
  if (Status)
    await s3(server).send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status } }));
};
const put = (server: Address, Bucket: string, Key: string, more: Partial<PutObjectCommandInput> = {}) =>
  s3(server).send(new PutObjectCommand({ Bucket, Key, Body: 'text', ...more }));
const remove = (server: Address, Bucket: string, Key: string) =>
  s3(server).send(new DeleteObjectCommand({ Bucket, Key }));
/** All that is known of each version, with its text. */
async function versions(server: Address, name: string, pageSize?: number) {
  const found = [];
  for await (const { header, body } of versionsOf(s3(server), name, pageSize))
    found.push({ ...header, text: (await buffer(body)).toString('latin1').slice(0, 20) });
  return found;
}
const BINARY = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
/** More than one part of an upload. */
const LARGE = Buffer.alloc(17 * 1024 * 1024, 'large ');
const POLICY = {
  Version: '2012-10-17',
  Statement: [
    {
      Effect: 'Allow',
      Principal: { AWS: ['*'] },
      Action: ['s3:GetObject'],
      Resource: ['arn:aws:s3:::plain/*'],
    },
  ],
};

async function fill(server: Address): Promise<void> {
  await migrate(server);
  await bucket(server, 'versioned', 'Enabled');
  await put(server, 'versioned', 'a', {
    Body: 'one',
    Metadata: { by: 'tester', 'x-order': '1' },
    Tagging: 'kind=a%20b&e=',
  });
  await put(server, 'versioned', 'a', {
    Body: 'two',
    ContentType: 'text/plain',
    ContentEncoding: 'identity',
    CacheControl: 'no-store',
  });
  await remove(server, 'versioned', 'a');
  await put(server, 'versioned', 'a', {
    Body: 'three',
    ContentDisposition: 'attachment',
    ContentLanguage: 'de',
  });
  await put(server, 'versioned', 'gone');
  await remove(server, 'versioned', 'gone');
  await put(server, 'versioned', 'folder/é𝄞 +%20&=?#/"<>', { Body: BINARY });
  await put(server, 'versioned', 'empty', {
    Body: Buffer.alloc(0),
    Expires: new Date('2030-01-02T03:04:05Z'),
  });
  await put(server, 'versioned', 'large', { Body: LARGE });
  await bucket(server, 'suspended', 'Enabled');
  for (const Body of ['one', 'two']) await put(server, 'suspended', 'a', { Body });
  await s3(server).send(
    new PutBucketVersioningCommand({ Bucket: 'suspended', VersioningConfiguration: { Status: 'Suspended' } }),
  );
  for (const Body of ['three', 'four']) await put(server, 'suspended', 'a', { Body });
  await bucket(server, 'plain');
  for (const Body of ['one', 'two']) await put(server, 'plain', 'a', { Body });
  await s3(server).send(new PutBucketPolicyCommand({ Bucket: 'plain', Policy: JSON.stringify(POLICY) }));
  const rules = [
    { ID: 'days', Status: 'Enabled' as const, Filter: { Prefix: 'x/' }, Expiration: { Days: 7 } },
    {
      ID: 'date',
      Status: 'Enabled' as const,
      Filter: { Prefix: 'y/' },
      Expiration: { Date: new Date('2040-01-01T00:00:00Z') },
    },
  ];
  await s3(server).send(
    new PutBucketLifecycleConfigurationCommand({ Bucket: 'plain', LifecycleConfiguration: { Rules: rules } }),
  );
  await bucket(server, 'nothing');
}

describe('a round trip', () => {
  beforeAll(async () => {
    await clear(source);
    await fill(source);
  }, 180_000);

  test('gives a second server the same versions, settings and history', async () => {
    const report = await driver(source).backup(copy);
    expect(report.schema).toEqual(platform.changes.map(({ version, checksum }) => ({ version, checksum })));
    expect(report.content).toMatchObject({
      versioned: { count: 9 },
      suspended: { count: 3 },
      plain: { count: 1 },
      nothing: { count: 0 },
      // One for each change and the snapshot after it, not the lock.
      'schema-migrations': { count: platform.changes.length + 1 },
    });
    expect(await driver(source).content()).toEqual(report.content);

    await driver(second).restore(copy.files);
    expect(await driver(second).content()).toEqual(report.content);
    const restored = await versions(second, 'versioned');
    expect(restored).toEqual(await versions(source, 'versioned'));
    expect(restored.slice(0, 4)).toMatchObject([
      {
        key: 'a',
        age: 0,
        text: 'one',
        tags: { e: '', kind: 'a b' },
        properties: { Metadata: { by: 'tester', 'x-order': '1' } },
      },
      { key: 'a', age: 1, text: 'two', properties: { ContentType: 'text/plain', CacheControl: 'no-store' } },
      { key: 'a', age: 2, text: '' },
      {
        key: 'a',
        age: 3,
        text: 'three',
        properties: { ContentDisposition: 'attachment', ContentLanguage: 'de' },
      },
    ]);
    expect((await versions(second, 'suspended')).map(({ text }) => text)).toEqual(['one', 'two', 'four']);
    const of = { Bucket: 'plain' };
    expect((await s3(second).send(new GetBucketVersioningCommand({ Bucket: 'suspended' }))).Status).toBe(
      'Suspended',
    );
    expect((await s3(second).send(new GetBucketVersioningCommand(of))).Status).toBeUndefined();
    expect(JSON.parse((await s3(second).send(new GetBucketPolicyCommand(of))).Policy!)).toEqual(POLICY);
    const { Rules } = await s3(second).send(new GetBucketLifecycleConfigurationCommand(of));
    expect(Rules!.map(({ Expiration }) => Expiration)).toEqual([
      { Days: 7 },
      { Date: new Date('2040-01-01T00:00:00Z') },
    ]);
    expect((await migrate(second)).applied).toEqual([]);
  });

  test('reads a key whose versions are on several pages', async () => {
    expect(await versions(source, 'versioned', 2)).toEqual(await versions(source, 'versioned'));
  });

  test('removes what the copy does not have', async () => {
    const report = await driver(source).backup(copy);
    await bucket(second, 'other', 'Enabled');
    for (const key of ['a', 'a', 'b']) await put(second, 'other', key);
    await remove(second, 'other', 'a');
    await bucket(second, 'plain', 'Enabled');
    await put(second, 'plain', 'more');
    await driver(second).restore(copy.files);
    expect(await driver(second).content()).toEqual(report.content);
  });

  test('that was interrupted is repeated', async () => {
    const report = await driver(source).backup(copy);
    const held = await HeldConnection.open(second);
    held.hold('PUT /suspended/a', 'answer');
    const interrupted = driver({ ...second, host: held.host, port: held.port }).restore(copy.files);
    const failed = expect(interrupted).rejects.toThrow(/ECONNREFUSED|ECONNRESET|socket hang up/);
    await eventually('the restore is among the objects', 60_000, async () => held.holding);
    await held.close();
    await failed;
    expect(await driver(second).content()).not.toEqual(report.content);
    await driver(second).restore(copy.files);
    expect(await driver(second).content()).toEqual(report.content);
  });

  test('of a damaged copy is refused and changes nothing', async () => {
    await driver(source).backup(copy);
    await bucket(second, 'kept');
    await expect(driver(second).restore(copy.without('plain.objects'))).rejects.toThrow(
      'The copy has no plain.objects: it is incomplete. Take another set.',
    );
    await copy.damage('versioned.objects');
    await expect(driver(second).restore(copy.files)).rejects.toThrow(
      /^versioned\.objects is not what was copied/,
    );
    copy.truncate('versioned.objects');
    await expect(driver(second).restore(copy.files)).rejects.toThrow(
      /^versioned\.objects is not what was copied/,
    );
    expect(Object.keys(await driver(second).content())).toEqual(['kept']);
  });

  test('is told from what somebody changed since', async () => {
    const report = await driver(source).backup(copy);
    await driver(second).restore(copy.files);
    const changes: [string, string, () => Promise<unknown>][] = [
      ['a version', 'versioned', () => put(second, 'versioned', 'a', { Body: 'three' })],
      ['a delete marker', 'versioned', () => remove(second, 'versioned', 'empty')],
      ['the bytes', 'plain', () => put(second, 'plain', 'a', { Body: 'twO' })],
      ['metadata', 'plain', () => put(second, 'plain', 'a', { Body: 'twO', Metadata: { a: 'b' } })],
      [
        'tags',
        'suspended',
        () =>
          s3(second).send(
            new PutObjectTaggingCommand({
              Bucket: 'suspended',
              Key: 'a',
              Tagging: { TagSet: [{ Key: 'k', Value: 'v' }] },
            }),
          ),
      ],
    ];
    let before = report.content;
    for (const [what, where, change] of changes) {
      await change();
      const after = await driver(second).content();
      expect([what, differences(before, after)]).toEqual([what, [where]]);
      before = after;
    }
  });
});

test('a copy has what was there all the time while a writer writes, and is what the report says', async () => {
  await clear(source);
  await bucket(source, 'busy', 'Enabled');
  const names = Array.from({ length: 60 }, (_, i) => `k${String(i).padStart(3, '0')}`);
  for (const name of names) await put(source, 'busy', name, { Metadata: { body: 'text' } });
  let written = 0;
  let writing = true;
  const writer = (async () => {
    while (writing) {
      const next = String(++written);
      const name = names[written % names.length]!;
      await put(source, 'busy', name, { Body: next, Metadata: { body: next } });
      if (written % 3 === 0) await remove(source, 'busy', name);
    }
  })();
  await eventually('the writer writes', 30_000, async () => written > 3);
  const before = written;
  const report = await driver(source).backup(copy);
  expect(written).toBeGreaterThan(before);
  writing = false;
  await writer;
  await driver(second).restore(copy.files);
  expect(await driver(second).content()).toEqual(report.content);
  const restored = await versions(second, 'busy');
  expect(restored.filter(({ text }) => text === 'text').map(({ key }) => key)).toEqual(names);
  // A version is whole: bytes and metadata are of the same write.
  const torn = restored.filter(
    ({ size, text, properties }) =>
      size !== undefined && (properties!['Metadata'] as { body: string }).body !== text,
  );
  expect(torn).toEqual([]);
});

test('changes go on from the history of an older copy', async () => {
  await clear(source);
  await migrate(source, { ...platform, changes: platform.changes.slice(0, 1) });
  const report = await driver(source).backup(copy);
  expect(report.schema.map(({ version }) => version)).toEqual(['000001']);
  await migrate(second);
  await driver(second).restore(copy.files);
  const { applied } = await migrate(second);
  expect(applied.map(({ version }) => version)).toEqual(
    platform.changes.slice(1).map(({ version }) => version),
  );
});
