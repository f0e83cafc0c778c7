import * as k8s from '@pulumi/kubernetes';
import * as pulumi from '@pulumi/pulumi';
import { labels } from '../components/metadata';
import { Operators } from '../components/operators';
import { Postgres } from '../components/postgres';
import { Redis } from '../components/redis';
import { RetainedStorageClass } from '../components/storage-class';
import { cloudNativePgManifest, images } from '../components/versions';
import { StoreMigrations } from '../migrations/provider/store-migrations';
import { kubernetesProvider } from './cluster';
import type { PlatformConfig } from './config';
import type {
  MinioOutputs,
  PlatformOutputs,
  PostgresOutputs,
  RedisOutputs,
  SecretReference,
} from './outputs';

/** What the stores share: the configuration, the class of their volumes and what must exist before them. */
interface Surroundings {
  readonly config: PlatformConfig;
  readonly className: string;
  readonly options: pulumi.ComponentResourceOptions & { dependsOn: pulumi.Resource[] };
}

const loginKeys = { username: 'username', password: 'password' };

/** Declares the whole platform of one environment and returns the contract of its applications. */
export function deployPlatform(config: PlatformConfig): PlatformOutputs {
  const provider = kubernetesProvider(config);
  const namespace = new k8s.core.v1.Namespace(
    'namespace',
    { metadata: { name: config.namespace, labels: labels({ name: 'namespace' }) } },
    { provider },
  );
  const operators = new Operators(
    'operators',
    { mode: config.operators, manifest: cloudNativePgManifest, context: config.kubeContext },
    { provider },
  );
  const storage = declareStorage(config, provider);
  const surroundings = (dependsOn: pulumi.Resource[]): Surroundings => ({
    config,
    className: storage.className,
    options: { provider, dependsOn: [...dependsOn, ...storage.dependsOn] },
  });
  return {
    contract: 1,
    namespace: config.namespace,
    postgres: deployPostgres(surroundings([namespace, operators])),
    redis: deployRedis(surroundings([namespace])),
  };
}

function declareStorage(config: PlatformConfig, provider: k8s.Provider) {
  const { storage } = config;
  if ('className' in storage) return { className: storage.className, dependsOn: [] };
  // A StorageClass belongs to the whole cluster, so two stacks on one cluster need two names.
  const className = `${config.namespace}-retain`;
  const declared = new RetainedStorageClass(
    'storage',
    { provisioner: storage.provisioner, className },
    { provider },
  );
  return { className, dependsOn: [declared] };
}

function deployPostgres({ config, className, options }: Surroundings): PostgresOutputs {
  const { storageSize, walStorageSize, synchronous, pooler, ...settings } = config.postgres;
  const postgres = new Postgres(
    'postgres',
    {
      ...settings,
      namespace: config.namespace,
      image: settings.image ?? images.postgres,
      storage: { size: storageSize, className },
      ...(walStorageSize ? { walStorage: { size: walStorageSize, className } } : {}),
      ...(synchronous ? { synchronous: { method: 'any', ...synchronous } } : {}),
      ...(pooler ? { pooler: { ...pooler, image: pooler.image ?? images.pgbouncer } } : {}),
      context: config.kubeContext,
    },
    options,
  );
  const migrations = new StoreMigrations(
    'postgres-migrations',
    {
      store: 'postgres',
      database: postgres.database,
      connection: {
        kind: 'service',
        namespace: config.namespace,
        service: 'postgres-rw',
        port: postgres.port,
        credentialsSecret: 'postgres-owner',
        caSecret: 'postgres-ca',
        context: config.kubeContext,
      },
    },
    { dependsOn: [postgres] },
  );
  const login = (name: string): SecretReference => ({ name, keys: loginKeys });
  return {
    database: postgres.database,
    primary: { host: postgres.host, port: postgres.port },
    replicas: { host: postgres.roHost, port: postgres.port },
    pooler: postgres.poolerHost ? { host: postgres.poolerHost, port: postgres.port } : null,
    tls: {
      mode: 'verify-full',
      ca: migrations.serverCa,
      caSecret: { name: 'postgres-ca', keys: { certificateAuthority: 'ca.crt' } },
    },
    credentials: { app: login('postgres-app'), readonly: login('postgres-readonly') },
    schemaVersion: migrations.version,
  };
}

function deployRedis({ config, className, options }: Surroundings): RedisOutputs {
  const { storageSize, maxMemoryMiB, ...settings } = config.redis;
  const redis = new Redis(
    'redis',
    {
      ...settings,
      namespace: config.namespace,
      image: settings.image ?? images.redis,
      storage: { size: storageSize, className },
      maxMemory: maxMemoryMiB,
    },
    options,
  );
  const login = (name: string): SecretReference => ({ name, keys: loginKeys });
  return {
    sentinels: [{ host: redis.sentinelHost, port: redis.sentinelPort }],
    masterName: redis.masterGroup,
    credentials: { app: login('redis-app'), monitor: login('redis-monitor') },
  };
}
