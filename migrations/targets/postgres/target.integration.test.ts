import { readChangeFiles } from '../../engine/change-files';
import { LockTimeoutError, StoreAccessError } from '../../engine/errors';
import { migrateDown, migrateUp, type RunResult } from '../../engine/runner';
import { sqlFormat } from './format';
import { sqlChange, TemporaryFolder } from '../../testing/change-folder';
import { killHard, startChildRunner } from '../../testing/child-runner';
import { as, closePools, freshDatabase, query } from '../../testing/postgres';
import { eventually, type ScratchServer, startPostgres } from '../../testing/servers';
import { type PostgresConnection, PostgresTarget } from './target';

let server: ScratchServer;
let database: PostgresConnection;
let folder: TemporaryFolder;

beforeAll(async () => {
  server = await startPostgres();
}, 180_000);
afterAll(async () => {
  await closePools();
  await server?.stop();
}, 60_000);
beforeEach(async () => {
  database = await freshDatabase(server);
  folder = new TemporaryFolder({
    '000001-a.sql': sqlChange('CREATE TABLE a (id int);', 'DROP TABLE a;'),
    '000002-b.sql': sqlChange('CREATE TABLE b (id int);\nINSERT INTO b VALUES (1);', 'DROP TABLE b;'),
  });
}, 30_000);
afterEach(() => folder?.remove());

const runOptions = (target: PostgresTarget) => ({
  target,
  folder: readChangeFiles(folder.path, sqlFormat),
  folderName: 'folder',
  appliedBy: 'tester',
});
async function withTarget<T>(run: (target: PostgresTarget) => Promise<T>, connection = database): Promise<T> {
  const target = await PostgresTarget.connect(connection);
  try {
    return await run(target);
  } finally {
    await target.close();
  }
}
const up = (): Promise<RunResult> => withTarget((target) => migrateUp(runOptions(target)));
const tables = async () =>
  (
    await query<{ name: string }>(
      database,
      `SELECT relname AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' ORDER BY 1`,
    )
  ).map((row) => row.name);

test('applies, records every column of the history, and has nothing to do the second time', async () => {
  const before = Date.now();
  await up();
  const [row] = await query(database, 'SELECT * FROM platform.schema_migrations WHERE version = $1', [
    '000002',
  ]);
  expect(row).toEqual({
    version: '000002',
    description: 'b',
    applied_at: expect.any(Date),
    rollback: 'DROP TABLE b;',
    checksum: readChangeFiles(folder.path, sqlFormat).changes[1]!.checksum,
    applied_by: 'tester',
    duration_ms: expect.any(Number),
    statements_done: null,
    error: null,
  });
  expect(row!.applied_at.getTime()).toBeGreaterThan(before - 60_000);
  const again = await up();
  expect(again.applied).toEqual([]);
  expect(again.history.map((entry) => entry.version)).toEqual(['000001', '000002']);
  expect(again.history[1]!.appliedAt).toBe(row!.applied_at.toISOString());
});

test('asking for the history of a database that was never migrated writes nothing', async () => {
  expect(await withTarget((target) => target.applied())).toEqual([]);
  expect(await query(database, `SELECT FROM pg_namespace WHERE nspname = 'platform'`)).toEqual([]);
});

test('a failure keeps what was applied, leaves nothing of its own change, and names file, statement and position', async () => {
  folder.write({
    '000003-c.sql': sqlChange("CREATE TABLE c (id int);\nINSERT INTO c VALUES\n  ('x');"),
    '000004-d.sql': sqlChange('CREATE TABLE d (id int);'),
  });
  const result = await up();
  expect(result.failed!.error.message).toBe(
    '000003-c.sql: statement 2 failed at line 4, column 4: invalid input syntax for type integer: "x".',
  );
  expect(result.history.map((entry) => entry.version)).toEqual(['000001', '000002']);
  expect(await tables()).toEqual(['a', 'b']);
  folder.write({ '000003-c.sql': sqlChange('CREATE TABLE c (id int);') });
  expect((await up()).applied.map((entry) => entry.version)).toEqual(['000003', '000004']);
});

test('a deferred constraint that COMMIT refuses is a failure of its change', async () => {
  folder.write({
    '000003-c.sql': sqlChange(
      'CREATE TABLE c (id int UNIQUE DEFERRABLE INITIALLY DEFERRED);\nINSERT INTO c VALUES (1), (1);',
    ),
  });
  const result = await up();
  expect(result.failed!.error.message).toContain('It was refused at COMMIT.');
  expect(await tables()).toEqual(['a', 'b']);
});

test('a change that is in the history already is refused, and nothing of it stays', async () => {
  const [first, second] = readChangeFiles(folder.path, sqlFormat).changes;
  await withTarget(async (target) => {
    const lock = await target.lock({ holder: 'tester', waitMs: 0 });
    await target.apply(first!, 'tester');
    await target.apply(second!, 'tester');
    const again = { ...second!, up: [{ text: 'INSERT INTO b VALUES (2)', line: 2 }] };
    await expect(target.apply(again, 'tester')).rejects.toThrow(
      '000002-b.sql was applied by another runner meanwhile.',
    );
    await lock.release();
  });
  expect(await query(database, 'SELECT * FROM b')).toEqual([{ id: 1 }]);
});

test('a failure among more statements than are sent at once names the first that failed', async () => {
  const many = (count: number) => Array.from({ length: count }, (_, n) => `INSERT INTO c VALUES (${n});`);
  folder.write({
    '000003-c.sql': sqlChange(['CREATE TABLE c (id int PRIMARY KEY);', ...many(45), ...many(45)].join('\n')),
  });
  const result = await up();
  expect(result.failed!.error.message).toBe(
    '000003-c.sql: statement 47 failed at line 48: duplicate key value violates unique constraint "c_pkey". Key (id)=(0) already exists.',
  );
  expect(await tables()).toEqual(['a', 'b']);
});

describe('changes that are sent before the answers to earlier ones', () => {
  /** The sequence keeps what was taken from it, also by a transaction that is undone. */
  const counting = (n: number) =>
    sqlChange(`SELECT nextval('ran');\nCREATE TABLE sent_${n} (id int);`, `DROP TABLE sent_${n};`);
  const version = (n: number) => String(n).padStart(6, '0');
  const taken = async () => {
    const [row] = await query<{ last: number | null }>(
      database,
      `SELECT pg_sequence_last_value('ran')::int AS last`,
    );
    return row!.last;
  };

  beforeEach(() => {
    folder.write({ '000003-ran.sql': sqlChange('CREATE SEQUENCE ran;', 'DROP SEQUENCE ran;') });
  });

  test('are applied and reported in order', async () => {
    const numbers = Array.from({ length: 40 }, (_, index) => index + 4);
    for (const n of numbers) folder.write({ [`${version(n)}-sent.sql`]: counting(n) });
    const reported: string[] = [];
    const result = await withTarget((target) =>
      migrateUp({ ...runOptions(target), onApplied: ({ version }) => reported.push(version) }),
    );
    expect(reported).toEqual(Array.from({ length: 43 }, (_, index) => version(index + 1)));
    expect(result.applied.map((entry) => entry.version)).toEqual(reported);
    expect(result.history).toEqual((await up()).history);
    expect(await taken()).toBe(40);
  });

  test.each([
    [
      'by its syntax',
      "SELECT nextval('ran'); CREATE TABEL x;",
      /^000005-failing\.sql: statement 2 failed .*syntax error/,
    ],
    [
      'in a statement',
      'CREATE TABLE x (id int); SELECT 1 / 0;',
      /^000005-failing\.sql: statement 2 failed .*division by zero/,
    ],
    [
      'at COMMIT',
      'CREATE TABLE x (id int UNIQUE DEFERRABLE INITIALLY DEFERRED); INSERT INTO x VALUES (1), (1);',
      /^000005-failing\.sql: statement 2 failed .*It was refused at COMMIT\.$/,
    ],
  ])('do not run behind one that fails %s', async (_where, statements, message) => {
    folder.write({ '000004-sent.sql': counting(4), '000005-failing.sql': sqlChange(statements) });
    for (let n = 6; n < 30; n++) folder.write({ [`${version(n)}-sent.sql`]: counting(n) });
    const result = await up();
    expect(result.failed!.change.file).toBe('000005-failing.sql');
    expect(result.failed!.error.message).toMatch(message);
    expect(result.history.map((entry) => entry.version)).toEqual([1, 2, 3, 4].map(version));
    expect(await tables()).toEqual(['a', 'b', 'sent_4']);
    expect(await taken()).toBe(1);
    folder.write({ '000005-failing.sql': counting(5) });
    expect((await up()).applied).toHaveLength(25);
    expect(await taken()).toBe(26);
  });

  test('wait for one without transaction, and it for them', async () => {
    const index = `DROP INDEX CONCURRENTLY IF EXISTS i;\nCREATE INDEX CONCURRENTLY i ON sent_4 (id);`;
    folder.write({
      '000004-sent.sql': counting(4),
      '000005-index.sql': sqlChange(index, 'DROP INDEX CONCURRENTLY i;', 'transaction:false'),
      '000006-comment.sql': sqlChange(`COMMENT ON INDEX i IS 'made before';`),
      '000007-failing.sql': sqlChange('SELECT 1 / 0;'),
      '000008-index.sql': sqlChange('CREATE TABLE never (id int);', 'SELECT 1;', 'transaction:false'),
    });
    const result = await up();
    expect(result.failed!.change.file).toBe('000007-failing.sql');
    expect(result.history.map((entry) => entry.version)).toEqual([1, 2, 3, 4, 5, 6].map(version));
    expect(await tables()).toEqual(['a', 'b', 'sent_4']);
  });

  test('do not run when their runner is killed in a change before them', async () => {
    folder.write({ '000004-slow.sql': sqlChange(`SELECT nextval('ran'), pg_sleep(600);`) });
    for (let n = 5; n < 12; n++) folder.write({ [`${version(n)}-sent.sql`]: counting(n) });
    const { host, port, user: username, password } = database;
    const place = { host, port, database: database.database };
    const child = startChildRunner('postgres', folder.path, place, { username, password });
    await eventually('the runner is inside its slow change', 60_000, async () => (await taken()) === 1);
    await killHard(child);
    const killed = performance.now();
    folder.write({ '000004-slow.sql': counting(4) });
    const result = await up();
    expect(performance.now() - killed).toBeLessThan(5_000);
    expect(result.applied.map((entry) => entry.version)).toEqual([4, 5, 6, 7, 8, 9, 10, 11].map(version));
    expect(await taken()).toBe(9);
  }, 120_000);
});

test('settings of one change do not reach the next', async () => {
  folder.write({
    '000003-c.sql': sqlChange('CREATE SCHEMA other; SET search_path = other; CREATE TABLE c (id int);'),
    '000004-d.sql': sqlChange('CREATE TABLE d (id int);'),
  });
  await up();
  expect(await tables()).toEqual(['a', 'b', 'd']);
});

test('down and up again', async () => {
  await up();
  await withTarget((target) => migrateDown({ ...runOptions(target), to: '000001' }));
  expect(await tables()).toEqual(['a']);
  await withTarget((target) => migrateDown(runOptions(target)));
  expect(await tables()).toEqual([]);
  expect((await up()).applied).toHaveLength(2);
  expect(await tables()).toEqual(['a', 'b']);
});

describe('without transaction', () => {
  const concurrently = (statements: string) =>
    sqlChange(statements, 'DROP INDEX CONCURRENTLY IF EXISTS i;', 'transaction:false');

  test('CREATE INDEX CONCURRENTLY works while other runners wait for the lock', async () => {
    folder.write({ '000003-i.sql': concurrently('CREATE INDEX CONCURRENTLY i ON b (id);') });
    const results = await Promise.all([up(), up(), up()]);
    expect(results.map((result) => result.failed)).toEqual([undefined, undefined, undefined]);
    expect(await query(database, `SELECT indisvalid FROM pg_index WHERE indexrelid = 'i'::regclass`)).toEqual(
      [{ indisvalid: true }],
    );
  });

  test('a half-done change is recorded as such, can be corrected, and runs again from its first statement', async () => {
    const first = 'CREATE TABLE IF NOT EXISTS c (id int);\nINSERT INTO c VALUES (7);\n';
    folder.write({ '000003-i.sql': concurrently(`${first}CREATE INDEX CONCURRENTLY i ON c (missing);`) });
    const failed = await up();
    expect(failed.history[2]).toMatchObject({
      version: '000003',
      halfDone: {
        statements: 2,
        error: '000003-i.sql: statement 3 failed at line 4: column "missing" does not exist.',
      },
    });
    folder.write({ '000003-i.sql': concurrently(`${first}CREATE INDEX CONCURRENTLY i ON c (id);`) });
    const result = await up();
    expect(result.history[2]!.halfDone).toBeUndefined();
    expect(await query(database, 'SELECT count(*)::int AS rows FROM c')).toEqual([{ rows: 2 }]);
  });
});

describe('the lock', () => {
  test('a held lock is named with its holder after the wait', async () => {
    await withTarget(
      async (holder) => {
        const lock = await holder.lock({ holder: 'ci@build-1', waitMs: 0 });
        const waiting = withTarget((target) => target.lock({ holder: 'me', waitMs: 300 }));
        await expect(waiting).rejects.toThrow(LockTimeoutError);
        await expect(waiting).rejects.toThrow(/is held by migrate ci@build-1 \(process \d+, since /);
        await lock.release();
      },
      { ...database, holder: 'ci@build-1' },
    );
    const lock = await withTarget((target) => target.lock({ holder: 'me', waitMs: 0 }));
    expect(lock).toBeDefined();
  });
});

describe('access', () => {
  test('a user who may not create the history gets a sentence with the fix', async () => {
    const attempt = withTarget((target) => migrateUp(runOptions(target)), as('readonly', database));
    await expect(attempt).rejects.toThrow(StoreAccessError);
    await expect(attempt).rejects.toThrow(
      /^PostgreSQL database "scratch_\w+" at 127\.0\.0\.1:\d+: .* cannot create the history table platform\.schema_migrations as user "readonly": permission denied for database scratch_\w+\. Connect with the credentials of the database's owner\.$/,
    );
  });

  test('a wrong password is an access error that does not show it', async () => {
    const attempt = PostgresTarget.connect({ ...database, password: 'wrong-secret' });
    await expect(attempt).rejects.toThrow(/password authentication failed for user "platform_owner"/);
    await expect(attempt).rejects.not.toThrow(/wrong-secret/);
  });
});
