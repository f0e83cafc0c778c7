import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { CreateBucketCommand, ListMultipartUploadsCommand, S3Client } from '@aws-sdk/client-s3';
import { MinioAdmin } from '../../components/minio-admin';
import { type ScratchServer, startMinio } from '../../migrations/testing/servers';
import { S3Repository } from './s3';

let server: ScratchServer;
let client: S3Client;
let endpoint: string;

beforeAll(async () => {
  server = await startMinio();
  endpoint = `http://${server.host}:${server.port}`;
  const credentials = { accessKeyId: server.user, secretAccessKey: server.password };
  client = new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true, credentials });
  for (const Bucket of ['backups', 'others', 'small']) await client.send(new CreateBucketCommand({ Bucket }));
}, 180_000);
afterAll(async () => {
  client?.destroy();
  await server?.stop();
}, 60_000);

const root = () => ({ accessKeyId: server.user, secretAccessKey: server.password });
const repository = (bucket = 'backups', credentials = root()) =>
  new S3Repository({ endpoint, bucket, prefix: 'platform/', credentials });
const content = (...parts: Buffer[]) => Readable.from(parts);
const keys = async (prefix: string) => (await repository().list(prefix)).map(({ key }) => key);

test('what is put comes back, also when it is larger than one part, and empty', async () => {
  for (const size of [0, 1, 17 * 1024 * 1024]) {
    const bytes = randomBytes(size);
    await repository().put(`sizes/${size}`, content(bytes.subarray(0, size >> 1), bytes.subarray(size >> 1)));
    expect((await buffer(await repository().get(`sizes/${size}`))).equals(bytes)).toBe(true);
  }
  expect((await repository().list('sizes/')).map(({ key, bytes }) => [key, bytes])).toEqual([
    ['sizes/0', 0],
    ['sizes/1', 1],
    [`sizes/${17 * 1024 * 1024}`, 17 * 1024 * 1024],
  ]);
});

test('lists more than one page, in order, of its own prefix only', async () => {
  const names = Array.from({ length: 1005 }, (_, index) => `many/${String(index).padStart(4, '0')}`);
  const writer = repository();
  for (let from = 0; from < names.length; from += 50) {
    await Promise.all(
      names.slice(from, from + 50).map((name) => writer.put(name, content(Buffer.from('x')))),
    );
  }
  await new S3Repository({ endpoint, bucket: 'backups', credentials: root() }).put('many/outside', content());
  expect(await keys('many/')).toEqual(names);
});

test('a source that fails leaves neither an object nor parts', async () => {
  const failing = Readable.from(
    (async function* () {
      yield randomBytes(17 * 1024 * 1024);
      throw new Error('the store went away');
    })(),
  );
  await expect(repository().put('failed', failing)).rejects.toThrow('the store went away');
  expect(await keys('failed')).toEqual([]);
  const { Uploads = [] } = await client.send(
    // MinIO lists the uploads of one object only.
    new ListMultipartUploadsCommand({ Bucket: 'backups', Prefix: 'platform/failed' }),
  );
  expect(Uploads).toEqual([]);
});

test('what is deleted is gone; deleting it again is no error', async () => {
  await repository().put('gone', content(Buffer.from('x')));
  await repository().delete('gone');
  await repository().delete('gone');
  await expect(repository().get('gone')).rejects.toMatchObject({
    fault: 'missing',
    message: expect.stringMatching(
      /^Reading gone in bucket backups of http:\/\/127\.0\.0\.1:\d+: It is not there: /,
    ),
  });
});

test('a bucket that is not there', async () => {
  await expect(repository('no-such-bucket').put('x', content(Buffer.from('x')))).rejects.toMatchObject({
    fault: 'missing',
  });
  await expect(repository('no-such-bucket').list('')).rejects.toMatchObject({ fault: 'missing' });
});

test('a bucket that denies: wrong password, unknown user, and a user of another bucket', async () => {
  const admin = new MinioAdmin(
    { host: server.host, port: server.port },
    { accessKey: server.user, secretKey: server.password },
  );
  const user = { accessKey: 'others-only', secretKey: 'a-long-enough-secret' };
  await admin.putPolicy('others', {
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Action: ['s3:*'], Resource: ['arn:aws:s3:::others/*'] }],
  });
  await admin.putUser(user);
  await admin.setPolicy(user.accessKey, 'others');
  const denied = { fault: 'denied', message: expect.not.stringContaining('a-long-enough-secret') };
  for (const credentials of [
    { accessKeyId: server.user, secretAccessKey: 'a-long-enough-secret' },
    { accessKeyId: 'nobody', secretAccessKey: 'a-long-enough-secret' },
    { accessKeyId: user.accessKey, secretAccessKey: user.secretKey },
  ]) {
    const closed = repository('backups', credentials);
    await expect(closed.put('x', content(Buffer.from('x')))).rejects.toMatchObject(denied);
    await expect(closed.get('sizes/1')).rejects.toMatchObject(denied);
    await expect(closed.list('')).rejects.toMatchObject(denied);
    await expect(closed.delete('sizes/1')).rejects.toMatchObject(denied);
  }
});

test('a server that is not there', async () => {
  const nobody = new S3Repository({ endpoint: 'http://127.0.0.1:1', bucket: 'backups', credentials: root() });
  await expect(nobody.list('')).rejects.toMatchObject({ fault: 'unreachable' });
});
