import type { PodFlows } from './network-flows';
import { NetworkPolicies } from './network-policies';
import { defaultPeers, type NetworkPoliciesArgs } from './network-policies-args';
import { networkPoliciesSpec, withApiServer } from './network-policies-spec';
import { declaredBy } from './testing/mocks';

const labels = {
  'app.kubernetes.io/name': 'network-policies',
  'app.kubernetes.io/part-of': 'agent-data-platform',
  'app.kubernetes.io/managed-by': 'pulumi',
};
const dns = {
  to: [
    {
      namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'kube-system' } },
      podSelector: { matchLabels: { 'k8s-app': 'kube-dns' } },
    },
  ],
  ports: [
    { protocol: 'UDP', port: 53 },
    { protocol: 'TCP', port: 53 },
  ],
};
const tcp = (port: number) => ({ protocol: 'TCP', port });
const pods = (app: string) => ({ matchLabels: { app } });

const database: PodFlows = {
  name: 'database',
  pods: pods('database'),
  clients: [5432],
  peers: { database: [5432, 8000] },
  operator: { name: 'keeper', ports: [8000] },
  metrics: [9187],
  apiServer: true,
};
const pooler: PodFlows = { name: 'pooler', pods: pods('pooler'), clients: [6432], uses: ['database'] };
const sealed: PodFlows = { name: 'sealed', pods: pods('sealed'), clients: [7878], dns: false };
const keeper = {
  name: 'keeper',
  namespace: 'keepers',
  pods: pods('keeper'),
  webhooks: [9443],
  metrics: [8080],
  manages: { pods: pods('database'), ports: [8000] },
};
const args: NetworkPoliciesArgs = {
  namespace: 'platform',
  flows: [database, pooler, sealed],
  operators: [keeper],
  ...defaultPeers,
};

/** The one policy of this name, without what all have. */
function policy(name: string, changed: Partial<NetworkPoliciesArgs> = {}) {
  const { flows, defaultDeny } = networkPoliciesSpec({ ...args, ...changed });
  const [found, ...others] = [...flows, ...defaultDeny].filter(({ metadata }) => metadata.name === name);
  expect(others.filter(({ metadata }) => metadata.namespace === found!.metadata.namespace)).toEqual([]);
  return found!;
}

test('every namespace is closed in both directions', () => {
  expect(networkPoliciesSpec(args).defaultDeny).toEqual(
    ['platform', 'keepers'].map((namespace) => ({
      reachesApiServer: false,
      metadata: { name: 'default-deny', namespace, labels },
      spec: { podSelector: {}, policyTypes: ['Ingress', 'Egress'], ingress: [], egress: [] },
    })),
  );
});

test('a store opens its ports to clients, to what uses it, to its peers, its operator and monitoring, and to nobody else', () => {
  expect(policy('database-flows')).toEqual({
    reachesApiServer: true,
    metadata: { name: 'database-flows', namespace: 'platform', labels },
    spec: {
      podSelector: pods('database'),
      policyTypes: ['Ingress', 'Egress'],
      ingress: [
        {
          from: [
            { namespaceSelector: { matchLabels: { 'agent-data-platform/client': 'true' } } },
            { podSelector: { matchLabels: { 'agent-data-platform/client': 'true' } } },
            { podSelector: pods('pooler') },
          ],
          ports: [tcp(5432)],
        },
        { from: [{ podSelector: pods('database') }], ports: [tcp(5432), tcp(8000)] },
        {
          from: [
            {
              namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'keepers' } },
              podSelector: pods('keeper'),
            },
          ],
          ports: [tcp(8000)],
        },
        {
          from: [{ namespaceSelector: { matchLabels: { 'agent-data-platform/monitoring': 'true' } } }],
          ports: [tcp(9187)],
        },
      ],
      egress: [dns, { to: [{ podSelector: pods('database') }], ports: [tcp(5432), tcp(8000)] }],
    },
  });
});

test('what uses a store may leave for that store only', () => {
  expect(policy('pooler-flows').spec.egress).toEqual([
    dns,
    { to: [{ podSelector: pods('database') }], ports: [tcp(5432)] },
  ]);
});

test('a store that needs nothing does not even resolve names', () => {
  expect(policy('sealed-flows').spec.egress).toEqual([]);
});

test('an operator is called by the API server from anywhere, and reaches the pods that it manages in every namespace', () => {
  expect(policy('keeper-flows')).toEqual({
    reachesApiServer: true,
    metadata: { name: 'keeper-flows', namespace: 'keepers', labels },
    spec: {
      podSelector: pods('keeper'),
      policyTypes: ['Ingress', 'Egress'],
      ingress: [
        { ports: [tcp(9443)] },
        {
          from: [{ namespaceSelector: { matchLabels: { 'agent-data-platform/monitoring': 'true' } } }],
          ports: [tcp(8080)],
        },
      ],
      egress: [dns, { to: [{ namespaceSelector: {}, podSelector: pods('database') }], ports: [tcp(8000)] }],
    },
  });
});

test('operators of one namespace share its closing, and reach each other only on the ports that are named', () => {
  const helper = {
    ...{ name: 'helper', namespace: 'keepers', pods: pods('helper') },
    operators: { keeper: [9090] },
  };
  const operators = [keeper, helper];
  expect(policy('helper-flows', { operators }).spec).toMatchObject({
    ingress: [{ from: [{ podSelector: pods('keeper') }], ports: [tcp(9090)] }],
    egress: [dns],
  });
  expect(policy('keeper-flows', { operators }).spec.egress.at(-1)).toEqual({
    to: [{ podSelector: pods('helper') }],
    ports: [tcp(9090)],
  });
  const { defaultDeny } = networkPoliciesSpec({ ...args, operators });
  expect(defaultDeny.map(({ metadata }) => metadata.namespace)).toEqual(['platform', 'keepers']);
});

test('pods reach the addresses of another flow where they say so', () => {
  const egress = [{ from: 'database', cidr: '203.0.113.0/24', ports: [9000] }];
  const outside = { to: [{ ipBlock: { cidr: '203.0.113.0/24' } }], ports: [tcp(9000)] };
  const job = { name: 'job', pods: pods('job'), egressOf: 'database' };
  const flows = [database, pooler, sealed, job];
  expect(policy('job-flows', { egress, flows }).spec.egress).toEqual([dns, outside]);
  expect(policy('pooler-flows', { egress, flows }).spec.egress).not.toContainEqual(outside);
  expect(() => policy('job-flows', { flows: [job] })).toThrow(
    'job.egressOf must name flows (job), got "database".',
  );
});

test("an operator that is not the stack's own is let in from any namespace, by the label of its pods", () => {
  expect(policy('database-flows', { operators: [] }).spec.ingress[2]!.from).toEqual([
    { namespaceSelector: {}, podSelector: { matchLabels: { 'app.kubernetes.io/name': 'keeper' } } },
  ]);
  expect(networkPoliciesSpec({ ...args, operators: [] }).defaultDeny).toHaveLength(1);
});

test("clients in the stores' namespace may leave for every client port and nothing else", () => {
  expect(policy('clients-1-flows').spec).toEqual({
    podSelector: { matchLabels: { 'agent-data-platform/client': 'true' } },
    policyTypes: ['Ingress', 'Egress'],
    ingress: [],
    egress: [
      dns,
      { to: [{ podSelector: pods('database') }], ports: [tcp(5432)] },
      { to: [{ podSelector: pods('pooler') }], ports: [tcp(6432)] },
      { to: [{ podSelector: pods('sealed') }], ports: [tcp(7878)] },
    ],
  });
});

test('with nobody to let in there is no rule, since an empty one lets everybody in', () => {
  const closed = { clients: [], monitoring: [], operators: [] };
  expect(policy('sealed-flows', closed).spec.ingress).toEqual([]);
  expect(policy('database-flows', closed).spec.ingress.every(({ from }) => from!.length > 0)).toBe(true);
});

test('a client is chosen by labels of its namespace and its own', () => {
  const clients = [{ namespaceLabels: { team: 'agents' }, podLabels: { app: 'worker' } }];
  expect(policy('sealed-flows', { clients }).spec.ingress[0]!.from).toEqual([
    {
      namespaceSelector: { matchLabels: { team: 'agents' } },
      podSelector: { matchLabels: { app: 'worker' } },
    },
  ]);
});

test('addresses outside of the cluster open for the store that they are said for', () => {
  const egress = [{ from: 'pooler', cidr: '203.0.113.0/24', ports: [443] }];
  const outside = { to: [{ ipBlock: { cidr: '203.0.113.0/24' } }], ports: [tcp(443)] };
  expect(policy('pooler-flows', { egress }).spec.egress.at(-1)).toEqual(outside);
  expect(policy('database-flows', { egress }).spec.egress).not.toContainEqual(outside);
  const flows = [...args.flows, { name: 'prover', pods: pods('prover'), egressOf: 'pooler' }];
  expect(policy('prover-flows', { egress, flows }).spec.egress).toEqual([dns, outside]);
});

test('only pods that are clients of the API server get its addresses', () => {
  const addresses = [{ cidr: '10.0.0.1/32', ports: [6443] }];
  const rule = { to: [{ ipBlock: { cidr: '10.0.0.1/32' } }], ports: [tcp(6443)] };
  expect(withApiServer(policy('database-flows'), addresses).spec.egress.at(-1)).toEqual(rule);
  expect(withApiServer(policy('pooler-flows'), addresses).spec.egress).not.toContainEqual(rule);
});

test('every contradiction is refused at once', () => {
  const wrong: NetworkPoliciesArgs = {
    ...args,
    flows: [{ ...pooler, uses: ['data'] }, { ...sealed, peers: { seal: [1] } }, sealed],
    egress: [{ from: 'postgres', cidr: '203.0.113.0/24', ports: [443] }],
    clients: [{}, { podLabels: {} }],
  };
  expect(() => networkPoliciesSpec(wrong)).toThrow(
    'network: flows must have different names, got "sealed" twice. ' +
      'pooler.uses must name flows (pooler, sealed, sealed), got "data". ' +
      'sealed.peers must name flows (pooler, sealed, sealed), got "seal". ' +
      'egress.from must name flows (pooler, sealed, sealed), got "postgres". ' +
      'clients must select by labels of namespaces or pods, at least one each; got {}. ' +
      'clients must select by labels of namespaces or pods, at least one each; got {"podLabels":{}}.',
  );
});

test('the component declares each policy once, with the addresses of the API server in it', async () => {
  const apiServer = [{ cidr: '10.0.0.1/32', ports: [6443] }];
  const declared = await declaredBy(() => new NetworkPolicies('network', { ...args, apiServer }));
  expect(declared.map(({ path, name }) => `${path.split('$').at(-1)} ${name}`)).toEqual([
    'agent-data-platform:data:NetworkPolicies network',
    ...[
      'clients-1-flows',
      'database-flows',
      'default-deny',
      'keepers-default-deny',
      'keepers-keeper-flows',
      'pooler-flows',
      'sealed-flows',
    ].map((name) => `kubernetes:networking.k8s.io/v1:NetworkPolicy network-${name}`),
  ]);
  const database = declared.find(({ name }) => name === 'network-database-flows')!;
  expect(database.inputs.spec.egress.at(-1)).toEqual({
    to: [{ ipBlock: { cidr: '10.0.0.1/32' } }],
    ports: [tcp(6443)],
  });
});
