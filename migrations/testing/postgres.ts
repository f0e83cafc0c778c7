import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { Pool, type QueryResultRow } from 'pg';
import { readChangeFiles } from '../engine/change-files';
import { migrateUp } from '../engine/runner';
import { projectRoot } from '../project-root';
import { changeFolder } from '../stores';
import { DEFINITIONS } from '../targets/postgres/definitions';
import { sqlFormat } from '../targets/postgres/format';
import { type PostgresConnection, PostgresTarget } from '../targets/postgres/target';
import type { ScratchServer } from './servers';

/** Password of every role the tests make; the server lives as long as the test. */
const ROLE_PASSWORD = 'scratch';

/** One pool per user and database, since a connection through the API server takes a while to open. */
const pools = new Map<string, Pool>();

function poolOf({ host, port, database, user, password }: Omit<PostgresConnection, 'holder'>): Pool {
  const key = `${user}@${database}:${port}`;
  let pool = pools.get(key);
  if (!pool) {
    pool = new Pool({ host, port, database, user, password });
    // A server that a test restarts ends its idle connections.
    pool.on('error', () => undefined);
    pools.set(key, pool);
  }
  return pool;
}

/** Runs one statement as one user and returns its rows. */
export async function query<Row extends QueryResultRow>(
  connection: Omit<PostgresConnection, 'holder'>,
  text: string,
  values?: unknown[],
): Promise<Row[]> {
  return (await poolOf(connection).query<Row>(text, values)).rows;
}

/** Runs one statement as the role `app`, or its second login, on behalf of a user of the platform, as applications do. */
export async function queryFor<Row extends QueryResultRow>(
  connection: PostgresConnection,
  userId: string,
  text: string,
  values?: unknown[],
  role: 'app' | 'app-b' = 'app',
): Promise<Row[]> {
  const client = await poolOf(as(role, connection)).connect();
  try {
    await client.query('BEGIN');
    await client.query(`SELECT set_config('app.user_id', $1, true)`, [userId]);
    const { rows } = await client.query<Row>(text, values);
    await client.query('COMMIT');
    return rows;
  } catch (error) {
    await client.query('ROLLBACK');
    throw error;
  } finally {
    client.release();
  }
}

/** Closes the connections of {@link query}. */
export async function closePools(): Promise<void> {
  await Promise.all([...pools.values()].map((pool) => pool.end()));
  pools.clear();
}

/** Connection of the server's superuser. */
export function superuser(server: ScratchServer, database = 'postgres'): PostgresConnection {
  const { host, port, user, password } = server;
  return { host, port, user, password, database, holder: 'test' };
}

/** The roles of a platform, as the operator makes them. */
const ROLES = {
  platform_owner: '',
  app: '',
  /** The second login of app, as a rotation makes it. */
  'app-b': 'IN ROLE app',
  readonly: '',
  backup: 'BYPASSRLS IN ROLE pg_read_all_data',
  monitor: 'IN ROLE pg_monitor',
};

/** An empty database owned by `platform_owner`, as the operator makes it, on a server with the roles of a platform. */
export async function freshDatabase(server: ScratchServer): Promise<PostgresConnection> {
  const admin = superuser(server);
  const database = `scratch_${randomBytes(4).toString('hex')}`;
  for (const [role, options] of Object.entries(ROLES)) {
    const [found] = await query(admin, 'SELECT FROM pg_roles WHERE rolname = $1', [role]);
    if (!found) await query(admin, `CREATE ROLE "${role}" LOGIN PASSWORD '${ROLE_PASSWORD}' ${options}`);
  }
  await query(admin, `CREATE DATABASE ${database} OWNER platform_owner`);
  return as('platform_owner', { ...admin, database });
}

/** By server. */
const templates = new WeakMap<ScratchServer, Promise<PostgresConnection>>();

/** A database with every change of `platform`, that others are copied from and nobody changes. */
export function templateOf(server: ScratchServer): Promise<PostgresConnection> {
  let template = templates.get(server);
  if (!template) {
    template = freshDatabase(server).then(migrate);
    templates.set(server, template);
  }
  return template;
}

/** A database of its own with every change of `platform`; who may connect to it is not copied. */
export async function migratedDatabase(server: ScratchServer): Promise<PostgresConnection> {
  const original = await templateOf(server);
  const database = `scratch_${randomBytes(4).toString('hex')}`;
  await query(
    superuser(server),
    `CREATE DATABASE ${database} OWNER platform_owner TEMPLATE ${original.database}`,
  );
  return { ...original, database };
}

/** Deletes all rows but those of the engine and of the upkeep; quicker than another database. */
export async function deleteRows(connection: PostgresConnection): Promise<void> {
  await query(
    connection,
    `DO $$
     DECLARE doomed regclass;
     BEGIN
       FOR doomed IN
         SELECT c.oid FROM pg_class c
         WHERE relkind IN ('r', 'p') AND NOT relispartition
           AND relnamespace::regnamespace::text IN ('platform', 'a2a', 'services', 'observability', 'security')
           AND relname NOT IN ('schema_migrations', 'schema_snapshot', 'partition_policies')
         -- A key that rows are encrypted with goes after them.
         ORDER BY relname = 'encryption_keys'
       LOOP EXECUTE format('DELETE FROM %s', doomed); END LOOP;
     END $$`,
  );
}

async function migrate(connection: PostgresConnection): Promise<PostgresConnection> {
  const folderName = changeFolder('postgres', 'platform');
  const folder = readChangeFiles(join(projectRoot(), folderName), sqlFormat);
  const target = await PostgresTarget.connect(connection);
  const { failed } = await migrateUp({ target, folder, folderName, appliedBy: 'tester' });
  await target.close();
  if (failed) throw failed.error;
  return connection;
}

/** The same database as another of the roles that {@link freshDatabase} makes. */
export function as(user: string, connection: PostgresConnection): PostgresConnection {
  return { ...connection, user, password: ROLE_PASSWORD };
}

/** Everything the changes of a database may touch, as comparable text. */
export async function schemaFingerprint(connection: PostgresConnection): Promise<string[]> {
  return (await query<{ line: string }>(connection, DEFINITIONS)).map((row) => row.line).sort();
}
