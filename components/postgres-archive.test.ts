import { Postgres } from './postgres';
import type { PostgresArgs } from './postgres-args';
import { postgresFlows } from './postgres-flows';
import { postgresSpec } from './postgres-spec';
import { declaredBy } from './testing/mocks';

const resources = { requests: { cpu: '100m', memory: '256Mi' }, limits: { memory: '256Mi' } };
const bare: PostgresArgs = {
  namespace: 'data',
  image: 'registry.local/postgres:17',
  instances: 1,
  storage: { size: '5Gi' },
  resources,
};
const repository = {
  address: 's3://copies/team/',
  endpoint: 'https://elsewhere.example:9000',
  region: 'eu-west-1',
  ca: '-----BEGIN CERTIFICATE-----\n…',
  credentialsSecret: 'backup-repository',
};
const args: PostgresArgs = { ...bare, archive: { repository } };
const clusterOf = (change: Partial<PostgresArgs> = {}) => postgresSpec({ ...args, ...change }).cluster.spec;
const plugin = (serverName: string) => ({
  name: 'barman-cloud.cloudnative-pg.io',
  parameters: { barmanObjectName: 'postgres', serverName },
});
const archiver = (serverName: string) => ({ ...plugin(serverName), enabled: true, isWALArchiver: true });
const declaredKinds = async (of: PostgresArgs) =>
  (await declaredBy(() => new Postgres('postgres', of))).map(({ path, name }) => {
    return `${path.split(':').at(-1)} ${name}`;
  });

test('without a repository nothing of it is declared', async () => {
  const { archive, cluster } = postgresSpec(bare);
  expect(archive).toBeUndefined();
  expect(cluster.spec).not.toHaveProperty('plugins');
  expect(cluster.spec.bootstrap).toHaveProperty('initdb');
  const kinds = (await declaredKinds(bare)).join(' ');
  expect(kinds).not.toMatch(/ObjectStore|ScheduledBackup|archive/);
});

test('with one, base backups and the log go there, compressed, and 30 days are kept', () => {
  const { objectStore, scheduledBackup, ca } = postgresSpec(args).archive!;
  const key = (name: string) => ({ name: 'backup-repository', key: name });
  expect(objectStore.spec).toEqual({
    configuration: {
      destinationPath: 's3://copies/team/postgres',
      endpointURL: 'https://elsewhere.example:9000',
      endpointCA: { name: 'postgres-archive-ca', key: 'ca.crt' },
      s3Credentials: { accessKeyId: key('accessKeyId'), secretAccessKey: key('secretAccessKey') },
      wal: { compression: 'zstd', maxParallel: 1 },
      data: { compression: 'gzip', jobs: 2 },
    },
    retentionPolicy: '30d',
    instanceSidecarConfiguration: {
      resources: { requests: { cpu: '50m', memory: '128Mi' }, limits: { memory: '512Mi' } },
      env: expect.arrayContaining([{ name: 'AWS_DEFAULT_REGION', value: 'eu-west-1' }]),
    },
  });
  expect(ca).toMatchObject({
    metadata: { name: 'postgres-archive-ca' },
    stringData: { 'ca.crt': repository.ca },
  });
  expect(scheduledBackup.spec).toEqual({
    cluster: { name: 'postgres' },
    schedule: '0 0 1 * * 0',
    immediate: true,
    backupOwnerReference: 'self',
    method: 'plugin',
    pluginConfiguration: { name: 'barman-cloud.cloudnative-pg.io' },
  });
  expect(clusterOf()).toMatchObject({ plugins: [archiver('postgres')], bootstrap: { initdb: {} } });
});

test('without an address, AWS; and every setting is a setting', () => {
  const { address, credentialsSecret } = repository;
  const change = { serverName: 'second', schedule: '30 2 * * 1', keepDays: 7, resources };
  const spec = postgresSpec({
    ...args,
    archive: { repository: { address, credentialsSecret }, ...change },
  });
  const { configuration, ...rest } = spec.archive!.objectStore.spec;
  expect(configuration).not.toHaveProperty('endpointURL');
  expect(configuration).not.toHaveProperty('endpointCA');
  expect(spec.archive!.ca).toBeUndefined();
  expect(rest.retentionPolicy).toBe('7d');
  expect(rest.instanceSidecarConfiguration.resources).toEqual(resources);
  expect(spec.archive!.scheduledBackup.spec.schedule).toBe('0 30 2 * * 1');
  expect(spec.cluster.spec).toMatchObject({ plugins: [archiver('second')] });
});

test('a recovery begins with another archive, and goes on in one of its own', () => {
  const archive = { repository, serverName: 'second' };
  const recovery = { serverName: 'postgres', targetTime: '2030-01-31T12:00:00Z' };
  const source = {
    source: 'source',
    database: 'platform',
    owner: 'platform_owner',
    secret: { name: 'postgres-owner' },
  };
  const spec = clusterOf({ archive, recovery });
  expect(spec.bootstrap).toEqual({
    recovery: { ...source, recoveryTarget: { targetTime: '2030-01-31T12:00:00Z' } },
  });
  expect(spec).toMatchObject({
    plugins: [archiver('second')],
    externalClusters: [{ name: 'source', plugin: plugin('postgres') }],
  });
  expect(spec).not.toHaveProperty('replica');
  expect(clusterOf({ archive, recovery: { serverName: 'postgres' } }).bootstrap).toEqual({
    recovery: source,
  });
});

describe('a replica', () => {
  const archive = { repository, serverName: 'second' };
  const replicaOf = { serverName: 'postgres' };

  it('follows another archive until it is told to take writes', () => {
    expect(clusterOf({ archive, replicaOf })).toMatchObject({
      bootstrap: { recovery: { source: 'source' } },
      replica: { enabled: true, source: 'source' },
      plugins: [archiver('second')],
    });
    expect(clusterOf({ archive, replicaOf: { ...replicaOf, enabled: false } })).toMatchObject({
      bootstrap: { recovery: { source: 'source' } },
      replica: { enabled: false, source: 'source' },
    });
  });

  it('waits for no login and maintains no partitions, as it has those of the other', async () => {
    const following = await declaredKinds({ ...args, archive, replicaOf });
    expect(following.filter((name) => /Logins|CronJob/.test(name))).toEqual([]);
    const promoted = await declaredKinds({ ...args, archive, replicaOf: { ...replicaOf, enabled: false } });
    expect(promoted.filter((name) => /Logins|CronJob/.test(name))).toEqual([
      'CronJob postgres-partition-maintenance',
      'Logins postgres-logins',
    ]);
  });
});

test('the archive is declared before the cluster, and the base backups after it', async () => {
  expect((await declaredKinds(args)).filter((name) => /Object|Scheduled|archive/.test(name))).toEqual([
    'ObjectStore postgres-archive',
    'Secret postgres-archive-ca',
    'ScheduledBackup postgres-base-backups',
  ]);
});

test('a pod that recovers reaches what the instances reach', () => {
  const jobs = (of: PostgresArgs) => postgresFlows(of).find(({ name }) => name === 'postgres-jobs');
  expect(jobs(args)).toMatchObject({ egressOf: 'postgres' });
  expect(jobs(bare)).not.toHaveProperty('egressOf');
});

test.each<[Partial<PostgresArgs>, string]>([
  [
    { recovery: { serverName: 'postgres' } },
    'recovery.serverName must be of another cluster, got "postgres", which this one archives under; set backups.postgres.serverName to a new name such as "postgres-2".',
  ],
  [
    { archive: { repository, serverName: 'postgres-2' }, replicaOf: { serverName: 'postgres-2' } },
    'replicaOf.serverName must be of another cluster, got "postgres-2", which this one archives under; set backups.postgres.serverName to a new name such as "postgres-3".',
  ],
  [
    { archive: undefined, recovery: { serverName: 'other' } },
    'recovery needs the archive that "other" is in, got none; set backups.repository.',
  ],
  [
    { archive: undefined, replicaOf: { serverName: 'other' } },
    'replicaOf needs the archive that "other" is in, got none; set backups.repository.',
  ],
  [
    { recovery: { serverName: 'a/../b' } },
    'recovery.serverName must be a name of a-z, 0-9, - and _, got "a/../b".',
  ],
  [
    { recovery: { serverName: 'other' }, replicaOf: { serverName: 'other' } },
    'recovery and replicaOf cannot both say where the data comes from; remove one of them.',
  ],
  ...['2030-01-31', '2030-01-31T12:00:00', '2030-13-31T12:00:00Z', 'yesterday'].map(
    (targetTime): [Partial<PostgresArgs>, string] => [
      { recovery: { serverName: 'other', targetTime } },
      `recovery.targetTime must be a time with its zone such as 2030-01-31T12:00:00Z, got "${targetTime}".`,
    ],
  ),
  ...['0', '1h', '16min', '901', 'soon'].map((archive_timeout): [Partial<PostgresArgs>, string] => [
    { parameters: { archive_timeout } },
    `parameters.archive_timeout must be from 1s to 15min, the most that may be lost, got "${archive_timeout}"; remove it for 5min.`,
  ]),
  [
    { archive: { repository, serverName: '../x' } },
    'archive.serverName must be a name of a-z, 0-9, - and _, got "../x".',
  ],
  [{ archive: { repository, keepDays: 0 } }, 'archive.keepDays must be an integer of at least 1, got 0.'],
])('refuses %j', (change, message) => {
  expect(() => postgresSpec({ ...args, ...change })).toThrow(new Error(`postgres: ${message}`));
});

test.each(['15min', '900', '900s', '1 min', '900000ms', undefined])('holds the RPO with %s', (timeout) => {
  const parameters: Record<string, string> = timeout === undefined ? {} : { archive_timeout: timeout };
  expect(() => postgresSpec({ ...args, parameters })).not.toThrow();
});

test('without an archive its timeout is nobody’s concern', () => {
  expect(() => postgresSpec({ ...bare, parameters: { archive_timeout: '1h' } })).not.toThrow();
});
