import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Client, errors } from '@elastic/elasticsearch';
import { ensureOperatorManifests } from '../local/manifests';
import { readChangeFiles } from '../migrations/engine/change-files';
import { migrateUp } from '../migrations/engine/runner';
import { KubernetesCluster, type KubernetesObject } from '../migrations/kubernetes/cluster';
import type { Tunnel } from '../migrations/kubernetes/tunnel';
import { elasticsearchFormat } from '../migrations/targets/elasticsearch/format';
import { elasticsearchTarget } from '../migrations/targets/elasticsearch/store';
import { eventually } from '../migrations/testing/servers';
import { slotOf } from './credential';
import type { ElasticsearchArgs } from './elasticsearch-args';
import { awaitLogins, provider } from './elasticsearch-logins-provider';
import { elasticsearchOperatorSpec } from './elasticsearch-operator-spec';
import { elasticsearchSpec } from './elasticsearch-spec';
import { loadManifest } from './manifest-bundle/manifest';
import { eckDefinitions, images, versions } from './versions';

jest.setTimeout(900_000);

const namespace = `rotation-${randomBytes(4).toString('hex')}`;
const operators = `${namespace}-operator`;
const memory = { cpu: '100m', memory: '1Gi' };
const snapshotKey = { name: 'elasticsearch-snapshots', accessKey: 'accessKey', secretKey: 'secretKey' };
const args: ElasticsearchArgs = {
  namespace,
  version: versions.elasticsearch,
  image: images.elasticsearch,
  quickStart: true,
  snapshots: { endpoint: 'http://minio:9000', secret: snapshotKey },
  nodeSets: [
    {
      name: 'default',
      count: 1,
      storage: { size: '1Gi' },
      resources: { requests: memory, limits: { memory: memory.memory } },
    },
  ],
};
let cluster: KubernetesCluster;
/** Whether the cluster had no operator; one that it has is used. */
let ownOperator = false;
let tunnel: Tunnel;
let ca: string;
const serverName = elasticsearchSpec(args).endpoints.host;
const clients: Client[] = [];

beforeAll(async () => {
  cluster = KubernetesCluster.load();
  await ensureOperatorManifests();
  const [definition] = await loadManifest(eckDefinitions);
  const { apiVersion, kind, metadata } = definition!;
  ownOperator = (await cluster.read(apiVersion, kind, undefined, metadata.name!)) === undefined;
  if (ownOperator) await startOperator();
  await apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
  await handOutSnapshotKey('first');
  await rotate(1);
  const secret = await cluster.secret(namespace, elasticsearchSpec(args).caSecret);
  ca = secret!['ca.crt']!;
  tunnel = await cluster.forward(namespace, 'elasticsearch-es-default-0', 9200);
  await migrate();
}, 900_000);
afterAll(async () => {
  for (const client of clients) await client.close();
  await tunnel?.close();
  const kind = 'Elasticsearch';
  await cluster?.delete('elasticsearch.k8s.elastic.co/v1', kind, namespace, 'elasticsearch');
  await cluster?.delete('v1', 'Namespace', undefined, namespace);
  if (ownOperator) await removeOperator();
}, 480_000);

const apply = (object: object) =>
  cluster.apply(object as KubernetesObject, { fieldManager: 'rotation-test', force: true });
const rbac = { apiVersion: 'rbac.authorization.k8s.io/v1' };

const operatorSpec = () =>
  elasticsearchOperatorSpec({
    mode: 'managed',
    namespace: operators,
    image: images.eck,
    definitions: eckDefinitions,
  });

async function startOperator(): Promise<void> {
  for (const object of await loadManifest(eckDefinitions)) await apply(object);
  const spec = operatorSpec();
  await apply({ apiVersion: 'v1', kind: 'Namespace', ...spec.namespace });
  await apply({ apiVersion: 'v1', kind: 'ServiceAccount', ...spec.serviceAccount });
  await apply({ ...rbac, kind: 'ClusterRole', ...spec.clusterRole });
  await apply({ ...rbac, kind: 'ClusterRoleBinding', ...spec.clusterRoleBinding });
  await apply({ apiVersion: 'apps/v1', kind: 'StatefulSet', ...spec.statefulSet });
}

async function removeOperator(): Promise<void> {
  // It finishes the deletion of its objects before it goes.
  await eventually('the cluster is gone', 420_000, async () => {
    return !(await cluster.read('v1', 'Namespace', undefined, namespace));
  });
  const { name } = operatorSpec().clusterRole.metadata;
  await cluster.delete('v1', 'Namespace', undefined, operators);
  await cluster.delete(rbac.apiVersion, 'ClusterRoleBinding', undefined, name);
  await cluster.delete(rbac.apiVersion, 'ClusterRole', undefined, name);
  for (const { apiVersion, kind, metadata } of await loadManifest(eckDefinitions))
    await cluster.delete(apiVersion, kind, undefined, metadata.name!);
}

/** Password of a login's user: that of the newest generation in its slot. */
const password = (generation: number) => `password-of-generation-${generation}`;

/** What the component does for a generation, in its order, up to the Secret that is handed out. */
async function rotate(rotation: number): Promise<void> {
  const spec = elasticsearchSpec({ ...args, rotation });
  for (const { users } of Object.values(spec.logins)) {
    for (const { slot, username, roles, ...secret } of users) {
      const generation = slot === slotOf(rotation) ? rotation : rotation - 1;
      const stringData = { username, roles, password: password(generation) };
      await apply({ apiVersion: 'v1', kind: 'Secret', ...secret, stringData });
    }
  }
  await apply({ apiVersion: 'v1', kind: 'Secret', ...spec.roles });
  await apply(spec.cluster);
  await eventually('the cluster is ready', 600_000, async () => {
    const { apiVersion, kind } = spec.cluster;
    return (await cluster.read(apiVersion, kind, namespace, 'elasticsearch'))?.status?.phase === 'Ready';
  });
  const { loginCheck } = spec;
  if (rotation === 1) await provider.create(loginCheck);
  else await provider.update('', { ...loginCheck, rotation: rotation - 1 }, loginCheck);
}

async function migrate(): Promise<void> {
  const folder = readChangeFiles(
    join(__dirname, '../migrations/elasticsearch/platform'),
    elasticsearchFormat,
  );
  const target = elasticsearchTarget({
    endpoint: `https://${tunnel.host}:${tunnel.port}`,
    username: 'platform-migrator',
    password: password(1),
    database: 'platform',
    tls: { ca, serverName },
  });
  const { failed } = await migrateUp({ target, folder, folderName: 'platform', appliedBy: 'tester' });
  expect(failed).toBeUndefined();
}

/** As the MinIO login of snapshots is handed out. */
async function handOutSnapshotKey(key: string): Promise<void> {
  const { name, accessKey, secretKey } = snapshotKey;
  const stringData = { [accessKey]: `${key}-user`, [secretKey]: `${key}-key` };
  await apply({ apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace }, stringData });
}

const clientOf = (username: string, generation: number) => connect(username, password(generation));

function connect(username: string, password: string): Client {
  const client = new Client({
    node: `https://${tunnel.host}:${tunnel.port}`,
    auth: { username, password },
    tls: { ca, servername: serverName },
    maxRetries: 0,
  });
  clients.push(client);
  return client;
}

const status = (attempt: Promise<unknown>) =>
  attempt.then(
    () => 200,
    (error: unknown) => (error as errors.ResponseError).statusCode,
  );

const { elasticUserSecret, internalUsersSecret } = elasticsearchSpec(args).loginCheck;
/** Passwords by user. */
const internalUsers = async () => (await cluster.secret(namespace, internalUsersSecret))!;
const elasticPassword = async () => (await cluster.secret(namespace, elasticUserSecret))!.elastic!;

/** What changes when a node's pod or its container starts again. */
async function starts() {
  const { metadata, status } = (await cluster.read('v1', 'Pod', namespace, 'elasticsearch-es-default-0'))!;
  const [container] = status!.containerStatuses as { restartCount: number }[];
  return { uid: metadata.uid, restarts: container!.restartCount };
}

test('a rotation under load: the login before it works on, and the one before that is refused', async () => {
  const before = {
    ...{ starts: await starts(), elastic: await elasticPassword(), internal: await internalUsers() },
  };
  expect(before.starts.restarts).toBe(0);
  const old = clientOf('platform-app', 1);
  const failures: unknown[] = [];
  let acknowledged = 0;
  let rotating = true;
  const load = (async () => {
    while (rotating) {
      const document = { document_id: String(acknowledged), type: 'rotation' };
      await old.index({ index: 'documents', document }).then(
        () => acknowledged++,
        (error: unknown) => failures.push(error),
      );
      await delay(20);
    }
  })();
  await rotate(2);
  const rotated = acknowledged;
  await eventually('the load goes on', 30_000, () => Promise.resolve(acknowledged > rotated + 20));
  rotating = false;
  await load;
  expect(failures).toEqual([]);
  const current = clientOf('platform-app-b', 2);
  await current.indices.refresh({ index: 'documents' });
  expect((await current.count({ index: 'documents' })).count).toBe(acknowledged);
  const elastic = await elasticPassword();
  expect(await status(connect('elastic', before.elastic).security.authenticate())).toBe(401);
  expect(await status(connect('elastic', elastic).security.authenticate())).toBe(200);
  const internal = await internalUsers();
  expect(Object.keys(internal)).toEqual(
    expect.arrayContaining(['elastic-internal', 'elastic-internal-probe']),
  );
  for (const [user, password] of Object.entries(before.internal)) {
    await eventually(`another password of ${user}`, 120_000, async () => {
      return (await status(connect(user, internal[user]!).security.authenticate())) === 200;
    });
    expect([user, await status(connect(user, password).security.authenticate())]).toEqual([user, 401]);
  }
  expect(await starts()).toEqual(before.starts);

  await rotate(3);
  expect(await status(clientOf('platform-app', 3).count({ index: 'documents' }))).toBe(200);
  expect(await status(current.count({ index: 'documents' }))).toBe(200);
  expect(await status(old.count({ index: 'documents' }))).toBe(401);
  expect(await status(connect('elastic', elastic).security.authenticate())).toBe(401);
  expect(await starts()).toEqual(before.starts);
});

test('an update that is repeated leaves the password of elastic; one that was interrupted replaces it', async () => {
  const { loginCheck } = elasticsearchSpec({ ...args, rotation: 3 });
  const olds = { ...loginCheck, rotation: 2 };
  const password = await elasticPassword();
  await provider.update('', olds, loginCheck);
  expect(await elasticPassword()).toBe(password);

  await cluster.delete('v1', 'Secret', namespace, elasticUserSecret);
  await provider.update('', olds, loginCheck);
  const replaced = await elasticPassword();
  expect(replaced).not.toBe(password);
  await provider.update('', olds, loginCheck);
  expect(await elasticPassword()).toBe(replaced);
  expect(await status(connect('elastic', replaced).security.authenticate())).toBe(200);
});

test('a login that no node knows is named with its node', async () => {
  const { loginCheck, logins } = elasticsearchSpec({ ...args, rotation: 3 });
  const name = 'elasticsearch-user-nobody';
  const stringData = { username: 'nobody', password: 'unknown' };
  const { type } = logins.app.handedOut;
  await apply({ apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace }, type, stringData });
  await expect(awaitLogins({ ...loginCheck, userSecrets: [name] }, 1)).rejects.toThrow(
    'Node elasticsearch-es-default-0 does not accept the user "nobody" (answers 401); the passwords that were handed out before stay valid. Look at the operator\'s log, then run `pulumi up` again.',
  );
});

test('another key of the snapshots: the node starts again with it', async () => {
  const before = await starts();
  await handOutSnapshotKey('second');
  await eventually('another pod is ready', 300_000, async () => {
    const { apiVersion, kind } = elasticsearchSpec(args).cluster;
    const now = await cluster.read('v1', 'Pod', namespace, 'elasticsearch-es-default-0');
    const phase = (await cluster.read(apiVersion, kind, namespace, 'elasticsearch'))?.status?.phase;
    return now !== undefined && now.metadata.uid !== before.uid && phase === 'Ready';
  });
  const settings = await cluster.secret(namespace, 'elasticsearch-es-secure-settings');
  expect(settings).toEqual({
    's3.client.platform.access_key': 'second-user',
    's3.client.platform.secret_key': 'second-key',
  });
});
