import { disruptionBudget, storesReplicated } from './availability';
import { resource, statefulSet } from './fixtures';

const budget = (selector: object | undefined, namespace = 'data') =>
  resource('policy/v1:PodDisruptionBudget', 'redis', { metadata: { namespace }, spec: { selector } });

const uncovered = [
  'StatefulSet/data/redis has 3 replicas and no PodDisruptionBudget selects its pods; declare one in its namespace.',
];
const messages = (...budgets: ReturnType<typeof budget>[]) =>
  disruptionBudget.checkStack([statefulSet({}), ...budgets]).map(({ message }) => message);

test.each([
  [{ matchLabels: { app: 'redis' } }],
  [{ matchExpressions: [{ key: 'tier', operator: 'In', values: ['data', 'cache'] }] }],
  [{ matchExpressions: [{ key: 'tier', operator: 'NotIn', values: ['web'] }] }],
  [{ matchExpressions: [{ key: 'app', operator: 'Exists' }] }],
  [{ matchExpressions: [{ key: 'canary', operator: 'DoesNotExist' }] }],
  [{}],
])('a budget that selects %j covers the pods', (selector) => {
  expect(messages(budget(selector))).toEqual([]);
});

test.each([
  [undefined],
  [{ matchLabels: { app: 'redis', tier: 'sentinel' } }],
  [{ matchExpressions: [{ key: 'tier', operator: 'In', values: ['sentinel'] }] }],
  [{ matchExpressions: [{ key: 'canary', operator: 'Exists' }] }],
])('a budget that selects %j does not', (selector) => {
  expect(messages(budget(selector))).toEqual(uncovered);
});

test('a budget of another namespace does not count, and none at all neither', () => {
  expect(messages(budget({ matchLabels: { app: 'redis' } }, 'other'))).toEqual(uncovered);
  expect(messages()).toEqual(uncovered);
});

test('a single replica needs no budget', () => {
  expect(disruptionBudget.checkStack([statefulSet({ spec: { replicas: 1 } })])).toEqual([]);
});

test('operators make the budgets of their stores, unless they are told not to', () => {
  const cluster = (spec: object) => resource('postgresql.cnpg.io/v1:Cluster', 'postgres', { spec });
  const elasticsearch = (spec: object) =>
    resource('elasticsearch.k8s.elastic.co/v1:Elasticsearch', 'search', { spec });
  const found = (...stores: ReturnType<typeof cluster>[]) =>
    disruptionBudget.checkStack(stores).map(({ message }) => message);
  const three = { nodeSets: [{ count: 1 }, { count: 2 }] };
  expect(found(cluster({ instances: 3 }), cluster({ instances: 1, enablePDB: false }))).toEqual([]);
  expect(found(elasticsearch(three))).toEqual([]);
  expect(found(elasticsearch({ nodeSets: [{ count: 1 }], podDisruptionBudget: {} }))).toEqual([]);
  expect(
    found(cluster({ instances: 3, enablePDB: false }), elasticsearch({ ...three, podDisruptionBudget: {} })),
  ).toEqual([
    'Cluster/data/postgres has several members and enablePDB: false, so that all may be taken away at once; remove it.',
    'Elasticsearch/data/search has several members and an empty podDisruptionBudget, so that all may be taken away at once; remove it.',
  ]);
});

describe('stores-replicated', () => {
  const elasticsearch = (...nodeSets: object[]) =>
    resource('elasticsearch.k8s.elastic.co/v1:Elasticsearch', 'search', { spec: { nodeSets } });

  test('three members pass, and what keeps no data needs none', () => {
    expect(storesReplicated.check(statefulSet({}))).toEqual([]);
    expect(storesReplicated.check(statefulSet({ spec: { replicas: 1, volumeClaimTemplates: [] } }))).toEqual(
      [],
    );
    const masters = { count: 3, config: { 'node.roles': ['master'] } };
    expect(
      storesReplicated.check(elasticsearch(masters, { count: 1, config: { 'node.roles': [] } })),
    ).toEqual([]);
  });

  test('fewer are a violation', () => {
    expect(storesReplicated.check(statefulSet({ spec: { replicas: 2 } }))).toEqual([
      'StatefulSet/data/redis has 2 replicas; it needs at least 3.',
    ]);
    expect(
      storesReplicated.check(elasticsearch({ count: 1 }, { count: 3, config: { 'node.roles': [] } })),
    ).toEqual(['Elasticsearch/data/search has 1 nodes that can be master; it needs at least 3.']);
  });
});
