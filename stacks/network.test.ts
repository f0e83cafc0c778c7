import { chromaSpec } from '../components/chroma-spec';
import { minioSpec } from '../components/minio-spec';
import { neo4jSpec } from '../components/neo4j-spec';
import { knownPorts, type PodFlows } from '../components/network-flows';
import { networkPoliciesSpec } from '../components/network-policies-spec';
import { oxigraphSpec } from '../components/oxigraph-spec';
import { qdrantSpec } from '../components/qdrant-spec';
import { redisClusterSpec } from '../components/redis-cluster-spec';
import { redisSpec } from '../components/redis-spec';
import { declaredBy } from '../components/testing/mocks';
import { images } from '../components/versions';
import { loadConfig, type PlatformConfig, platformOf } from './config';
import { declareNetwork, networkArgs } from './network';
import { stores } from './stores';
import type { Platform } from './stores/store';

const key = (name: string) => `agent-data-platform:${name}`;
type Overrides = Record<string, object>;

/** A configuration with every store, unless it says otherwise. */
function configOf(size: 'dev' | 'prod', overrides: Overrides = {}): PlatformConfig {
  const optional = ['neo4j', 'oxigraph', 'elasticsearch', 'qdrant', 'chroma'];
  const on = optional.map((name) => [name, { enabled: true, ...overrides[name] }]);
  return loadConfig({
    [key('size')]: size,
    [key('kubeContext')]: 'somewhere',
    [key('storage')]: '{"className":"retained"}',
    ...Object.fromEntries(
      Object.entries({ ...overrides, ...Object.fromEntries(on) }).map(([name, value]) => [
        key(name),
        JSON.stringify(value),
      ]),
    ),
  });
}

interface PodTemplate {
  metadata: { labels: Record<string, string> };
  spec: { containers: { ports?: { containerPort: number }[] }[] };
}

/** The pods that the stack itself makes, as their specs render them. */
function podTemplates(config: PlatformConfig, platform: Platform): PodTemplate[] {
  const { mode, args } = stores.redis.args(config.redis, platform);
  const redis =
    mode === 'cluster' ? [redisClusterSpec(args).statefulSet] : Object.values(redisSpec(args).statefulSets);
  return [
    ...redis,
    minioSpec({ ...stores.minio.args(config.minio, platform), image: images.minio }).statefulSet,
    neo4jSpec(stores.neo4j.args(config.neo4j, platform)).statefulSet,
    oxigraphSpec(stores.oxigraph.args(config.oxigraph, platform)).statefulSet,
    qdrantSpec(stores.qdrant.args(config.qdrant, platform)).statefulSet,
    chromaSpec(stores.chroma.args(config.chroma, platform)).statefulSet,
  ].map(({ spec }) => spec.template as unknown as PodTemplate);
}

/** The pods that operators make, with the ports that their documentation names. */
const operatorPods: PodTemplate[] = [
  pod({ 'cnpg.io/cluster': 'postgres', 'cnpg.io/podRole': 'instance' }, [5432, 8000, 9187]),
  pod({ 'cnpg.io/cluster': 'postgres', 'cnpg.io/podRole': 'pooler' }, [5432, 9127]),
  pod({ 'elasticsearch.k8s.elastic.co/cluster-name': 'elasticsearch' }, [9200, 9300]),
];

function pod(labels: Record<string, string>, ports: number[]): PodTemplate {
  return {
    metadata: { labels },
    spec: { containers: [{ ports: ports.map((containerPort) => ({ containerPort })) }] },
  };
}

function selects({ pods }: PodFlows, labels: Record<string, string>): boolean {
  const { matchLabels, matchExpressions = [] } = pods;
  return (
    Object.entries(matchLabels).every(([name, value]) => labels[name] === value) &&
    matchExpressions.every((expression) => expression.key in labels)
  );
}

describe.each([
  ['prod', {}],
  ['dev', {}],
  ['prod', { redis: { mode: 'cluster' } }],
  ['prod', { neo4j: { edition: 'enterprise', acceptLicenseAgreement: 'yes', servers: 3 } }],
] as ['dev' | 'prod', Overrides][])('size %s with %j', (size, overrides) => {
  const config = configOf(size, overrides);
  const platform = platformOf(config);
  const { flows } = networkArgs(config, platform);
  const templates = [...podTemplates(config, platform), ...operatorPods];

  test('every kind of pod has flows, and one only', () => {
    for (const { metadata } of templates) {
      const own = flows.filter((flow) => selects(flow, metadata.labels)).map(({ name }) => name);
      expect([metadata.labels, own]).toEqual([metadata.labels, [expect.any(String)]]);
    }
  });

  test('every port that a container serves is in a flow, or named as closed', () => {
    for (const { metadata, spec } of templates) {
      const flow = flows.find((candidate) => selects(candidate, metadata.labels))!;
      const served = spec.containers.flatMap(({ ports = [] }) =>
        ports.map(({ containerPort }) => containerPort),
      );
      expect(served.length).toBeGreaterThan(0);
      expect({ [flow.name]: served.filter((port) => !knownPorts(flow).includes(port)) }).toEqual({
        [flow.name]: [],
      });
    }
  });
});

test('a port that no flow names is found', () => {
  const { flows } = networkArgs(configOf('prod'), platformOf(configOf('prod')));
  const redis = flows.find(({ name }) => name === 'redis')!;
  expect(knownPorts(redis)).toEqual([6379]);
  expect(knownPorts({ ...redis, closed: [16379] })).toEqual([6379, 16379]);
});

test('the dev size has a policy for every kind of pod, and closes the namespaces of the operators too', () => {
  const config = configOf('dev');
  const { flows, defaultDeny } = networkPoliciesSpec(networkArgs(config, platformOf(config)));
  expect(flows.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`)).toEqual([
    ...[
      'postgres',
      'postgres-jobs',
      'postgres-pooler',
      'postgres-partition-maintenance',
      'redis',
      'redis-sentinel',
      'minio',
      'neo4j',
      'oxigraph',
      'elasticsearch',
      'qdrant',
      'chroma',
    ].map((name) => `agent-data-platform/${name}-flows`),
    'cnpg-system/cloudnative-pg-flows',
    'elastic-system/elastic-operator-flows',
    'agent-data-platform/clients-1-flows',
  ]);
  expect(defaultDeny.map(({ metadata }) => metadata.namespace)).toEqual([
    'agent-data-platform',
    'cnpg-system',
    'elastic-system',
  ]);
});

test('a store that is off has no flows, and existing operators keep their own policies', () => {
  const config = configOf('dev', { chroma: { enabled: false }, elasticsearch: { enabled: false } });
  const { flows } = networkArgs(config, platformOf(config));
  expect(flows.map(({ name }) => name)).not.toContain('chroma');
  expect(flows.map(({ name }) => name)).not.toContain('elasticsearch');
  expect(networkArgs(config, platformOf(config)).operators.map(({ name }) => name)).toEqual([
    'cloudnative-pg',
  ]);
  const existing = { ...config, operators: 'existing' as const };
  expect(networkArgs(existing, platformOf(existing)).operators).toEqual([]);
});

test('disabled, nothing is declared; enabled with addresses of the API server, the cluster is not asked for them', async () => {
  const apiServer = [{ cidr: '10.0.0.1/32', ports: [6443] }];
  const declared = async (network: object) => {
    const config = configOf('dev', { network });
    const found = await declaredBy(() => declareNetwork(config, platformOf(config), { dependsOn: [] }));
    return found.map(({ path }) => path.split('$').at(-1)!.replace(/^.*:/, ''));
  };
  expect(await declared({ policies: 'disabled' })).toEqual([]);
  const fixed = await declared({ apiServer });
  expect(new Set(fixed)).toEqual(new Set(['NetworkPolicies', 'NetworkPolicy']));
  expect(fixed).toHaveLength(1 + 15 + 3);
});

test.each([
  ['all addresses', { egress: [{ from: 'minio', cidr: '0.0.0.0/0', ports: [443] }] }, /not all of them/],
  ['a host name', { apiServer: [{ cidr: 'example.com', ports: [443] }] }, /Invalid IPv4 range/],
  ['nobody', { clients: [{}] }, /namespaceLabels, podLabels or both/],
  ['every pod there is', { clients: [{ podLabels: {} }] }, /at least one label/],
  ['a label with text for a shell', { monitoring: [{ podLabels: { app: '$(id)' } }] }, /value of a label/],
  [
    'a store that is not there',
    { egress: [{ from: 'mysql', cidr: '10.0.0.0/8', ports: [1] }] },
    /got "mysql"/,
  ],
  [
    'a misspelt key',
    { clients: [{ podLabel: { app: 'x' } }] },
    /clients\.0\.podLabel: unknown key; known here: namespaceLabels, podLabels/,
  ],
  ['a port that is none', { apiServer: [{ cidr: '10.0.0.1/32', ports: [0] }] }, /ports/],
])('the configuration refuses %s', (_, network, message) => {
  expect(() => configOf('dev', { network })).toThrow(message);
});
