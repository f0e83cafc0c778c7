import * as k8s from '@pulumi/kubernetes';
import * as pulumi from '@pulumi/pulumi';
import { labels } from '../components/metadata';
import { Minio } from '../components/minio';
import { MinioImage } from '../components/minio-image';
import { Operators } from '../components/operators';
import { Postgres } from '../components/postgres';
import { Redis } from '../components/redis';
import { RetainedStorageClass } from '../components/storage-class';
import { cloudNativePgManifest, images } from '../components/versions';
import { StoreMigrations } from '../migrations/provider/store-migrations';
import { storageClassName, type StoreArguments, storeArguments } from './arguments';
import { kubernetesProvider } from './cluster';
import type { PlatformConfig } from './config';
import type {
  MinioOutputs,
  PlatformOutputs,
  PostgresOutputs,
  RedisOutputs,
  SecretReference,
} from './outputs';

/** What the stores share: the configuration, their arguments, and what must exist before them. */
interface Surroundings {
  readonly config: PlatformConfig;
  readonly args: StoreArguments;
  readonly options: pulumi.ComponentResourceOptions & { dependsOn: pulumi.Resource[] };
}

/** A Secret with the login of one role. */
function login(name: string): SecretReference {
  return { name, keys: { username: 'username', password: 'password' } };
}

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
  const args = storeArguments(config);
  const surroundings = (...dependsOn: pulumi.Resource[]): Surroundings => ({
    config,
    args,
    options: { provider, dependsOn: [...dependsOn, ...storage] },
  });
  return {
    contract: 1,
    namespace: config.namespace,
    postgres: deployPostgres(surroundings(namespace, operators)),
    redis: deployRedis(surroundings(namespace)),
    minio: deployMinio(surroundings(namespace)),
  };
}

/** The StorageClass that the stores' volumes wait for; none when the configuration names an existing one. */
function declareStorage(config: PlatformConfig, provider: k8s.Provider): pulumi.Resource[] {
  if (!('provisioner' in config.storage)) return [];
  const { provisioner } = config.storage;
  return [
    new RetainedStorageClass('storage', { provisioner, className: storageClassName(config) }, { provider }),
  ];
}

function deployPostgres({ config, args, options }: Surroundings): PostgresOutputs {
  const postgres = new Postgres('postgres', args.postgres, options);
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

function deployRedis({ args, options }: Surroundings): RedisOutputs {
  const redis = new Redis('redis', args.redis, options);
  return {
    sentinels: [{ host: redis.sentinelHost, port: redis.sentinelPort }],
    masterName: redis.masterGroup,
    credentials: { app: login('redis-app'), monitor: login('redis-monitor') },
  };
}

function deployMinio({ config, args, options }: Surroundings): MinioOutputs {
  const { image: reference } = config.minio;
  const registry = config.imageRegistry ?? process.env.AGENT_DATA_PLATFORM_IMAGE_REGISTRY;
  const image = new MinioImage('minio-image', {
    imageName: images.minio,
    ...(registry ? { registry: { server: registry } } : {}),
    ...(reference ? { reference } : {}),
  });
  const minio = new Minio('minio', { ...args.minio, image: image.reference }, options);
  const database = 'platform';
  new StoreMigrations(
    'minio-migrations',
    {
      store: 'minio',
      database,
      connection: {
        kind: 'service',
        namespace: config.namespace,
        service: 'minio',
        port: minio.port,
        credentialsSecret: 'minio-root',
        context: config.kubeContext,
      },
    },
    { dependsOn: [minio] },
  );
  return {
    endpoint: minio.url,
    host: minio.host,
    port: minio.port,
    region: 'us-east-1',
    buckets: args.minio.appBuckets ?? [],
    credentials: { name: 'minio-app', keys: { accessKey: 'accessKey', secretKey: 'secretKey' } },
  };
}
