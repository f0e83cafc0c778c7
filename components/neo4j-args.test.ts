import { type Neo4jArgs, resolveNeo4jArgs } from './neo4j-args';
import { mebibytes, neo4jMemory } from './neo4j-memory';

const single: Neo4jArgs = {
  namespace: 'data',
  image: 'neo4j:5-community',
  storage: { size: '1Gi' },
  resources: { requests: { cpu: '100m', memory: '1Gi' }, limits: { memory: '1Gi' } },
};
const enterprise = { image: 'neo4j:5-enterprise', edition: 'enterprise', acceptLicenseAgreement: 'eval' };

test('fills in the defaults', () => {
  expect(resolveNeo4jArgs(single)).toEqual({
    ...single,
    name: 'neo4j',
    edition: 'community',
    servers: 1,
    plugins: [],
    antiAffinity: 'preferred',
    clusterDomain: 'cluster.local',
    rotation: 1,
  });
});

test.each(['yes', 'eval'] as const)('takes a cluster under the licence accepted with "%s"', (accepted) => {
  const args = { ...single, ...enterprise, acceptLicenseAgreement: accepted, servers: 3 } as Neo4jArgs;
  expect(resolveNeo4jArgs(args)).toMatchObject({ edition: 'enterprise', servers: 3 });
});

test.each<[string, Partial<Record<keyof Neo4jArgs, unknown>>, string]>([
  [
    'a cluster of Community',
    { servers: 3 },
    'servers must be 1 in edition community, got 3; a cluster needs edition enterprise.',
  ],
  [
    'an Enterprise image as Community',
    { image: 'neo4j:5-enterprise' },
    'image must be of edition community, got "neo4j:5-enterprise"; set edition to enterprise to use it.',
  ],
  [
    'Enterprise without a licence',
    { ...enterprise, acceptLicenseAgreement: undefined, servers: 3 },
    'edition enterprise needs a licence of Neo4j: set acceptLicenseAgreement to yes (commercial licence) or eval (evaluation), see https://neo4j.com/licensing/; got nothing.',
  ],
  [
    'a licence refused',
    { ...enterprise, acceptLicenseAgreement: 'no' },
    'edition enterprise needs a licence of Neo4j: set acceptLicenseAgreement to yes (commercial licence) or eval (evaluation), see https://neo4j.com/licensing/; got "no".',
  ],
  [
    'an even number of servers',
    { ...enterprise, servers: 4 },
    'servers must be an odd number, so that a majority can always be told, got 4.',
  ],
  ['an unknown edition', { edition: 'aura' }, 'edition must be community or enterprise, got "aura".'],
  [
    'too little memory',
    { resources: { requests: { cpu: '1', memory: '512Mi' }, limits: { memory: '512Mi' } } },
    'resources.limits.memory must be at least 1024Mi, got "512Mi".',
  ],
  [
    'an unknown plugin',
    { plugins: ['apoc', 'bloom'] },
    'plugins must hold apoc or graph-data-science, got "bloom".',
  ],
  ['a bad name', { name: 'Neo4j' }, 'name must be a DNS label of at most 40 characters, got "Neo4j".'],
  ['a bad domain', { clusterDomain: 'a b' }, 'clusterDomain must be a DNS name, got "a b".'],
  ['half a rotation', { rotation: 1.5 }, 'rotation must be an integer from 1, got 1.5.'],
  [
    'an unknown affinity',
    { antiAffinity: 'never' },
    'antiAffinity must be preferred or required, got "never".',
  ],
])('refuses %s', (_case, wrong, message) => {
  expect(() => resolveNeo4jArgs({ ...single, ...wrong } as Neo4jArgs)).toThrow(
    new Error(`neo4j: ${message}`),
  );
});

test.each([
  // limit, heap, page cache (MiB); the rest is the JVM's.
  [1024, 288, 288],
  [2048, 800, 800],
  [4096, 1638, 1638],
  [8192, 3276, 3277],
  [131072, 31 * 1024, 73113],
])('of %i MiB the heap gets %i and the page cache %i', (limit, heapMiB, pageCacheMiB) => {
  expect(neo4jMemory(limit)).toEqual({ heapMiB, pageCacheMiB });
});

test.each([
  ['1Gi', 1024],
  ['1.5Gi', 1536],
  ['512Mi', 512],
  ['2G', 1907],
  ['1073741824', 1024],
  ['1gb', NaN],
  ['', NaN],
])('%s is %d MiB', (quantity, expected) => expect(mebibytes(quantity)).toBe(expected));
