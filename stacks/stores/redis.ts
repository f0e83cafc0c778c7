import { z } from 'zod';
import { Redis } from '../../components/redis';
import { type RedisArgs, resolveRedisArgs } from '../../components/redis-args';
import { images } from '../../components/versions';
import type { RedisOutputs } from '../outputs';
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
import { defineStore, login, type Platform } from './store';

const maxMemoryPolicy = z.enum([
  'noeviction',
  'allkeys-lru',
  'allkeys-lfu',
  'volatile-lru',
  'volatile-lfu',
  'volatile-ttl',
]);

const schema = z.strictObject({
  image: imageReference.optional().describe('Redis or Valkey image.'),
  replicas: count(1).optional().describe('Data pods: one master, the rest replicas.'),
  sentinels: count(1).optional().describe('Sentinel pods; an odd number.'),
  storageSize: quantity.optional().describe('Volume of each data pod.'),
  resources: resources.optional().describe('Requests and limits of each data pod.'),
  sentinelResources: resources.optional().describe('Requests and limits of each sentinel.'),
  maxMemoryMiB: count(16)
    .optional()
    .describe('Data limit in MiB; leave room below the memory limit for forks.'),
  maxMemoryPolicy: maxMemoryPolicy.optional().describe('What happens at that limit.'),
  minReplicasToWrite: count(0)
    .optional()
    .describe('Replicas that must be connected for the master to accept writes.'),
  appendFsync: z
    .enum(['everysec', 'always'])
    .optional()
    .describe('When the append-only file reaches the disk.'),
  antiAffinity: spread.optional().describe('Whether pods must or should run on different nodes.'),
});

interface RedisSettings {
  readonly image?: string;
  readonly replicas: number;
  readonly sentinels: number;
  readonly storageSize: string;
  readonly resources: Resources;
  readonly sentinelResources: Resources;
  readonly maxMemoryMiB: number;
  readonly maxMemoryPolicy: z.infer<typeof maxMemoryPolicy>;
  readonly minReplicasToWrite: number;
  readonly appendFsync: 'everysec' | 'always';
  readonly antiAffinity: Spread;
}

const dev: RedisSettings = {
  replicas: 3,
  sentinels: 3,
  storageSize: '1Gi',
  resources: fixedResources('25m', '128Mi'),
  sentinelResources: fixedResources('10m', '48Mi'),
  maxMemoryMiB: 64,
  maxMemoryPolicy: 'noeviction',
  minReplicasToWrite: 1,
  appendFsync: 'everysec',
  antiAffinity: 'preferred',
};

const prod: RedisSettings = {
  replicas: 3,
  sentinels: 3,
  storageSize: '20Gi',
  resources: fixedResources('500m', '4Gi'),
  sentinelResources: fixedResources('50m', '64Mi'),
  maxMemoryMiB: 2560,
  maxMemoryPolicy: 'noeviction',
  minReplicasToWrite: 1,
  appendFsync: 'everysec',
  antiAffinity: 'required',
};

function args(settings: RedisSettings, platform: Platform): RedisArgs {
  const { storageSize, maxMemoryMiB, ...rest } = settings;
  return {
    ...rest,
    namespace: platform.namespace,
    image: settings.image ?? images.redis,
    storage: { size: storageSize, className: platform.storageClass },
    maxMemory: maxMemoryMiB,
  };
}

/** Redis: data pods under Sentinel. */
export const redisStore = defineStore({
  schema,
  sizes: { dev, prod },
  resolve: (defaults: RedisSettings, overrides: z.infer<typeof schema>): RedisSettings => ({
    ...defaults,
    ...overrides,
  }),
  args,
  check: (settings, platform) => void resolveRedisArgs(args(settings, platform)),
  deploy(settings, platform, options): RedisOutputs {
    const redis = new Redis('redis', args(settings, platform), options);
    return {
      sentinels: [{ host: redis.sentinelHost, port: redis.sentinelPort }],
      masterName: redis.masterGroup,
      credentials: { app: login('redis-app'), monitor: login('redis-monitor') },
    };
  },
});
