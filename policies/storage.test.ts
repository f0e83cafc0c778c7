import { resource, statefulSet } from './fixtures';
import { storageClassExplicit } from './storage';

const cluster = (spec: object) => resource('postgresql.cnpg.io/v1:Cluster', 'postgres', { spec });

test('volumes that name their class pass', () => {
  expect(storageClassExplicit.check(statefulSet({}))).toEqual([]);
  const both = { storage: { storageClass: 'retained' }, walStorage: { storageClass: 'fast' } };
  expect(storageClassExplicit.check(cluster(both))).toEqual([]);
  const claim = resource('core/v1:PersistentVolumeClaim', 'dump', { spec: { storageClassName: 'retained' } });
  expect(storageClassExplicit.check(claim)).toEqual([]);
});

test('each volume without a class is one violation', () => {
  const templates = [{ spec: { storageClassName: 'retained' } }, { spec: {} }];
  expect(storageClassExplicit.check(statefulSet({ spec: { volumeClaimTemplates: templates } }))).toEqual([
    'StatefulSet/data/redis has no storage class at spec.volumeClaimTemplates[1].spec.storageClassName; name one.',
  ]);
  expect(storageClassExplicit.check(cluster({ storage: {}, walStorage: {} }))).toEqual([
    'Cluster/data/postgres has no storage class at spec.storage.storageClass; name one.',
    'Cluster/data/postgres has no storage class at spec.walStorage.storageClass; name one.',
  ]);
});

test('an empty class name is no class', () => {
  const claim = resource('core/v1:PersistentVolumeClaim', 'dump', { spec: { storageClassName: '' } });
  expect(storageClassExplicit.check(claim)).toEqual([
    'PersistentVolumeClaim/data/dump has no storage class at spec.storageClassName; name one.',
  ]);
});

test('a Cluster of another operator is none of its business', () => {
  expect(storageClassExplicit.check(resource('example.com/v1:Cluster', 'other', { spec: {} }))).toEqual([]);
});
