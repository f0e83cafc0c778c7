import { resource, statefulSet } from './fixtures';
import { priorityClass, spreadOverNodes } from './placement';

const cluster = (spec: object) => resource('postgresql.cnpg.io/v1:Cluster', 'postgres', { spec });
const pooler = (spec: object) => resource('postgresql.cnpg.io/v1:Pooler', 'pooler', { spec });
const elasticsearch = (...nodeSets: object[]) =>
  resource('elasticsearch.k8s.elastic.co/v1:Elasticsearch', 'search', { spec: { nodeSets } });
const apart = { affinity: { podAntiAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{}] } } };
const hosts = { topologySpreadConstraints: [{ topologyKey: 'kubernetes.io/hostname' }] };
const zones = { topologySpreadConstraints: [{ topologyKey: 'topology.kubernetes.io/zone' }] };

describe('spread-over-nodes', () => {
  test.each([
    ['anti-affinity', statefulSet({})],
    ['a spread over nodes', statefulSet({ pod: { affinity: undefined, ...hosts } })],
    ['one replica', statefulSet({ spec: { replicas: 1 }, pod: { affinity: undefined } })],
    ['CloudNativePG, whose default it is', cluster({ instances: 3 })],
    ['one instance of CloudNativePG', cluster({ instances: 1, affinity: { enablePodAntiAffinity: false } })],
    ['ECK, whose default it is', elasticsearch({ name: 'hot', count: 3 })],
    ['a pooler', pooler({ instances: 2, template: { spec: apart } })],
    ['an object without pods', resource('core/v1:Service', 'redis', { spec: {} })],
  ])('%s passes', (_what, passing) => {
    expect(spreadOverNodes.check(passing)).toEqual([]);
  });

  test.each([
    ['The replicas of StatefulSet/data/redis', statefulSet({ pod: { affinity: undefined } })],
    ['The replicas of StatefulSet/data/redis', statefulSet({ pod: { affinity: undefined, ...zones } })],
    [
      'The instances of Cluster/data/postgres',
      cluster({ instances: 3, affinity: { enablePodAntiAffinity: false } }),
    ],
    ['The replicas of Pooler/data/pooler', pooler({ instances: 2 })],
    [
      'The hot nodes of Elasticsearch/data/search',
      elasticsearch({ name: 'hot', count: 3, podTemplate: { spec: { affinity: {} } } }),
    ],
  ])('%s may meet', (who, spoiled) => {
    expect(spreadOverNodes.check(spoiled)).toEqual([`${who} may run on one node; set podAntiAffinity.`]);
  });
});

describe('priority-class', () => {
  const named = { priorityClassName: 'stores' };

  test('a named class passes; jobs may wait', () => {
    expect(priorityClass.check(statefulSet({}))).toEqual([]);
    expect(priorityClass.check(cluster(named))).toEqual([]);
    expect(priorityClass.check(elasticsearch({ name: 'hot', podTemplate: { spec: named } }))).toEqual([]);
    expect(priorityClass.check(resource('batch/v1:CronJob', 'upkeep', { spec: {} }))).toEqual([]);
  });

  test.each([
    ['StatefulSet/data/redis', statefulSet({ pod: { priorityClassName: undefined } })],
    ['Cluster/data/postgres', cluster({})],
    ['Elasticsearch/data/search, node set hot,', elasticsearch({ name: 'hot' })],
  ])('%s without one is a violation', (who, spoiled) => {
    expect(priorityClass.check(spoiled)).toEqual([`${who} has no PriorityClass; set priorityClassName.`]);
  });
});
