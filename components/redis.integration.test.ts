import { join } from 'node:path';
import Redis from 'ioredis';
import { readChangeFiles } from '../migrations/engine/change-files';
import { migrateUp } from '../migrations/engine/runner';
import { KubernetesCluster, KubernetesObject, Tunnel } from '../migrations/kubernetes/cluster';
import { connect } from '../migrations/provider/connection';
import { redisFormat } from '../migrations/targets/redis/format';
import { eventually } from '../migrations/testing/servers';
import { aclFile, AclUserName, aclUserNames } from './redis-acl';
import { RedisSpec, redisSpec } from './redis-spec';
import { images } from './versions';

const namespace = `redis-test-${process.pid}`;
const ordinals = [0, 1, 2];
const SETTLE_MS = 180_000;
const passwords = Object.fromEntries(aclUserNames.map((user) => [user, `${user}-of-the-test`])) as Record<
  AclUserName,
  string
>;
const small = { requests: { cpu: '25m', memory: '64Mi' }, limits: { memory: '128Mi' } };
const spec = redisSpec({
  namespace,
  image: images.redis,
  storage: { size: '64Mi' },
  resources: small,
  sentinelResources: small,
  maxMemory: 64,
});
const host = (ordinal: number) => `redis-${ordinal}.redis-nodes.${namespace}.svc.cluster.local`;

let cluster: KubernetesCluster;
const tunnels = new Map<string, Tunnel>();

beforeAll(async () => {
  cluster = KubernetesCluster.load();
  for (const object of objects(spec)) await cluster.apply(object, { fieldManager: 'redis-test' });
  for (const i of ordinals) {
    tunnels.set(`redis-${i}`, await cluster.forward(namespace, `redis-${i}`, 6379));
    tunnels.set(`redis-sentinel-${i}`, await cluster.forward(namespace, `redis-sentinel-${i}`, 26379));
  }
  await settled();
}, 300_000);

// A test that failed before its end must not leave its writer to disturb the next one.
afterEach(() => Writer.stopAll());

afterAll(async () => {
  for (const tunnel of tunnels.values()) await tunnel.close();
  await cluster.delete('v1', 'Namespace', undefined, namespace);
  await eventually('the namespace is gone', SETTLE_MS, async () =>
    (await cluster.read('v1', 'Namespace', undefined, namespace)) ? undefined : true,
  );
}, 180_000);

test('ordinal 0 leads at the very first start', async () => {
  expect(await settled()).toBe('redis-0');
});

test('the ACL keeps applications to their data, and everybody else out', async () => {
  await on('redis-0', async (client) => {
    expect(await client.set('greeting', 'hello')).toBe('OK');
    await expect(client.keys('*')).rejects.toThrow(/^NOPERM/);
    await expect(client.config('GET', 'masterauth')).rejects.toThrow(/^NOPERM/);
    await expect(client.flushall()).rejects.toThrow(/^NOPERM/);
  });
  const stranger = new Redis({ ...address('redis-0'), ...once });
  stranger.on('error', () => {});
  await expect(stranger.get('greeting')).rejects.toThrow(/^NOAUTH/);
  stranger.disconnect();
});

test('change files find the master through any data pod, and their replicas have them', async () => {
  const follower = ordinals.map((i) => `redis-${i}`).find((pod) => pod !== 'redis-0')!;
  await settled();
  const { target, close } = await connect({
    store: 'redis',
    database: 'platform',
    reference: {
      kind: 'service',
      namespace,
      service: spec.endpoints.nodesService,
      port: 6379,
      everyPod: true,
      credentialsSecret: 'redis-migrations',
    },
    holder: 'test',
    budgetMs: 60_000,
  });
  try {
    const folder = readChangeFiles(join(__dirname, '../migrations/redis/platform'), redisFormat);
    const result = await migrateUp({ target, folder, folderName: 'platform', appliedBy: 'test' });
    expect(result.failed).toBeUndefined();
    const versions = await on(follower, (client) => client.hkeys('schema:migrations:platform'));
    expect(versions.sort()).toEqual(folder.changes.map((change) => change.version));
  } finally {
    await close();
  }
}, 120_000);

test('a master that is deleted in order hands over: no confirmed write is lost', async () => {
  const before = await settled();
  const writer = new Writer();
  await writer.untilConfirmed(50);
  await cluster.delete('v1', 'Pod', namespace, before);
  await eventually('another master leads', SETTLE_MS, async () =>
    (await settled()) === before ? undefined : true,
  );
  await writer.untilConfirmed(50);
  expect(await writer.finish('hand-over')).toEqual([]);
}, 240_000);

test.each<[string, (master: string) => Promise<unknown>]>([
  ['whose process dies and restarts at once', (master) => on(master, crash, 'crash')],
  [
    'whose pod is killed',
    (master) => cluster.delete('v1', 'Pod', namespace, master, { gracePeriodSeconds: 0 }),
  ],
])(
  'a master %s is replaced: no write that WAIT confirmed is lost',
  async (event, kill) => {
    const before = await settled();
    const writer = new Writer();
    await writer.untilConfirmed(50);
    await kill(before);
    await eventually('another master leads', SETTLE_MS, async () =>
      (await settled()) === before ? undefined : true,
    );
    await writer.untilConfirmed(50);
    expect(await writer.finish(`a master ${event}`)).toEqual([]);
  },
  240_000,
);

test('after the loss of all pods at once, the elected master leads again with its data', async () => {
  const before = await settled();
  await on(before, async (client) => {
    await client.set('survives', 'the outage');
    expect(await client.wait(2, 5000)).toBe(2);
  });
  const elections = await electionCount();
  const pods = [...tunnels.keys()];
  const uids = await Promise.all(pods.map(uidOf));
  // First the processes, so that no pod gets to hand over; then the pods, so that all come back elsewhere.
  await Promise.all(pods.map((pod) => on(pod, crash, 'crash')));
  await Promise.all(
    pods.map((pod) => cluster.delete('v1', 'Pod', namespace, pod, { gracePeriodSeconds: 0 })),
  );
  await eventually('all pods are new', SETTLE_MS, async () => {
    const now = await Promise.all(pods.map(uidOf));
    return now.every((uid, i) => uid !== undefined && uid !== uids[i]) || undefined;
  });
  const master = await settled();
  // The six processes do not end at one instant: the first to be back may still find a majority and hold an election.
  if ((await electionCount()) === elections) expect(master).toBe(before);
  await on(master, async (client) => expect(await client.get('survives')).toBe('the outage'));
}, 240_000);

test('an elected master that comes back with an empty volume empties nobody', async () => {
  const before = await settled();
  const uid = await uidOf(before);
  const writer = new Writer();
  await writer.untilConfirmed(50);
  await cluster.delete('v1', 'PersistentVolumeClaim', namespace, `data-${before}`, {
    propagationPolicy: 'Background',
  });
  await cluster.delete('v1', 'Pod', namespace, before, { gracePeriodSeconds: 0 });
  await eventually('the pod is new', SETTLE_MS, async () => {
    const now = await uidOf(before);
    return (now !== undefined && now !== uid) || undefined;
  });
  await writer.untilConfirmed(50);
  expect(await settled()).not.toBe(before);
  expect(await writer.finish('empty volume')).toEqual([]);
  // The replacement has copied everything back.
  await on(before, async (client) => expect(await client.get('survives')).toBe('the outage'));
}, 240_000);

/** Everything of the component as Kubernetes objects, with the test's passwords. */
function objects({ configMap, secrets, services, statefulSets, disruptionBudgets }: RedisSpec) {
  const all: [string, string, object][] = [
    ['v1', 'Namespace', { metadata: { name: namespace } }],
    ['v1', 'ConfigMap', configMap],
    ['v1', 'Secret', { ...secrets.replication, stringData: passwords }],
    [
      'v1',
      'Secret',
      {
        metadata: secrets.consumers.migrations.metadata,
        stringData: { username: 'migrations', password: passwords.migrations },
      },
    ],
    [
      'v1',
      'Secret',
      {
        ...secrets.acl,
        stringData: {
          'server.acl': `${aclFile('server', passwords)}${crashUser}\n`,
          'sentinel.acl': `${aclFile('sentinel', passwords)}${crashUser} +sentinel|masters\n`,
        },
      },
    ],
    ...Object.values(services).map((service): [string, string, object] => ['v1', 'Service', service]),
    ...Object.values(disruptionBudgets).map((budget): [string, string, object] => [
      'policy/v1',
      'PodDisruptionBudget',
      budget,
    ]),
    ...Object.values(statefulSets).map((set): [string, string, object] => ['apps/v1', 'StatefulSet', set]),
  ];
  return all.map(([apiVersion, kind, rest]) => ({ apiVersion, kind, ...rest }) as KubernetesObject);
}

async function uidOf(pod: string): Promise<string | undefined> {
  return (await cluster.read('v1', 'Pod', namespace, pod))?.metadata.uid;
}

const once = {
  retryStrategy: null,
  maxRetriesPerRequest: 0,
  connectTimeout: 5000,
  commandTimeout: 10_000,
} as const;
const credentials = { username: 'app', password: passwords.app };
/** A user of the test that may end a server at once. */
const crashUser = 'user crash on >crash-of-the-test resetkeys resetchannels -@all +shutdown';

/** Ends a server as if it were killed: no snapshot, no waiting for replicas. */
async function crash(client: Redis): Promise<void> {
  await client.call('SHUTDOWN', 'NOSAVE', 'NOW', 'FORCE').catch(() => {});
}

function address(pod: string): { host: string; port: number } {
  const { host, port } = tunnels.get(pod)!;
  return { host, port };
}

/** Runs commands on one pod, whatever its role. */
async function on<T>(
  pod: string,
  run: (client: Redis) => Promise<T>,
  username: 'app' | 'crash' = 'app',
): Promise<T> {
  const client = new Redis({
    ...address(pod),
    ...once,
    username,
    password: `${username}-of-the-test`,
    enableReadyCheck: username === 'app',
  });
  client.on('error', () => {});
  try {
    return await run(client);
  } finally {
    client.disconnect();
  }
}

/** How many elections the Sentinels have held: the master's configuration epoch. */
async function electionCount(): Promise<number> {
  const [master] = (await on(
    'redis-sentinel-0',
    (client) => client.call('SENTINEL', 'MASTERS'),
    'crash',
  )) as string[][];
  return Number(master![master!.indexOf('config-epoch') + 1]);
}

/** Name of the master, once all Sentinels name it, and both replicas are in sync with it. */
function settled(): Promise<string> {
  return eventually('all Sentinels name one master that both replicas follow', SETTLE_MS, async () => {
    const named = await Promise.all(
      ordinals.map((i) =>
        on(`redis-sentinel-${i}`, (client) => client.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', 'platform')),
      ),
    );
    const [master] = named[0] as [string, string];
    if (named.some((address) => (address as [string, string])[0] !== master)) return undefined;
    const roles = await Promise.all(ordinals.map((i) => on(`redis-${i}`, (client) => client.role())));
    const following = roles.filter(
      (role) => role[0] === 'slave' && role[1] === master && role[3] === 'connected',
    );
    const leader = ordinals.find((i) => host(i) === master);
    if (leader === undefined || following.length !== 2) return undefined;
    const replicas = roles[leader]![0] === 'master' ? (roles[leader]![2] as unknown[]).length : 0;
    return replicas === 2 ? `redis-${leader}` : undefined;
  });
}

/** A client that finds the master through the Sentinels and writes as fast as one replica confirms. */
class Writer {
  private static readonly started: Writer[] = [];
  private readonly confirmed: string[] = [];
  private readonly client: Redis;
  private readonly prefix = `write-${Date.now()}`;
  private running = true;
  private longestGap = 0;
  private readonly loop: Promise<void>;

  constructor() {
    this.client = new Redis({
      sentinels: ordinals.map((i) => address(`redis-sentinel-${i}`)),
      name: spec.endpoints.masterGroup,
      natMap: Object.fromEntries(ordinals.map((i) => [`${host(i)}:6379`, address(`redis-${i}`)])),
      sentinelUsername: credentials.username,
      sentinelPassword: credentials.password,
      ...credentials,
      maxRetriesPerRequest: 0,
      commandTimeout: 2000,
      retryStrategy: () => 100,
      sentinelRetryStrategy: () => 100,
    });
    this.client.on('error', () => {});
    this.loop = this.write();
    Writer.started.push(this);
  }

  private async write(): Promise<void> {
    let last = Date.now();
    for (let i = 0; this.running; i++) {
      try {
        await this.client.set(`${this.prefix}-${i}`, i);
        if ((await this.client.wait(1, 1000)) < 1) continue;
        this.confirmed.push(String(i));
        this.longestGap = Math.max(this.longestGap, Date.now() - last);
        last = Date.now();
      } catch {
        // Another pod may lead by now: ask the Sentinels again.
        this.client.disconnect(true);
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
  }

  /** Waits for that many more confirmed writes. */
  async untilConfirmed(more: number): Promise<void> {
    const wanted = this.confirmed.length + more;
    await eventually(`${wanted} writes are confirmed`, SETTLE_MS, async () =>
      this.confirmed.length >= wanted ? true : undefined,
    );
  }

  static async stopAll(): Promise<void> {
    for (const writer of Writer.started.splice(0)) {
      writer.running = false;
      writer.client.disconnect();
      await writer.loop;
    }
  }

  /** Stops, reports, and returns the confirmed writes that can no longer be read. */
  async finish(event: string): Promise<string[]> {
    this.running = false;
    await this.loop;
    this.client.disconnect();
    const values = await on(await settled(), (client) =>
      client.mget(this.confirmed.map((value) => `${this.prefix}-${value}`)),
    );
    const lost = this.confirmed.filter((value, i) => values[i] !== value);
    console.log(
      `${event}: ${this.confirmed.length} confirmed, ${lost.length} lost, longest gap ${(this.longestGap / 1000).toFixed(1)} s`,
    );
    return lost;
  }
}
