import type { Output } from '@pulumi/pulumi';
import { z } from 'zod';
import { CA_SECRET } from '../../components/certificates';
import { Redis } from '../../components/redis';
import { type ApplicationRules } from '../../components/redis-acl';
import { applicationRules } from '../../components/redis-applications';
import { type RedisArgs, resolveRedisArgs } from '../../components/redis-args';
import { redisCertificate, redisClusterCertificate } from '../../components/redis-certificate';
import { RedisCluster } from '../../components/redis-cluster';
import { type RedisClusterArgs, resolveRedisClusterArgs } from '../../components/redis-cluster-args';
import { vaultRedisRules } from '../../components/vault-database-logins';
import { images } from '../../components/versions';
import { connectionReference } from '../../migrations/connections';
import { StoreMigrations } from '../../migrations/provider/store-migrations';
import { declaredRegistry } from '../../migrations/targets/redis/declared';
import type { Registry } from '../../migrations/targets/redis/registry';
import { certificateAuthority, type Endpoint, type SecretReference } from '../outputs';
import {
  count,
  fixedResources,
  imageReference,
  quantity,
  resources,
  type Resources,
  spread,
  type Spread,
} from './fields';
import { defineStore, login, overridden, type Platform, type StoreOptions, type StoreTls } from './store';

const DATABASE = 'platform';

const maxMemoryPolicy = z.enum([
  'noeviction',
  'allkeys-lru',
  'allkeys-lfu',
  'volatile-lru',
  'volatile-lfu',
  'volatile-ttl',
]);

const schema = z.strictObject({
  mode: z
    .enum(['sentinel', 'cluster'])
    .optional()
    .describe(
      '`sentinel`: one master with replicas; `cluster`: several masters share the keys, all in database 0. Data do not move when it changes.',
    ),
  image: imageReference.optional().describe('Redis or Valkey image.'),
  replicas: count(1).optional().describe('Data pods of mode `sentinel`: one master, the rest replicas.'),
  sentinels: count(1).optional().describe('Sentinel pods; an odd number.'),
  clusterNodes: count(1)
    .optional()
    .describe(
      'Data pods of mode `cluster`: half of them masters, each with one replica; even, at least 6, on as many nodes when `antiAffinity` is `required`.',
    ),
  storageSize: quantity.optional().describe('Volume of each data pod.'),
  resources: resources.optional().describe('Requests and limits of each data pod.'),
  sentinelResources: resources.optional().describe('Requests and limits of each sentinel.'),
  maxMemoryMiB: count(16)
    .optional()
    .describe('Data limit in MiB; leave room below the memory limit for forks.'),
  maxMemoryPolicy: maxMemoryPolicy.optional().describe('What happens at that limit.'),
  minReplicasToWrite: count(0)
    .optional()
    .describe('Replicas that must be connected for the master to accept writes; mode `sentinel`.'),
  appendFsync: z
    .enum(['everysec', 'always'])
    .optional()
    .describe('When the append-only file reaches the disk.'),
  antiAffinity: spread.optional().describe('Whether pods must or should run on different nodes.'),
  rotation: count(1)
    .optional()
    .describe(
      'Generation of all passwords; raise it by one, and never lower it, to replace them without a restart. Those before it stay valid until the next one.',
    ),
});

interface RedisSettings {
  readonly mode: 'sentinel' | 'cluster';
  readonly image?: string;
  readonly replicas: number;
  readonly sentinels: number;
  readonly clusterNodes: number;
  readonly storageSize: string;
  readonly resources: Resources;
  readonly sentinelResources: Resources;
  readonly maxMemoryMiB: number;
  readonly maxMemoryPolicy: z.infer<typeof maxMemoryPolicy>;
  readonly minReplicasToWrite: number;
  readonly appendFsync: 'everysec' | 'always';
  readonly antiAffinity: Spread;
  readonly rotation: number;
}

const dev: RedisSettings = {
  mode: 'sentinel',
  replicas: 3,
  sentinels: 3,
  clusterNodes: 6,
  storageSize: '1Gi',
  resources: fixedResources('25m', '128Mi'),
  sentinelResources: fixedResources('10m', '48Mi'),
  maxMemoryMiB: 64,
  maxMemoryPolicy: 'noeviction',
  minReplicasToWrite: 1,
  appendFsync: 'everysec',
  antiAffinity: 'preferred',
  rotation: 1,
};

const prod: RedisSettings = {
  mode: 'sentinel',
  replicas: 3,
  sentinels: 3,
  clusterNodes: 6,
  storageSize: '20Gi',
  resources: fixedResources('500m', '4Gi'),
  sentinelResources: fixedResources('50m', '64Mi'),
  maxMemoryMiB: 2560,
  maxMemoryPolicy: 'noeviction',
  minReplicasToWrite: 1,
  appendFsync: 'everysec',
  antiAffinity: 'required',
  rotation: 1,
};

/** The Redis part of the outputs contract. */
export interface RedisOutputs {
  readonly mode: 'sentinel' | 'cluster';
  /** Sentinels to ask for the master; none in mode `cluster`. */
  readonly sentinels: readonly Endpoint[];
  /** Empty in mode `cluster`. */
  readonly masterName: string;
  /** Where clients of mode `cluster` start; none in mode `sentinel`. */
  readonly clusterNodes: readonly Endpoint[];
  /** Clients verify every server, the sentinels too, under the name that they connect to. */
  readonly tls: {
    readonly mode: 'verify-full';
    readonly ca: Output<string>;
    readonly caSecret: SecretReference;
  };
  /** Each is valid on the sentinels and on the data pods; `backup` may copy everything, `monitor` sees no data. */
  readonly credentials: Readonly<Record<'app' | 'readonly' | 'backup' | 'monitor', SecretReference>>;
  /** Login of each application that the key registry names: only its own keys and channels. */
  readonly users: Readonly<Record<string, SecretReference>>;
  /** Streams with their consumer groups; writers trim them to `maxLength` entries. */
  readonly streams: readonly StreamOutputs[];
  /** Newest applied version of the registry, such as `000002`. */
  readonly schemaVersion: Output<string>;
}

interface StreamOutputs {
  readonly stream: string;
  /** Logical database; 0 in mode `cluster`. */
  readonly database: number;
  readonly groups: readonly string[];
  readonly maxLength: number;
  /** Where consumers put an entry that was delivered too often; null where nothing is said. */
  readonly deadLetter: { readonly stream: string; readonly afterDeliveries: number } | null;
}

/** What both modes have. */
function commonArgs(settings: RedisSettings, platform: Platform, applications: ApplicationRules) {
  const { resources, maxMemoryPolicy, appendFsync, antiAffinity, rotation } = settings;
  return {
    namespace: platform.namespace,
    priorityClass: platform.priorityClass,
    context: platform.kubeContext,
    image: settings.image ?? images.redis,
    storage: { size: settings.storageSize, className: platform.storageClass },
    maxMemory: settings.maxMemoryMiB,
    ...{ resources, maxMemoryPolicy, appendFsync, antiAffinity, applications, rotation },
  };
}

type ModeArgs =
  | { readonly mode: 'sentinel'; readonly args: RedisArgs }
  | { readonly mode: 'cluster'; readonly args: RedisClusterArgs };

function args(settings: RedisSettings, platform: Platform): ModeArgs {
  const applications = applicationRules(declaredRegistry(DATABASE));
  const common = commonArgs(
    settings,
    platform,
    platform.vault ? { ...applications, vault: vaultRedisRules } : applications,
  );
  if (settings.mode === 'cluster') {
    const args = { ...common, nodes: settings.clusterNodes };
    return { mode: 'cluster', args: { ...args, tlsSecret: redisClusterCertificate(args).secret } };
  }
  const { replicas, sentinels, sentinelResources, minReplicasToWrite } = settings;
  const args = { ...common, replicas, sentinels, sentinelResources, minReplicasToWrite };
  return { mode: 'sentinel', args: { ...args, tlsSecret: redisCertificate(args).secret } };
}

function certificate(resolved: ModeArgs) {
  return resolved.mode === 'cluster'
    ? redisClusterCertificate(resolved.args)
    : redisCertificate(resolved.args);
}

/** Redis: a master with replicas under Sentinel, or a Cluster, with the key registry and its applications' logins. */
export const redisStore = defineStore({
  schema,
  sizes: { dev, prod },
  resolve: overridden,
  args,
  check(settings, platform) {
    const resolved = args(settings, platform);
    if (resolved.mode === 'cluster') resolveRedisClusterArgs(resolved.args);
    else resolveRedisArgs(resolved.args);
  },
  certificates: (settings, platform) => [certificate(args(settings, platform))],
  deploy(settings, platform, options, tls): RedisOutputs {
    const { name, redis, ...endpoints } = declare(args(settings, platform), options, tls);
    const { version } = new StoreMigrations(
      'redis-migrations',
      {
        store: 'redis',
        database: DATABASE,
        connection: connectionReference('redis', {
          namespace: platform.namespace,
          context: platform.kubeContext,
          redisMode: settings.mode,
        }),
      },
      { dependsOn: [redis] },
    );
    const registry = declaredRegistry(DATABASE);
    const users = Object.keys(applicationRules(registry)).map((user) => [user, login(`${name}-${user}`)]);
    return {
      mode: settings.mode,
      ...endpoints,
      tls: { mode: 'verify-full', ca: tls.ca, caSecret: certificateAuthority(CA_SECRET) },
      credentials: {
        app: login(`${name}-app`),
        readonly: login(`${name}-readonly`),
        backup: login(`${name}-backup`),
        monitor: login(`${name}-monitor`),
      },
      users: Object.fromEntries(users) as Record<string, SecretReference>,
      streams: streams(registry, settings.mode),
      schemaVersion: version,
    };
  },
});

function declare(resolved: ModeArgs, options: StoreOptions, tls: StoreTls) {
  const certificateFingerprint = tls.fingerprint(certificate(resolved).secret);
  if (resolved.mode === 'cluster') {
    const redis = new RedisCluster('redis-cluster', { ...resolved.args, certificateFingerprint }, options);
    const clusterNodes = [{ host: redis.host, port: redis.port }];
    return { name: 'redis-cluster', redis, sentinels: [], masterName: '', clusterNodes };
  }
  const redis = new Redis('redis', { ...resolved.args, certificateFingerprint }, options);
  const sentinels = [{ host: redis.sentinelHost, port: redis.sentinelPort }];
  return { name: 'redis', redis, sentinels, masterName: redis.masterGroup, clusterNodes: [] };
}

function streams({ keys, streams }: Registry, mode: RedisSettings['mode']): StreamOutputs[] {
  return [...streams.values()].map(({ stream, groups, deadLetter = null }) => {
    const { database, maxLength } = keys.get(stream)!;
    return { stream, database: mode === 'cluster' ? 0 : database, groups, maxLength: maxLength!, deadLetter };
  });
}
