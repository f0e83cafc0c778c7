import { randomBytes } from 'node:crypto';
import { Pool, type QueryResultRow } from 'pg';
import type { PostgresConnection } from '../targets/postgres';
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

/** Everything the changes of a database may touch, as comparable text: relations, columns, constraints, indexes, functions, triggers, rights. */
export async function schemaFingerprint(connection: PostgresConnection): Promise<string[]> {
  const rows = await query<{ line: string }>(
    connection,
    `WITH ours AS (SELECT oid, nspname, nspowner, nspacl FROM pg_namespace
                   WHERE nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema')
     SELECT format('schema %s %s', nspname, a.*) AS line
       FROM ours, aclexplode(coalesce(nspacl, acldefault('n', nspowner))) a
     UNION ALL SELECT format('relation %s %s %s %s', c.oid::regclass, relkind, pg_get_expr(relpartbound, c.oid), a.*)
       FROM pg_class c JOIN ours n ON n.oid = relnamespace, aclexplode(coalesce(relacl, acldefault('r', relowner))) a
       WHERE relkind IN ('r', 'p', 'v', 'm', 'S')
     UNION ALL SELECT format('column %s.%s %s %s %s %s', c.oid::regclass, attname, format_type(atttypid, atttypmod),
                             attnotnull, pg_get_expr(adbin, adrelid), attacl)
       FROM pg_attribute JOIN pg_class c ON c.oid = attrelid JOIN ours n ON n.oid = relnamespace
       LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
       WHERE attnum > 0 AND NOT attisdropped AND relkind IN ('r', 'p', 'v', 'm')
     UNION ALL SELECT format('constraint %s %s %s', conrelid::regclass, conname, pg_get_constraintdef(k.oid))
       FROM pg_constraint k JOIN ours n ON n.oid = connamespace
     UNION ALL SELECT 'index ' || indexdef FROM pg_indexes JOIN ours ON nspname = schemaname
     UNION ALL SELECT format('function %s %s', pg_get_functiondef(p.oid), a.*)
       FROM pg_proc p JOIN ours n ON n.oid = pronamespace, aclexplode(coalesce(proacl, acldefault('f', proowner))) a
     UNION ALL SELECT 'trigger ' || pg_get_triggerdef(t.oid)
       FROM pg_trigger t JOIN pg_class c ON c.oid = tgrelid JOIN ours n ON n.oid = relnamespace WHERE NOT tgisinternal
     UNION ALL SELECT format('comment %s %s', classoid::regclass, description)
       FROM pg_description WHERE objoid >= 16384
     UNION ALL SELECT format('default rights %s %s %s', d.defaclnamespace::regnamespace, defaclobjtype, defaclacl) FROM pg_default_acl d
     UNION ALL SELECT format('database %s', a.*)
       FROM pg_database, aclexplode(coalesce(datacl, acldefault('d', datdba))) a WHERE datname = current_database()`,
  );
  return rows.map((row) => row.line).sort();
}
