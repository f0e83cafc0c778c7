import { relative } from 'node:path';
import { projectRoot } from '../project-root';
import { sqlChange, TemporaryFolder } from '../testing/change-folder';
import { changeFileDigests, readChangeFiles } from '../engine/change-files';
import type { Change } from '../engine/target';
import { elasticsearchFormat } from '../targets/elasticsearch/format';
import { sqlFormat } from '../targets/postgres/format';
import { check, diff, type Inputs, type Outputs, read, remove } from './run';

let folder: TemporaryFolder;
let shown: string[];

beforeEach(() => {
  folder = new TemporaryFolder({
    '000001-a.sql': sqlChange('CREATE TABLE a (id int);\nSELECT 1;'),
    '000002-b.sql': sqlChange('VACUUM;', 'SELECT 2;', 'transaction:false'),
  });
  shown = [];
  // Without an engine the provider's diagnostics are lines on standard output.
  jest.spyOn(console, 'log').mockImplementation((line: string) => void shown.push(line));
});
afterEach(() => {
  jest.restoreAllMocks();
  folder.remove();
});

const inputs = (extra: Partial<Inputs> = {}): Inputs => ({
  store: 'postgres',
  database: 'platform',
  folder: relative(projectRoot(), folder.path),
  files: changeFileDigests(folder.path),
  connection: {
    kind: 'service',
    namespace: 'data',
    service: 'postgres-rw',
    port: 5432,
    credentialsSecret: 'owner',
  },
  reportTo: 'urn:pulumi:dev::p::t::n',
  ...extra,
});
const state = (count: number): Inputs & Outputs => ({
  ...inputs(),
  applied: readChangeFiles(folder.path, sqlFormat)
    .changes.slice(0, count)
    .map(({ version, description, checksum }) => ({ version, description, checksum })),
  version: '',
  appliedCount: count,
  serverCa: '',
});
const pendingB = [
  expect.stringMatching(/^1 pending in .*: 000002-b\.sql$/),
  '000002-b.sql (without transaction), 1 statement:\nVACUUM;',
];

describe('check', () => {
  test('shows every statement where nothing exists yet', async () => {
    expect(await check({}, inputs())).toEqual({ inputs: inputs(), failures: [] });
    expect(shown).toEqual([
      expect.stringMatching(/^2 pending in .*: 000001-a\.sql, 000002-b\.sql$/),
      '000001-a.sql, 2 statements:\nCREATE TABLE a (id int);\nSELECT 1;',
      pendingB[1],
    ]);
  });

  test('files that the last update had are not judged again; any other file is', async () => {
    folder.write({ '000002-b.sql': 'not a change file' });
    const before = inputs();
    expect(await check(before, inputs())).toEqual({ inputs: before, failures: [] });
    expect(await check({ ...before, files: before.files.slice(0, 1) }, inputs())).toMatchObject({
      failures: [{ property: 'files', reason: expect.stringContaining('000002-b.sql') }],
    });
    folder.write({ 'notes.txt': 'not named like a change file' });
    expect((await check(before, inputs())).failures).toHaveLength(2);
  });

  test('a change that loses data without a reason is a failure', async () => {
    folder.write({ '000002-b.sql': sqlChange('SELECT 1;\nDROP TABLE a;') });
    const { failures } = await check({}, inputs());
    expect(failures).toEqual([
      {
        property: 'files',
        reason: `${inputs().folder}/000002-b.sql:3: error: DROP TABLE loses data without a written reason. Say why it is safe in a line "-- destructive: <reason>", at least 15 characters. [destructive]`,
      },
    ]);
  });

  test('what the SQL linter says about files that are new is shown, and fails nothing', async () => {
    folder.write({ '000002-b.sql': sqlChange('CREATE INDEX by_id ON a (id);') });
    const known = { ...inputs(), files: inputs().files.slice(0, 1) };
    expect((await check(known, inputs())).failures).toEqual([]);
    expect(shown).toEqual([
      expect.stringMatching(/000002-b\.sql:\d+: warning: .* \[require-concurrent-index-creation\]$/),
    ]);
    shown.length = 0;
    await check(inputs(), inputs());
    expect(shown).toEqual([]);
  });

  test('leaves an existing resource to diff, which knows what was applied', async () => {
    await check(inputs(), inputs());
    expect(shown).toEqual([]);
  });

  test('every malformed file is a failure, and then nothing is shown', async () => {
    folder.write({ '000002-c.sql': sqlChange('SELECT 1;'), '000003-d.sql': 'SELECT 1;' });
    expect((await check({}, inputs())).failures).toEqual([
      {
        property: 'files',
        reason:
          '000003-d.sql has a statement on line 1 before any section. Start the file with a line "-- migrate:up".',
      },
      {
        property: 'files',
        reason:
          '000002-c.sql has the same number as 000002-b.sql. Give the one that is not merged yet the next free number.',
      },
    ]);
    expect(shown).toEqual([]);
  });
});

describe('diff', () => {
  test('is empty and silent when everything is applied', async () => {
    expect(await diff('id', state(2), inputs())).toEqual({ changes: false });
    expect(shown).toEqual([]);
  });

  test('shows the statements that are pending', async () => {
    expect(await diff('id', state(1), inputs())).toEqual({ changes: true });
    expect(shown).toEqual(pendingB);
  });

  test('the order of keys does not matter, another connection does', async () => {
    const { kind, ...rest } = inputs().connection;
    const sorted = { ...rest, kind } as Inputs['connection'];
    expect(await diff('id', state(2), inputs({ connection: sorted }))).toEqual({ changes: false });
    const moved = { ...inputs().connection, port: 5433 };
    expect(await diff('id', state(2), inputs({ connection: moved }))).toEqual({ changes: true });
  });

  test('another database is another resource', async () => {
    expect(await diff('id', state(2), inputs({ database: 'other' }))).toEqual({
      changes: true,
      replaces: ['database'],
    });
  });

  test('an edited and a missing file are one error with both', async () => {
    const before = state(2);
    folder.write({ '000001-a.sql': sqlChange('SELECT 9;') }).delete('000002-b.sql');
    await expect(diff('id', before, inputs())).rejects.toThrow(
      /^2 problems in .*:\n- 000001-a\.sql was edited after it was applied\. .*\n- 000002-b is in the history, but its file is missing\. /,
    );
  });

  test('a file that failed may be corrected', async () => {
    const before = state(1);
    folder.write({ '000002-b.sql': sqlChange('SELECT 9;') });
    expect(await diff('id', before, inputs())).toEqual({ changes: true });
  });
});

test('a new value of a parameter is a change, with what differs and the statements that it is in', async () => {
  const role = { operation: 'putRole', name: 'app', body: { cluster: ['monitor'] } };
  const policy = (age: string) => ({
    operation: 'putSnapshotLifecyclePolicy',
    name: 'nightly',
    body: { schedule: '0 30 1 * * ?', name: 'nightly', repository: 'r', retention: { expire_after: age } },
  });
  const down = [{ operation: 'deleteRole', name: 'app' }];
  const text = { description: 'd', parameters: { keep: '30d' }, up: [role, policy('${keep}')], down };
  folder
    .delete('000001-a.sql')
    .delete('000002-b.sql')
    .write({ '000001-a.json': JSON.stringify(text) });
  const now = (keep: string) => inputs({ store: 'elasticsearch', parameters: { keep } });
  const [{ version, description, checksum }] = readChangeFiles(folder.path, elasticsearchFormat).changes as [
    Change,
  ];
  const applied = [{ version, description, checksum, parameters: { keep: '9d' } }];
  const olds = { ...now('9d'), applied, version, appliedCount: 1, serverCa: '' };
  expect(await diff('id', olds, now('9d'))).toEqual({ changes: false });
  expect(shown).toEqual([]);
  expect(await diff('id', olds, now('5d'))).toEqual({ changes: true });
  expect(shown).toEqual([
    'new values in 000001-a.json: keep: 9d -> 5d',
    `000001-a.json, 1 statement:\n${JSON.stringify(policy('5d'))}`,
  ]);
});

test('read keeps the state of a store that cannot be found, and says so', async () => {
  const unknown = { ...inputs().connection, context: 'no-such-context' };
  const before = { ...state(2), connection: unknown };
  expect(await read('postgres/platform', before)).toEqual({ id: 'postgres/platform', props: before });
  expect(shown).toEqual([
    expect.stringMatching(
      /^postgres\/platform keeps its state: its history cannot be read\. .*no-such-context/,
    ),
  ]);
});

test('removing the resource says that the data stays', async () => {
  await remove('postgres/platform', state(2));
  expect(shown).toEqual([
    'The 2 changes of postgres/platform stay applied: removing this resource never drops data.',
  ]);
});
