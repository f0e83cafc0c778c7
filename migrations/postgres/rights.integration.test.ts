import type { PostgresConnection } from '../targets/postgres/target';
import {
  as,
  closePools,
  deleteRows,
  migratedDatabase,
  query,
  queryFor,
  superuser,
} from '../testing/postgres';
import { type ScratchServer, startPostgres } from '../testing/servers';

const ADA = '00000000-0000-4000-8000-00000000000a';
const BOB = '00000000-0000-4000-8000-00000000000b';
const SHA256 = (letter: string) => Buffer.alloc(32, letter);

let server: ScratchServer;
let database: PostgresConnection;

beforeAll(async () => {
  server = await startPostgres();
  database = await migratedDatabase(server);
}, 180_000);
afterAll(async () => {
  await closePools();
  await server?.stop();
}, 60_000);
beforeEach(() => deleteRows(database));

const asOwner = (text: string, values?: unknown[]) => query<Record<string, unknown>>(database, text, values);
const asApp = (text: string, values?: unknown[]) =>
  query<Record<string, unknown>>(as('app', database), text, values);
const asReadonly = (text: string) => query<Record<string, unknown>>(as('readonly', database), text);
const asUser = (id: string, text: string, values?: unknown[]) =>
  queryFor<Record<string, unknown>>(database, id, text, values);

async function addUsers(): Promise<void> {
  for (const [id, name] of [
    [ADA, 'Ada'],
    [BOB, 'Bob'],
  ]) {
    await asUser(
      id!,
      `INSERT INTO platform.users (id, username, email, password_hash, first_name) VALUES ($1, $2, $3, 'hash', $2)`,
      [id, name, `${name}@example.org`],
    );
  }
}

/** Every table under row security: a row of a user, and the column that names the user. */
const own: Record<string, { column: string; insert: string }> = {
  'platform.user_profiles': {
    column: 'user_id',
    insert: 'INSERT INTO platform.user_profiles (user_id) VALUES ($1)',
  },
  'platform.user_sessions': {
    column: 'user_id',
    insert: `INSERT INTO platform.user_sessions (user_id, session_token_hash, expires_at)
             VALUES ($1::uuid, sha256($1::text::bytea), now() + interval '1 hour')`,
  },
  'platform.api_keys': {
    column: 'user_id',
    insert: `INSERT INTO platform.api_keys (user_id, name, key_hash) VALUES ($1::uuid, 'k', sha256($1::text::bytea))`,
  },
  'platform.user_interactions': {
    column: 'user_id',
    insert: `INSERT INTO platform.user_interactions (user_id, kind) VALUES ($1, 'view')`,
  },
  'platform.user_mastery_levels': {
    column: 'user_id',
    insert: `INSERT INTO platform.user_mastery_levels (user_id, subject) VALUES ($1, 'SQL')`,
  },
  'services.search_sessions': {
    column: 'created_by',
    insert: `INSERT INTO services.search_sessions (query_text, query_type, created_by) VALUES ('q', 'hybrid', $1)`,
  },
  'security.audit_logs': {
    column: 'user_id',
    insert: `INSERT INTO security.audit_logs (action, user_id) VALUES ('read', $1)`,
  },
};

describe('row security', () => {
  beforeEach(addUsers);

  test('it is on for the tables below, and only for them', async () => {
    const found = await asOwner('SELECT oid::regclass::text AS name FROM pg_class WHERE relrowsecurity');
    expect(found.map((row) => row.name).sort()).toEqual(['platform.users', ...Object.keys(own)].sort());
  });

  test('a user sees, changes and deletes the own account only', async () => {
    expect(await asUser(ADA, 'SELECT username FROM platform.users')).toEqual([{ username: 'Ada' }]);
    await asUser(ADA, `UPDATE platform.users SET first_name = 'Changed'`);
    await asUser(ADA, 'DELETE FROM platform.users');
    expect(await asOwner('SELECT first_name FROM platform.users')).toEqual([{ first_name: 'Bob' }]);
  });

  test.each(Object.entries(own))(
    '%s: own rows only, none without a user',
    async (table, { column, insert }) => {
      await asUser(ADA, insert, [ADA]);
      await asUser(BOB, insert, [BOB]);
      const select = `SELECT ${column} AS owner FROM ${table}`;
      expect(await asUser(ADA, select)).toEqual([{ owner: ADA }]);
      expect(await asApp(select)).toEqual([]);
      expect(await asOwner(`${select} ORDER BY 1`)).toEqual([{ owner: ADA }, { owner: BOB }]);
      const refused = new RegExp(
        `new row violates row-level security policy for table "${table.split('.')[1]}"`,
      );
      await expect(asUser(ADA, insert, [BOB])).rejects.toThrow(refused);
      await expect(asApp(insert, [BOB])).rejects.toThrow(refused);
      if (table === 'security.audit_logs') return;
      await asUser(ADA, `DELETE FROM ${table}`);
      expect(await asOwner(select)).toEqual([{ owner: BOB }]);
      await expect(asUser(BOB, `UPDATE ${table} SET ${column} = $1`, [ADA])).rejects.toThrow(refused);
    },
  );

  test('a setting that is no user id is an error, an empty one nobody', async () => {
    await expect(asUser('x; DROP TABLE', 'SELECT FROM platform.users')).rejects.toThrow(
      'invalid input syntax for type uuid',
    );
    expect(await asUser('', 'SELECT FROM platform.users')).toEqual([]);
  });

  test('the application cannot step around the policies', async () => {
    await asUser(ADA, own['platform.user_interactions']!.insert, [ADA]);
    const [{ partition }] = (await asOwner(
      'SELECT tableoid::regclass::text AS partition FROM platform.user_interactions',
    )) as [{ partition: string }];
    expect(partition).toMatch(/^platform\.user_interactions_y\d{4}m\d{2}$/);
    for (const statement of [
      `SELECT FROM ${partition}`,
      `DELETE FROM ${partition}`,
      'SELECT FROM platform.user_interactions_default',
      'SELECT FROM masked.users',
      'TRUNCATE platform.user_sessions',
      'SET ROLE platform_owner',
    ]) {
      await expect(asApp(statement)).rejects.toThrow(/permission denied/);
    }
    await expect(asApp('ALTER TABLE platform.users DISABLE ROW LEVEL SECURITY')).rejects.toThrow(
      'must be owner',
    );
    await expect(asApp('SET row_security = off; SELECT FROM platform.users')).rejects.toThrow(
      'query would be affected by row-level security policy',
    );
  });

  test('the login that a rotation hands out is bound by the same policies', async () => {
    const { insert, column } = own['platform.user_sessions']!;
    const asOther = (id: string, text: string, values?: unknown[]) =>
      queryFor<Record<string, unknown>>(database, id, text, values, 'app-b');
    await asUser(ADA, insert, [ADA]);
    await asOther(BOB, insert, [BOB]);
    const select = `SELECT ${column} AS owner FROM platform.user_sessions`;
    expect(await asOther(BOB, select)).toEqual([{ owner: BOB }]);
    expect(await asUser(BOB, select)).toEqual([{ owner: BOB }]);
    expect(await query(as('app-b', database), select)).toEqual([]);
    await expect(asOther(BOB, insert, [ADA])).rejects.toThrow('new row violates row-level security policy');
  });

  test('audit entries can be added for the user or for nobody, and not be changed', async () => {
    await asUser(ADA, own['security.audit_logs']!.insert, [ADA]);
    await asApp(`INSERT INTO security.audit_logs (action, actor_type) VALUES ('start', 'system')`);
    await expect(asUser(ADA, `UPDATE security.audit_logs SET action = 'x'`)).rejects.toThrow(
      'permission denied',
    );
    await expect(asUser(ADA, 'DELETE FROM security.audit_logs')).rejects.toThrow('permission denied');
    await asUser(ADA, 'DELETE FROM platform.users');
    expect(await asOwner('SELECT action, user_id FROM security.audit_logs ORDER BY 1')).toEqual([
      { action: 'read', user_id: ADA },
      { action: 'start', user_id: null },
    ]);
  });
});

describe('authentication without a user', () => {
  beforeEach(addUsers);
  const inOneHour = `now() + interval '1 hour'`;
  const addSession = (expires: string) =>
    asUser(
      ADA,
      `INSERT INTO platform.user_sessions (user_id, session_token_hash, created_at, expires_at)
       VALUES ($1, $2, now() - interval '1 day', ${expires})`,
      [ADA, SHA256('s')],
    );
  const findSession = () => asApp('SELECT user_id, role FROM security.find_session($1)', [SHA256('s')]);

  test('an active user is found by name or address, whatever the case', async () => {
    const ada = [{ user_id: ADA, password_hash: 'hash', role: 'user', is_verified: false }];
    expect(await asApp(`SELECT * FROM security.find_login('ADA')`)).toEqual(ada);
    expect(await asApp(`SELECT * FROM security.find_login('ada@EXAMPLE.org')`)).toEqual(ada);
    expect(await asApp(`SELECT * FROM security.find_login('nobody')`)).toEqual([]);
    await asUser(ADA, 'UPDATE platform.users SET is_active = false');
    expect(await asApp(`SELECT * FROM security.find_login('ada')`)).toEqual([]);
  });

  test('a live session is found by the hash of its token', async () => {
    await addSession(inOneHour);
    expect(await findSession()).toEqual([{ user_id: ADA, role: 'user' }]);
    expect(await asApp('SELECT * FROM security.find_session($1)', [SHA256('x')])).toEqual([]);
    await asUser(ADA, 'UPDATE platform.user_sessions SET is_active = false');
    expect(await findSession()).toEqual([]);
  });

  test('an expired session is not found', async () => {
    await addSession(`now() - interval '1 second'`);
    expect(await findSession()).toEqual([]);
  });

  test('a live API key is found by its hash', async () => {
    const find = () => asApp('SELECT user_id, permissions FROM security.find_api_key($1)', [SHA256('k')]);
    await asUser(
      ADA,
      `INSERT INTO platform.api_keys (user_id, name, key_hash, permissions) VALUES ($1, 'ci', $2, '["read"]')`,
      [ADA, SHA256('k')],
    );
    expect(await find()).toEqual([{ user_id: ADA, permissions: ['read'] }]);
    await asUser(ADA, `UPDATE platform.api_keys SET expires_at = now() - interval '1 second'`);
    expect(await find()).toEqual([]);
  });

  test('readonly may not ask', async () => {
    await expect(asReadonly(`SELECT * FROM security.find_login('ada')`)).rejects.toThrow('permission denied');
  });
});

describe('rights', () => {
  test.each([
    'DELETE FROM platform.schema_migrations',
    'DELETE FROM platform.partition_policies',
    'DELETE FROM platform.outbox',
    'DELETE FROM security.encryption_keys',
    'SELECT platform.maintain_partitions()',
    'CALL platform.run_partition_upkeep()',
    'CREATE TABLE platform.x (id int)',
    'CREATE TABLE public.x (id int)',
    'CREATE TEMPORARY TABLE x (id int)',
  ])('app may not: %s', async (statement) => {
    // A copied database has the rights of a new one.
    await query(
      superuser(server, database.database),
      `REVOKE TEMPORARY ON DATABASE ${database.database} FROM PUBLIC`,
    );
    await expect(asApp(statement)).rejects.toThrow(/permission denied/);
  });

  test('app reads and writes what belongs to no user without one', async () => {
    expect(await asApp(`INSERT INTO platform.projects (name) VALUES ('p') RETURNING name`)).toEqual([
      { name: 'p' },
    ]);
    expect(await asApp('SELECT version FROM platform.schema_migrations ORDER BY 1 LIMIT 1')).toEqual([
      { version: '000001' },
    ]);
  });

  test('readonly reads these tables, no other, and writes none', async () => {
    const rows = await asOwner(
      `SELECT format('%s.%s', nspname, relname) AS name,
              has_table_privilege('readonly', c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE') AS writes
       FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
       WHERE relkind IN ('r', 'p', 'v', 'm') AND nspname NOT LIKE 'pg\\_%' AND nspname NOT IN ('information_schema', 'masked')
         AND has_any_column_privilege('readonly', c.oid, 'SELECT')
       ORDER BY 1`,
    );
    expect(rows.filter((row) => row.writes)).toEqual([]);
    expect(rows.map((row) => row.name)).toEqual([
      'a2a.agent_cards',
      'a2a.collaboration_patterns',
      'observability.alerts',
      'observability.health_checks',
      'observability.metrics',
      'observability.spans',
      'observability.traces',
      'platform.outbox_consumers',
      'platform.partition_policies',
      'platform.projects',
      'platform.schema_migrations',
      'platform.user_projects',
      'services.agents',
      'services.document_collections',
      'services.document_processing',
      'services.document_relationships',
      'services.tool_templates',
      'services.vector_collections',
      'services.workflow_definitions',
      'services.workflow_schedules',
      'services.workflow_templates',
    ]);
  });

  test('tables made later are covered, and their partitions are not', async () => {
    const changed = await migratedDatabase(server);
    const run = (role: string, text: string) => query<{ name: string }>(as(role, changed), text);
    for (const statement of [
      'CREATE TABLE services.later (id int)',
      'CREATE TABLE observability.later (id int, at timestamptz) PARTITION BY RANGE (at)',
      `INSERT INTO platform.partition_policies VALUES ('observability', 'later', 'day', 1, NULL)`,
      `SELECT platform.maintain_table('observability', 'later')`,
    ]) {
      await run('platform_owner', statement);
    }
    await run('app', 'INSERT INTO services.later VALUES (1)');
    await run('app-b', 'INSERT INTO services.later VALUES (2)');
    expect(await run('backup', 'SELECT id FROM services.later ORDER BY 1')).toEqual([{ id: 1 }, { id: 2 }]);
    await expect(run('monitor', 'SELECT * FROM services.later')).rejects.toThrow('permission denied');
    await run('app', 'INSERT INTO observability.later VALUES (1, now())');
    const [partition] = await run(
      'readonly',
      'SELECT tableoid::regclass::text AS name FROM observability.later',
    );
    expect(partition!.name).toMatch(/^observability\.later_y\d{4}m\d{2}d\d{2}$/);
    await expect(run('readonly', 'SELECT * FROM services.later')).rejects.toThrow('permission denied');
    await expect(run('readonly', `SELECT * FROM ${partition!.name}`)).rejects.toThrow('permission denied');
    await expect(run('app', `SELECT * FROM ${partition!.name}`)).rejects.toThrow('permission denied');
  });
});

describe('masked views', () => {
  beforeEach(addUsers);

  test('each is a security barrier, readable by readonly only', async () => {
    const views = await asOwner(
      `SELECT relname AS name, reloptions::text AS options, has_table_privilege('app', oid, 'SELECT') AS app,
              has_table_privilege('readonly', oid, 'SELECT') AS readonly
       FROM pg_class WHERE relnamespace = 'masked'::regnamespace ORDER BY 1`,
    );
    expect(views).toHaveLength(20);
    for (const { name, ...view } of views) {
      expect([name, view]).toEqual([
        name,
        { options: '{security_barrier=true}', app: false, readonly: true },
      ]);
      await asReadonly(`SELECT * FROM masked.${name as string}`);
    }
  });

  test('none has a column of contents, names, secrets or addresses', async () => {
    const columns = await asOwner(
      `SELECT DISTINCT column_name AS name FROM information_schema.columns WHERE table_schema = 'masked'`,
    );
    const names = columns.map((row) => row.name as string);
    const forbidden =
      /password|_hash$|_ciphertext$|^(first|last)_name$|avatar|ip_address|user_agent|^(details|metadata|content_text|params|response|message|query_text|results|filters|configuration|input_|output_|preferences|title|filename|storage_path|error_message|error_details)/;
    expect(
      names.filter(
        (name) =>
          forbidden.test(name) &&
          name !== 'message_id' &&
          name !== 'message_length' &&
          name !== 'results_count',
      ),
    ).toEqual([]);
    expect(names).toContain('email');
  });

  test('users of all rows, with masked names and addresses', async () => {
    expect(await asReadonly('SELECT id, username, email, role FROM masked.users ORDER BY id')).toEqual([
      { id: ADA, username: 'A***', email: 'A***', role: 'user' },
      { id: BOB, username: 'B***', email: 'B***', role: 'user' },
    ]);
    await expect(asReadonly('SELECT email FROM platform.users')).rejects.toThrow('permission denied');
  });

  test('sessions with the network, mastery as averages, settings only when public', async () => {
    const session = `INSERT INTO platform.user_sessions (user_id, session_token_hash, expires_at, ip_address)
                     VALUES ($1, $2, now() + interval '1 hour', $3)`;
    await asUser(ADA, session, [ADA, SHA256('a'), '203.0.113.77']);
    await asUser(ADA, session, [ADA, SHA256('b'), '2001:db8:1:2::77']);
    expect(await asReadonly('SELECT network::text FROM masked.user_sessions ORDER BY 1')).toEqual([
      { network: '2001:db8:1::/48' },
      { network: '203.0.113.0/24' },
    ]);
    for (const [id, level] of [
      [ADA, 0.5],
      [BOB, 1],
    ] as const) {
      await asUser(
        id,
        `INSERT INTO platform.user_mastery_levels (user_id, subject, level) VALUES ($1, 'SQL', $2)`,
        [id, level],
      );
    }
    expect(
      await asReadonly('SELECT subject, users, average_level::float FROM masked.user_mastery_levels'),
    ).toEqual([{ subject: 'SQL', users: '2', average_level: 0.75 }]);
    await asApp(
      `INSERT INTO platform.system_config (key, value, is_public) VALUES ('a', '1', true), ('b', '2', false)`,
    );
    expect(await asReadonly('SELECT key, value FROM masked.system_config ORDER BY 1')).toEqual([
      { key: 'a', value: 1 },
      { key: 'b', value: null },
    ]);
  });
});
