/** Two MinIOs in namespaces of their own, the second of which follows the first. */
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  ListObjectVersionsCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { randomBytes } from 'node:crypto';
import { KubernetesCluster, type KubernetesObject } from '../migrations/kubernetes/cluster';
import { eventually } from '../migrations/testing/servers';
import { testCertificate } from '../migrations/testing/tls';
import { newAuthority } from './certificates/x509';
import { asAdministrator } from './minio-administrator';
import { type MinioReplicationInputs } from './minio-replication';
import { provider } from './minio-replication-provider';
import { minioCertificate, minioSpec } from './minio-spec';
import { putMinioUser } from './minio-user-provider';
import { images } from './versions';

const BUCKET = 'raw-documents';
const WITHIN_MS = 90_000;
const id = randomBytes(4).toString('hex');
const sites = ['first', 'second'] as const;
type Site = (typeof sites)[number];

let cluster: KubernetesCluster;
/** Each site has an authority of its own. */
let authorities: Record<Site, Awaited<ReturnType<typeof newAuthority>>>;
const clients: Partial<Record<Site, S3Client>> = {};

const namespaceOf = (site: Site) => `replication-${site}-${id}`;
const argsOf = (site: Site) => ({
  namespace: namespaceOf(site),
  image: images.minio,
  mode: 'single' as const,
  storage: { size: '1Gi' },
  resources: { requests: { cpu: '25m', memory: '128Mi' }, limits: { memory: '512Mi' } },
  appBuckets: [BUCKET],
  tlsSecret: 'minio-tls',
  ...(site === 'first' ? { trustedAuthority: authorities.second.certificate } : { replicaLogin: true }),
});
const apply = (apiVersion: string, kind: string, object: object) =>
  cluster.apply({ apiVersion, kind, ...object } as KubernetesObject, { fieldManager: 'test', force: true });
const secret = (site: Site, name: string, stringData: Record<string, string>) =>
  apply('v1', 'Secret', { metadata: { name, namespace: namespaceOf(site) }, stringData });
const keysOf = (role: string) => ({ accessKey: `platform-${role}`, secretKey: `secret-of-${role}-${id}` });

const inputs = (): MinioReplicationInputs => {
  const { rotation: _, ...place } = minioSpec(argsOf('first')).rootAccess;
  return {
    ...place,
    buckets: [BUCKET],
    endpoint: `https://minio.${namespaceOf('second')}.svc.cluster.local:9000`,
    credentialsSecret: 'minio-replication',
    rotation: 1,
  };
};

async function start(site: Site): Promise<void> {
  const spec = minioSpec(argsOf(site));
  await apply('v1', 'Namespace', { metadata: { name: namespaceOf(site) } });
  const certificate = await testCertificate(
    minioCertificate(argsOf(site)).dnsNames,
    Promise.resolve(authorities[site]),
  );
  await secret(site, 'minio-tls', certificate);
  await secret(site, 'minio-root', { rootUser: spec.rootSecret.rootUser, rootPassword: 'root-of-the-test' });
  await apply('v1', 'ServiceAccount', spec.serviceAccount);
  if (spec.trustedConfig) await apply('v1', 'ConfigMap', spec.trustedConfig);
  for (const service of Object.values(spec.services)) await apply('v1', 'Service', service);
  await apply('apps/v1', 'StatefulSet', spec.statefulSet);
  await eventually(`the ${site} MinIO is ready`, 180_000, async () => {
    return (
      (await cluster.read('apps/v1', 'StatefulSet', namespaceOf(site), 'minio'))?.status?.readyReplicas === 1
    );
  });
  for (const [role, login] of Object.entries(spec.logins)) {
    const { accessKey, secretKey } = keysOf(role);
    await secret(site, login.user.keysSecret, { [accessKey]: secretKey });
    await putMinioUser(login.user);
    await secret(site, `minio-${role}`, keysOf(role));
  }
  const host = (await cluster.read('v1', 'Service', namespaceOf(site), 'minio'))!.spec.clusterIP as string;
  const { accessKey: accessKeyId, secretKey: secretAccessKey } = keysOf('admin');
  const client = new S3Client({
    endpoint: `https://${host}:9000`,
    ...{ region: 'us-east-1', forcePathStyle: true, credentials: { accessKeyId, secretAccessKey } },
    requestHandler: { httpsAgent: { ca: authorities[site].certificate, servername: 'minio' } },
  });
  clients[site] = client;
  await client.send(new CreateBucketCommand({ Bucket: BUCKET }));
  const VersioningConfiguration = { Status: 'Enabled' as const };
  await client.send(new PutBucketVersioningCommand({ Bucket: BUCKET, VersioningConfiguration }));
}

beforeAll(async () => {
  cluster = KubernetesCluster.load();
  const validity = { from: new Date(), days: 1 };
  authorities = {
    first: await newAuthority('first', validity),
    second: await newAuthority('second', validity),
  };
  await Promise.all(sites.map(start));
  await secret('first', 'minio-replication', keysOf('replica'));
}, 360_000);
afterAll(async () => {
  for (const client of Object.values(clients)) client.destroy();
  for (const site of sites) await cluster.delete('v1', 'Namespace', undefined, namespaceOf(site));
}, 60_000);

const put = (site: Site, Key: string) =>
  clients[site]!.send(new PutObjectCommand({ Bucket: BUCKET, Key, Body: Key }));
/** Versions and delete markers by key, newest first. */
async function versionsOf(site: Site): Promise<Record<string, string[]>> {
  const { Versions = [], DeleteMarkers = [] } = await clients[site]!.send(
    new ListObjectVersionsCommand({ Bucket: BUCKET }),
  );
  const found: Record<string, string[]> = {};
  for (const { Key, VersionId } of DeleteMarkers) (found[Key!] ??= []).push(`deleted ${VersionId}`);
  for (const { Key, VersionId } of Versions) (found[Key!] ??= []).push(VersionId!);
  return found;
}
/** The second site has all versions of the first. */
const nothingMissing = () =>
  eventually('every version is copied', WITHIN_MS, async () => {
    const [all, copied] = [await versionsOf('first'), await versionsOf('second')];
    return Object.entries(all).every(([key, versions]) =>
      versions.every((one) => copied[key]?.includes(one)),
    );
  });
const sameOnBoth = (what: string) =>
  eventually(
    what,
    WITHIN_MS,
    async () => JSON.stringify(await versionsOf('first')) === JSON.stringify(await versionsOf('second')),
    async () => JSON.stringify([await versionsOf('first'), await versionsOf('second')], null, 1),
  );

test('every version and delete marker is copied, also what was there before; deleted versions stay in the copy', async () => {
  await put('first', 'before');
  await put('first', 'before');
  await provider.create(inputs());
  await put('first', 'since');
  await sameOnBoth('all versions are on the second site');
  expect(Object.keys(await versionsOf('second'))).toEqual(['before', 'since']);

  await clients.first!.send(new DeleteObjectCommand({ Bucket: BUCKET, Key: 'since' }));
  await sameOnBoth('the delete marker is on the second site');
  const [VersionId] = (await versionsOf('first')).before!;
  await clients.first!.send(new DeleteObjectCommand({ Bucket: BUCKET, Key: 'before', VersionId }));
  await put('first', 'last');
  await eventually(
    'what came after is copied',
    WITHIN_MS,
    async () => 'last' in (await versionsOf('second')),
  );
  expect((await versionsOf('second')).before).toContain(VersionId);
  expect((await versionsOf('first')).before).not.toContain(VersionId);
}, 240_000);

test('an update may be repeated; another key of the login is taken', async () => {
  await provider.update('', inputs(), inputs());
  const second = minioSpec({ ...argsOf('second'), rotation: 2 }).logins.replica!;
  const rotated = { accessKey: 'platform-replica-b', secretKey: `another-secret-${id}` };
  const { accessKey, secretKey } = keysOf('replica');
  await secret('second', second.user.keysSecret, {
    [rotated.accessKey]: rotated.secretKey,
    [accessKey]: secretKey,
  });
  await putMinioUser(second.user);
  await secret('first', 'minio-replication', rotated);
  await provider.update('', inputs(), { ...inputs(), rotation: 2 });
  // The user before loses its key.
  await secret('second', second.user.keysSecret, { [accessKey]: 'no-longer-the-key-of-anybody' });
  await putMinioUser({ ...second.user, accessKeys: [accessKey] });
  await put('first', 'rotated');
  await eventually('it is copied', WITHIN_MS, async () => 'rotated' in (await versionsOf('second')));
}, 150_000);

test('what cannot be copied is said, with the bucket', async () => {
  const missing = { ...inputs(), buckets: ['generated-lessons'] };
  await clients.first!.send(new CreateBucketCommand({ Bucket: 'generated-lessons' }));
  await expect(provider.create(missing)).rejects.toThrow(
    /^Bucket generated-lessons is not copied to https:\/\/minio\.replication-second-\w+\.svc\.cluster\.local:9000: MinIO refused set-remote-target: /,
  );
  await expect(provider.create({ ...inputs(), credentialsSecret: 'nobody' })).rejects.toThrow(
    `Secret ${namespaceOf('first')}/nobody does not exist`,
  );
});

test('where it is switched off, nothing leads to the other site', async () => {
  const targets = () => asAdministrator(inputs(), (admin) => admin.remoteTargets(BUCKET));
  expect(await targets()).toHaveLength(1);
  await provider.delete('', inputs());
  expect(await targets()).toEqual([]);
  await put('first', 'alone');
  await provider.delete('', inputs());
  await provider.create(inputs());
  await nothingMissing();
}, 120_000);

test('the first site is lost: the second has everything, and takes writes', async () => {
  const all = await versionsOf('first');
  await cluster.delete('v1', 'Namespace', undefined, namespaceOf('first'));
  const copied = await versionsOf('second');
  for (const [key, versions] of Object.entries(all))
    expect(copied[key]).toEqual(expect.arrayContaining(versions));
  await put('second', 'promoted');
  expect(Object.keys(await versionsOf('second'))).toContain('promoted');
});
