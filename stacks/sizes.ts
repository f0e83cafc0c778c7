import { Resources } from './config-schema';

const fixed = (cpu: string, memory: string, cpuLimit?: string): Resources => ({
  requests: { cpu, memory },
  limits: { ...(cpuLimit ? { cpu: cpuLimit } : {}), memory },
});

/** Fits 2 cores and 6 GiB together with the cluster's own pods; one PostgreSQL instance, one MinIO drive. */
const dev = {
  postgres: {
    instances: 1,
    storageSize: '5Gi',
    walStorageSize: undefined as string | undefined,
    resources: fixed('100m', '512Mi'),
    synchronous: false as false | { number: number; dataDurability: 'required' | 'preferred' },
    parameters: { max_connections: '100', shared_buffers: '128MB' } as Record<string, string>,
    pooler: {
      instances: 1,
      poolMode: 'transaction' as 'session' | 'transaction',
      parameters: { max_client_conn: '500', default_pool_size: '20' } as Record<string, string>,
      resources: fixed('25m', '64Mi'),
    },
    podMonitor: false,
    antiAffinity: 'preferred' as 'preferred' | 'required',
  },
  redis: {
    replicas: 3,
    sentinels: 3,
    storageSize: '1Gi',
    resources: fixed('25m', '128Mi'),
    sentinelResources: fixed('10m', '48Mi'),
    maxMemoryMiB: 64,
    maxMemoryPolicy: 'noeviction' as
      'noeviction' | 'allkeys-lru' | 'allkeys-lfu' | 'volatile-lru' | 'volatile-lfu' | 'volatile-ttl',
    minReplicasToWrite: 1,
    appendFsync: 'everysec' as 'everysec' | 'always',
    antiAffinity: 'preferred' as 'preferred' | 'required',
  },
  minio: {
    mode: 'single' as 'single' | 'distributed',
    servers: 1,
    drivesPerServer: 1,
    storageSize: '5Gi',
    resources: fixed('50m', '512Mi'),
    antiAffinity: 'preferred' as 'preferred' | 'required',
  },
};

/** Defaults of a size: every key a stack may override, resolved. */
export type SizeDefaults = typeof dev;

/** Survives the loss of any one node: three PostgreSQL instances with quorum commit, four MinIO servers. */
const prod: SizeDefaults = {
  postgres: {
    instances: 3,
    storageSize: '100Gi',
    walStorageSize: '20Gi',
    resources: fixed('2', '8Gi'),
    synchronous: { number: 1, dataDurability: 'required' },
    parameters: { max_connections: '400', shared_buffers: '2GB', effective_cache_size: '6GB' },
    pooler: {
      instances: 2,
      poolMode: 'transaction',
      parameters: { max_client_conn: '2000', default_pool_size: '50' },
      resources: fixed('250m', '256Mi'),
    },
    podMonitor: true,
    antiAffinity: 'required',
  },
  redis: {
    replicas: 3,
    sentinels: 3,
    storageSize: '20Gi',
    resources: fixed('500m', '4Gi'),
    sentinelResources: fixed('50m', '64Mi'),
    maxMemoryMiB: 2560,
    maxMemoryPolicy: 'noeviction',
    minReplicasToWrite: 1,
    appendFsync: 'everysec',
    antiAffinity: 'required',
  },
  minio: {
    mode: 'distributed',
    servers: 4,
    drivesPerServer: 1,
    storageSize: '200Gi',
    resources: fixed('500m', '2Gi'),
    antiAffinity: 'required',
  },
};

export const sizes = { dev, prod } as const;
