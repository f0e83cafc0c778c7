import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import * as net from 'node:net';
import { isDeepStrictEqual } from 'node:util';
import { join } from 'node:path';
import { KubernetesCluster, type KubernetesObject } from '../migrations/kubernetes/cluster';
import type { Tunnel } from '../migrations/kubernetes/tunnel';
import { projectRoot } from '../migrations/project-root';
import { eventually } from '../migrations/testing/servers';
import { addressRanges } from './api-server-addresses-provider';
import { barmanCloudFlows } from './barman-cloud-spec';
import { elasticsearchFlows, elasticsearchOperatorFlows } from './elasticsearch-flows';
import { containerSecurityContext, podSecurityContext } from './metadata';
import { minioFlows } from './minio-spec';
import { neo4jFlows } from './neo4j-spec';
import { knownPorts, type PodFlows, type PodSelector } from './network-flows';
import { defaultPeers } from './network-policies-args';
import { networkPoliciesSpec, withApiServer } from './network-policies-spec';
import { chromaFlows } from './chroma-spec';
import { oxigraphFlows } from './oxigraph-spec';
import { cloudNativePgFlows, postgresFlows } from './postgres-flows';
import { qdrantFlows } from './qdrant-spec';
import { redisFlows } from './redis-flows';
import { enforceNetworkPolicies } from './testing/network-enforcement';
import { images } from './versions';

const prefix = `network-${randomBytes(4).toString('hex')}`;
const platform = `${prefix}-platform`;
const namespaceLabels: Record<string, Record<string, string>> = {
  [platform]: {},
  [`${prefix}-cnpg`]: {},
  [`${prefix}-eck`]: {},
  [`${prefix}-agents`]: { 'agent-data-platform/client': 'true' },
  [`${prefix}-monitoring`]: { 'agent-data-platform/monitoring': 'true' },
  [`${prefix}-others`]: {},
};
const CONTROL_PORT = 7001;
/** Served by every pod, and opened by no flow. */
const OTHER_PORT = 9999;

const pods = { requests: { cpu: '1', memory: '2Gi' }, limits: { memory: '2Gi' } };
const common = {
  namespace: platform,
  image: 'example.com/store:1',
  storage: { size: '1Gi' },
  resources: pods,
};
const flows: PodFlows[] = [
  ...postgresFlows({
    ...common,
    instances: 2,
    pooler: { instances: 1, poolMode: 'transaction', image: 'example.com/pooler:1', resources: pods },
  }),
  ...redisFlows({ ...common, replicas: 3, sentinels: 3, maxMemory: 64, sentinelResources: pods }),
  ...minioFlows({ ...common, mode: 'distributed' }),
  ...neo4jFlows({ ...common, edition: 'enterprise', acceptLicenseAgreement: 'yes', servers: 3 }),
  ...oxigraphFlows({ ...common, proxyImage: common.image }),
  ...elasticsearchFlows(
    {
      ...common,
      version: '9.2.0',
      image: 'example.com/elasticsearch:9.2.0',
      nodeSets: [{ name: 'default', count: 1, storage: common.storage, resources: pods }],
    },
    'minio',
  ),
  ...qdrantFlows({ ...common, peers: 3, snapshots: common.storage }),
  ...chromaFlows({ ...common, proxyImage: common.image }),
];
const operators = [
  cloudNativePgFlows(`${prefix}-cnpg`),
  barmanCloudFlows(`${prefix}-cnpg`),
  elasticsearchOperatorFlows(`${prefix}-eck`),
];

/** Who may connect to whom; `name:port` is every pod of that name but the source itself. */
const storesPorts =
  'postgres:5432 postgres-pooler:5432 redis:6379 redis-sentinel:26379 minio:9000 minio-service:9000 neo4j:7687 ' +
  'oxigraph:7878 oxigraph:7880 elasticsearch:9200 qdrant:6333 qdrant:6334 chroma:8000';
const allowed: Record<string, string> = {
  postgres: 'postgres:5432 postgres:8000 dns api-server',
  'postgres-jobs': 'postgres:5432 dns api-server',
  'postgres-pooler': 'postgres:5432 dns api-server',
  'postgres-partition-maintenance': 'postgres:5432 dns',
  redis: 'redis:6379 redis-sentinel:26379 dns',
  'redis-sentinel': 'redis:6379 redis-sentinel:26379 dns',
  minio: 'minio:9000 minio-service:9000 dns',
  neo4j: 'neo4j:6000 neo4j:7000 neo4j:7688 dns',
  oxigraph: '',
  elasticsearch: 'elasticsearch:9300 elasticsearch:9200 minio:9000 minio-service:9000 dns',
  qdrant: 'qdrant:6335 qdrant:6333 dns',
  chroma: '',
  'cloudnative-pg': 'postgres:8000 postgres:5432 plugin-barman-cloud:9090 dns api-server',
  'plugin-barman-cloud': 'dns api-server',
  'elastic-operator': 'elasticsearch:9200 dns api-server',
  'local-client': `${storesPorts} dns`,
  stranger: '',
  // Pods of namespaces without policies may leave for anywhere, and the operator's webhook takes calls from anywhere.
  agent: `${storesPorts} cloudnative-pg:9443 agent:9999 monitor:9999 outsider:9999 dns api-server machine`,
  monitor:
    'postgres:9187 postgres-pooler:9127 minio:9000 minio-service:9000 qdrant:6333 cloudnative-pg:8080 cloudnative-pg:9443 ' +
    'agent:9999 monitor:9999 outsider:9999 dns api-server machine',
  outsider: 'cloudnative-pg:9443 agent:9999 monitor:9999 outsider:9999 dns api-server machine',
};

interface TestPod {
  /** What it stands for, a key of {@link allowed}. */
  readonly kind: string;
  readonly name: string;
  readonly namespace: string;
  readonly labels: Record<string, string>;
  readonly ports: readonly number[];
}

function testPods(): TestPod[] {
  const labelsOf = ({ matchLabels, matchExpressions = [] }: PodSelector) => ({
    ...matchLabels,
    ...Object.fromEntries(matchExpressions.map(({ key }) => [key, 'initdb'])),
  });
  const pod = (
    kind: string,
    namespace: string,
    labels: Record<string, string>,
    ports: number[] = [],
  ): TestPod => ({
    ...{ kind, name: kind, namespace, labels },
    ports: [...new Set([...ports, OTHER_PORT])],
  });
  const ofStores = flows.flatMap((flow) => {
    const operator = operators.find(({ name }) => name === flow.operator?.name);
    const labels = { ...operator?.manages?.pods.matchLabels, ...labelsOf(flow.pods) };
    const first = pod(flow.name, platform, labels, knownPorts(flow));
    return flow.peers && flow.name in flow.peers ? [first, { ...first, name: `${flow.name}-2` }] : [first];
  });
  return [
    ...ofStores,
    ...operators.map(({ name, namespace, pods, webhooks = [], metrics = [], operators = {} }) =>
      pod(name, namespace, labelsOf(pods), [...webhooks, ...metrics, ...Object.values(operators).flat()]),
    ),
    pod('local-client', platform, { 'agent-data-platform/client': 'true' }),
    pod('stranger', platform, { app: 'stranger' }),
    pod('agent', `${prefix}-agents`, { app: 'agent' }),
    pod('monitor', `${prefix}-monitoring`, { app: 'monitor' }),
    // As a client labels itself, in a namespace that nobody labelled.
    pod('outsider', `${prefix}-others`, { 'agent-data-platform/client': 'true', app: 'outsider' }),
  ];
}

let cluster: KubernetesCluster;
let stopEnforcing: () => Promise<void> = () => Promise.resolve();
const machine = net.createServer((socket) => socket.destroy());
const tunnels = new Map<TestPod, Tunnel>();
/** Address and port by name, such as `postgres-2:5432`, with the kind and port that {@link allowed} names. */
const targets = new Map<string, { readonly address: string; readonly means: string }>();
const sources = testPods();

const apply = (object: KubernetesObject) => cluster.apply(object, { fieldManager: 'network-policies-test' });

beforeAll(async () => {
  cluster = KubernetesCluster.load();
  stopEnforcing = await enforceNetworkPolicies(cluster);
  for (const [name, labels] of Object.entries(namespaceLabels)) {
    const enforce = { 'pod-security.kubernetes.io/enforce': 'restricted' };
    await apply({
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name, labels: { ...labels, ...enforce } },
    });
  }
  const script = readFileSync(join(projectRoot(), 'components', 'testing', 'network-agent.pl'), 'utf8');
  await Promise.all(sources.map((pod) => apply(podObject(pod, script))));
  const selector = { ...sources.find(({ kind }) => kind === 'minio')!.labels };
  await apply({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'minio', namespace: platform },
    spec: { selector, ports: [{ port: 9000 }] },
  });
  for (const pod of sources) await addPod(pod);
  await addOthers();
}, 300_000);

afterAll(async () => {
  for (const tunnel of tunnels.values()) await tunnel.close();
  machine.close();
  for (const name of Object.keys(namespaceLabels)) await cluster.delete('v1', 'Namespace', undefined, name);
  await stopEnforcing();
}, 120_000);

function podObject({ name, namespace, labels, ports }: TestPod, script: string): KubernetesObject {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace, labels },
    spec: {
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      terminationGracePeriodSeconds: 0,
      securityContext: podSecurityContext(999),
      containers: [
        {
          name: 'agent',
          image: images.redis,
          imagePullPolicy: 'IfNotPresent',
          command: ['perl', '-e', script, ...[CONTROL_PORT, ...ports].map(String)],
          securityContext: containerSecurityContext(),
        },
      ],
    },
  };
}

async function addPod(pod: TestPod): Promise<void> {
  let address: string | undefined;
  await eventually(`pod ${pod.namespace}/${pod.name} runs`, 120_000, async () => {
    const { phase, podIP } = (await cluster.read('v1', 'Pod', pod.namespace, pod.name))?.status ?? {};
    address = podIP;
    return phase === 'Running' && podIP !== undefined;
  });
  for (const port of pod.ports)
    targets.set(`${pod.name}:${port}`, { address: `${address}:${port}`, means: `${pod.kind}:${port}` });
  tunnels.set(pod, await cluster.forward(pod.namespace, pod.name, CONTROL_PORT));
}

/** What is not one of the pods: a Service, the DNS server, the API server, and an address that is no pod's. */
async function addOthers(): Promise<void> {
  const service = await cluster.read('v1', 'Service', platform, 'minio');
  targets.set('minio-service', { address: `${service!.spec.clusterIP}:9000`, means: 'minio-service:9000' });
  const [dns] = await cluster.list('v1', 'Pod', 'kube-system', 'k8s-app=kube-dns');
  targets.set('dns', { address: `${dns!.status.podIP}:53`, means: 'dns' });
  const [{ cidr, ports }] = (await apiServer()) as [Awaited<ReturnType<typeof apiServer>>[number]];
  const host = cidr.split('/')[0]!;
  targets.set('api-server', { address: `${host}:${ports[0]}`, means: 'api-server' });
  await new Promise<void>((resolve, reject) => machine.once('error', reject).listen(0, host, resolve));
  const { port } = machine.address() as net.AddressInfo;
  targets.set('machine', { address: `${host}:${port}`, means: 'machine' });
}

async function apiServer() {
  const label = 'kubernetes.io/service-name=kubernetes';
  return addressRanges(await cluster.list('discovery.k8s.io/v1', 'EndpointSlice', 'default', label));
}

/** Names of the targets that a pod can connect to, in the order of {@link targets}. */
async function reachable(pod: TestPod, wanted: readonly string[]): Promise<string[]> {
  const { host, port } = tunnels.get(pod)!;
  const byAddress = new Map(wanted.map((name) => [targets.get(name)!.address, name]));
  const answer = await new Promise<string>((resolve, reject) => {
    const socket = net.connect(port, host, () => socket.write(`${[...byAddress.keys()].join(' ')}\n`));
    let text = '';
    socket
      .setEncoding('utf8')
      .setTimeout(30_000, () => socket.destroy(new Error(`${pod.name} does not answer.`)));
    socket.on('data', (chunk: string) => (text += chunk));
    socket.on('error', reject).on('close', () => resolve(text));
  });
  const open = new Set(answer.split(/\s+/).map((address) => byAddress.get(address)));
  return wanted.filter((name) => open.has(name));
}

/** Every target but the pod itself. */
function others({ name, kind }: TestPod): string[] {
  // A server that calls its own Service may be sent to itself.
  const own = kind === 'minio' ? ['minio-service'] : [];
  return [...targets.keys()].filter((target) => target.split(':')[0] !== name && !own.includes(target));
}

test('without policies every pod reaches everything', async () => {
  const found = await Promise.all(sources.map((pod) => reachable(pod, others(pod))));
  expect(found).toEqual(sources.map(others));
}, 60_000);

describe('with the policies', () => {
  beforeAll(async () => {
    const spec = networkPoliciesSpec({ namespace: platform, flows, operators, ...defaultPeers });
    const addresses = await apiServer();
    for (const policy of [...spec.flows, ...spec.defaultDeny]) {
      await apply({
        apiVersion: 'networking.k8s.io/v1',
        kind: 'NetworkPolicy',
        ...withApiServer(policy, addresses),
      } as unknown as KubernetesObject);
    }
    const outsider = sources.find(({ kind }) => kind === 'outsider')!;
    await eventually(
      'a pod of another namespace no longer reaches Redis; otherwise this cluster does not enforce NetworkPolicies: use a network plugin that does',
      60_000,
      async () => (await reachable(outsider, ['redis:6379'])).length === 0,
    );
  }, 90_000);

  const expected = (pod: TestPod) => {
    const may = new Set(allowed[pod.kind]!.split(' '));
    return others(pod).filter((target) => may.has(targets.get(target)!.means));
  };
  let found: Map<string, string[]>;
  beforeAll(async () => {
    // Policies come into force one after the other; the tests below say which connection is wrong in the end.
    const inForce = eventually('every connection is as the flows say', 60_000, async () => {
      const answers = await Promise.all(sources.map((pod) => reachable(pod, others(pod))));
      found = new Map(sources.map(({ name }, index) => [name, answers[index]!]));
      return sources.every((pod) => isDeepStrictEqual(found.get(pod.name), expected(pod)));
    });
    await inForce.catch(() => undefined);
  }, 90_000);

  test.each(sources.map((pod) => [pod.name, pod] as const))(
    '%s reaches what the flows say, and nothing else',
    (name, pod) => expect(found.get(name)).toEqual(expected(pod)),
  );
});
