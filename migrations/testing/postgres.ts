import { randomBytes } from 'node:crypto';
import { Pool, type QueryResultRow } from 'pg';
import { DEFINITIONS } from '../targets/postgres/definitions';
import type { PostgresConnection } from '../targets/postgres/target';
import type { ScratchServer } from './servers';

/** Password of every role the tests make; the server lives as long as the test. */
const ROLE_PASSWORD = 'scratch';

/** One pool per user and database, since a connection through the API server takes a while to open. */
const pools = new Map<string, Pool>();

/** Runs one statement as one user and returns its rows. */
export async function query<Row extends QueryResultRow>(
  { host, port, database, user, password }: Omit<PostgresConnection, 'holder'>,
  text: string,
  values?: unknown[],
): Promise<Row[]> {
  const key = `${user}@${database}:${port}`;
  let pool = pools.get(key);
  if (!pool) {
    pool = new Pool({ host, port, database, user, password });
    pools.set(key, pool);
  }
  return (await pool.query<Row>(text, values)).rows;
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

/** An empty database owned by `platform_owner`, as the operator makes it, on a server with the roles `app` and `readonly`. */
export async function freshDatabase(server: ScratchServer): Promise<PostgresConnection> {
  const admin = superuser(server);
  const database = `scratch_${randomBytes(4).toString('hex')}`;
  for (const role of ['platform_owner', 'app', 'readonly']) {
    const [found] = await query(admin, 'SELECT FROM pg_roles WHERE rolname = $1', [role]);
    if (!found) await query(admin, `CREATE ROLE ${role} LOGIN PASSWORD '${ROLE_PASSWORD}'`);
  }
  await query(admin, `CREATE DATABASE ${database} OWNER platform_owner`);
  return as('platform_owner', { ...admin, database });
}

/** The same database as another of the roles that {@link freshDatabase} makes. */
export function as(user: string, connection: PostgresConnection): PostgresConnection {
  return { ...connection, user, password: ROLE_PASSWORD };
}

/** Everything the changes of a database may touch, as comparable text. */
export async function schemaFingerprint(connection: PostgresConnection): Promise<string[]> {
  return (await query<{ line: string }>(connection, DEFINITIONS)).map((row) => row.line).sort();
}
