import { TemporaryFolder, sqlChange } from '../testing/change-folder';
import { changeFileDigests, readChangeFiles } from './change-files';
import { ChangeFilesError, problemText } from './errors';
import { plan } from './plan';
import { sqlFormat } from '../targets/postgres/format';

let folder: TemporaryFolder;
beforeEach(() => {
  folder = new TemporaryFolder();
});
afterEach(() => folder.remove());

const problems = (files: Record<string, string>) =>
  readChangeFiles(folder.write(files).path, sqlFormat).problems.map(problemText);

describe('readChangeFiles', () => {
  test('reads a change with its sections, options, lines and rollback text', () => {
    folder.write({
      '000007-add-index.sql':
        '-- Why.\n-- migrate:up transaction:false\nDROP INDEX CONCURRENTLY IF EXISTS i;\nCREATE INDEX CONCURRENTLY i ON t (a);\n\n-- migrate:down\nDROP INDEX CONCURRENTLY i;\n',
      'README.md': 'not a change',
      '.hidden': 'not a change',
    });
    const digests = changeFileDigests(folder.path);
    expect(readChangeFiles(folder.path, sqlFormat)).toEqual({
      problems: [],
      digests,
      changes: [
        {
          version: '000007',
          description: 'add-index',
          file: '000007-add-index.sql',
          checksum: digests[0]!.sha256,
          transaction: false,
          up: [
            { text: 'DROP INDEX CONCURRENTLY IF EXISTS i', line: 3 },
            { text: 'CREATE INDEX CONCURRENTLY i ON t (a)', line: 4 },
          ],
          down: [{ text: 'DROP INDEX CONCURRENTLY i', line: 7 }],
          rollback: 'DROP INDEX CONCURRENTLY i;',
        },
      ],
    });
  });

  test('line endings and a byte order mark do not change a checksum', () => {
    folder.write({ '000001-a.sql': sqlChange('SELECT 1;') });
    const unix = { digests: changeFileDigests(folder.path), read: readChangeFiles(folder.path, sqlFormat) };
    folder.write({ '000001-a.sql': `\ufeff${sqlChange('SELECT 1;').replaceAll('\n', '\r\n')}` });
    expect(changeFileDigests(folder.path)).toEqual(unix.digests);
    expect(readChangeFiles(folder.path, sqlFormat)).toEqual(unix.read);
    expect(unix.read.changes[0]!.checksum).toBe(unix.digests[0]!.sha256);
  });

  test('a marker inside a string is text', () => {
    folder.write({ '000001-a.sql': sqlChange("SELECT $$\n-- migrate:down\n$$, '\n-- migrate:up\n';") });
    expect(readChangeFiles(folder.path, sqlFormat).changes[0]!.up).toHaveLength(1);
  });

  test('a statement without semicolon ends at the next section', () => {
    folder.write({ '000001-a.sql': '-- migrate:up\nSELECT 1\n-- migrate:down\nSELECT 2' });
    expect(readChangeFiles(folder.path, sqlFormat).changes[0]).toMatchObject({
      up: [{ text: 'SELECT 1', line: 2 }],
      down: [{ text: 'SELECT 2', line: 4 }],
    });
  });

  test.each([
    [
      'SELECT 1;',
      'has a statement on line 1 before any section. Start the file with a line "-- migrate:up".',
    ],
    ['', 'has no "migrate:up" section. Add a line "-- migrate:up".'],
    ['-- migrate:up\nSELECT 1;', 'has no "migrate:down" section. Add a line "-- migrate:down".'],
    [
      '-- migrate:up\n-- migrate:down\nSELECT 1',
      'has an empty "migrate:up" section. Write at least one statement there.',
    ],
    [
      '-- migrate:down\nSELECT 1;',
      'has "migrate:down" before "migrate:up" on line 1. Put the up section first.',
    ],
    [
      '-- migrate:up\nSELECT 1;\n-- migrate:up',
      'has a second "migrate:up" section on line 3. Join the two sections.',
    ],
    [
      '-- migrate:upp',
      'has the unknown marker "-- migrate:upp" on line 1. The markers are "-- migrate:up" and "-- migrate:down".',
    ],
    [
      '-- migrate:up fast',
      'has the unknown option "fast" on line 1. The only option is "transaction:false".',
    ],
    [
      '-- migrate:up\nSELECT 1;\n-- migrate:down transaction:false',
      'has options on "migrate:down" on line 3. Options stand on "-- migrate:up" and hold for the whole file.',
    ],
    [
      '-- migrate:up\nBEGIN;',
      'has "BEGIN" on line 2, but transactions are the engine\'s. Remove it; for statements that cannot run in a transaction write "-- migrate:up transaction:false".',
    ],
    [
      '-- migrate:up\nDISCARD ALL;',
      'has "DISCARD" on line 2, but the session and its lock are the engine\'s. Remove it; settings made with SET end with the change by themselves.',
    ],
    ['-- migrate:up\nCOPY t FROM STDIN;', 'has COPY … FROM STDIN on line 2. Write INSERT statements.'],
    [
      '-- migrate:up\nCREATE INDEX CONCURRENTLY i ON t (a);',
      'has a statement on line 2 that PostgreSQL refuses inside a transaction. Write "-- migrate:up transaction:false" and keep such statements in a file of their own.',
    ],
    ["-- migrate:up\nSELECT 'a", 'opens a string that never ends (line 2). Correct that line.'],
  ])('%j is malformed', (text, problem) => {
    expect(problems({ '000001-a.sql': text })).toEqual([`000001-a.sql ${problem}`]);
  });

  test('lists all problems of all files at once', () => {
    expect(
      problems({
        '000001-a.sql': sqlChange('SELECT 1;'),
        '000001-b.sql': sqlChange('SELECT 1;'),
        '2-c.sql': '',
        '000003-d.json': '{}',
      }),
    ).toEqual([
      '000003-d.json is not named like a change file of this store. Name it <six digits>-<lower-case-slug>.sql, such as 000001-users.sql, or move it elsewhere.',
      '2-c.sql is not named like a change file of this store. Name it <six digits>-<lower-case-slug>.sql, such as 000001-users.sql, or move it elsewhere.',
      '000001-b.sql has the same number as 000001-a.sql. Give the one that is not merged yet the next free number.',
    ]);
  });

  test('parses once, when changes or problems are asked for', () => {
    folder.write({ '000001-a.sql': sqlChange('SELECT 1;'), '000002-b.sql': sqlChange('SELECT 2;') });
    const parse = jest.fn(sqlFormat.parse);
    const read = readChangeFiles(folder.path, { ...sqlFormat, parse });
    const history = read.digests!.map(({ file, sha256 }) => {
      return { version: file.slice(0, 6), description: 'x', checksum: sha256 };
    });
    expect(plan(read, history)).toEqual({ pending: [], problems: [] });
    expect(parse).not.toHaveBeenCalled();
    expect(plan(read, history.slice(0, 1)).pending).toEqual([read.changes[1]]);
    expect(parse).toHaveBeenCalledTimes(2);
  });

  test('a folder that does not exist is one problem', () => {
    folder.remove();
    const [problem] = readChangeFiles(folder.path, sqlFormat).problems;
    expect(problem).toMatchObject({ kind: 'unreadable', file: folder.path, fix: 'Create the folder.' });
    expect(new ChangeFilesError('x', [problem!]).message).toMatch(/^1 problem in x:\n- /);
  });
});
