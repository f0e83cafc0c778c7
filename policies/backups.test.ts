import { backupsConfigured } from './backups';
import { resource, standardLabels, statefulSet } from './fixtures';

const messages = (...resources: ReturnType<typeof resource>[]) =>
  backupsConfigured.checkStack(resources).map(({ message }) => message);

describe('PostgreSQL', () => {
  const cluster = (spec: object = {}) => resource('postgresql.cnpg.io/v1:Cluster', 'postgres', { spec });
  const scheduled = (change: { name?: string; namespace?: string; suspend?: boolean } = {}) =>
    resource('postgresql.cnpg.io/v1:ScheduledBackup', 'daily', {
      metadata: { namespace: change.namespace ?? 'data' },
      spec: { cluster: { name: change.name ?? 'postgres' }, suspend: change.suspend },
    });
  const archived = { plugins: [{ name: 'barman-cloud.cloudnative-pg.io', isWALArchiver: true }] };
  const unscheduled =
    'Cluster/data/postgres has no scheduled backup; set backups.repository, or declare a ScheduledBackup of its name.';
  const unarchived =
    'Cluster/data/postgres archives no write-ahead log; set backups.repository, a plugin with isWALArchiver, or spec.backup.';

  test('a schedule and an archive pass, by plugin or built in', () => {
    expect(messages(cluster(archived), scheduled())).toEqual([]);
    expect(messages(cluster({ backup: { barmanObjectStore: {} } }), scheduled())).toEqual([]);
  });

  test('nothing, or half of it, is a violation', () => {
    expect(messages(cluster())).toEqual([unscheduled, unarchived]);
    expect(messages(cluster(), scheduled())).toEqual([unarchived]);
    const disabled = { plugins: [{ isWALArchiver: true, enabled: false }] };
    expect(messages(cluster(disabled), scheduled())).toEqual([unarchived]);
  });

  test.each([[{ name: 'other' }], [{ namespace: 'other' }], [{ suspend: true }]])(
    'a schedule with %j does not count',
    (change) => {
      expect(messages(cluster(archived), scheduled(change))).toEqual([unscheduled]);
    },
  );
});

describe('other stores', () => {
  const stores = 'agent-data-platform/backed-up-stores';
  const job = (labels: object, names: string, spec: object = {}) =>
    resource('batch/v1:CronJob', 'backup', { metadata: { labels, annotations: { [stores]: names } }, spec });
  const backup = { ...standardLabels, 'app.kubernetes.io/component': 'backup' };
  const missing = [
    'StatefulSet/data/redis has no backup; set backups.repository, or declare a CronJob with the label app.kubernetes.io/component: backup and the annotation agent-data-platform/backed-up-stores: redis.',
  ];

  test('a CronJob with the labels passes; what keeps no data needs none', () => {
    expect(messages(statefulSet({}), job(backup, 'minio redis'))).toEqual([]);
    expect(messages(statefulSet({ spec: { volumeClaimTemplates: [] } }))).toEqual([]);
  });

  test.each([
    ['none', []],
    ['another store’s', [job(backup, 'minio redis-cluster')]],
    ['another kind of job', [job({ ...backup, 'app.kubernetes.io/component': 'upkeep' }, 'redis')]],
    ['a suspended one', [job(backup, 'redis', { suspend: true })]],
  ])('%s is a violation', (_what, jobs) => {
    expect(messages(statefulSet({}), ...jobs)).toEqual(missing);
  });

  test('Elasticsearch needs what its own snapshots need, or a CronJob', () => {
    const elasticsearch = (spec: object) =>
      resource('elasticsearch.k8s.elastic.co/v1:Elasticsearch', 'search', {
        metadata: { labels: { 'app.kubernetes.io/name': 'search' } },
        spec,
      });
    const client = { config: { 's3.client.platform.endpoint': 'http://minio:9000' } };
    const secureSettings = [{ secretName: 'keys' }];
    expect(messages(elasticsearch({ nodeSets: [client], secureSettings }))).toEqual([]);
    expect(messages(elasticsearch({ nodeSets: [client, {}], secureSettings }))).toEqual([
      'Elasticsearch/data/search has no backup; set backups.repository, or declare a CronJob with the label app.kubernetes.io/component: backup and the annotation agent-data-platform/backed-up-stores: search.',
    ]);
  });
});
