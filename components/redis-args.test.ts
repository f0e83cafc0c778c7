import { RedisArgs, resolveRedisArgs } from './redis-args';

const minimal: RedisArgs = {
  namespace: 'data',
  image: 'redis:8.0.2',
  storage: { size: '1Gi' },
  resources: { requests: { cpu: '25m', memory: '64Mi' }, limits: { memory: '128Mi' } },
  sentinelResources: { requests: { cpu: '25m', memory: '32Mi' }, limits: { memory: '64Mi' } },
  maxMemory: 64,
};

test('fills in the defaults', () => {
  expect(resolveRedisArgs(minimal)).toEqual({
    ...minimal,
    name: 'redis',
    replicas: 3,
    sentinels: 3,
    quorum: 2,
    maxMemoryPolicy: 'noeviction',
    appendFsync: 'everysec',
    minReplicasToWrite: 1,
    minReplicasMaxLag: 10,
    downAfterMilliseconds: 5000,
    failoverTimeoutMilliseconds: 30_000,
    antiAffinity: 'preferred',
    clusterDomain: 'cluster.local',
    applications: {},
    rotation: 1,
  });
  expect(resolveRedisArgs({ ...minimal, sentinels: 5 }).quorum).toBe(3);
});

const limits = (memory: string) => ({ ...minimal.resources, limits: { memory } });

test.each<[string, Partial<Record<keyof RedisArgs, unknown>>, string]>([
  [
    'one data pod',
    { replicas: 1 },
    'replicas must be an integer of at least 2 (a master and one to take over), got 1.',
  ],
  [
    'more replicas demanded than there are',
    { minReplicasToWrite: 3 },
    'minReplicasToWrite must be between 0 and 2 with 3 data pods, got 3.',
  ],
  ['an even number of Sentinels', { sentinels: 4 }, 'sentinels must be an odd integer of at least 3, got 4.'],
  ['a minority quorum', { quorum: 1 }, 'quorum must be between 2 and 3 with 3 sentinels, got 1.'],
  [
    'no head-room for a fork',
    { maxMemory: 65 },
    'maxMemory must be at most 64 with a memory limit of 128Mi, got 65; lower it or raise the limit to 130Mi.',
  ],
  [
    'a limit in another unit',
    { maxMemory: 1000, resources: limits('1.5G') },
    'maxMemory must be at most 932 with a memory limit of 1.5G, got 1000; lower it or raise the limit to 1532Mi.',
  ],
  [
    'a limit that is no quantity',
    { resources: limits('lots') },
    'resources.limits.memory must be a quantity such as 512Mi or 2Gi, got "lots".',
  ],
  ['hardly any memory', { maxMemory: 8 }, 'maxMemory must be an integer of at least 16 (MiB), got 8.'],
  [
    'an unknown policy',
    { maxMemoryPolicy: 'lru' },
    'maxMemoryPolicy must be one of noeviction, allkeys-lru, allkeys-lfu, allkeys-random, volatile-lru, volatile-lfu, volatile-random, volatile-ttl, got "lru".',
  ],
  [
    'an unknown fsync',
    { appendFsync: 'hourly' },
    'appendFsync must be one of always, everysec, no, got "hourly".',
  ],
  [
    'a fraction',
    { downAfterMilliseconds: 0.5 },
    'downAfterMilliseconds must be a positive integer, got 0.5.',
  ],
  ['a bad name', { name: 'Redis' }, 'name must be a DNS label of at most 40 characters, got "Redis".'],
  ['a rotation before the first', { rotation: 0 }, 'rotation must be an integer of at least 1, got 0.'],
  [
    'a Secret with a path for a name',
    { tlsSecret: '../tls' },
    'tlsSecret must be the name of a Secret, got "../tls".',
  ],
  [
    'an application named like a user of the platform',
    { applications: { replica: [] } },
    'applications must be named with a-z, 0-9 and -, and not like a user of the platform, got "replica".',
  ],
  [
    'an application whose name would end the line',
    { applications: { 'a\nuser b': [] } },
    'applications must be named with a-z, 0-9 and -, and not like a user of the platform, got "a\nuser b".',
  ],
  [
    'an unknown affinity',
    { antiAffinity: 'never' },
    'antiAffinity must be preferred or required, got "never".',
  ],
])('refuses %s', (_case, wrong, message) => {
  expect(() => resolveRedisArgs({ ...minimal, ...wrong } as RedisArgs)).toThrow(
    new Error(`redis: ${message}`),
  );
});

test('reports every problem at once', () => {
  expect(() => resolveRedisArgs({ ...minimal, replicas: 1, sentinels: 2, maxMemory: 100 })).toThrow(
    new Error(
      'redis: replicas must be an integer of at least 2 (a master and one to take over), got 1. ' +
        'sentinels must be an odd integer of at least 3, got 2. ' +
        'maxMemory must be at most 64 with a memory limit of 128Mi, got 100; lower it or raise the limit to 182Mi.',
    ),
  );
});
