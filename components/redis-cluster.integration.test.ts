import { once } from 'node:events';
import { join } from 'node:path';
import { connect as connectSecure } from 'node:tls';
import { Cluster, Redis, type RedisOptions } from 'ioredis';
import { readChangeFiles } from '../migrations/engine/change-files';
import { migrateDown, migrateUp } from '../migrations/engine/runner';
import { KubernetesCluster, KubernetesObject, Tunnel } from '../migrations/kubernetes/cluster';
import { declaredRegistry } from '../migrations/targets/redis/declared';
import { redisFormat } from '../migrations/targets/redis/format';
import { redisTarget } from '../migrations/targets/redis/store';
import { eventually } from '../migrations/testing/servers';
import { applicationRules } from './redis-applications';
import { redisClusterCertificate } from './redis-certificate';
import { redisClusterSpec } from './redis-cluster-spec';
import { certificateSecrets, internalSecrets, passwordOf, rotate } from './testing/redis';
import { ClusterWriter, confirmedSet } from './testing/redis-cluster';
import { images } from './versions';

const namespace = `redis-cluster-test-${process.pid}`;
const pods = [0, 1, 2, 3, 4, 5].map((ordinal) => `redis-cluster-${ordinal}`);
const applications = applicationRules(declaredRegistry('platform'));
const args = {
  namespace,
  image: images.redis,
  storage: { size: '64Mi' },
  resources: { requests: { cpu: '10m', memory: '64Mi' }, limits: { memory: '128Mi' } },
  maxMemory: 64,
  applications,
  tlsSecret: 'redis-cluster-tls',
};
const spec = redisClusterSpec(args);
const SETTLE_MS = 240_000;

let cluster: KubernetesCluster;
let ca: string;
/** Of the passwords that clients use. */
let generation = 1;
const tunnels: Record<string, Tunnel> = {};
const clients: Cluster[] = [];
const writers: ClusterWriter[] = [];

beforeAll(async () => {
  cluster = KubernetesCluster.load();
  const certificates = await certificateSecrets(redisClusterCertificate(args), namespace);
  ca = certificates.ca;
  for (const object of [...objects(), ...certificates.objects])
    await cluster.apply(object, { fieldManager: 'redis-test' });
  for (const pod of pods) tunnels[pod] = await cluster.forward(namespace, pod, 6379);
  await settled();
}, 300_000);

// A test that failed before its end must not leave its writer to disturb the next one.
afterEach(async () => {
  await Promise.all(writers.splice(0).map((writer) => writer.stop()));
  for (const client of clients.splice(0)) client.disconnect();
});

afterAll(async () => {
  for (const tunnel of Object.values(tunnels)) await tunnel.close();
  await cluster.delete('v1', 'Namespace', undefined, namespace);
}, 60_000);

test('six pods form three pairs that serve every slot', async () => {
  expect(await settled()).toEqual(pods.slice(0, 3));
  const client = connect('app');
  const keys = Array.from({ length: 200 }, (_, i) => `form:${i}`);
  for (const key of keys) await client.set(key, key);
  for (const key of keys) expect(await client.get(key)).toBe(key);
  const sizes = await Promise.all(pods.slice(0, 3).map((pod) => on(pod, (server) => server.dbsize())));
  expect(sizes.every((size) => size > 30)).toBe(true);
});

test('the registry is applied and audited as on a single master, and applications keep to their keys', async () => {
  const connection = {
    host: 'unused',
    port: 1,
    user: 'migrations',
    password: passwordOf('migrations'),
    nodes: tunnels,
    tls: tls(),
  };
  const folder = readChangeFiles(join(__dirname, '../migrations/redis/platform'), redisFormat);
  const target = await redisTarget(connection, 'platform');
  const options = { target, folder, folderName: 'platform', appliedBy: 'tester' };
  expect((await migrateUp(options)).applied).toHaveLength(folder.changes.length);
  expect(await target.schema()).toContain('consumer group a2a:messages:pending routers');
  const gateway = connect('gateway');
  await gateway.hset('session:1', 'user', '7');
  await expect(gateway.hgetall('a2a:agents:capabilities')).rejects.toThrow(/^NOPERM/);
  const texts = (await target.audit())!.faults.map(({ text }) => text);
  expect(texts).toContain('database 0, session:{session_id}: has no TTL, 1 key');
  expect(texts).toContain('database 0, form:*: fits no pattern, 200 keys, such as form:<number> (string)');
  await gateway.del('session:1');
  await migrateDown(options);
  expect(await target.schema()).toEqual([]);
  await target.close();
});

test('plain text is refused, and a client refuses a name that is not the nodes’', async () => {
  const ping = (server: Redis) => server.ping();
  for (const pod of pods.slice(0, 2)) {
    await expect(on(pod, ping, { tls: undefined })).rejects.toThrow();
    await expect(on(pod, ping, { tls: { ca, servername: 'redis' } })).rejects.toThrow();
    expect(await on(pod, ping)).toBe('PONG');
    const name = `${pod}.redis-cluster-nodes.${namespace}.svc.cluster.local`;
    expect(await on(pod, ping, { tls: { ca, servername: name } })).toBe('PONG');
  }
  // The nodes' own port: whoever connects shows a certificate there.
  const bus = await cluster.forward(namespace, pods[0]!, 16379);
  const socket = connectSecure({ host: bus.host, port: bus.port, ...tls() });
  await once(socket, 'secureConnect');
  expect(socket.authorized).toBe(true);
  const [error] = (await once(socket, 'error')) as [Error];
  expect(error.message).toMatch(/certificate required/);
  await bus.close();
});

test(
  'two rotations under load: a login works until it is two generations old, and nodes follow without a restart',
  async () => {
    const uids = await Promise.all(pods.map(containerOf));
    const refusals = async (of: number) => {
      const password = passwordOf('app', of);
      const answers = pods.map((pod) =>
        on(pod, (server) => server.ping(), { password }).catch(() => 'refused'),
      );
      return Promise.all(answers);
    };
    for (const next of [2, 3]) {
      const writer = write();
      await writer.untilConfirmed(50);
      await rotate(
        cluster,
        internalSecrets(spec.secrets, ['cluster'], { applications, generation: next }),
        spec.rotation,
      );
      await writer.untilConfirmed(50);
      expect(writer.failures).toBe(0);
      expect(await writer.finish(`rotation to ${next}`)).toEqual([]);
      generation = next;
      expect([await refusals(next - 1), await refusals(next)]).toEqual([
        Array(6).fill('PONG'),
        Array(6).fill('PONG'),
      ]);
    }
    expect(await refusals(1)).toEqual(Array(6).fill('refused'));
    expect(await Promise.all(pods.map(containerOf))).toEqual(uids);
    // Links that are open stay, whatever the password: cut those of the replicas.
    for (const pod of pods) {
      const crash = { username: 'crash', password: 'crash', enableReadyCheck: false };
      await on(pod, (server) => server.call('CLIENT', 'KILL', 'USER', 'replica'), crash);
    }
    const client = connect('app');
    await eventually('every pair confirms writes again', SETTLE_MS, async () => {
      const keys = Array.from({ length: 20 }, (_, i) => `relinked:${i}`);
      const confirmed = await Promise.all(keys.map((key) => confirmedSet(client, key, 'yes')));
      return confirmed.every(Boolean);
    });
  },
  SETTLE_MS,
);

test(
  'a master that is stopped in order hands over to its replica: no write that WAIT confirmed is lost',
  async () => {
    const [master] = await settled();
    const [uid, ip] = [await uidOf(master!), await ipOf(master!)];
    const writer = write();
    await writer.untilConfirmed(100);
    await cluster.delete('v1', 'Pod', namespace, master!);
    await replaced(master!, uid);
    await writer.untilConfirmed(100);
    expect(await settled()).not.toContain(master);
    expect(await ipOf(master!)).not.toBe(ip);
    expect(await writer.finish('a master is stopped in order')).toEqual([]);
  },
  SETTLE_MS,
);

test(
  'a master that is killed comes back at a new address, as master or replica: no write that WAIT confirmed is lost',
  async () => {
    const [master] = await settled();
    const [uid, ip] = [await uidOf(master!), await ipOf(master!)];
    const writer = write();
    await writer.untilConfirmed(100);
    await cluster.delete('v1', 'Pod', namespace, master!, { gracePeriodSeconds: 0 });
    await replaced(master!, uid);
    await writer.untilConfirmed(100);
    const masters = await settled();
    expect(await ipOf(master!)).not.toBe(ip);
    const outcome = masters.includes(master!) ? 'back before a promotion' : 'its replica was promoted';
    expect(await writer.finish(`a master is killed (${outcome})`)).toEqual([]);
  },
  SETTLE_MS,
);

test('after the loss of all pods at once they find each other at their new addresses, with their data', async () => {
  const before = await settled();
  const client = connect('app');
  for (let i = 0; i < 50; i++) expect(await confirmedSet(client, `outage:${i}`, 'survived')).toBe(true);
  const uids = await Promise.all(pods.map(uidOf));
  await Promise.all(
    pods.map((pod) => cluster.delete('v1', 'Pod', namespace, pod, { gracePeriodSeconds: 0 })),
  );
  await eventually('all pods are new', SETTLE_MS, async () => {
    const now = await Promise.all(pods.map(uidOf));
    return now.every((uid, i) => uid !== undefined && uid !== uids[i]);
  });
  expect(await settled()).toHaveLength(before.length);
  const again = connect('app');
  for (let i = 0; i < 50; i++) expect(await again.get(`outage:${i}`)).toBe('survived');
}, 300_000);

test('a master that is killed and loses its volume is replaced by its replica, and its old self is forgotten', async () => {
  const [master] = await settled();
  const uid = await uidOf(master!);
  const writer = write();
  await writer.untilConfirmed(100);
  await cluster.delete('v1', 'PersistentVolumeClaim', namespace, `data-${master}`, {
    propagationPolicy: 'Background',
  });
  await cluster.delete('v1', 'Pod', namespace, master!, { gracePeriodSeconds: 0 });
  await replaced(master!, uid);
  await writer.untilConfirmed(100);
  expect(await settled()).not.toContain(master);
  expect(await writer.finish('a master is killed and loses its volume')).toEqual([]);
  const client = connect('app');
  for (let i = 0; i < 50; i++) expect(await client.get(`outage:${i}`)).toBe('survived');
}, 300_000);

/** Everything of the component as Kubernetes objects, with the test's passwords. */
function objects(): KubernetesObject[] {
  const { serviceAccount, configMap, secrets, services, statefulSet, disruptionBudget } = spec;
  const { acl, replication } = internalSecrets(secrets, ['cluster'], { applications });
  const all: [string, string, object][] = [
    ['v1', 'Namespace', { metadata: { name: namespace } }],
    ['v1', 'ServiceAccount', serviceAccount],
    ['v1', 'ConfigMap', configMap],
    ['v1', 'Secret', replication],
    ['v1', 'Secret', acl],
    ['v1', 'Service', services.nodes],
    ['v1', 'Service', services.client],
    ['policy/v1', 'PodDisruptionBudget', disruptionBudget],
    ['apps/v1', 'StatefulSet', statefulSet],
  ];
  return all.map(([apiVersion, kind, rest]) => ({ apiVersion, kind, ...rest }) as KubernetesObject);
}

async function uidOf(pod: string): Promise<string | undefined> {
  return (await cluster.read('v1', 'Pod', namespace, pod))?.metadata.uid;
}

/** Identity of the running server: a restart changes it. */
async function containerOf(pod: string): Promise<string | undefined> {
  const statuses = (await cluster.read('v1', 'Pod', namespace, pod))?.status?.containerStatuses ?? [];
  return (statuses as { name: string; containerID: string }[]).find(({ name }) => name === 'cluster')
    ?.containerID;
}

async function replaced(pod: string, uid: string | undefined): Promise<void> {
  await eventually(`another ${pod}`, SETTLE_MS, async () => ![uid, undefined].includes(await uidOf(pod)));
}

async function ipOf(pod: string): Promise<string | undefined> {
  return (await cluster.read('v1', 'Pod', namespace, pod))?.status?.podIP as string | undefined;
}

/** What clients verify the nodes with; at the end of a tunnel they have to say which name they mean. */
function tls() {
  return { ca, serverName: 'redis-cluster-nodes', servername: 'redis-cluster-nodes' };
}

/** A client as applications make it, but through the tunnels. */
function connect(username: string, password = passwordOf(username, generation)): Cluster {
  const client = new Cluster(
    pods.map((pod) => tunnels[pod]!),
    {
      natMap: (address) => tunnels[address.split('.')[0]!] ?? null,
      dnsLookup: (name, done) => done(null, name),
      slotsRefreshTimeout: 3000,
      slotsRefreshInterval: 1000,
      clusterRetryStrategy: () => 200,
      retryDelayOnClusterDown: 200,
      redisOptions: {
        username,
        password,
        tls: tls(),
        commandTimeout: 5000,
        connectTimeout: 5000,
        maxRetriesPerRequest: 0,
      },
    },
  );
  client.on('error', () => {});
  clients.push(client);
  return client;
}

function write(): ClusterWriter {
  const writer = new ClusterWriter(connect('app'), () => connect('app'));
  writers.push(writer);
  return writer;
}

/** Runs commands on one pod, whatever its role. */
async function on<T>(
  pod: string,
  run: (client: Redis) => Promise<T>,
  options: RedisOptions = {},
): Promise<T> {
  const { host, port } = tunnels[pod]!;
  const client = new Redis({
    host,
    port,
    username: 'app',
    password: passwordOf('app', generation),
    tls: tls(),
    retryStrategy: null,
    maxRetriesPerRequest: 0,
    connectTimeout: 5000,
    commandTimeout: 5000,
    ...options,
  });
  client.on('error', () => {});
  try {
    return await run(client);
  } finally {
    client.disconnect();
  }
}

/** Pods that are masters, once all are ready, all slots are served by three of them, and every pod knows just these six. */
async function settled(): Promise<string[]> {
  let masters: string[] = [];
  await eventually('six ready pods in three pairs that all know', SETTLE_MS, async () => {
    try {
      const views = await Promise.all(pods.map((pod) => on(pod, (server) => server.cluster('NODES'))));
      const lines = (views[0] as string).trim().split('\n');
      masters = lines
        .filter((line) => /\bmaster\b/.test(line) && / \d+-\d+/.test(line))
        .map((line) => /,([^. ]+)\./.exec(line)![1]!)
        .sort();
      const healthy = views.every(
        (view) =>
          (view as string).trim().split('\n').length === 6 && !/fail|handshake|noaddr/.test(view as string),
      );
      const ready = await Promise.all(pods.map(isReady));
      return healthy && masters.length === 3 && ready.every(Boolean);
    } catch {
      return false;
    }
  });
  return masters;
}

async function isReady(pod: string): Promise<boolean> {
  const conditions = ((await cluster.read('v1', 'Pod', namespace, pod))?.status?.conditions ?? []) as {
    type: string;
    status: string;
  }[];
  return conditions.some(({ type, status }) => type === 'Ready' && status === 'True');
}
