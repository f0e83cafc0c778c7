import * as fc from 'fast-check';
import { ConfigError, loadConfig } from './config';
import { stores } from './stores';
import { vault } from './vault';

const key = (name: string) => `agent-data-platform:${name}`;
const dev = { [key('size')]: 'dev', [key('storage')]: '{"provisioner":"rancher.io/local-path"}' };

function problemsOf(raw: Record<string, string>): readonly string[] {
  try {
    loadConfig(raw);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

test('the smallest configuration is the dev size with its defaults', () => {
  expect(loadConfig(dev)).toEqual({
    size: 'dev',
    namespace: 'agent-data-platform',
    preview: 'online',
    operators: 'managed',
    storage: { provisioner: 'rancher.io/local-path' },
    network: {
      policies: 'enabled',
      clients: [
        { namespaceLabels: { 'agent-data-platform/client': 'true' } },
        { podLabels: { 'agent-data-platform/client': 'true' } },
      ],
      monitoring: [{ namespaceLabels: { 'agent-data-platform/monitoring': 'true' } }],
      egress: [],
    },
    tls: { issuer: 'stack', validDays: 365 },
    postgres: stores.postgres.sizes.dev,
    redis: stores.redis.sizes.dev,
    minio: stores.minio.sizes.dev,
    neo4j: stores.neo4j.sizes.dev,
    oxigraph: stores.oxigraph.sizes.dev,
    elasticsearch: stores.elasticsearch.sizes.dev,
    qdrant: stores.qdrant.sizes.dev,
    chroma: stores.chroma.sizes.dev,
    backups: {
      credentialsSecret: 'backup-repository',
      region: 'us-east-1',
      recipients: [],
      scratchSize: '10Gi',
      drill: {
        enabled: true,
        schedule: '0 5 * * 0',
        rtoMinutes: 240,
        rpoMinutes: 1560,
        maxAgeDays: 8,
        size: '50Gi',
      },
      postgres: { serverName: 'postgres', schedule: '0 1 * * 0', keepDays: 30 },
      schedules: {
        daily: { schedule: '0 2 * * *', keepDays: 30, keepLast: 7 },
        redis: { schedule: '0 */6 * * *', stores: ['redis'], keepDays: 7, keepLast: 4 },
      },
    },
    vault: vault.sizes.dev,
  });
});

test('an override changes its own key only, and parameters are merged', () => {
  const config = loadConfig({
    ...dev,
    [key('postgres')]: JSON.stringify({
      instances: 3,
      parameters: { work_mem: '8MB' },
      pooler: { instances: 2 },
    }),
  });
  expect(config.postgres).toEqual({
    ...stores.postgres.sizes.dev,
    instances: 3,
    parameters: { ...stores.postgres.sizes.dev.parameters, work_mem: '8MB' },
    pooler: { ...stores.postgres.sizes.dev.pooler, instances: 2 },
  });
});

test('every error is reported at once, with the value got and the values allowed', () => {
  expect(
    problemsOf({
      ...dev,
      [key('size')]: 'huge',
      [key('postgress')]: '{}',
      [key('namespace')]: 'Not_A_Label',
      [key('redis')]: JSON.stringify({ replicas: 0, sentinel: 3, maxMemoryPolicy: 'lru' }),
      [key('minio')]: 'single',
    }),
  ).toEqual([
    'minio: must be an object, got "single"',
    'size: must be one of dev, prod; got "huge"',
    'namespace: must be a DNS label (a-z, 0-9 and -); got "Not_A_Label"',
    'redis.replicas: Too small: expected number to be >=1; got 0',
    'redis.maxMemoryPolicy: must be one of noeviction, allkeys-lru, allkeys-lfu, volatile-lru, volatile-lfu, volatile-ttl; got "lru"',
    'redis.sentinel: unknown key; known here: mode, image, replicas, sentinels, clusterNodes, storageSize, resources, sentinelResources, maxMemoryMiB, maxMemoryPolicy, minReplicasToWrite, appendFsync, antiAffinity, rotation',
    'postgress: unknown key; known here: size, namespace, kubeContext, preview, operators, imageRegistry, storage, network, tls, backups, postgres, redis, minio, neo4j, oxigraph, elasticsearch, qdrant, chroma, vault',
  ]);
});

test('prod without a context and any size without storage are refused', () => {
  expect(problemsOf({ [key('size')]: 'prod' })).toEqual([
    'kubeContext: must name a kubeconfig context when size is prod; got nothing',
    'storage: must be {className: <class with reclaimPolicy Retain>} or {provisioner: <name>}; got nothing',
  ]);
});

test('images without a tag, or with latest, are refused', () => {
  expect(problemsOf({ ...dev, [key('redis')]: '{"image":"redis"}' })).toEqual([
    'redis.image: must carry a tag or a digest (name:tag or name@sha256:…); got "redis"',
  ]);
  expect(problemsOf({ ...dev, [key('redis')]: '{"image":"redis:latest"}' })).toEqual([
    'redis.image: must not be :latest, which changes under a running platform; got "redis:latest"',
  ]);
});

test('keys of other namespaces are none of its business', () => {
  expect(loadConfig({ ...dev, 'kubernetes:context': 'x' }).size).toBe('dev');
});

test('any text in any key gives a configuration or a ConfigError, never another failure', () => {
  const names = [
    'size',
    'namespace',
    'storage',
    'postgres',
    'redis',
    'minio',
    'operators',
    'preview',
    'other',
  ];
  fc.assert(
    fc.property(fc.dictionary(fc.constantFrom(...names), fc.oneof(fc.string(), fc.json())), (values) => {
      const raw = Object.fromEntries(Object.entries(values).map(([name, value]) => [key(name), value]));
      try {
        loadConfig(raw);
      } catch (error) {
        expect(error).toBeInstanceOf(ConfigError);
      }
    }),
  );
});
