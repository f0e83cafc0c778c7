/** The spec's own server with TLS and its logins; in the one-node cluster it is the stand-in, see its README. */
import { connect as connectTls } from 'node:tls';
import type { QdrantClient } from '@qdrant/js-client-rest';
import { underWrites } from '../e2e/write-loop';
import { connectionReference } from '../migrations/connections';
import { readChangeFiles } from '../migrations/engine/change-files';
import { migrateUp } from '../migrations/engine/runner';
import { KubernetesCluster, type KubernetesObject } from '../migrations/kubernetes/cluster';
import { connect } from '../migrations/provider/connection';
import { answer, qdrantClient } from '../migrations/targets/qdrant/client';
import { declaredCollections } from '../migrations/targets/qdrant/collections';
import { HISTORY, LOGINS, qdrantFormat } from '../migrations/targets/qdrant/format';
import { openTlsTunnel, type TlsTunnel } from '../migrations/targets/qdrant/tls-tunnel';
import { eventually } from '../migrations/testing/servers';
import { testAuthority, testCertificate } from '../migrations/testing/tls';
import { newAuthority } from './certificates/x509';
import { loginToken } from './qdrant-logins';
import { putQdrantLogins } from './qdrant-logins-provider';
import { qdrantCertificate, type QdrantLogin, qdrantSpec } from './qdrant-spec';
import { images } from './versions';

const namespace = `qdrant-test-${process.pid}`;
const API_KEY = 'api-key-of-the-test-with-32-bytes';
const args = {
  namespace,
  image: images.qdrant,
  storage: { size: '1Gi' },
  snapshots: { size: '1Gi' },
  resources: { requests: { cpu: '25m', memory: '128Mi' }, limits: { memory: '512Mi' } },
  appCollections: declaredCollections('platform'),
  tlsSecret: 'qdrant-tls',
};
const spec = qdrantSpec(args);
const { dnsNames } = qdrantCertificate(args);

let cluster: KubernetesCluster;
let ca: string;
/** Address of the Service, which the one-node cluster's machine reaches too. */
let host: string;
let tunnel: TlsTunnel;

const apply = (apiVersion: string, kind: string, object: object) =>
  cluster.apply({ apiVersion, kind, ...object } as KubernetesObject, { fieldManager: 'test', force: true });
const secret = (name: string, stringData: Record<string, string>) =>
  apply('v1', 'Secret', { metadata: { name, namespace }, stringData });
const rotate = (rotation: number) => putQdrantLogins(qdrantSpec({ ...args, rotation }).logins.valid);
const token = (login: QdrantLogin, rotation = 1, key = API_KEY) =>
  loginToken(key, login, rotation, spec.logins.access[login]!);
const client = (apiKey: string) => qdrantClient({ url: tunnel.url, apiKey });
const as = (login: QdrantLogin, rotation?: number) => client(token(login, rotation));

const vector = { dense: Array.from({ length: 768 }, (_, axis) => axis + 1) };
const put = (qdrant: QdrantClient, id: number, collection = 'documents') =>
  answer(qdrant.upsert(collection, { wait: true, points: [{ id, vector, payload: { project_id: 'x' } }] }));
const count = async (qdrant: QdrantClient, collection = 'documents') =>
  (await answer(qdrant.count(collection, { exact: true }))).count;

function handshake(servername: string, authority: string) {
  return new Promise<void>((resolve, reject) => {
    const socket = connectTls({ host, port: 6333, ca: authority, servername }, () => {
      socket.destroy();
      resolve();
    });
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
  await secret('qdrant-tls', await testCertificate(dnsNames));
  await secret('qdrant-api-key', { apiKey: API_KEY });
  await apply('v1', 'ServiceAccount', spec.serviceAccount);
  await apply('v1', 'ConfigMap', spec.configMap);
  for (const service of Object.values(spec.services)) await apply('v1', 'Service', service);
  await apply('apps/v1', 'StatefulSet', spec.statefulSet);
  await eventually('Qdrant is ready', 180_000, async () => {
    const set = await cluster.read('apps/v1', 'StatefulSet', namespace, 'qdrant');
    return set?.status?.readyReplicas === 1;
  });
  host = (await cluster.read('v1', 'Service', namespace, 'qdrant'))!.spec.clusterIP;
  await eventually('the Service leads to it', 60_000, () => handshake('qdrant', ca).then(() => true));
  tunnel = await openTlsTunnel({ host, port: 6333, ca, serverName: 'qdrant' });
  await rotate(1);
  const { target, close } = await connect({
    store: 'qdrant',
    database: 'platform',
    reference: connectionReference('qdrant', { namespace }),
    holder: 'test',
    budgetMs: 60_000,
  });
  const folder = readChangeFiles('migrations/qdrant/platform', qdrantFormat);
  const result = await migrateUp({ target, folder, folderName: 'platform', appliedBy: 'test' });
  await close();
  expect(result.failed).toBeUndefined();
}, 300_000);

afterAll(async () => {
  await tunnel?.close();
  await cluster.delete('v1', 'Namespace', undefined, namespace);
}, 60_000);

test('clients verify every name; plain text and other authorities are refused', async () => {
  for (const name of dnsNames)
    await expect(handshake(name.replace('*', 'qdrant-0'), ca)).resolves.toBeUndefined();
  await expect(handshake('qdrant.elsewhere.svc', ca)).rejects.toMatchObject({
    code: 'ERR_TLS_CERT_ALTNAME_INVALID',
  });
  const stranger = await newAuthority('stranger', { from: new Date(), days: 1 });
  await expect(handshake('qdrant', stranger.certificate)).rejects.toThrow(
    /unable to (verify|get)|self-signed/,
  );
  await expect(fetch(`http://${host}:6333/readyz`)).rejects.toThrow('fetch failed');
});

const forbidden = { status: 403 };

test('app reads and writes the points of its collections, by name and by alias, and nothing else', async () => {
  const app = as('app');
  await put(app, 1);
  await put(app, 2, 'document_embeddings');
  expect(await count(app)).toBe(2);
  const { collections } = await app.getCollections();
  expect(collections.map(({ name }) => name).toSorted()).toEqual([
    'agent_capabilities',
    'document_embeddings',
    'recommendations',
    'semantic_search',
    'tool_descriptions',
  ]);
  for (const closed of [HISTORY, LOGINS]) {
    await expect(count(app, closed)).rejects.toMatchObject(forbidden);
    await expect(put(app, 1, closed)).rejects.toMatchObject(forbidden);
  }
  await expect(answer(app.deleteCollection('document_embeddings'))).rejects.toMatchObject(forbidden);
  await expect(answer(app.createCollection('another', { vectors: {} }))).rejects.toMatchObject(forbidden);
  const actions = [{ delete_alias: { alias_name: 'documents' } }];
  await expect(answer(app.updateCollectionAliases({ actions }))).rejects.toMatchObject(forbidden);
});

test('readonly reads them, and changes nothing', async () => {
  const readonly = as('readonly');
  expect(await count(readonly)).toBe(2);
  await expect(count(readonly, HISTORY)).rejects.toMatchObject(forbidden);
  await expect(put(readonly, 3)).rejects.toMatchObject(forbidden);
  await expect(answer(readonly.delete('documents', { points: [1] }))).rejects.toMatchObject(forbidden);
});

test('backup has the history too, and neither makes nor removes a collection', async () => {
  const backup = as('backup');
  expect(await count(backup)).toBe(2);
  expect(await count(backup, HISTORY)).toBeGreaterThan(0);
  await expect(count(backup, LOGINS)).rejects.toMatchObject(forbidden);
  await expect(answer(backup.deleteCollection('recommendations'))).rejects.toMatchObject(forbidden);
});

test('monitor changes nothing', async () => {
  const monitor = as('monitor');
  expect(await count(monitor)).toBe(2);
  await expect(put(monitor, 3)).rejects.toMatchObject(forbidden);
  await expect(answer(monitor.deleteCollection('recommendations'))).rejects.toMatchObject(forbidden);
});

test('tokens that are forged, unsigned, of another login or of no login are refused', async () => {
  await expect(count(client(token('app', 1, 'another key')))).rejects.toMatchObject({
    status: 403,
    message: 'InvalidSignature',
  });
  const [, claims] = token('app').split('.');
  const none = Buffer.from('{"alg":"none"}').toString('base64url');
  for (const unsigned of [`${none}.${claims}.`, `${none}.${claims}.x`, 'x', 'x.y.z'])
    await expect(count(client(unsigned))).rejects.toMatchObject({ status: 401 });
  const missing = loginToken(API_KEY, 'nobody', 1, 'r');
  await expect(count(client(missing))).rejects.toMatchObject({
    status: 401,
    message: 'Invalid JWT, stateful validation failed',
  });
});

test('a rotation under load: the token before it works until the next one, without an error or a restart', async () => {
  const old = as('app');
  let id = 100;
  const write = async () => (await put(old, ++id)).status === 'completed';
  const report = await underWrites('rotation', write, async (loop) => {
    await eventually('writes before', 30_000, async () => loop.count >= 10);
    await expect(count(as('app', 2))).rejects.toMatchObject({ status: 401 });
    await rotate(2);
    const { count: before } = loop;
    await eventually('writes after', 30_000, async () => loop.count >= before + 10);
  });
  expect(report.failures).toEqual([]);
  expect(await count(as('app', 2))).toBe(2 + report.acknowledged.length);
  await put(as('app', 1), 3);
  await rotate(3);
  await put(as('app', 2), 3);
  await put(as('app', 3), 3);
  await expect(put(as('app', 1), 3)).rejects.toMatchObject({ status: 401 });
  await expect(count(as('readonly', 1))).rejects.toMatchObject({ status: 401 });
  const pod = await cluster.read('v1', 'Pod', namespace, 'qdrant-0');
  expect(pod!.status!.containerStatuses[0].restartCount).toBe(0);
}, 120_000);

test('an API key is replaced in two steps, and refused in the third; its tokens are good until then', async () => {
  const next = 'api-key-of-the-next-time-32-bytes';
  const third = 'api-key-of-the-time-after-32-byte';
  const step = async (apiKeyStep: number, keys: { apiKey: string; altApiKey: string }) => {
    const { uid } = (await cluster.read('v1', 'Pod', namespace, 'qdrant-0'))!.metadata;
    await secret('qdrant-api-key', keys);
    await apply('apps/v1', 'StatefulSet', qdrantSpec({ ...args, apiKeyStep }).statefulSet);
    await eventually('Qdrant has started again', 180_000, async () => {
      const pod = await cluster.read('v1', 'Pod', namespace, 'qdrant-0');
      return pod?.metadata.uid !== uid && (await handshake('qdrant', ca).then(() => true));
    });
  };
  const accepted = (key: string) =>
    count(client(token('app', 3, key))).then(
      () => true,
      ({ status }: { status: number }) => status,
    );
  await step(2, { apiKey: API_KEY, altApiKey: next });
  expect([await accepted(API_KEY), await accepted(next), await accepted(third)]).toEqual([true, true, 403]);
  await step(3, { apiKey: next, altApiKey: API_KEY });
  expect([await accepted(API_KEY), await accepted(next), await accepted(third)]).toEqual([true, true, 403]);
  await step(4, { apiKey: next, altApiKey: third });
  expect([await accepted(API_KEY), await accepted(next), await accepted(third)]).toEqual([403, true, true]);
}, 300_000);
