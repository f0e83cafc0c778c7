import { installBarmanCloud, type ScratchArchive, startArchive } from '../migrations/testing/barman-cloud';
import { installOperator, type Login, PostgresTestCluster } from '../migrations/testing/postgres-cluster';
import { eventually } from '../migrations/testing/servers';
import type { PostgresArgs } from './postgres-args';
import { images } from './versions';

jest.setTimeout(10 * 60_000);

const common = {
  image: images.postgres,
  instances: 1,
  storage: { size: '1Gi' },
  resources: { requests: { cpu: '50m', memory: '256Mi' }, limits: { memory: '512Mi' } },
};
const ARCHIVE_TIMEOUT_SECONDS = 20;
const cleanUps: (() => Promise<void>)[] = [];
let archive: ScratchArchive;
let source: PostgresTestCluster;

beforeAll(async () => {
  jest.spyOn(console, 'log').mockImplementation(() => undefined);
  cleanUps.push(await installOperator());
  cleanUps.push(await installBarmanCloud());
  archive = await startArchive();
  cleanUps.push(() => archive.stop());
  source = await started('postgres', {
    parameters: { archive_timeout: `${ARCHIVE_TIMEOUT_SECONDS}s` },
  });
  await source.migrate();
  await backedUp(source);
});
afterAll(async () => {
  for (const cleanUp of cleanUps.reverse()) await cleanUp();
});

/** A cluster in a namespace of its own that archives under a name of its own. */
async function started(serverName: string, args: Partial<PostgresArgs> = {}): Promise<PostgresTestCluster> {
  const { repository } = archive;
  const postgres = new PostgresTestCluster({ ...common, archive: { repository, serverName }, ...args });
  cleanUps.push(() => postgres.stop());
  await postgres.start(() => archive.grant(postgres.namespace));
  return postgres;
}

/** The base backup that the schedule makes at once is complete. */
async function backedUp({ cluster, namespace }: PostgresTestCluster): Promise<void> {
  const backups = () => cluster.list('postgresql.cnpg.io/v1', 'Backup', namespace);
  await eventually(
    'a base backup',
    180_000,
    async () => (await backups()).some(({ status }) => status?.phase === 'completed'),
    async () => JSON.stringify((await backups()).map(({ status }) => status)),
  );
}

const asSuperuser = async (postgres: PostgresTestCluster, statement: string) =>
  (await postgres.inPrimary('psql -qtAX -d platform -v ON_ERROR_STOP=1 -c "$0"', statement)).trim();
const asApp = async (postgres: PostgresTestCluster, statement: string) =>
  postgres.query(await postgres.login('app'), statement);
const add = (postgres: PostgresTestCluster, name: string) =>
  asApp(postgres, `INSERT INTO platform.projects (name) VALUES ('${name}')`);
const projects = async (postgres: PostgresTestCluster) =>
  (await asApp(postgres, 'SELECT name FROM platform.projects ORDER BY name')).map(({ name }) => name);

/** Closes the current file of the write-ahead log and waits until it is in the archive. */
async function archived(postgres: PostgresTestCluster): Promise<void> {
  const file = await asSuperuser(postgres, 'SELECT pg_walfile_name(pg_switch_wal())');
  await eventually(`${file} in the archive`, 60_000, async () => {
    const last = await asSuperuser(postgres, 'SELECT last_archived_wal FROM pg_stat_archiver');
    return last >= file;
  });
}

/** Prints a measurement past the silenced console. */
const measured = (line: string) => process.stdout.write(`${line}\n`);

test('base backups and the log are in the archive, compressed', async () => {
  await archived(source);
  const keys = (await archive.list('postgres/')).map(({ key }) =>
    key.replace(/^.*\/postgres\/postgres\//, ''),
  );
  expect(keys.filter((key) => /^base\/\d{8}T\d{6}\/data\.tar\.gz$/.test(key))).toHaveLength(1);
  const log = keys.filter((key) => key.startsWith('wals/') && !key.endsWith('.backup.zst'));
  expect(log.length).toBeGreaterThan(0);
  expect(log.filter((key) => !/^wals\/[0-9A-F]{16}\/[0-9A-F]{24}\.zst$/.test(key))).toEqual([]);
});

test('the object store reports from when on it can recover, and keeps 30 days', async () => {
  const store = await eventually('a recovery window', 120_000, async () => {
    const { cluster, namespace } = source;
    const found = await cluster.read('barmancloud.cnpg.io/v1', 'ObjectStore', namespace, 'postgres');
    return found?.status?.serverRecoveryWindow?.postgres?.firstRecoverabilityPoint ? found : undefined;
  });
  expect(store.spec.retentionPolicy).toBe('30d');
});

test('pods have the sidecar with resources, and are admitted by Pod Security "restricted"', async () => {
  const pods = await source.cluster.list('v1', 'Pod', source.namespace, 'cnpg.io/podRole=instance');
  const sidecars = pods.flatMap(({ spec }) =>
    (spec.initContainers as { name: string; image: string; resources: object }[]).filter(
      ({ name }) => name === 'plugin-barman-cloud',
    ),
  );
  expect(sidecars.map(({ image, resources }) => ({ image, resources }))).toEqual([
    {
      image: images.barmanCloudSidecar,
      resources: { requests: { cpu: '50m', memory: '128Mi' }, limits: { memory: '512Mi' } },
    },
  ]);
});

test('while rows are written, the newest archived file is never older than the timeout and its upload', async () => {
  const state = 'SELECT archived_count, extract(epoch FROM clock_timestamp() - last_archived_time)';
  const sample = async () =>
    (await asSuperuser(source, `${state} FROM pg_stat_archiver`)).split('|').map(Number);
  await archived(source);
  const [before] = await sample();
  const ages: number[] = [];
  await eventually('three more files in the archive', 180_000, async () => {
    await asSuperuser(source, `SELECT pg_logical_emit_message(true, 'test', 'a commit')`);
    const [count, age] = await sample();
    ages.push(age!);
    return count! >= before! + 3;
  });
  const oldest = Math.max(...ages);
  measured(
    `archive_timeout ${ARCHIVE_TIMEOUT_SECONDS} s: newest archived file at most ${oldest.toFixed(1)} s old`,
  );
  expect(oldest).toBeGreaterThan(ARCHIVE_TIMEOUT_SECONDS / 2);
  expect(oldest).toBeLessThan(2 * ARCHIVE_TIMEOUT_SECONDS);
});

describe('recovery', () => {
  let noted: string;

  beforeAll(async () => {
    await add(source, 'before');
    await add(source, 'deleted later');
    noted = await asSuperuser(
      source,
      `SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`,
    );
    await add(source, 'after');
    await asApp(source, `DELETE FROM platform.projects WHERE name = 'deleted later'`);
    await archived(source);
  });

  test('to a noted time brings the rows of that moment, with logins that work and an archive of its own', async () => {
    const begun = performance.now();
    const recovered = await started('recovered', {
      recovery: { serverName: 'postgres', targetTime: noted },
    });
    measured(`recovered to a time in ${((performance.now() - begun) / 1000).toFixed(1)} s`);
    expect(await projects(recovered)).toEqual(['before', 'deleted later']);
    await recovered.migrate();
    await add(recovered, 'new');
    expect(await projects(recovered)).toEqual(['before', 'deleted later', 'new']);
    await backedUp(recovered);
    await archived(recovered);
    expect(await asSuperuser(recovered, 'SHOW archive_timeout')).toBe('5min');
    // What was recovered from goes on, and was not written to.
    expect(await projects(source)).toEqual(['after', 'before']);
  });

  test('without a time brings the last archived commit', async () => {
    await add(source, 'last archived');
    await archived(source);
    const begun = performance.now();
    const recovered = await started('latest', { recovery: { serverName: 'postgres' } });
    measured(`recovered to the end in ${((performance.now() - begun) / 1000).toFixed(1)} s`);
    expect(await projects(recovered)).toEqual(['after', 'before', 'last archived']);
  });
});

describe('a replica', () => {
  let follower: PostgresTestCluster;
  let app: Login;
  const replicaOf = { serverName: 'postgres' };
  const followed = async () =>
    (await follower.query(app, 'SELECT name FROM platform.projects')).map(({ name }) => name);

  beforeAll(async () => {
    follower = await started('follower', { replicaOf });
    app = await source.login('app');
  });

  test('shows the rows of the cluster that it follows, to the logins of that one, and takes none', async () => {
    await add(source, 'followed');
    const begun = performance.now();
    await eventually('the row in the replica', 120_000, async () => (await followed()).includes('followed'));
    measured(`followed ${((performance.now() - begun) / 1000).toFixed(1)} s after the commit`);
    await expect(
      follower.query(app, `INSERT INTO platform.projects (name) VALUES ('refused')`),
    ).rejects.toThrow('cannot execute INSERT in a read-only transaction');
  });

  test('promoted, it has what was archived, takes writes from logins of its own, and is archived', async () => {
    await add(source, 'last one');
    await archived(source);
    await eventually('the last row', 120_000, async () => (await followed()).includes('last one'));
    const before = await projects(source);
    const begun = performance.now();
    await follower.change({ replicaOf: { ...replicaOf, enabled: false } });
    measured(`promoted in ${((performance.now() - begun) / 1000).toFixed(1)} s`);
    await add(follower, 'only here');
    expect(await projects(follower)).toEqual([...before, 'only here'].sort());
    expect(await projects(source)).toEqual(before);
    await archived(follower);
    await backedUp(follower);
  });
});
