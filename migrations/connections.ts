import type { ServiceReference } from './provider/connection';
import type { StoreName } from './stores';

/** How a platform's Redis runs: one master under Sentinel, or a Cluster. */
export type RedisMode = 'sentinel' | 'cluster';

/** Where the stores of one platform are. */
export interface PlatformPlace {
  readonly namespace: string;
  /** kubeconfig context; absent: the current one. */
  readonly context?: string;
  /** Default `sentinel`. */
  readonly redisMode?: RedisMode;
}

/** Where a store's components put its Service and its Secrets, and what the keys in them are called. */
export interface StoreService {
  readonly service: string;
  readonly port: number;
  /** See `ConnectionReference`. */
  readonly everyPod?: boolean;
  /** Secret of the login that changes are applied with. */
  readonly credentialsSecret: string;
  /** Secret whose key `ca.crt` verifies the server's certificate; absent without TLS. */
  readonly caSecret?: string;
  /** Keys of the credentials Secret, as `TargetOptions.credential` is asked for them; no `user` where there is only a token. */
  readonly login: { readonly user?: string; readonly password: string };
}

const services: Readonly<Record<StoreName, StoreService>> = {
  postgres: {
    service: 'postgres-rw',
    port: 5432,
    credentialsSecret: 'postgres-owner',
    caSecret: 'postgres-ca',
    login: { user: 'username', password: 'password' },
  },
  minio: {
    service: 'minio',
    port: 9000,
    credentialsSecret: 'minio-owner',
    caSecret: 'platform-ca',
    login: { user: 'accessKey', password: 'secretKey' },
  },
  neo4j: {
    service: 'neo4j',
    port: 7687,
    credentialsSecret: 'neo4j-admin',
    caSecret: 'platform-ca',
    login: { user: 'username', password: 'password' },
  },
  redis: {
    service: 'redis-nodes',
    port: 6379,
    everyPod: true,
    credentialsSecret: 'redis-migrations',
    caSecret: 'platform-ca',
    login: { user: 'username', password: 'password' },
  },
  qdrant: {
    service: 'qdrant',
    port: 6333,
    credentialsSecret: 'qdrant-api-key',
    caSecret: 'platform-ca',
    login: { password: 'apiKey' },
  },
  oxigraph: {
    service: 'oxigraph',
    port: 7878,
    credentialsSecret: 'oxigraph-owner',
    caSecret: 'platform-ca',
    login: { user: 'username', password: 'password' },
  },
  chroma: {
    service: 'chroma',
    port: 8000,
    credentialsSecret: 'chroma-owner',
    caSecret: 'platform-ca',
    login: { password: 'token' },
  },
  elasticsearch: {
    service: 'elasticsearch-es-http',
    port: 9200,
    credentialsSecret: 'elasticsearch-migrator',
    caSecret: 'platform-ca',
    login: { user: 'username', password: 'password' },
  },
};

/** A Redis Cluster is another component, with names of its own. */
const redisCluster: StoreService = {
  ...services.redis,
  service: 'redis-cluster-nodes',
  credentialsSecret: 'redis-cluster-migrations',
};

/** The Service and Secrets of a store, as its component names them. */
export function storeService(store: StoreName): StoreService {
  return services[store];
}

/** How the stores of one platform are found, by the stack program and by the `migrate` command alike. */
export function connectionReference(
  store: StoreName,
  { namespace, context, redisMode }: PlatformPlace,
): ServiceReference {
  const isCluster = store === 'redis' && redisMode === 'cluster';
  const { login: _login, ...service } = isCluster ? redisCluster : services[store];
  return { kind: 'service', namespace, context, ...service };
}
