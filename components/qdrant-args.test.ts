import { QdrantArgs, resolveQdrantArgs } from './qdrant-args';

const args: QdrantArgs = {
  namespace: 'data',
  image: 'qdrant:test',
  storage: { size: '1Gi' },
  snapshots: { size: '2Gi' },
  resources: { requests: { cpu: '25m', memory: '64Mi' }, limits: { memory: '256Mi' } },
};

test('fills in the defaults of a server alone and of peers', () => {
  const collections = {
    replicationFactor: 1,
    writeConsistencyFactor: 1,
    vectorsOnDisk: false,
    quantization: 'none',
    hnswM: 16,
    hnswEfConstruct: 100,
  };
  const defaults = {
    name: 'qdrant',
    antiAffinity: 'preferred',
    clusterDomain: 'cluster.local',
    appCollections: [],
    rotation: 1,
    apiKeyStep: 1,
  };
  expect(resolveQdrantArgs(args)).toEqual({ ...args, ...defaults, peers: 1, collections });
  expect(resolveQdrantArgs({ ...args, peers: 5 })).toEqual({
    ...args,
    ...defaults,
    peers: 5,
    collections: { ...collections, replicationFactor: 3, writeConsistencyFactor: 2 },
  });
});

test('a write waits for the majority of the copies asked for', () => {
  const { collections } = resolveQdrantArgs({ ...args, peers: 5, collections: { replicationFactor: 5 } });
  expect(collections.writeConsistencyFactor).toBe(3);
});

test.each<[string, object, string]>([
  ['two peers', { peers: 2 }, 'peers must be 1, or an integer of at least 3 so that one may be away, got 2.'],
  [
    'half a peer',
    { peers: 3.5 },
    'peers must be 1, or an integer of at least 3 so that one may be away, got 3.5.',
  ],
  [
    'more copies than peers',
    { peers: 3, collections: { replicationFactor: 4 } },
    'replicationFactor must be 1 to 3, the number of peers, got 4.',
  ],
  [
    'more confirmations than copies',
    { peers: 3, collections: { replicationFactor: 2, writeConsistencyFactor: 3 } },
    'writeConsistencyFactor must be 1 to 2, the replicationFactor, got 3.',
  ],
  [
    'an unknown quantization',
    { collections: { quantization: 'ternary' } },
    'quantization must be none, scalar or binary, got "ternary".',
  ],
  ['too few edges', { collections: { hnswM: 2 } }, 'hnswM must be 4 to 128, got 2.'],
  [
    'a graph that is built with fewer neighbours than it has',
    { collections: { hnswM: 64, hnswEfConstruct: 32 } },
    'hnswEfConstruct must be at least hnswM, 64, got 32.',
  ],
  [
    'an unknown affinity',
    { antiAffinity: 'never' },
    'antiAffinity must be preferred or required, got "never".',
  ],
  ['a bad name', { name: 'a"b' }, 'name must be a DNS label of at most 40 characters, got "a"b".'],
  ['no generation', { rotation: 0 }, 'rotation must be an integer of at least 1, got 0.'],
  [
    'a bad collection',
    { appCollections: ['a/b'] },
    'appCollections must hold names of collections, got "a/b".',
  ],
  ['a bad Secret', { tlsSecret: 'A B' }, 'tlsSecret must be the name of a Secret, got "A B".'],
])('refuses %s', (_case, wrong, message) => {
  expect(() => resolveQdrantArgs({ ...args, ...wrong })).toThrow(new Error(`qdrant: ${message}`));
});
