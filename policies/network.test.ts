import { resource, statefulSet } from './fixtures';
import { ingressTls, networkDefaultDeny, noUnexplainedExposure } from './network';

describe('no-unexplained-exposure', () => {
  const service = (spec: object, annotations?: Record<string, string>) =>
    resource('core/v1:Service', 'redis', { metadata: { annotations }, spec });
  const fix = 'use ClusterIP, or say why in the annotation agent-data-platform/expose.';

  test.each([
    [{}, undefined],
    [{ type: 'ClusterIP', externalIPs: [] }, undefined],
    [{ type: 'LoadBalancer' }, { 'agent-data-platform/expose': 'analytics VPC reads replicas' }],
  ])('%j with annotations %j passes', (spec, annotations) => {
    expect(noUnexplainedExposure.check(service(spec, annotations))).toEqual([]);
  });

  test.each([
    ['LoadBalancer', undefined],
    ['LoadBalancer', { 'agent-data-platform/expose': ' ' }],
    ['NodePort', { 'service.beta.kubernetes.io/internal': 'true' }],
  ])('type %s with annotations %j is a violation', (type, annotations) => {
    expect(noUnexplainedExposure.check(service({ type }, annotations))).toEqual([
      `Service/data/redis is of type ${type}; ${fix}`,
    ]);
  });

  test('an external address is a way in too', () => {
    expect(noUnexplainedExposure.check(service({ externalIPs: ['192.0.2.1'] }))).toEqual([
      `Service/data/redis has externalIPs; ${fix}`,
    ]);
  });
});

describe('ingress-tls', () => {
  const ingress = (spec: object) => resource('networking.k8s.io/v1:Ingress', 'search', { spec });
  const rules = [{ host: 'search.example.com' }, { host: 'graph.example.com' }];

  test.each([
    [{ rules, tls: [{ hosts: ['search.example.com', 'graph.example.com'], secretName: 'tls' }] }],
    [{ rules, tls: [{ secretName: 'wildcard' }] }],
  ])('%j passes', (spec) => {
    expect(ingressTls.check(ingress(spec))).toEqual([]);
  });

  test('no TLS, or TLS for some hosts only, is a violation', () => {
    expect(ingressTls.check(ingress({ rules }))).toEqual([
      'Ingress/data/search has no TLS; set spec.tls with its hosts.',
    ]);
    const tls = [{ hosts: ['search.example.com'] }];
    expect(ingressTls.check(ingress({ rules: [...rules, {}], tls }))).toEqual([
      'Ingress/data/search has no TLS for graph.example.com; list it in spec.tls.',
      'Ingress/data/search has no TLS for all other hosts; list it in spec.tls.',
    ]);
  });
});

describe('network-default-deny', () => {
  const policy = (spec: object, namespace = 'data') =>
    resource('networking.k8s.io/v1:NetworkPolicy', 'deny', { metadata: { namespace }, spec });
  const both = { podSelector: {}, policyTypes: ['Ingress', 'Egress'] };
  const messages = (...others: ReturnType<typeof policy>[]) =>
    networkDefaultDeny.checkStack([statefulSet({}), ...others]).map(({ message }) => message);
  const open = (types: string) => [
    `Namespace data, where StatefulSet/data/redis runs, has no NetworkPolicy that denies all ${types}; declare one with an empty podSelector.`,
  ];

  test('one policy for both directions passes, and so does one for each', () => {
    expect(messages(policy(both))).toEqual([]);
    expect(
      messages(
        policy({ podSelector: {}, policyTypes: ['Ingress'], ingress: [] }),
        policy({ podSelector: { matchLabels: {} }, policyTypes: ['Egress'] }),
      ),
    ).toEqual([]);
  });

  test.each([
    ['none', [], 'Ingress and Egress'],
    ['one direction', [policy({ podSelector: {}, policyTypes: ['Ingress'] })], 'Egress'],
    [
      'some pods',
      [policy({ ...both, podSelector: { matchLabels: { app: 'redis' } } })],
      'Ingress and Egress',
    ],
    ['an exception', [policy({ ...both, egress: [{}] })], 'Egress'],
    ['another namespace', [policy(both, 'other')], 'Ingress and Egress'],
  ])('%s is a violation', (_what, policies, types) => {
    expect(messages(...policies)).toEqual(open(types));
  });

  test('the pods of operators count, and each namespace is named once', () => {
    const cluster = resource('postgresql.cnpg.io/v1:Cluster', 'postgres', { metadata: { namespace: 'sql' } });
    const pooler = resource('postgresql.cnpg.io/v1:Pooler', 'pooler', { metadata: { namespace: 'sql' } });
    const found = networkDefaultDeny.checkStack([cluster, pooler, statefulSet({}), policy(both)]);
    expect(found).toEqual([
      {
        resource: cluster,
        message:
          'Namespace sql, where Cluster/sql/postgres runs, has no NetworkPolicy that denies all Ingress and Egress; declare one with an empty podSelector.',
      },
    ]);
  });
});
