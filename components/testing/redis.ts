/** Redis on the test cluster, as the component lays it out: with TLS, and passwords that can be rotated. */
import { Redis, type RedisOptions } from 'ioredis';
import { KubernetesCluster, type KubernetesObject, type Tunnel } from '../../migrations/kubernetes/cluster';
import { eventually } from '../../migrations/testing/servers';
import { testCertificate } from '../../migrations/testing/tls';
import type { CertificateRequest } from '../certificates/request';
import { checksum } from '../metadata';
import { aclFile, type AclSide, aclUserNames, type ApplicationRules } from '../redis-acl';
import { redisCertificate } from '../redis-certificate';
import type { RedisReloadInputs } from '../redis-reload';
import { reloadRedis } from '../redis-reload-provider';
import { redisSpec } from '../redis-spec';
import { images } from '../versions';

const FIELD_MANAGER = 'redis-test';
const SETTLE_MS = 180_000;
const ordinals = [0, 1, 2];
const small = { requests: { cpu: '25m', memory: '64Mi' }, limits: { memory: '128Mi' } };

/** A user of the tests that may end a server at once, and cut its connections. */
const crashUser = 'user crash on >crash resetkeys resetchannels -@all +shutdown +client|kill';

export const once = {
  retryStrategy: null,
  maxRetriesPerRequest: 0,
  connectTimeout: 5000,
  commandTimeout: 10_000,
} as const;

/** The password of a user in a generation. */
export function passwordOf(user: string, generation = 1): string {
  return user === 'crash' ? 'crash' : `${user}-${generation}-of-the-test`;
}

/** The Secret with a certificate, and that with the authority. */
export async function certificateSecrets(
  { secret, dnsNames }: CertificateRequest,
  namespace: string,
): Promise<{ ca: string; objects: KubernetesObject[] }> {
  const data = await testCertificate(dnsNames);
  const ca = data['ca.crt'];
  const object = (name: string, stringData: object) =>
    secretObject({ metadata: { name, namespace } }, stringData);
  return { ca, objects: [object(secret, data), object('platform-ca', { 'ca.crt': ca })] };
}

export function secretObject(
  spec: { readonly metadata: KubernetesObject['metadata'] },
  stringData: object,
): KubernetesObject {
  return { apiVersion: 'v1', kind: 'Secret', ...spec, stringData };
}

/** The Secrets of the pods in a generation, and their revision; the pods accept the generation before it, too. */
export function internalSecrets(
  secrets: Readonly<Record<'acl' | 'replication', { readonly metadata: KubernetesObject['metadata'] }>>,
  sides: readonly AclSide[],
  { generation = 1, applications = {} }: { generation?: number; applications?: ApplicationRules } = {},
) {
  const users = [...aclUserNames, ...Object.keys(applications)];
  const generations = generation === 1 ? [1] : [generation, generation - 1];
  const accepted = Object.fromEntries(
    users.map((user) => [user, generations.map((of) => passwordOf(user, of))]),
  );
  const files = Object.fromEntries(
    sides.map((side) => [
      `${side}.acl`,
      `${aclFile(side, accepted, applications)}${crashUser}${side === 'sentinel' ? ' +sentinel|masters +sentinel|sentinels' : ''}\n`,
    ]),
  );
  const revision = checksum(JSON.stringify(files));
  const passwords = Object.fromEntries(aclUserNames.map((user) => [user, passwordOf(user, generation)]));
  return {
    revision,
    acl: secretObject(secrets.acl, { ...files, revision }),
    replication: secretObject(secrets.replication, { ...passwords, revision }),
  };
}

/** Goes through the steps of a rotation as the component declares them. */
export async function rotate(
  cluster: KubernetesCluster,
  { revision, acl, replication }: ReturnType<typeof internalSecrets>,
  pods: Pick<RedisReloadInputs, 'namespace' | 'workloads'>,
): Promise<void> {
  await cluster.apply(acl, { fieldManager: FIELD_MANAGER });
  await reloadRedis({ ...pods, revision, what: 'acl' });
  await cluster.apply(replication, { fieldManager: FIELD_MANAGER });
  await reloadRedis({ ...pods, revision, what: 'all' });
}

/** Three data pods and three Sentinels in a namespace of their own. */
export class SentinelPlatform {
  readonly spec: ReturnType<typeof redisSpec>;
  /** Data pods and Sentinels. */
  readonly pods = ordinals.flatMap((i) => [`redis-${i}`, `redis-sentinel-${i}`]);
  /** Of the passwords that {@link on} uses. */
  generation = 1;
  private readonly tunnels = new Map<string, Tunnel>();
  private readonly writers: Writer[] = [];

  private constructor(
    readonly cluster: KubernetesCluster,
    readonly namespace: string,
    readonly ca: string,
    args: Parameters<typeof redisSpec>[0],
  ) {
    this.spec = redisSpec(args);
  }

  /** Starts it and waits until it is settled. */
  static async start(namespace: string): Promise<SentinelPlatform> {
    const cluster = KubernetesCluster.load();
    const args = {
      namespace,
      image: images.redis,
      storage: { size: '64Mi' },
      ...{ resources: small, sentinelResources: small, maxMemory: 64, tlsSecret: 'redis-tls' },
    };
    const { ca, objects } = await certificateSecrets(redisCertificate(args), namespace);
    const platform = new SentinelPlatform(cluster, namespace, ca, args);
    for (const object of platform.objects(objects)) {
      await cluster.apply(object, { fieldManager: FIELD_MANAGER });
    }
    for (const pod of platform.pods) {
      const port = pod.includes('sentinel') ? 26379 : 6379;
      platform.tunnels.set(pod, await cluster.forward(namespace, pod, port));
    }
    await platform.settled();
    return platform;
  }

  /** Everything of the component as Kubernetes objects, with the test's passwords. */
  private objects(certificates: readonly KubernetesObject[]): KubernetesObject[] {
    const { serviceAccount, configMap, secrets, services, statefulSets, disruptionBudgets } = this.spec;
    const { acl, replication } = internalSecrets(secrets, ['server', 'sentinel']);
    const login = { username: 'migrations', password: passwordOf('migrations') };
    const of = (apiVersion: string, kind: string, specs: readonly object[]) =>
      specs.map((spec) => ({ apiVersion, kind, ...spec }) as KubernetesObject);
    return [
      ...of('v1', 'Namespace', [{ metadata: { name: this.namespace } }]),
      ...of('v1', 'ServiceAccount', [serviceAccount]),
      ...of('v1', 'ConfigMap', [configMap]),
      ...[acl, replication, ...certificates],
      secretObject({ metadata: secrets.consumers.migrations.metadata }, login),
      ...of('v1', 'Service', Object.values(services)),
      ...of('policy/v1', 'PodDisruptionBudget', Object.values(disruptionBudgets)),
      ...of('apps/v1', 'StatefulSet', Object.values(statefulSets)),
    ];
  }

  /** Replaces all passwords. */
  async rotate(generation: number): Promise<void> {
    const next = internalSecrets(this.spec.secrets, ['server', 'sentinel'], { generation });
    await rotate(this.cluster, next, this.spec.rotation);
    this.generation = generation;
  }

  host(ordinal: number): string {
    return `redis-${ordinal}.redis-nodes.${this.namespace}.svc.cluster.local`;
  }

  /** Where the test reaches a pod. */
  address(pod: string): { host: string; port: number } {
    const { host, port } = this.tunnels.get(pod)!;
    return { host, port };
  }

  /** What clients verify the server with; at the end of a tunnel they have to say which name they mean. */
  tls(servername = 'redis-nodes') {
    return { ca: this.ca, servername };
  }

  async uidOf(pod: string): Promise<string | undefined> {
    return (await this.cluster.read('v1', 'Pod', this.namespace, pod))?.metadata.uid;
  }

  /** Runs commands on one pod, whatever its role. */
  async on<T>(
    pod: string,
    run: (client: Redis) => Promise<T>,
    username = 'app',
    options: RedisOptions = {},
  ): Promise<T> {
    const client = new Redis({
      ...this.address(pod),
      ...once,
      username,
      password: passwordOf(username, this.generation),
      tls: this.tls(),
      enableReadyCheck: username === 'app',
      ...options,
    });
    client.on('error', () => {});
    try {
      return await run(client);
    } finally {
      client.disconnect();
    }
  }

  /** What a Sentinel knows of the master. */
  async masterAt(sentinel: number): Promise<Record<string, string>> {
    return (await this.knownAt(sentinel, 'MASTERS'))[0]!;
  }

  /** Flags of a Sentinel's links to the master and to the other Sentinels. */
  async sentinelLinks(sentinel: number): Promise<string[]> {
    const others = await this.knownAt(sentinel, 'SENTINELS', 'platform');
    return [await this.masterAt(sentinel), ...others].map(({ flags }) => flags!);
  }

  private async knownAt(sentinel: number, ...question: string[]): Promise<Record<string, string>[]> {
    const ask = (client: Redis) => client.call('SENTINEL', ...question);
    const answer = (await this.on(`redis-sentinel-${sentinel}`, ask, 'crash')) as string[][];
    return answer.map((fields) =>
      Object.fromEntries(fields.flatMap((name, i) => (i % 2 === 0 ? [[name, fields[i + 1]!] as const] : []))),
    );
  }

  /** How many elections the Sentinels have held. */
  async electionCount(): Promise<number> {
    return Number((await this.masterAt(0))['config-epoch']);
  }

  /** Name of the master, once all Sentinels name it, and both replicas are in sync with it. */
  settled(): Promise<string> {
    return eventually('all Sentinels name one master that both replicas follow', SETTLE_MS, async () => {
      const ask = (client: Redis) => client.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', 'platform');
      const named = await Promise.all(ordinals.map((i) => this.on(`redis-sentinel-${i}`, ask)));
      const [master] = named[0] as [string, string];
      if (named.some((address) => (address as [string, string])[0] !== master)) return undefined;
      const roles = await Promise.all(ordinals.map((i) => this.on(`redis-${i}`, (client) => client.role())));
      const following = roles.filter(
        (role) => role[0] === 'slave' && role[1] === master && role[3] === 'connected',
      );
      const leader = ordinals.find((i) => this.host(i) === master);
      if (leader === undefined || following.length !== 2) return undefined;
      const replicas = roles[leader]![0] === 'master' ? (roles[leader]![2] as unknown[]).length : 0;
      return replicas === 2 ? `redis-${leader}` : undefined;
    });
  }

  /** Starts a {@link Writer}. */
  write(options: RedisOptions = {}): Writer {
    const writer = new Writer(this, options);
    this.writers.push(writer);
    return writer;
  }

  async stopWriters(): Promise<void> {
    await Promise.all(this.writers.splice(0).map((writer) => writer.stop()));
  }

  async stop(): Promise<void> {
    await this.stopWriters();
    for (const tunnel of this.tunnels.values()) await tunnel.close();
    await this.cluster.delete('v1', 'Namespace', undefined, this.namespace);
    await eventually('the namespace is gone', SETTLE_MS, async () =>
      (await this.cluster.read('v1', 'Namespace', undefined, this.namespace)) ? undefined : true,
    );
  }
}

/** A client that finds the master through the Sentinels and writes as fast as one replica confirms. */
export class Writer {
  /** What went wrong, in the order of events. */
  readonly errors: string[] = [];
  private readonly confirmed: string[] = [];
  private readonly client: Redis;
  private readonly prefix = `write-${Date.now()}`;
  private running = true;
  private longestGap = 0;
  private readonly loop: Promise<void>;

  constructor(
    private readonly platform: SentinelPlatform,
    options: RedisOptions,
  ) {
    const password = passwordOf('app', platform.generation);
    this.client = new Redis({
      sentinels: ordinals.map((i) => platform.address(`redis-sentinel-${i}`)),
      name: platform.spec.endpoints.masterGroup,
      natMap: Object.fromEntries(
        ordinals.map((i) => [`${platform.host(i)}:6379`, platform.address(`redis-${i}`)]),
      ),
      ...{ sentinelUsername: 'app', sentinelPassword: password, username: 'app', password },
      ...{ sentinelTLS: platform.tls(), tls: platform.tls(), enableTLSForSentinelMode: true },
      maxRetriesPerRequest: 0,
      commandTimeout: 2000,
      retryStrategy: () => 100,
      sentinelRetryStrategy: () => 100,
      ...options,
    });
    this.client.on('error', () => {});
    this.loop = this.write();
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
      } catch (error) {
        this.errors.push((error as Error).message);
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

  async stop(): Promise<void> {
    this.running = false;
    await this.loop;
    this.client.disconnect();
  }

  /** Stops, reports, and returns the confirmed writes that can no longer be read. */
  async finish(event: string): Promise<string[]> {
    await this.stop();
    const values = await this.platform.on(await this.platform.settled(), (client) =>
      client.mget(this.confirmed.map((value) => `${this.prefix}-${value}`)),
    );
    const lost = this.confirmed.filter((value, i) => values[i] !== value);
    console.log(
      `${event}: ${this.confirmed.length} confirmed, ${lost.length} lost, longest gap ${(this.longestGap / 1000).toFixed(1)} s`,
    );
    return lost;
  }
}
