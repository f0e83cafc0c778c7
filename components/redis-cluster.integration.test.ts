import { join } from 'node:path';
import { Cluster, Redis } from 'ioredis';
import { readChangeFiles } from '../migrations/engine/change-files';
import { migrateDown, migrateUp } from '../migrations/engine/runner';
import { KubernetesCluster, KubernetesObject, Tunnel } from '../migrations/kubernetes/cluster';
import { declaredRegistry } from '../migrations/targets/redis/declared';
import { redisFormat } from '../migrations/targets/redis/format';
import { redisTarget } from '../migrations/targets/redis/store';
import { eventually } from '../migrations/testing/servers';
import { aclFile, aclUserNames } from './redis-acl';
import { applicationRules } from './redis-applications';
import { redisClusterSpec } from './redis-cluster-spec';
import { images } from './versions';

const namespace = `redis-cluster-test-${process.pid}`;
const pods = [0, 1, 2, 3, 4, 5].map((ordinal) => `redis-cluster-${ordinal}`);
const applications = applicationRules(declaredRegistry('platform'));
const passwords = Object.fromEntries(
  [...aclUserNames, ...Object.keys(applications)].map((user) => [user, `${user}-of-the-test`]),
);
const spec = redisClusterSpec({
  namespace,
  image: images.redis,
  storage: { size: '64Mi' },
  resources: { requests: { cpu: '10m', memory: '64Mi' }, limits: { memory: '128Mi' } },
  maxMemory: 64,
  applications,
});
const SETTLE_MS = 240_000;

let cluster: KubernetesCluster;
const tunnels: Record<string, Tunnel> = {};
const clients: Cluster[] = [];
const writers: Writer[] = [];

beforeAll(async () => {
  cluster = KubernetesCluster.load();
  for (const object of objects()) await cluster.apply(object, { fieldManager: 'redis-test' });
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
    password: passwords.migrations!,
    nodes: tunnels,
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

test(
  'a master that is stopped in order hands over to its replica: no write that WAIT confirmed is lost',
  async () => {
    const [master] = await settled();
    const [uid, ip] = [await uidOf(master!), await ipOf(master!)];
    const writer = new Writer(connect('app'));
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
    const writer = new Writer(connect('app'));
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
  const writer = new Writer(connect('app'));
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
  const { configMap, secrets, services, statefulSet, disruptionBudget } = spec;
  const acl = { 'cluster.acl': aclFile('cluster', passwords, applications) };
  const all: [string, string, object][] = [
    ['v1', 'Namespace', { metadata: { name: namespace } }],
    ['v1', 'ConfigMap', configMap],
    ['v1', 'Secret', { ...secrets.replication, stringData: passwords }],
    ['v1', 'Secret', { ...secrets.acl, stringData: acl }],
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

async function replaced(pod: string, uid: string | undefined): Promise<void> {
  await eventually(`another ${pod}`, SETTLE_MS, async () => ![uid, undefined].includes(await uidOf(pod)));
}

async function ipOf(pod: string): Promise<string | undefined> {
  return (await cluster.read('v1', 'Pod', namespace, pod))?.status?.podIP as string | undefined;
}

/** A client as applications make it, but through the tunnels. */
function connect(username: string): Cluster {
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
        password: `${username}-of-the-test`,
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

/** Runs commands on one pod, whatever its role. */
async function on<T>(pod: string, run: (client: Redis) => Promise<T>): Promise<T> {
  const { host, port } = tunnels[pod]!;
  const client = new Redis({
    host,
    port,
    username: 'app',
    password: passwords.app!,
    retryStrategy: null,
    maxRetriesPerRequest: 0,
    connectTimeout: 5000,
    commandTimeout: 5000,
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

/** Writes one key and waits for its replica, on the connection to the node that has it. */
async function confirmedSet(client: Cluster, key: string, value: string): Promise<boolean> {
  const replies = await client.pipeline().set(key, value).wait(1, 1000).exec();
  return replies?.[0]?.[1] === 'OK' && Number(replies[1]?.[1]) >= 1;
}

/** Writes as fast as the replicas confirm. */
class Writer {
  private readonly confirmed: string[] = [];
  private readonly prefix = `write:${Date.now()}`;
  private running = true;
  private longestGap = 0;
  private readonly loop: Promise<void>;

  constructor(private readonly client: Cluster) {
    this.loop = this.write();
    writers.push(this);
  }

  private async write(): Promise<void> {
    let last = Date.now();
    for (let i = 0; this.running; i++) {
      const key = `${this.prefix}:${i}`;
      if (await confirmedSet(this.client, key, key).catch(() => false)) {
        this.confirmed.push(key);
        this.longestGap = Math.max(this.longestGap, Date.now() - last);
        last = Date.now();
      } else {
        // Through the tunnel a dead pod looks like a silent one: ask for the nodes again.
        this.client.disconnect(true);
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
    }
  }

  async stop(): Promise<void> {
    this.running = false;
    await this.loop;
  }

  async untilConfirmed(more: number): Promise<void> {
    const wanted = this.confirmed.length + more;
    await eventually(`${wanted} confirmed writes`, SETTLE_MS, async () => this.confirmed.length >= wanted);
  }

  /** Stops, reports, and returns the confirmed writes that can no longer be read. */
  async finish(event: string): Promise<string[]> {
    await this.stop();
    const client = connect('app');
    const lost: string[] = [];
    for (const key of this.confirmed) if ((await client.get(key)) !== key) lost.push(key);
    console.log(
      `Redis Cluster, ${event}: ${this.confirmed.length} confirmed, ${lost.length} lost, longest gap ${(this.longestGap / 1000).toFixed(1)} s`,
    );
    return lost;
  }
}
