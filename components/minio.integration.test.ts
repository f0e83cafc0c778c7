/** Four real servers with TLS between them and to their clients. */
import { connect as connectTls } from 'node:tls';
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  ListBucketsCommand,
  ListObjectVersionsCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { underWrites } from '../e2e/write-loop';
import { connectionReference } from '../migrations/connections';
import { readChangeFiles } from '../migrations/engine/change-files';
import { migrateUp } from '../migrations/engine/runner';
import { KubernetesCluster, type KubernetesObject } from '../migrations/kubernetes/cluster';
import { connect } from '../migrations/provider/connection';
import { http } from '../migrations/targets/http-client';
import { minioFormat } from '../migrations/targets/minio/format';
import { eventually } from '../migrations/testing/servers';
import { testAuthority, testCertificate } from '../migrations/testing/tls';
import { newAuthority } from './certificates/x509';
import { checksum } from './metadata';
import { MinioAdmin } from './minio-admin';
import { metricsToken } from './minio-login';
import { refuseRoot } from './minio-root-access-provider';
import { minioCertificate, type MinioRole, minioSpec } from './minio-spec';
import { putMinioUser } from './minio-user-provider';
import { CERTIFICATE_ANNOTATION, withPodAnnotations } from './pod-annotations';
import { images } from './versions';

const namespace = `minio-test-${process.pid}`;
const BUCKET = 'raw-documents';
const args = {
  namespace,
  image: images.minio,
  mode: 'distributed' as const,
  storage: { size: '1Gi' },
  resources: { requests: { cpu: '25m', memory: '128Mi' }, limits: { memory: '512Mi' } },
  appBuckets: [BUCKET, 'generated-lessons'],
  tlsSecret: 'minio-tls',
  auditImage: images.nginx,
};
const spec = minioSpec(args);
const { dnsNames } = minioCertificate(args);
/** The administrator makes the others. */
const roles: readonly MinioRole[] = ['admin', 'owner', 'app', 'readonly', 'backup', 'monitor'];

interface Keys {
  readonly accessKey: string;
  readonly secretKey: string;
}

let cluster: KubernetesCluster;
let ca: string;
/** Address of the Service, which the one-node cluster's machine reaches too. */
let host: string;
const clients: S3Client[] = [];

const apply = (apiVersion: string, kind: string, object: object) =>
  cluster.apply({ apiVersion, kind, ...object } as KubernetesObject, { fieldManager: 'test', force: true });
const secret = (name: string, stringData: Record<string, string>) =>
  apply('v1', 'Secret', { metadata: { name, namespace }, stringData });

const root: Keys = { accessKey: spec.rootSecret.rootUser, secretKey: 'root-of-the-test' };

/** The keys of a role at a rotation, as the component would generate them. */
const keysOf = (role: MinioRole, rotation = 1): Keys => ({
  accessKey: rotation % 2 === 1 ? `platform-${role}` : `platform-${role}-b`,
  secretKey: `${role}-secret-of-generation-${rotation}`,
});

/** What an update does when it raises the rotation: the user, then the Secret of the applications. */
async function rotate(role: MinioRole, rotation: number): Promise<void> {
  const { logins } = minioSpec({ ...args, rotation });
  const generations = rotation === 1 ? [1] : [rotation - 1, rotation];
  const entries = generations.map((n) => keysOf(role, n));
  const { keysSecret } = logins[role]!.user;
  await secret(
    keysSecret,
    Object.fromEntries(entries.map(({ accessKey, secretKey }) => [accessKey, secretKey])),
  );
  await putMinioUser(logins[role]!.user);
  await secret(`minio-${role}`, { ...keysOf(role, rotation) });
}

function s3({ accessKey, secretKey }: Keys, address = host): S3Client {
  const client = new S3Client({
    endpoint: `https://${address}:9000`,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: { accessKeyId: accessKey, secretAccessKey: secretKey },
    requestHandler: { httpsAgent: { ca, servername: 'minio' } },
  });
  clients.push(client);
  return client;
}

const put = (client: S3Client, Key: string, Bucket = BUCKET) =>
  client.send(new PutObjectCommand({ Bucket, Key, Body: Key }));
const get = async (client: S3Client, Key: string, Bucket = BUCKET) =>
  (await client.send(new GetObjectCommand({ Bucket, Key }))).Body!.transformToString();
/** Addresses of the four. */
async function servers(): Promise<string[]> {
  const addresses = (await cluster.list('v1', 'Pod', namespace)).map(({ status }) => status!.podIP as string);
  expect(addresses.length).toBe(4);
  return addresses;
}
/** What each server answers to root. */
const rootAtEach = async () =>
  Promise.all(
    (await servers()).map(async (address) => {
      const admin = new MinioAdmin({ host: address, port: 9000, tls: { ca, serverName: 'minio' } }, root);
      const list = s3(root, address).send(new ListBucketsCommand());
      return [
        await list.then(
          () => 'accepted',
          ({ name }: Error) => name,
        ),
        await admin.mayAdminister(),
      ];
    }),
  );
const refused = Array.from({ length: 4 }, () => ['InvalidAccessKeyId', false]);
const metrics = (token?: string) =>
  http({
    method: 'GET',
    url: `https://${host}:9000/minio/v2/metrics/cluster`,
    headers: token ? { authorization: `Bearer ${token}` } : {},
    tls: { ca, serverName: 'minio' },
  });

const settled = (revision?: string) =>
  eventually('all servers are ready', 300_000, async () => {
    const { status } = (await cluster.read('apps/v1', 'StatefulSet', namespace, 'minio'))!;
    return (
      status?.readyReplicas === 4 &&
      (revision === undefined ||
        (status.updatedReplicas === 4 &&
          status.currentRevision !== revision &&
          status.updateRevision === status.currentRevision))
    );
  });

/** The certificate that is shown to a client, or why it gives up. */
function handshake(servername: string, authority: string, maxVersion?: 'TLSv1.1') {
  return new Promise<string>((resolve, reject) => {
    const socket = connectTls(
      {
        host,
        port: 9000,
        ca: authority,
        servername,
        ...(maxVersion ? { minVersion: 'TLSv1', maxVersion, ciphers: 'DEFAULT@SECLEVEL=0' } : {}),
      },
      () => {
        resolve(socket.getPeerCertificate().serialNumber);
        socket.destroy();
      },
    );
    socket.on('error', reject);
  });
}

beforeAll(async () => {
  cluster = KubernetesCluster.load();
  await apply('v1', 'Namespace', {
    metadata: { name: namespace, labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } },
  });
  ca = (await testAuthority()).certificate;
  await secret('platform-ca', { 'ca.crt': ca });
  await secret('minio-tls', await testCertificate(dnsNames));
  await secret('minio-root', { rootUser: root.accessKey, rootPassword: root.secretKey });
  await apply('v1', 'ServiceAccount', spec.serviceAccount);
  await apply('v1', 'ConfigMap', spec.auditConfig!);
  for (const service of Object.values(spec.services)) await apply('v1', 'Service', service);
  await apply('policy/v1', 'PodDisruptionBudget', spec.disruptionBudget!);
  await apply('apps/v1', 'StatefulSet', spec.statefulSet);
  host = (await cluster.read('v1', 'Service', namespace, 'minio'))!.spec.clusterIP;
  await settled();
  for (const role of roles) await rotate(role, 1);
  await refuseRoot(spec.rootAccess);
}, 360_000);

afterAll(async () => {
  for (const client of clients) client.destroy();
  await cluster.delete('v1', 'Namespace', undefined, namespace);
}, 60_000);

test('the owner applies the change files, over TLS, and reads no object of the applications', async () => {
  const { target, close } = await connect({
    store: 'minio',
    database: 'platform',
    reference: connectionReference('minio', { namespace }),
    holder: 'test',
    budgetMs: 60_000,
  });
  try {
    const folder = readChangeFiles('migrations/minio/platform', minioFormat);
    const result = await migrateUp({ target, folder, folderName: 'platform', appliedBy: 'test' });
    expect(result.failed).toBeUndefined();
    expect(result.history[0]!.version).toBe('000001');
    expect(await target.schema()).toContain('bucket raw-documents versioning "Enabled"');
  } finally {
    await close();
  }
  await put(s3(keysOf('app')), 'hello');
  await expect(get(s3(keysOf('owner')), 'hello')).rejects.toMatchObject({ name: 'AccessDenied' });
  await expect(put(s3(keysOf('owner')), 'hello')).rejects.toMatchObject({ name: 'AccessDenied' });
}, 120_000);

test('clients verify every name; plain text, old protocols and other authorities are refused', async () => {
  for (const name of dnsNames) {
    await expect(handshake(name.replace('*', 'minio-3'), ca)).resolves.toMatch(/^[0-9A-F]+$/);
  }
  await expect(handshake('minio.elsewhere.svc', ca)).rejects.toMatchObject({
    code: 'ERR_TLS_CERT_ALTNAME_INVALID',
  });
  const stranger = await newAuthority('stranger', { from: new Date(), days: 1 });
  await expect(handshake('minio', stranger.certificate)).rejects.toThrow(
    /unable to (verify|get)|self-signed/,
  );
  await expect(handshake('minio', ca, 'TLSv1.1')).rejects.toThrow(/protocol version|unsupported protocol/);
  const plain = await fetch(`http://${host}:9000/minio/health/live`);
  expect([plain.status, await plain.text()]).toEqual([
    400,
    'Client sent an HTTP request to an HTTPS server.\n',
  ]);
});

test('the servers have found each other over TLS: all are online, and each reads what another wrote', async () => {
  const { accessKey, secretKey } = keysOf('monitor');
  const text = await metrics(metricsToken({ accessKey, secretKey }));
  expect(text).toMatch(/^minio_cluster_nodes_online_total\{.*\} 4$/m);
  expect(text).toMatch(/^minio_cluster_drive_online_total\{.*\} 4$/m);
  const direct = (await servers()).map((address) => s3(keysOf('app'), address));
  await put(direct[0]!, 'from-the-first');
  for (const client of direct) expect(await get(client, 'from-the-first')).toBe('from-the-first');
});

const denied = { name: 'AccessDenied' };

test('every server refuses root, by S3 and by the admin API', async () => {
  expect(await rootAtEach()).toEqual(refused);
});

test('app writes and reads the objects of its buckets, and nothing else', async () => {
  const app = s3(keysOf('app'));
  await put(app, 'roles/a');
  expect(await get(app, 'roles/a')).toBe('roles/a');
  await expect(put(app, 'a', 'elasticsearch-snapshots')).rejects.toMatchObject(denied);
  await expect(app.send(new CreateBucketCommand({ Bucket: 'another' }))).rejects.toMatchObject(denied);
  const VersioningConfiguration = { Status: 'Suspended' as const };
  await expect(
    app.send(new PutBucketVersioningCommand({ Bucket: BUCKET, VersioningConfiguration })),
  ).rejects.toMatchObject(denied);
  await app.send(new DeleteObjectCommand({ Bucket: BUCKET, Key: 'roles/a' }));
});

test('readonly reads them, with their versions, and changes nothing', async () => {
  const [app, readonly] = [s3(keysOf('app')), s3(keysOf('readonly'))];
  await put(app, 'roles/b');
  await put(app, 'roles/b');
  expect(await get(readonly, 'roles/b')).toBe('roles/b');
  const listed = await readonly.send(new ListObjectVersionsCommand({ Bucket: BUCKET, Prefix: 'roles/b' }));
  expect(listed.Versions?.length).toBe(2);
  const VersionId = listed.Versions![1]!.VersionId;
  const old = await readonly.send(new GetObjectCommand({ Bucket: BUCKET, Key: 'roles/b', VersionId }));
  expect(await old.Body!.transformToString()).toBe('roles/b');
  await expect(put(readonly, 'roles/c')).rejects.toMatchObject(denied);
  await expect(
    readonly.send(new DeleteObjectCommand({ Bucket: BUCKET, Key: 'roles/b' })),
  ).rejects.toMatchObject(denied);
  await expect(
    readonly.send(new ListObjectVersionsCommand({ Bucket: 'elasticsearch-snapshots' })),
  ).rejects.toMatchObject(denied);
});

test('backup reads every bucket, and changes nothing', async () => {
  const backup = s3(keysOf('backup'));
  await put(s3(keysOf('app')), 'roles/d');
  const { Buckets } = await backup.send(new ListBucketsCommand());
  expect(Buckets!.map(({ Name }) => Name)).toEqual(expect.arrayContaining([BUCKET, 'schema-migrations']));
  expect(await get(backup, 'roles/d')).toBe('roles/d');
  expect(await get(backup, 'platform/changes/000001.json', 'schema-migrations')).toContain('"000001"');
  await backup.send(new ListObjectVersionsCommand({ Bucket: 'elasticsearch-snapshots' }));
  await expect(put(backup, 'roles/d')).rejects.toMatchObject(denied);
  await expect(
    backup.send(new DeleteObjectCommand({ Bucket: BUCKET, Key: 'roles/d' })),
  ).rejects.toMatchObject(denied);
  await expect(backup.send(new CreateBucketCommand({ Bucket: 'another' }))).rejects.toMatchObject(denied);
});

test('monitor has the metrics, alone, and no data', async () => {
  await expect(metrics()).rejects.toMatchObject({ status: 403 });
  await expect(metrics(metricsToken(keysOf('app')))).rejects.toMatchObject({ status: 403 });
  await expect(metrics(metricsToken({ ...keysOf('monitor'), secretKey: 'wrong' }))).rejects.toMatchObject({
    status: 403,
  });
  const monitor = s3(keysOf('monitor'));
  await expect(get(monitor, 'hello')).rejects.toMatchObject(denied);
  await expect(put(monitor, 'hello')).rejects.toMatchObject(denied);
});

test('every request is a line in the log of the pod that served it, with the access key', async () => {
  await put(s3(keysOf('app')), 'audited');
  const pods = (await cluster.list('v1', 'Pod', namespace)).map((pod) => pod.metadata.name!);
  const lines = await eventually('the line of the request', 30_000, async () => {
    const found: string[] = [];
    for (const pod of pods) {
      const path = await cluster.path('v1', 'Pod', namespace, pod);
      const log = await cluster.request<string>('GET', `${path}/log`, { query: { container: 'audit' } });
      found.push(...log.split('\n').filter((line) => line.includes('"object":"audited"')));
    }
    return found.length > 0 && found;
  });
  expect(lines.map((line) => JSON.parse(line))).toEqual([
    expect.objectContaining({
      accessKey: 'platform-app',
      api: expect.objectContaining({ name: 'PutObject', bucket: BUCKET, statusCode: 200 }),
    }),
  ]);
});

test('a rotation under load: the keys before it work until the next one, without an error', async () => {
  const old = s3(keysOf('app'));
  const write = async (id: string) => {
    await put(old, id);
    return true;
  };
  const report = await underWrites('rotation', write, async (loop) => {
    await eventually('writes before', 30_000, async () => loop.count >= 10);
    await rotate('admin', 2);
    await rotate('app', 2);
    const { count } = loop;
    await eventually('writes after', 30_000, async () => loop.count >= count + 10);
  });
  expect(report.failures).toEqual([]);
  const published = (await cluster.secret(namespace, 'minio-app')) as unknown as Keys;
  expect(published).toEqual(keysOf('app', 2));
  expect(await get(s3(published), report.acknowledged[0]!)).toBe(report.acknowledged[0]);
  expect(await get(s3(keysOf('app', 1)), report.acknowledged[0]!)).toBe(report.acknowledged[0]);
  await rotate('app', 3);
  await put(s3(keysOf('app', 2)), 'second');
  await put(s3(keysOf('app', 3)), 'third');
  await expect(put(s3(keysOf('app', 1)), 'first')).rejects.toMatchObject({ name: 'SignatureDoesNotMatch' });
  await expect(put(old, 'first')).rejects.toMatchObject({ name: 'SignatureDoesNotMatch' });
}, 120_000);

test('the administrator rotates as the others do; two rotations at once leave it the newest two keys', async () => {
  const wrong = { name: 'SignatureDoesNotMatch' };
  const list = (rotation: number) => s3(keysOf('admin', rotation)).send(new ListBucketsCommand());
  await list(1);
  await list(2);
  await rotate('admin', 3);
  await list(2);
  await list(3);
  await expect(list(1)).rejects.toMatchObject(wrong);
  await rotate('admin', 5);
  await list(4);
  await list(5);
  await expect(list(3)).rejects.toMatchObject(wrong);
  await expect(list(2)).rejects.toMatchObject(wrong);
});

test('a renewed certificate replaces the servers one by one, under load', async () => {
  const before = await handshake('minio', ca);
  const renewed = await testCertificate(dnsNames);
  const client = s3(keysOf('app', 3));
  const write = async (id: string) => {
    // A server that stops cancels what it is working on, which the SDK does not repeat by itself.
    await put(client, id).catch((error: Error) =>
      error.name === 'ClientDisconnected' ? put(client, id) : Promise.reject(error),
    );
    return true;
  };
  const report = await underWrites('renewal', write, async (loop) => {
    await eventually('writes before', 30_000, async () => loop.count >= 10);
    const { status } = (await cluster.read('apps/v1', 'StatefulSet', namespace, 'minio'))!;
    await secret('minio-tls', renewed);
    const fingerprint = { [CERTIFICATE_ANNOTATION]: checksum(renewed['tls.crt']) };
    await apply('apps/v1', 'StatefulSet', withPodAnnotations(spec.statefulSet, fingerprint));
    await settled(status!.currentRevision as string);
    const { count } = loop;
    await eventually('writes after', 60_000, async () => loop.count >= count + 10);
  });
  expect(await handshake('minio', ca)).not.toBe(before);
  expect(report.failures).toEqual([]);
  for (const id of report.acknowledged) expect(await get(client, id)).toBe(id);
  expect(await rootAtEach()).toEqual(refused);
}, 600_000);
