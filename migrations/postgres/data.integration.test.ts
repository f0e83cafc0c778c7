import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import type { PostgresConnection } from '../targets/postgres/target';
import { as, closePools, deleteRows, migratedDatabase, query, queryFor } from '../testing/postgres';
import { type ScratchServer, startPostgres } from '../testing/servers';

const ADA = '00000000-0000-4000-8000-00000000000a';
/** Nonce, one octet, tag. */
const CIPHERTEXT = Buffer.alloc(29, 7);

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

const addUser = (username: string, email: string) =>
  asOwner(
    `INSERT INTO platform.users (username, email, password_hash) VALUES ($1, $2, 'hash') RETURNING id`,
    [username, email],
  );
const addKey = (version: number, isCurrent = true) =>
  asApp(
    `INSERT INTO security.encryption_keys (name, version, is_current, retired_at)
     VALUES ('platform', $1, $2, CASE WHEN $2 THEN NULL ELSE now() END)`,
    [version, isCurrent],
  );

describe('constraints', () => {
  test('names and addresses of users are unique whatever their case, and checked', async () => {
    await addUser('Ada', 'ada@example.org');
    await expect(addUser('ADA', 'other@example.org')).rejects.toThrow('users_username_key');
    await expect(addUser('Bob', 'Ada@Example.org')).rejects.toThrow('users_email_key');
    await expect(addUser('Bob', 'no address')).rejects.toThrow('users_email_check');
    await expect(addUser(' Bob', 'bob@example.org')).rejects.toThrow('label_check');
    await expect(addUser('ada@example.org', 'bob@example.org')).rejects.toThrow('users_username_check');
  });

  test.each([
    [`INSERT INTO platform.projects (name, settings) VALUES ('p', '[]')`, 'json_object_check'],
    [
      `INSERT INTO platform.projects (name, is_default) VALUES ('p', true), ('q', true)`,
      'projects_one_default',
    ],
    [`INSERT INTO services.agents (name, capabilities) VALUES ('a', '{}')`, 'json_array_check'],
    [`INSERT INTO services.agents (name, status) VALUES ('a', 'asleep')`, 'agents_status_check'],
    [`INSERT INTO services.agents (name, success_rate) VALUES ('a', 101)`, 'agents_success_rate_check'],
    [`INSERT INTO services.agents (name) VALUES ('a'), ('a')`, 'agents_name_version_key'],
    [
      `INSERT INTO a2a.messages (message_id, from_agent, method, status) VALUES ('1', 'a', 'm', 'x')`,
      'messages_status_check',
    ],
    [
      `INSERT INTO a2a.collaboration_patterns (pattern_name, participating_agents, message_flow) VALUES ('p', '{one}', '[]')`,
      'collaboration_patterns_participating_agents_check',
    ],
    [
      `INSERT INTO services.mcp_servers (name, display_name, server_url, authentication_config) VALUES ('m', 'm', 'u', '{"token": "t"}')`,
      'mcp_servers_no_clear_secret',
    ],
    [
      `WITH w AS (INSERT INTO services.workflow_definitions (name, display_name) VALUES ('w', 'w') RETURNING id)
       INSERT INTO services.workflow_schedules (workflow_id, name, cron_expression, interval_seconds) SELECT id, 's', '* * * * *', 60 FROM w`,
      'workflow_schedules_one_rhythm',
    ],
    [
      `INSERT INTO services.documents (title, filename, file_type, file_size, file_hash, storage_path) VALUES ('t', 'f', 'pdf', 1, 'md5', 'b/k')`,
      'documents_file_hash_check',
    ],
    [
      `INSERT INTO services.document_relationships (source_id, target_id, type) VALUES ('${ADA}', '${ADA}', 'cites')`,
      'document_relationships_two_documents',
    ],
    [`INSERT INTO services.tasks (title, completed_at) VALUES ('t', now())`, 'tasks_completed_at'],
    [
      `WITH t AS (INSERT INTO services.tasks (title) VALUES ('t') RETURNING id), a AS (INSERT INTO services.agents (name) VALUES ('a') RETURNING id)
       INSERT INTO services.task_messages (task_id, sender_type, sender_agent_id, message) SELECT t.id, 'user', a.id, 'hi' FROM t, a`,
      'task_messages_sender',
    ],
    [
      `INSERT INTO observability.traces (trace_id, service_name, operation_name, start_time, end_time) VALUES ('t', 's', 'o', now(), now() - interval '1 s')`,
      'traces_check',
    ],
    [`INSERT INTO security.audit_logs (action) VALUES ('a')`, 'audit_logs_actor'],
    [
      `INSERT INTO platform.outbox (object_type, object_id, event) VALUES ('t', '1', 'moved')`,
      'outbox_event_check',
    ],
  ])('%s: %s', async (statement, constraint) => {
    await expect(asApp(statement)).rejects.toThrow(constraint);
  });

  test('an update moves updated_at, one that changes nothing does not', async () => {
    await asApp(`INSERT INTO platform.projects (name) VALUES ('p')`);
    const set = async (description: string) =>
      (
        await asApp('UPDATE platform.projects SET description = $1 RETURNING created_at, updated_at', [
          description,
        ])
      )[0] as {
        created_at: Date;
        updated_at: Date;
      };
    const { created_at, updated_at } = await set('x');
    expect(updated_at.getTime()).toBeGreaterThan(created_at.getTime());
    expect((await set('x')).updated_at).toEqual(updated_at);
  });

  test('deleting a user ends memberships and keeps projects and tasks', async () => {
    const [user] = await addUser('Ada', 'ada@example.org');
    const [project] = await asApp(
      `INSERT INTO platform.projects (name, created_by) VALUES ('p', $1) RETURNING id`,
      [user!.id],
    );
    await asApp('INSERT INTO platform.user_projects (user_id, project_id) VALUES ($1, $2)', [
      user!.id,
      project!.id,
    ]);
    await asApp(`INSERT INTO services.tasks (title, created_by, project_id) VALUES ('t', $1, $2)`, [
      user!.id,
      project!.id,
    ]);
    await queryFor(database, user!.id as string, 'DELETE FROM platform.users');
    expect(await asApp('SELECT name, created_by FROM platform.projects')).toEqual([
      { name: 'p', created_by: null },
    ]);
    expect(await asApp('SELECT title, created_by FROM services.tasks')).toEqual([
      { title: 't', created_by: null },
    ]);
    expect(await asApp('SELECT FROM platform.user_projects')).toEqual([]);
  });
});

describe('encryption by the application', () => {
  const variable = (columns: string, values: unknown[]) =>
    asApp(
      `INSERT INTO platform.environment_variables (name, category, scope, ${columns})
       VALUES ('X', 'llm', 'global', ${values.map((_, index) => `$${index + 1}`).join(', ')})`,
      values,
    );
  const all = 'is_secret, value_ciphertext, encryption_key, encryption_key_version';

  beforeEach(() => addKey(1));

  test('a secret is stored encrypted, with a known key version', async () => {
    await variable(all, [true, CIPHERTEXT, 'platform', 1]);
    expect(await asApp('SELECT value, value_ciphertext FROM platform.environment_variables')).toEqual([
      { value: null, value_ciphertext: CIPHERTEXT },
    ]);
  });

  test.each([
    ['a secret in clear', 'is_secret, value', [true, 'clear'], 'environment_variables_encrypted'],
    [
      'a secret in both',
      `${all}, value`,
      [true, CIPHERTEXT, 'platform', 1, 'clear'],
      'environment_variables_encrypted',
    ],
    [
      'a ciphertext without key',
      'is_secret, value_ciphertext',
      [true, CIPHERTEXT],
      'environment_variables_encrypted',
    ],
    ['no secret, encrypted', all, [false, CIPHERTEXT, 'platform', 1], 'environment_variables_encrypted'],
    ['no value', 'is_secret', [false], 'environment_variables_encrypted'],
    [
      'an unknown key version',
      all,
      [true, CIPHERTEXT, 'platform', 2],
      'environment_variables_encryption_key',
    ],
    ['no room for nonce and tag', all, [true, CIPHERTEXT.subarray(1), 'platform', 1], 'ciphertext_check'],
  ])('%s is refused', async (_, columns, values, constraint) => {
    await expect(variable(columns, values)).rejects.toThrow(constraint);
  });

  test('a profile has a key exactly when something in it is encrypted', async () => {
    const [user] = await addUser('Ada', 'ada@example.org');
    const set = (assignments: string, values: unknown[] = []) =>
      asOwner(`UPDATE platform.user_profiles SET ${assignments}`, values);
    await asOwner('INSERT INTO platform.user_profiles (user_id) VALUES ($1)', [user!.id]);
    await expect(set('phone_ciphertext = $1', [CIPHERTEXT])).rejects.toThrow('user_profiles_encrypted');
    await expect(set(`encryption_key = 'platform', encryption_key_version = 1`)).rejects.toThrow(
      'user_profiles_encrypted',
    );
    await set(`phone_ciphertext = $1, encryption_key = 'platform', encryption_key_version = 1`, [CIPHERTEXT]);
    await expect(set('encryption_key_version = NULL')).rejects.toThrow('user_profiles_encrypted');
  });

  test('one version of a key is current, and one in use cannot be deleted', async () => {
    await expect(addKey(2)).rejects.toThrow('encryption_keys_one_current');
    await addKey(2, false);
    await variable(all, [true, CIPHERTEXT, 'platform', 2]);
    const remove = (version: number) =>
      asOwner('DELETE FROM security.encryption_keys WHERE version = $1', [version]);
    await expect(remove(2)).rejects.toThrow('environment_variables_encryption_key');
    await remove(1);
    await expect(asApp('DELETE FROM security.encryption_keys')).rejects.toThrow('permission denied');
  });
});

describe('outbox', () => {
  const add = (client: Client, id: string) =>
    client.query(
      `INSERT INTO platform.outbox (object_type, object_id, event) VALUES ('services.documents', $1, 'created')`,
      [id],
    );
  const read = async (transaction = '0', position = '0') =>
    (
      await query<{ object_id: string; transaction_id: string; position: string }>(
        as('app', database),
        'SELECT object_id, transaction_id, position FROM platform.read_outbox($1, $2)',
        [transaction, position],
      )
    ).map((row) => row);

  test('nothing is read before what may still commit ahead of it', async () => {
    const clients = [0, 1].map(() => new Client(as('app', database)));
    const [slow, quick] = clients as [Client, Client];
    try {
      await Promise.all(clients.map((client) => client.connect()));
      await slow.query('BEGIN');
      await add(slow, 'slow');
      await add(quick, 'quick');
      expect(await read()).toEqual([]);
      await slow.query('COMMIT');
      const events = await read();
      expect(events.map((event) => event.object_id)).toEqual(['slow', 'quick']);
      expect(await read(events[0]!.transaction_id, events[0]!.position)).toEqual([events[1]]);
      expect(await read(events[1]!.transaction_id, events[1]!.position)).toEqual([]);
    } finally {
      await Promise.all(clients.map((client) => client.end()));
    }
  });
});

describe('seed data', () => {
  const folder = join(__dirname, 'seed');
  const seed = async (environment: string) => {
    const files = readdirSync(join(folder, environment)).sort();
    for (const file of files) await asOwner(readFileSync(join(folder, environment, file), 'utf8'));
  };
  /** Rows of every table that is not the engine's or the upkeep's, by table. */
  const rows = async () => {
    const tables = await asOwner(
      `SELECT c.oid::regclass::text AS name FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
       WHERE relkind IN ('r', 'p') AND NOT relispartition AND nspname IN ('platform', 'a2a', 'services', 'security')
         AND relname NOT IN ('schema_migrations', 'schema_snapshot', 'partition_policies') ORDER BY 1`,
    );
    const found: Record<string, unknown> = {};
    for (const { name } of tables) {
      const content = await asOwner(`SELECT to_jsonb(t) AS row FROM ${name as string} t ORDER BY 1`);
      if (content.length > 0) found[name as string] = content;
    }
    return found;
  };

  test.each([
    ['prod', { 'platform.projects': 1, 'platform.system_config': 4 }],
    [
      'dev',
      {
        'a2a.agent_cards': 1,
        'platform.projects': 2,
        'platform.system_config': 4,
        'platform.user_mastery_levels': 1,
        'platform.user_projects': 2,
        'platform.users': 2,
        'services.agent_states': 1,
        'services.agents': 1,
        'services.tasks': 1,
        'services.workflow_definitions': 1,
      },
    ],
    [
      'test',
      {
        'platform.projects': 2,
        'platform.system_config': 4,
        'platform.user_projects': 1,
        'platform.users': 2,
        'services.agents': 1,
      },
    ],
  ])('%s: a second run changes nothing', async (environment, expected) => {
    await seed(environment);
    const once = await rows();
    expect(
      Object.fromEntries(Object.entries(once).map(([name, found]) => [name, (found as unknown[]).length])),
    ).toEqual(expected);
    await seed(environment);
    expect(await rows()).toEqual(once);
  });

  test('what was changed since stays', async () => {
    await seed('prod');
    await asApp(`UPDATE platform.system_config SET value = '7' WHERE key = 'sessions.lifetime_minutes'`);
    await seed('prod');
    expect(
      await asApp(`SELECT value FROM platform.system_config WHERE key = 'sessions.lifetime_minutes'`),
    ).toEqual([{ value: 7 }]);
  });
});
