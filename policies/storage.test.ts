import { resource, statefulSet } from './fixtures';
import { dataRetained, storageClassExplicit } from './storage';

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

describe('data-retained', () => {
  const storageClass = (reclaimPolicy?: string) =>
    resource('storage.k8s.io/v1:StorageClass', 'storage', { metadata: { name: 'retained' }, reclaimPolicy });
  const elasticsearch = (volumeClaimDeletePolicy?: string) =>
    resource('elasticsearch.k8s.elastic.co/v1:Elasticsearch', 'search', {
      spec: {
        volumeClaimDeletePolicy,
        nodeSets: [{ volumeClaimTemplates: [{ spec: { storageClassName: 'retained' } }] }],
      },
    });
  const messages = (...resources: ReturnType<typeof cluster>[]) =>
    dataRetained.checkStack(resources).map(({ message }) => message);

  test('volumes of a retaining class that nothing deletes pass', () => {
    const stores = [statefulSet({}), cluster({ storage: { storageClass: 'retained' } })];
    expect(messages(storageClass('Retain'), ...stores, elasticsearch('DeleteOnScaledownOnly'))).toEqual([]);
    expect(messages(...stores)).toEqual([]);
  });

  test('a class that deletes takes every store with it', () => {
    const loses = (name: string) =>
      `${name} has volumes of StorageClass retained, whose reclaimPolicy is not Retain; set it.`;
    const stores = [statefulSet({}), cluster({ storage: { storageClass: 'retained' } })];
    for (const policy of ['Delete', undefined])
      expect(messages(storageClass(policy), ...stores)).toEqual([
        loses('StatefulSet/data/redis'),
        loses('Cluster/data/postgres'),
      ]);
  });

  test('a StatefulSet or ECK that deletes claims is a violation', () => {
    const policy = { whenDeleted: 'Delete', whenScaled: 'Delete' };
    const spoiled = statefulSet({ spec: { persistentVolumeClaimRetentionPolicy: policy } });
    expect(messages(spoiled, elasticsearch())).toEqual([
      'StatefulSet/data/redis deletes its volumes by persistentVolumeClaimRetentionPolicy.whenDeleted Delete; keep them.',
      'StatefulSet/data/redis deletes its volumes by persistentVolumeClaimRetentionPolicy.whenScaled Delete; keep them.',
      'Elasticsearch/data/search deletes its volumes by volumeClaimDeletePolicy DeleteOnScaledownAndClusterDeletion; keep them.',
    ]);
  });

  test('what Pulumi protects is not deleted', () => {
    expect(messages({ ...elasticsearch(), protect: true })).toEqual([]);
  });
});
