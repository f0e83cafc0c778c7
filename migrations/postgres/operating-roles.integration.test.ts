import type { PostgresConnection } from '../targets/postgres/target';
import {
  as,
  closePools,
  migratedDatabase,
  query,
  queryFor,
  superuser,
  templateOf,
} from '../testing/postgres';
import { type ScratchServer, startPostgres } from '../testing/servers';

const ADA = '00000000-0000-4000-8000-00000000000a';
const RELATIONS = `SELECT format('%I.%I', nspname, relname) AS name FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
  WHERE relkind IN ('r', 'p', 'v') AND nspname IN ('platform', 'a2a', 'services', 'observability', 'security', 'masked')`;

let server: ScratchServer;
let database: PostgresConnection;
let relations: string[];

beforeAll(async () => {
  server = await startPostgres();
  database = await migratedDatabase(server);
  await queryFor(
    database,
    ADA,
    `INSERT INTO platform.users (id, username, email, password_hash) VALUES ($1, 'Ada', 'ada@example.org', 'hash')`,
    [ADA],
  );
  relations = (await query<{ name: string }>(database, RELATIONS)).map(({ name }) => name);
}, 180_000);
afterAll(async () => {
  await closePools();
  await server?.stop();
}, 60_000);

const asRole = (role: string, text: string) => query<Record<string, unknown>>(as(role, database), text);

test('backup reads every row of every table and view, and writes none', async () => {
  expect(await asRole('backup', 'SELECT username FROM platform.users')).toEqual([{ username: 'Ada' }]);
  expect(relations.length).toBeGreaterThan(50);
  for (const name of relations) await asRole('backup', `SELECT * FROM ${name} LIMIT 1`);
  expect(
    await query(
      database,
      `SELECT relname FROM pg_class
       WHERE has_table_privilege('backup', oid, 'INSERT, UPDATE, DELETE, TRUNCATE') AND relnamespace <> 'pg_catalog'::regnamespace`,
    ),
  ).toEqual([]);
  for (const statement of ['DELETE FROM platform.users', 'CREATE TABLE platform.x (id int)']) {
    await expect(asRole('backup', statement)).rejects.toThrow('permission denied');
  }
});

test('monitor reads statistics, and no table or view', async () => {
  const { database: name } = database;
  expect(
    await asRole('monitor', `SELECT xact_commit > 0 AS used FROM pg_stat_database WHERE datname = '${name}'`),
  ).toEqual([{ used: true }]);
  for (const relation of relations) {
    await expect(asRole('monitor', `SELECT * FROM ${relation}`)).rejects.toThrow('permission denied');
  }
});

test('these roles may connect, and PUBLIC may not', async () => {
  const [row] = await query<{ roles: string[] }>(
    superuser(server),
    `SELECT array_agg(grantee::regrole::text ORDER BY grantee::regrole::text) AS roles
     FROM pg_database, aclexplode(datacl) WHERE datname = $1 AND privilege_type = 'CONNECT'`,
    [(await templateOf(server)).database],
  );
  expect(row!.roles).toEqual(['app', 'backup', 'monitor', 'platform_owner', 'readonly']);
});
