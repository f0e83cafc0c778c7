/** One real server: who may administer it, after what goes wrong. */
import { CreateBucketCommand, ListBucketsCommand, S3Client } from '@aws-sdk/client-s3';
import { KubernetesCluster, type KubernetesObject } from '../migrations/kubernetes/cluster';
import { eventually } from '../migrations/testing/servers';
import { MinioAdmin, type MinioKeys } from './minio-admin';
import { admitRoot, refuseRoot } from './minio-root-access-provider';
import { minioSpec } from './minio-spec';
import { putMinioUser } from './minio-user-provider';
import { images } from './versions';

const namespace = `minio-root-test-${process.pid}`;
const args = {
  namespace,
  image: images.minio,
  mode: 'single' as const,
  storage: { size: '1Gi' },
  resources: { requests: { cpu: '25m', memory: '128Mi' }, limits: { memory: '512Mi' } },
};
const spec = minioSpec(args);
const { rootAccess, statefulSet, logins } = spec;
const root: MinioKeys = { accessKey: spec.rootSecret.rootUser, secretKey: 'root-of-the-test' };

let cluster: KubernetesCluster;
let host: string;
const clients: S3Client[] = [];

const apply = (apiVersion: string, kind: string, object: object) =>
  cluster.apply({ apiVersion, kind, ...object } as KubernetesObject, { fieldManager: 'test', force: true });
const secret = (name: string, stringData: Record<string, string>) =>
  apply('v1', 'Secret', { metadata: { name, namespace }, stringData });

const [first, second, third] = ['first', 'second', 'third'].map((word): MinioKeys => ({
  accessKey: 'platform-admin',
  secretKey: `${word}-key-of-the-admin`,
})) as [MinioKeys, MinioKeys, MinioKeys];

/** The key that an update gives the administrator, and the one that is handed out then. */
const keep = (user: MinioKeys) => secret('minio-admin-keys', { [user.accessKey]: user.secretKey });
const publish = (user: MinioKeys) => secret('minio-admin', { ...user });

/** The server as of the specification, with variables besides, on the drive that it has. */
async function restart(more: { name: string; value: string }[] = []): Promise<void> {
  const [server, ...beside] = statefulSet.spec.template.spec.containers;
  const containers = [{ ...server, env: [...server.env, ...more] }, ...beside];
  const template = { ...statefulSet.spec.template, spec: { ...statefulSet.spec.template.spec, containers } };
  const scaled = (replicas: number) =>
    apply('apps/v1', 'StatefulSet', { ...statefulSet, spec: { ...statefulSet.spec, replicas, template } });
  await scaled(0);
  await eventually('the server is gone', 90_000, async () => {
    return (await cluster.list('v1', 'Pod', namespace)).length === 0;
  });
  await scaled(1);
  await eventually('the server is ready', 120_000, async () => {
    return (await cluster.read('apps/v1', 'StatefulSet', namespace, 'minio'))!.status?.readyReplicas === 1;
  });
  // The Service follows the pod's readiness with a delay.
  await eventually('the server answers', 30_000, () => answers(root));
}

/** What the S3 API and the admin API answer to somebody. */
async function answers(keys: MinioKeys) {
  const client = new S3Client({
    endpoint: `http://${host}:9000`,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: { accessKeyId: keys.accessKey, secretAccessKey: keys.secretKey },
  });
  clients.push(client);
  const s3 = await client.send(new ListBucketsCommand()).then(
    ({ Buckets = [] }) => Buckets.map(({ Name }) => Name),
    ({ name }: Error) => name,
  );
  return { s3, administers: await new MinioAdmin({ host, port: 9000 }, keys).mayAdminister() };
}

const accepted = { s3: ['kept'], administers: true };
const disabled = { s3: 'InvalidAccessKeyId', administers: false };
const wrongKey = { s3: 'SignatureDoesNotMatch', administers: false };

beforeAll(async () => {
  cluster = KubernetesCluster.load();
  await apply('v1', 'Namespace', { metadata: { name: namespace } });
  await secret('minio-root', { rootUser: root.accessKey, rootPassword: root.secretKey });
  await apply('v1', 'ServiceAccount', spec.serviceAccount);
  for (const service of Object.values(spec.services)) await apply('v1', 'Service', service);
  host = (await cluster.read('v1', 'Service', namespace, 'minio'))!.spec.clusterIP;
  await restart();
  await keep(first);
}, 180_000);

afterAll(async () => {
  for (const client of clients) client.destroy();
  await cluster.delete('v1', 'Namespace', undefined, namespace);
}, 60_000);

test('root is refused once there is an administrator, and not before', async () => {
  await expect(refuseRoot(rootAccess)).rejects.toThrow(
    `MinIO ${namespace}/minio accepts no key of Secret ${namespace}/minio-admin; if its root user is switched off, let it in again as docs/security.md says.`,
  );
  expect((await answers(root)).administers).toBe(true);
  await putMinioUser(logins.admin.user);
  // An update that is interrupted here has not handed out the key.
  await refuseRoot(rootAccess);
  await publish(first);
  expect(await answers(root)).toEqual(disabled);
});

test('the administrator makes users and buckets, and gives itself another key', async () => {
  await secret('minio-owner-keys', { 'platform-owner': 'key-of-the-owner' });
  await putMinioUser(logins.owner!.user);
  expect(await answers(first)).toEqual({ s3: [], administers: true });
  await clients.at(-1)!.send(new CreateBucketCommand({ Bucket: 'kept' }));
  await keep(second);
  await putMinioUser(logins.admin.user);
  expect([await answers(first), await answers(second)]).toEqual([wrongKey, accepted]);
  // The update did not come as far as the Secret that is handed out: the next one finds the key all the same.
  await putMinioUser(logins.admin.user);
  await publish(second);
});

test('a server that starts again refuses root still', async () => {
  await restart();
  expect([await answers(root), await answers(second)]).toEqual([disabled, accepted]);
}, 240_000);

test('a lost administrator is made again by root, which a variable lets in', async () => {
  await keep(third);
  await publish(third);
  await expect(putMinioUser(logins.admin.user)).rejects.toThrow('accepts no key');
  await restart([{ name: 'MINIO_API_ROOT_ACCESS', value: 'on' }]);
  expect(await answers(root)).toEqual(accepted);
  await putMinioUser(logins.admin.user);
  await refuseRoot(rootAccess);
  expect([await answers(second), await answers(third)]).toEqual([wrongKey, accepted]);
  await restart();
  expect([await answers(root), await answers(third)]).toEqual([disabled, accepted]);
}, 480_000);

test('whoever removes the stack leaves drives that root is let in to; a server that is away is no obstacle', async () => {
  await admitRoot(rootAccess);
  expect(await answers(root)).toEqual(accepted);
  await admitRoot({ ...rootAccess, service: 'another' });
}, 60_000);
