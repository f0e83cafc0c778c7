import { BackupJobs, type BackupJobsArgs } from './backup-jobs';
import { backupFlows, backupJobsSpec } from './backup-jobs-spec';
import { declaredBy } from './testing/mocks';

const args: BackupJobsArgs = {
  namespace: 'data',
  image: 'agent-data-platform/ops:test',
  stores: ['postgres', 'redis', 'chroma'],
  repository: {
    address: 's3://copies/team/',
    endpoint: 'https://elsewhere.example:9000',
    ca: '-----BEGIN CERTIFICATE-----\n…',
    credentialsSecret: 'backup-repository',
  },
  schedules: {
    daily: { schedule: '0 2 * * *', keepDays: 30, keepLast: 7 },
    redis: { schedule: '0 */6 * * *', stores: ['redis'], keepDays: 7, keepLast: 4 },
  },
  recipients: ['age1first', 'age1second'],
  priorityClass: 'stores',
};
const podOf = (name: string, change: Partial<BackupJobsArgs> = {}) =>
  backupJobsSpec({ ...args, ...change }).cronJobs[name]!.spec.jobTemplate.spec.template.spec;

test('each schedule copies, reads the copy back and removes what is too old, in a folder of its own', () => {
  const { cronJobs } = backupJobsSpec(args);
  expect(Object.values(cronJobs).map(({ metadata, spec }) => [metadata, spec.schedule])).toEqual([
    [
      {
        name: 'backup-daily',
        namespace: 'data',
        labels: expect.objectContaining({ 'app.kubernetes.io/component': 'backup' }),
        annotations: { 'agent-data-platform/backed-up-stores': 'postgres redis chroma' },
      },
      '0 2 * * *',
    ],
    [
      expect.objectContaining({
        name: 'backup-redis',
        annotations: { 'agent-data-platform/backed-up-stores': 'redis' },
      }),
      '0 */6 * * *',
    ],
  ]);
  const scripts = ['daily', 'redis'].map((name) => podOf(name).containers[0]!.command.at(-1)!.split('\n'));
  expect(scripts).toEqual([
    [
      'platform backup --recipient age1first age1second',
      'platform verify --quick',
      'platform prune --yes --keep-days 30 --keep-last 7',
    ],
    [
      'platform backup --store redis --recipient age1first age1second',
      'platform verify --quick',
      'platform prune --yes --keep-days 7 --keep-last 4',
    ],
  ]);
  const repositories = ['daily', 'redis'].map((name) => podOf(name).containers[0]!.env[0]);
  expect(repositories).toEqual([
    { name: 'PLATFORM_BACKUPS', value: 's3://copies/team/daily' },
    { name: 'PLATFORM_BACKUPS', value: 's3://copies/team/redis' },
  ]);
});

test('a run never meets itself, ends within the recovery time objective, and leaves traces', () => {
  expect(backupJobsSpec(args).cronJobs.daily!.spec).toMatchObject({
    timeZone: 'Etc/UTC',
    concurrencyPolicy: 'Forbid',
    successfulJobsHistoryLimit: 3,
    failedJobsHistoryLimit: 3,
    jobTemplate: { spec: { backoffLimit: 2, activeDeadlineSeconds: 14_400 } },
  });
});

test('a pod has the logins of its stores as files, only the parts that are asked for, and no token', () => {
  const { automountServiceAccountToken, volumes, securityContext } = podOf('daily');
  expect(automountServiceAccountToken).toBe(false);
  expect(securityContext.runAsNonRoot).toBe(true);
  const basic = (store: string) => ['username', 'password'].map((key) => ({ key, path: `${store}/${key}` }));
  const ca = (name: string, store: string) => ({
    secret: { name, items: [{ key: 'ca.crt', path: `${store}/ca.crt` }] },
  });
  expect(volumes[0]).toEqual({
    name: 'platform',
    projected: {
      defaultMode: 0o440,
      sources: [
        {
          configMap: {
            name: 'backup',
            items: ['stores.json', 'repository-ca.crt'].map((key) => ({ key, path: key })),
          },
        },
        { secret: { name: 'postgres-owner', items: basic('postgres') } },
        ca('postgres-ca', 'postgres'),
        { secret: { name: 'redis-backup', items: basic('redis') } },
        ca('platform-ca', 'redis'),
        { secret: { name: 'chroma-owner', items: [{ key: 'token', path: 'chroma/token' }] } },
        ca('platform-ca', 'chroma'),
      ],
    },
  });
});

test('Vault takes a token of the pods’ own ServiceAccount, which nobody else takes', () => {
  const spec = backupJobsSpec({ ...args, stores: ['vault'], schedules: { daily: args.schedules.daily! } });
  const pod = spec.cronJobs.daily!.spec.jobTemplate.spec.template.spec;
  expect(pod.serviceAccountName).toBe('backup');
  expect(pod.volumes[0]!.projected!.sources.slice(1)).toEqual([
    { serviceAccountToken: { audience: 'vault', path: 'vault/token', expirationSeconds: 3600 } },
    { secret: { name: 'platform-ca', items: [{ key: 'ca.crt', path: 'vault/ca.crt' }] } },
  ]);
  expect(JSON.parse(spec.configMap.data['stores.json']!).stores).toEqual({
    vault: { host: 'vault.data.svc', port: 8200, serverName: 'vault' },
  });
});

test('the command finds the stores by the names of their Services', () => {
  const { data } = backupJobsSpec(args).configMap;
  expect(JSON.parse(data['stores.json']!)).toEqual({
    platform: 'data',
    stores: {
      postgres: { host: 'postgres-rw.data.svc', port: 5432, serverName: 'postgres-rw' },
      redis: { host: 'redis-nodes.data.svc', port: 6379, serverName: 'redis-nodes' },
      chroma: { host: 'chroma.data.svc', port: 8000, serverName: 'chroma' },
    },
  });
});

test('a Redis Cluster is reached, logged in to and labelled as what it is', () => {
  const change = { redisMode: 'cluster' as const };
  expect(JSON.stringify(podOf('redis', change).volumes)).toContain('"redis-cluster-backup"');
  expect(backupJobsSpec({ ...args, ...change }).configMap.data['stores.json']).toContain(
    '"redis-cluster-nodes.data.svc"',
  );
  expect(backupJobsSpec({ ...args, ...change }).cronJobs.redis!.metadata.annotations).toEqual({
    'agent-data-platform/backed-up-stores': 'redis-cluster',
  });
  expect(backupFlows({ ...args, ...change })[0]!.uses).toEqual(['postgres', 'redis-cluster', 'chroma']);
});

test('AWS itself needs no endpoint and no authority', () => {
  const repository = { address: 's3://copies', credentialsSecret: 'keys' };
  expect(podOf('daily', { repository }).containers[0]!.env.map(({ name }) => name)).toEqual([
    'PLATFORM_BACKUPS',
    'AWS_REGION',
    'AWS_ACCESS_KEY_ID',
    'AWS_SECRET_ACCESS_KEY',
  ]);
});

test.each([
  [{}, 'schedules must have at least one.'],
  [
    { postgres: { schedule: '0 2 * * *', keepDays: 1, keepLast: 1 } },
    "schedules must not be called postgres: that folder is the archive of PostgreSQL's log.",
  ],
  [
    { 'Every Day': { schedule: '0 2 * * *', keepDays: 1, keepLast: 1 } },
    'schedules must have names of a-z, 0-9 and -, got "Every Day".',
  ],
  [
    { daily: { schedule: '0 2 * * *', stores: ['qdrant' as const], keepDays: 1, keepLast: 1 } },
    'schedules.daily.stores must name stores that are on (postgres, redis, chroma), got "qdrant".',
  ],
])('refuses the schedules %j', (schedules, problem) => {
  expect(() => backupJobsSpec({ ...args, schedules })).toThrow(`backups: ${problem}`);
});

test('the component declares a CronJob for each schedule', async () => {
  const declared = await declaredBy(() => new BackupJobs('backup', args));
  const root = 'agent-data-platform:data:BackupJobs';
  expect(declared.map(({ path, name }) => `${path} ${name}`)).toEqual([
    `${root} backup`,
    `${root}$kubernetes:batch/v1:CronJob backup-daily`,
    `${root}$kubernetes:batch/v1:CronJob backup-redis`,
    `${root}$kubernetes:core/v1:ConfigMap backup-stores`,
    `${root}$kubernetes:core/v1:ServiceAccount backup-account`,
  ]);
});
