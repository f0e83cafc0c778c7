import { mkdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { projectRoot } from '../project-root';
import { sqlChange, TemporaryFolder } from '../testing/change-folder';
import { lint } from '.';
import { findingText } from './finding';

let folder: TemporaryFolder;
beforeEach(() => {
  folder = new TemporaryFolder();
});
afterEach(() => folder.remove());

const findings = async (files: Record<string, string>, store: 'postgres' | 'minio' = 'postgres') =>
  (await lint([{ store, folder: folder.write(files).path }])).findings.map(
    ({ file, line, rule, severity }) => [file.slice(folder.path.length + 1), line, rule, severity],
  );

test('our own change files are without findings', async () => {
  const { findings, files } = await lint([
    { store: 'postgres', folder: 'migrations/postgres/platform' },
    { store: 'minio', folder: 'migrations/minio/platform' },
  ]);
  expect(findings.map(findingText)).toEqual([]);
  expect(files).toBeGreaterThan(3);
});

test('squawk sees the up section only, and its lines are those of the file', async () => {
  expect(
    await findings({
      '000001-index.sql': sqlChange(
        'CREATE TABLE platform.a (id bigint);\nCREATE INDEX a_id ON platform.a (id);\n\nCREATE INDEX b_id\n  ON platform.b (id);',
        'DROP INDEX platform.b_id;\nCREATE INDEX b_id ON platform.b (id);',
      ),
      '000002-concurrent.sql': sqlChange(
        'CREATE INDEX CONCURRENTLY c_id ON platform.c (id);',
        'DROP INDEX CONCURRENTLY platform.c_id;',
        'transaction:false',
      ),
      '000003-constraint.sql': sqlChange(
        '-- squawk-ignore renaming-column\nALTER TABLE platform.b RENAME COLUMN x TO y;\nALTER TABLE platform.b ADD CONSTRAINT positive CHECK (y > 0);\r\nALTER TABLE platform.b RENAME TO d;',
      ),
    }),
  ).toEqual([
    ['000001-index.sql', 5, 'require-concurrent-index-creation', 'warning'],
    ['000003-constraint.sql', 4, 'constraint-missing-not-valid', 'warning'],
    ['000003-constraint.sql', 5, 'renaming-table', 'warning'],
  ]);
});

test('a statement that loses data needs a reason that says something', async () => {
  const up = 'SELECT 1;\nDROP TABLE platform.a;';
  const files = {
    '000001-none.sql': sqlChange(up),
    '000002-short.sql': `-- destructive: unused\n${sqlChange(up)}`,
    '000003-good.sql': `-- destructive: nothing has read it since 000001\n${sqlChange(up)}`,
    '000004-down.sql': sqlChange('SELECT 1;', 'DROP TABLE platform.a;'),
  };
  const { findings } = await lint([{ store: 'postgres', folder: folder.write(files).path }]);
  expect(findings.map(findingText)).toEqual([
    `${folder.path}/000001-none.sql:3: error: DROP TABLE loses data without a written reason. Say why it is safe in a line "-- destructive: <reason>", at least 15 characters. [destructive]`,
    `${folder.path}/000002-short.sql:4: error: DROP TABLE loses data, and the reason "unused" is too short. Say why it is safe in a line "-- destructive: <reason>", at least 15 characters. [destructive]`,
  ]);
});

test('JSON files write the reason as a key', async () => {
  const change = (extra: object) =>
    JSON.stringify(
      {
        description: 'x',
        ...extra,
        up: [{ operation: 'deleteBucket', bucket: 'old' }],
        down: [{ operation: 'createBucket', bucket: 'old' }],
      },
      null,
      2,
    );
  expect(
    await findings(
      {
        '000001-none.json': change({}),
        '000002-good.json': change({ destructive: 'its objects were moved to exports' }),
      },
      'minio',
    ),
  ).toEqual([['000001-none.json', 4, 'destructive', 'error']]);
});

test('malformed, duplicate and unreadable are findings too', async () => {
  expect(
    await findings({
      '000001-a.sql': sqlChange('SELECT 1;'),
      '000001-b.sql': sqlChange('SELECT 1;'),
      '000002-c.sql': "-- migrate:up\nSELECT 1;\nSELECT 'open;\n-- migrate:down\nSELECT 1;\n",
    }),
  ).toEqual([
    ['000001-b.sql', 0, 'duplicate', 'error'],
    ['000002-c.sql', 3, 'malformed', 'error'],
  ]);
  const missing = await lint([{ store: 'postgres', folder: 'migrations/postgres/nowhere' }]);
  expect(missing.findings).toEqual([
    {
      file: 'migrations/postgres/nowhere',
      line: 0,
      rule: 'unreadable',
      severity: 'error',
      message: expect.stringMatching(/^The file cannot be read: ENOENT/),
      fix: 'Create the folder.',
    },
  ]);
});

test('a malformed invariant is a finding, and files that are named are looked at alone', async () => {
  const files = { '000001-a.sql': sqlChange('SELECT 1;') };
  mkdirSync(join(folder.path, 'invariants'));
  folder.write({ 'invariants/all-is-well.sql': 'SELECT 1' });
  expect(await findings(files)).toEqual([['invariants/all-is-well.sql', 0, 'malformed', 'error']]);
  const target = { store: 'postgres', folder: folder.path } as const;
  expect(await lint([{ ...target, files: ['000001-a.sql'] }])).toEqual({ files: 1, findings: [] });
});

test('named files only, and folders relative to the project', async () => {
  folder.write({
    '000001-a.sql': sqlChange('DROP TABLE a;'),
    '000002-b.sql': sqlChange('DROP TABLE b;'),
  });
  const path = relative(projectRoot(), folder.path);
  const result = await lint([{ store: 'postgres', folder: path, files: ['000002-b.sql'] }]);
  expect(result.files).toBe(1);
  expect(result.findings.map(({ file }) => file)).toEqual([`${path}/000002-b.sql`]);
});
