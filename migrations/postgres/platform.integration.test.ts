import { join } from 'node:path';
import { readChangeFiles } from '../engine/change-files';
import { migrateDown, migrateUp } from '../engine/runner';
import { sqlFormat } from '../targets/postgres/format';
import { type PostgresConnection, PostgresTarget } from '../targets/postgres/target';
import { as, closePools, freshDatabase, query, schemaFingerprint } from '../testing/postgres';
import { type ScratchServer, startPostgres } from '../testing/servers';

const DAY_MS = 86_400_000;
const all = readChangeFiles(join(__dirname, 'platform'), sqlFormat);

let server: ScratchServer;
let database: PostgresConnection;
let target: PostgresTarget;

beforeAll(async () => {
  server = await startPostgres();
}, 180_000);
afterAll(async () => {
  await closePools();
  await server?.stop();
}, 60_000);
beforeEach(async () => {
  database = await freshDatabase(server);
  target = await PostgresTarget.connect(database);
}, 30_000);
afterEach(() => target?.close());

async function up(changes = all.changes): Promise<void> {
  const folder = { changes, problems: [] };
  const { failed } = await migrateUp({ target, folder, folderName: 'platform', appliedBy: 'tester' });
  if (failed) throw failed.error;
}

test('the files have no problems', () => {
  expect(all.problems).toEqual([]);
});

test('each change reverts to exactly what was there before and applies again to the same', async () => {
  await (await target.lock({ holder: 'tester', waitMs: 0 })).release();
  for (const [index] of all.changes.entries()) {
    const changes = all.changes.slice(0, index + 1);
    const before = await schemaFingerprint(database);
    await up(changes);
    const after = await schemaFingerprint(database);
    expect(after).not.toEqual(before);
    await target.revert(changes[index]!);
    expect(await schemaFingerprint(database)).toEqual(before);
    await up(changes);
    expect(await schemaFingerprint(database)).toEqual(after);
  }
  const folder = { changes: all.changes, problems: [] };
  await migrateDown({ target, folder, folderName: 'platform', appliedBy: 'tester' });
  expect(
    await query(
      database,
      `SELECT FROM pg_class WHERE relnamespace = 'platform'::regnamespace AND relkind IN ('r', 'p')`,
    ),
  ).toHaveLength(2);
}, 60_000);

describe('users and projects', () => {
  const addUser = (username: string, email: string) =>
    query<{ id: string; updated_at: Date }>(
      as('app', database),
      `INSERT INTO platform.users (username, email, password_hash) VALUES ($1, $2, 'hash') RETURNING id, updated_at`,
      [username, email],
    );

  beforeEach(() => up());

  test('names and addresses are unique whatever their case, and checked', async () => {
    await addUser('Ada', 'ada@example.org');
    await expect(addUser('ADA', 'other@example.org')).rejects.toThrow('users_username_key');
    await expect(addUser('Bob', 'Ada@Example.org')).rejects.toThrow('users_email_key');
    await expect(addUser('Bob', 'no address')).rejects.toThrow('users_email_check');
    await expect(addUser(' Bob', 'bob@example.org')).rejects.toThrow('users_username_check');
  });

  test('an update moves updated_at, one that changes nothing does not', async () => {
    const [user] = await addUser('Ada', 'ada@example.org');
    const set = async (name: string) =>
      (
        await query<{ updated_at: Date }>(
          as('app', database),
          'UPDATE platform.users SET first_name = $2 WHERE id = $1 RETURNING updated_at',
          [user!.id, name],
        )
      )[0]!.updated_at.getTime();
    const changed = await set('Ada');
    expect(changed).toBeGreaterThan(user!.updated_at.getTime());
    expect(await set('Ada')).toBe(changed);
  });

  test('deleting a user ends memberships and keeps the projects', async () => {
    const app = as('app', database);
    const [user] = await addUser('Ada', 'ada@example.org');
    const [project] = await query<{ id: string }>(
      app,
      `INSERT INTO platform.projects (name, created_by) VALUES ('p', $1) RETURNING id`,
      [user!.id],
    );
    await query(app, 'INSERT INTO platform.user_projects (user_id, project_id) VALUES ($1, $2)', [
      user!.id,
      project!.id,
    ]);
    await query(app, 'DELETE FROM platform.users');
    expect(await query(app, 'SELECT name, created_by FROM platform.projects')).toEqual([
      { name: 'p', created_by: null },
    ]);
    expect(await query(app, 'SELECT FROM platform.user_projects')).toEqual([]);
  });
});

describe('rights', () => {
  beforeEach(() => up());

  test.each([
    ['app', 'SELECT * FROM platform.users', true],
    ['app', 'DELETE FROM platform.projects', true],
    [
      'app',
      `INSERT INTO observability.traces (trace_id, service_name, operation_name, start_time) VALUES ('t', 's', 'o', now())`,
      true,
    ],
    ['app', 'DELETE FROM platform.schema_migrations', false],
    ['app', 'DELETE FROM platform.partition_policies', false],
    ['app', 'SELECT platform.maintain_partitions()', false],
    ['app', 'CREATE TABLE platform.x (id int)', false],
    ['readonly', 'SELECT id, username, email FROM platform.users', true],
    ['readonly', 'SELECT password_hash FROM platform.users', false],
    ['readonly', 'SELECT * FROM observability.traces', true],
    ['readonly', 'DELETE FROM observability.traces', false],
  ])('%s: %s: %s', async (role, statement, allowed) => {
    const attempt = query(as(role, database), statement);
    if (allowed) await attempt;
    else await expect(attempt).rejects.toThrow(/permission denied/);
  });

  test('tables made later are covered', async () => {
    await query(database, 'CREATE TABLE platform.later (id int)');
    await query(as('app', database), 'INSERT INTO platform.later VALUES (1)');
    await expect(query(as('readonly', database), 'SELECT * FROM platform.later')).rejects.toThrow(
      'permission denied',
    );
  });
});

describe('maintain_partitions', () => {
  const maintain = (at: Date) =>
    query<{ action: string; relation: string }>(
      database,
      'SELECT action, relation FROM platform.maintain_partitions($1)',
      [at],
    );
  const partitions = async () =>
    (
      await query<{ name: string }>(
        database,
        `SELECT partition::text AS name FROM platform.partitions('observability.traces') WHERE lower_bound IS NOT NULL ORDER BY lower_bound`,
      )
    ).map((row) => row.name);
  const trace = (id: string, at: Date) =>
    query(
      as('app', database),
      `INSERT INTO observability.traces (trace_id, service_name, operation_name, start_time) VALUES ($1, 's', 'o', $2)`,
      [id, at],
    );
  const rowsIn = async (relation: string) =>
    (await query<{ id: string }>(database, `SELECT trace_id AS id FROM ${relation} ORDER BY 1`)).map(
      (row) => row.id,
    );
  /** First of a month, `months` after the current one, UTC. */
  const month = (months: number) => {
    const now = new Date();
    return new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + months, 1));
  };
  const nameOf = (at: Date) =>
    `observability.traces_y${at.getUTCFullYear()}m${String(at.getUTCMonth() + 1).padStart(2, '0')}`;

  beforeEach(() => up());

  test('the change itself makes this month and three more', async () => {
    expect(await partitions()).toEqual([0, 1, 2, 3].map((ahead) => nameOf(month(ahead))));
  });

  test('run daily over fourteen months, every day has its partition, and none is kept past twelve months', async () => {
    const start = month(0).getTime();
    for (let day = 0; day < 425; day++) {
      const at = new Date(start + day * DAY_MS);
      const done = await maintain(at);
      const first = at.getUTCDate() === 1 && day > 0;
      expect(done.filter((step) => step.action === 'create')).toHaveLength(first ? 1 : 0);
      if (day % 7 === 0) await trace(`day-${day}`, at);
    }
    const last = new Date(start + 424 * DAY_MS);
    const now =
      last.getUTCMonth() +
      12 * last.getUTCFullYear() -
      (month(0).getUTCMonth() + 12 * month(0).getUTCFullYear());
    const kept = await partitions();
    expect(kept.at(-1)).toBe(nameOf(month(now + 3)));
    expect(kept[0]).toBe(nameOf(month(now - 12)));
    expect(kept).toHaveLength(16);
    expect(await rowsIn('observability.traces_default')).toEqual([]);
    expect((await rowsIn('observability.traces')).length).toBe(
      Array.from({ length: 425 }, (_, day) => day).filter(
        (day) => day % 7 === 0 && start + day * DAY_MS >= month(now - 12).getTime(),
      ).length,
    );
  }, 120_000);

  test('a second run the same day does nothing', async () => {
    expect(await maintain(new Date())).toEqual([]);
  });

  test('a row beyond the horizon waits in the DEFAULT partition and moves when its own is made', async () => {
    const far = new Date(month(5).getTime() + DAY_MS);
    await trace('far', far);
    await trace('never', month(30));
    expect(await rowsIn('observability.traces_default')).toEqual(['far', 'never']);
    expect(await maintain(month(2))).toEqual([
      { action: 'create', relation: nameOf(month(4)) },
      { action: 'create', relation: nameOf(month(5)) },
    ]);
    expect(await rowsIn(nameOf(month(5)))).toEqual(['far']);
    expect(await rowsIn('observability.traces_default')).toEqual(['never']);
  });

  test('expired rows of the DEFAULT partition go too, and "detach" keeps a partition as a table', async () => {
    await trace('old', month(-14));
    await trace('kept', month(0));
    await query(database, `UPDATE platform.partition_policies SET expiry = 'detach'`);
    const done = await maintain(month(13));
    expect(done.filter((step) => step.action !== 'create')).toEqual([
      { action: 'detach', relation: nameOf(month(0)) },
      { action: 'delete', relation: 'observability.traces_default' },
    ]);
    expect(await rowsIn('observability.traces')).toEqual([]);
    expect(await rowsIn(nameOf(month(0)))).toEqual(['kept']);
  });

  test('runs at the same time, among writers, make each partition once and lose no row', async () => {
    const at = month(3);
    const writes = Array.from({ length: 200 }, (_, index) => trace(`t${index}`, month(4 + (index % 3))));
    const done = await Promise.all([...Array.from({ length: 4 }, () => maintain(at)), ...writes]);
    expect(
      done
        .slice(0, 4)
        .flat()
        .map((step) => step.relation)
        .sort(),
    ).toEqual([4, 5, 6].map((ahead) => nameOf(month(ahead))).sort());
    expect(await rowsIn('observability.traces')).toHaveLength(200);
  });

  test.each([
    ['week', '_y2026w53', '2026-12-31'],
    ['day', '_y2026m12d31', '2026-12-31'],
  ])('by %s', async (granularity, suffix, at) => {
    await query(
      database,
      `CREATE TABLE observability.metrics (name text, at timestamptz) PARTITION BY RANGE (at);
       INSERT INTO platform.partition_policies VALUES ('observability', 'metrics', '${granularity}', 1, NULL)`,
    );
    const made = (await maintain(new Date(at))).filter((step) => step.relation.includes('metrics'));
    expect(made).toHaveLength(2);
    expect(made[0]).toEqual({ action: 'create', relation: `observability.metrics${suffix}` });
  });
});
