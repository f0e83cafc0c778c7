/** The command as a process of its own, against real servers; it must be compiled (`npm run build`). */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PutBucketPolicyCommand, S3Client } from '@aws-sdk/client-s3';
import { projectRoot } from '../project-root';
import type { PostgresConnection } from '../targets/postgres/target';
import { sqlChange, TemporaryFolder } from '../testing/change-folder';
import { closePools, freshDatabase, query, superuser } from '../testing/postgres';
import { type ScratchServer, startMinio, startPostgres } from '../testing/servers';
import { runCommand } from './run-command';

interface Answer {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const SCRIPT = join(projectRoot(), 'dist/migrations/command/main.js');
let postgres: ScratchServer;
let folder: TemporaryFolder;

beforeAll(async () => {
  if (!existsSync(SCRIPT)) throw new Error(`${SCRIPT} does not exist: run "npm run build" first.`);
  postgres = await startPostgres();
}, 180_000);
afterAll(async () => {
  await closePools();
  await postgres?.stop();
}, 60_000);
beforeEach(() => {
  folder = new TemporaryFolder();
});
afterEach(() => folder.remove());

function command(args: readonly string[], env: NodeJS.ProcessEnv): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [SCRIPT, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    });
    const answer = { stdout: '', stderr: '' };
    child.stdout.on('data', (text) => (answer.stdout += text));
    child.stderr.on('data', (text) => (answer.stderr += text));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, ...answer }));
  });
}

/** Runs `migrate` (or another command) on a database, with the files of the temporary folder. */
function on({ user, password, host, port, database }: PostgresConnection) {
  const url = `postgres://${user}@${host}:${port}/${database}`;
  return (name: string, ...args: string[]) =>
    command(['migrate', name, '--url', url, '--folder', folder.path, ...args], { PGPASSWORD: password });
}

const json = ({ stdout }: Answer) => JSON.parse(stdout) as Record<string, unknown>[];

test('new, lint, plan, up, status, verify, down: a round trip', async () => {
  const connection = await freshDatabase(postgres);
  const migrate = on(connection);
  const named = ['--store', 'postgres', '--folder', folder.path];
  expect(await command(['migrate', 'new', 'notes', ...named], {})).toMatchObject({ code: 0 });
  folder.write({
    '000001-notes.sql': sqlChange(
      'CREATE TABLE platform.notes (id uuid PRIMARY KEY);',
      'DROP TABLE platform.notes;',
    ),
    '000002-more.sql': sqlChange(
      'ALTER TABLE platform.notes ADD COLUMN body text;',
      'ALTER TABLE platform.notes DROP COLUMN body;',
    ),
  });
  const files = ['000001-notes.sql', '000002-more.sql'].map((file) => join(folder.path, file));
  expect(await command(['migrate', 'lint', '--store', 'postgres', ...files], {})).toEqual({
    code: 0,
    stdout: '0 findings in 2 files.\n',
    stderr: '',
  });

  const planned = await migrate('plan', '--to', '1');
  expect(planned).toMatchObject({ code: 3, stderr: '' });
  expect(planned.stdout).toBe(
    '1 change pending.\n000001-notes.sql, 1 statement:\nCREATE TABLE platform.notes (id uuid PRIMARY KEY);\n',
  );
  const first = await migrate('up', '--to', '1');
  expect(first).toMatchObject({ code: 0, stdout: '1 change applied; at version 000001.\n' });
  expect(first.stderr).toMatch(/^✓ 000001-notes \(\d+ ms\)\n$/);
  expect(json(await migrate('up', '--json'))).toEqual([
    {
      store: 'postgres',
      database: connection.database,
      version: '000002',
      applied: [{ version: '000002', description: 'more', durationMs: expect.any(Number) }],
    },
  ]);
  expect(await migrate('up')).toEqual({
    code: 0,
    stdout: '0 changes applied; at version 000002.\n',
    stderr: '',
  });

  const status = await migrate('status', '--json');
  expect(status.code).toBe(0);
  expect(json(status)).toMatchObject([{ version: '000002', pending: [], problems: [] }]);
  expect((await migrate('status')).stdout).toMatch(
    /^change +state +applied at \(UTC\) +took +by\n000001-notes +applied +\d{4}-.*\n000002-more +applied .*\nNothing is pending\.\n$/,
  );
  expect(await migrate('verify')).toMatchObject({
    code: 0,
    stdout: 'No drift: the definitions are those of 000002.\n',
  });

  const refused = await migrate('down', '--to', '0');
  expect(refused).toMatchObject({ code: 2, stdout: '' });
  expect(refused.stderr).toContain('000001-notes.sql, 1 statement:\nDROP TABLE platform.notes;\n');
  expect(refused.stderr).toContain('There is no terminal to ask on: add --yes if it is meant.');
  expect((await migrate('down', '--to', '7')).stderr).toBe(
    'error: Version 000007 is not applied. Applied are: 000001, 000002; 0 reverts everything.\n',
  );
  expect(await migrate('down', '--to', '1', '--yes')).toMatchObject({
    code: 0,
    stdout: '1 change reverted; at version 000001.\n',
  });
  expect(json(await migrate('down', '--to', '0', '--yes', '--json'))).toMatchObject([
    { version: '', reverted: [{ version: '000001', description: 'notes' }] },
  ]);
  expect(await migrate('verify')).toMatchObject({ code: 0 });
  expect(await migrate('status')).toMatchObject({ code: 3 });
}, 120_000);

test('a column added by hand is drift until it is accepted, and `up` warns of it', async () => {
  const connection = await freshDatabase(postgres);
  const migrate = on(connection);
  folder.write({
    '000001-a.sql': sqlChange('CREATE TABLE platform.a (id int);', 'DROP TABLE platform.a;'),
  });
  await migrate('up');
  await query(connection, 'ALTER TABLE platform.a ADD COLUMN by_hand text');
  const found = await migrate('verify', '--json');
  expect(found.code).toBe(3);
  const line = (json(found)[0]!.added as string[])[0]!;
  expect(line).toMatch(/^column platform\.a\.by_hand text /);
  expect(json(found)).toEqual([
    {
      store: 'postgres',
      database: connection.database,
      version: '000001',
      recorded: '000001',
      added: [line],
      removed: [],
      drift: true,
    },
  ]);
  expect((await migrate('verify')).stdout).toBe(
    [
      '1 difference from the definitions of 000001 (+ only in the store, - only in the record):',
      `+ ${line}`,
      'Undo what was changed, or put it into a change file, or accept it with `verify --accept`.\n',
    ].join('\n'),
  );
  expect(await migrate('verify', '--accept')).toMatchObject({ code: 2 });
  expect(await migrate('verify', '--accept', '--yes')).toMatchObject({ code: 0 });
  expect(await migrate('verify')).toMatchObject({ code: 0 });

  await query(connection, 'ALTER TABLE platform.a DROP COLUMN by_hand');
  folder.write({ '000002-b.sql': sqlChange('CREATE TABLE platform.b (id int);') });
  const up = await migrate('up', '--json');
  expect(up.code).toBe(0);
  expect(json(up)).toMatchObject([
    {
      warnings: [
        `The definitions were changed outside the change files since 000001 (1 difference); \`npm run migrate -- verify\` lists them:\n- ${line}`,
      ],
    },
  ]);
  expect(up.stderr).toContain('warning: The definitions were changed outside');
  expect(await migrate('verify')).toMatchObject({ code: 0 });
}, 120_000);

test('what went wrong is exit code 1 and names file, line and reason', async () => {
  const connection = await freshDatabase(postgres);
  const migrate = on(connection);
  folder.write({
    '000001-a.sql': sqlChange('CREATE TABLE platform.a (id int);', 'DROP TABLE platform.a;'),
    '000002-b.sql': sqlChange("INSERT INTO platform.a\nVALUES ('x');"),
  });
  const message =
    '000002-b.sql: statement 1 failed at line 3, column 9: invalid input syntax for type integer: "x".';
  const failed = await migrate('up', '--json');
  expect(failed.code).toBe(1);
  expect(json(failed)).toMatchObject([
    { version: '000001', applied: [{ version: '000001' }], failed: { file: '000002-b.sql', message } },
  ]);
  expect((await migrate('up')).stdout).toBe(`0 changes applied; at version 000001.\nerror: ${message}\n`);

  folder.write({ '000001-a.sql': sqlChange('SELECT 1;') });
  const problem = /000001-a\.sql was edited after it was applied\. /;
  for (const name of ['plan', 'status', 'up']) {
    const answer = await migrate(name);
    expect(answer.code).toBe(1);
    expect(answer.stdout).toMatch(problem);
  }
  const wrong = await on({ ...connection, password: 'wrong' })('status');
  expect(wrong).toMatchObject({ code: 1 });
  expect(wrong.stdout).toMatch(/^error: PostgreSQL database "\w+" at .* password authentication failed/);
}, 120_000);

test('the platform database: upkeep of partitions is no drift, seed data can be run again', async () => {
  const connection = await freshDatabase(postgres);
  folder.remove();
  const url = `postgres://${connection.user}@${connection.host}:${connection.port}/${connection.database}`;
  const run = (...args: string[]) => command([...args, '--url', url], { PGPASSWORD: connection.password });
  const files = ['--folder', 'migrations/postgres/platform'];
  const up = await run('migrate', 'up', ...files);
  expect(up).toMatchObject({ code: 0 });
  const made = await query(
    connection,
    `SELECT * FROM platform.maintain_partitions(now() + interval '2 months') WHERE action = 'create'`,
  );
  expect(made.length).toBeGreaterThan(0);
  expect(await run('migrate', 'verify', ...files)).toMatchObject({ code: 0 });
  const diagram = await run('migrate', 'diagram', ...files);
  expect(diagram).toEqual({
    code: 0,
    // `npm run --silent migrate -- diagram > docs/er-diagram.md` brings it up to date.
    stdout: readFileSync(join(projectRoot(), 'docs/er-diagram.md'), 'utf8'),
    stderr: '',
  });
  expect(diagram.stdout).toContain('"platform.users" ||--o{ "platform.user_sessions" : "user_id"');
  expect(diagram.stdout).toContain('"services.agents" ||--o| "services.agent_states" : "agent_id"');

  const rows = () =>
    query<{ name: string; rows: string }>(
      superuser(postgres, connection.database),
      `SELECT c.oid::regclass::text AS name,
         (xpath('//n/text()', query_to_xml(format('SELECT count(*) AS n FROM ONLY %s', c.oid::regclass), true, false, '')))[1]::text AS rows
       FROM pg_class c WHERE relkind = 'r' AND relnamespace::regnamespace::text !~ '^(pg_|information_schema)' ORDER BY 1`,
    );
  const seeded = await run('seed', '--environment', 'dev', ...files);
  expect(seeded).toMatchObject({ code: 0 });
  expect(seeded.stdout).toMatch(/^[1-9]\d* seed files? run\.\n$/);
  const before = await rows();
  expect(before).toContainEqual({ name: 'platform.projects', rows: expect.stringMatching(/^[1-9]/) });
  expect(await run('seed', '--environment', 'dev', ...files)).toMatchObject({ code: 0 });
  expect(await rows()).toEqual(before);
  expect(await run('seed', '--environment', 'prod', ...files)).toMatchObject({ code: 2, stdout: '' });
  expect(await run('seed', '--environment', 'nowhere', ...files)).toEqual({
    code: 0,
    stdout: '',
    stderr: 'There are no seed files for "nowhere".\n',
  });
}, 180_000);

test('MinIO through the API server: a changed policy is drift', async () => {
  const server = await startMinio(undefined, { tls: true });
  try {
    const { cluster, namespace, host, port, user, password, ca } = server;
    await cluster.apply(
      {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: 'minio-owner', namespace },
        stringData: { accessKey: user, secretKey: password },
      },
      { fieldManager: 'migrations-test' },
    );
    const answer = { out: '', notes: '' };
    const migrate = async (name: string, ...args: string[]) => {
      Object.assign(answer, { out: '', notes: '' });
      return runCommand(['migrate', name, '--store', 'minio', ...args], {
        io: { out: (text) => (answer.out += text), note: (text) => (answer.notes += text) },
        openStack: async () => ({ namespace, size: 'dev', disabled: [] }),
      });
    };
    expect(await migrate('up')).toBe(0);
    expect(await migrate('verify')).toBe(0);
    const client = new S3Client({
      endpoint: `https://${host}:${port}`,
      requestHandler: { httpsAgent: { ca, servername: 'minio' } },
      region: 'us-east-1',
      forcePathStyle: true,
      credentials: { accessKeyId: user, secretAccessKey: password },
    });
    await client.send(
      new PutBucketPolicyCommand({
        Bucket: 'raw-documents',
        Policy: JSON.stringify({
          Version: '2012-10-17',
          Statement: [
            {
              Effect: 'Allow',
              Principal: '*',
              Action: 's3:GetObject',
              Resource: 'arn:aws:s3:::raw-documents/*',
            },
          ],
        }),
      }),
    );
    client.destroy();
    expect(await migrate('verify')).toBe(3);
    expect(answer.out).toMatch(/\n\+ bucket raw-documents policy \{.*"s3:GetObject".*\}\n/);
  } finally {
    await server.stop();
  }
}, 240_000);
