/** Change files that were written to do harm: each is refused with its name and a fix, and none is followed, run or shown. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { changeFolder, changeFormat, type StoreName } from '../stores';
import { sqlChange, TemporaryFolder } from '../testing/change-folder';
import { changeFileDigests, readChangeFiles } from './change-files';
import { problemText } from './errors';

let folder: TemporaryFolder;
beforeEach(() => {
  folder = new TemporaryFolder();
});
afterEach(() => folder.remove());

const problems = (files: Record<string, string> = {}, store: StoreName = 'postgres') =>
  readChangeFiles(folder.write(files).path, changeFormat(store)).problems.map(problemText);

describe('names', () => {
  test.each([
    ['000001-..sql'],
    ['000001-a b.sql'],
    ['000001-a;reboot.sql'],
    ['000001-$(reboot).sql'],
    ['000001-a.sql.sh'],
    ['000001-Ａ.sql'],
    ['000001-a\n.sql'],
    ['..000001-a.sql~'],
    ["000001-a'.sql"],
  ])('%j is refused', (name) => {
    const found = problems({ [name]: sqlChange('SELECT 1;') });
    if (name.startsWith('.')) expect(found).toEqual([]);
    else
      expect(found).toEqual([
        expect.stringMatching(/ is not named like a change file of this store\. Name it /),
      ]);
    expect(changeFileDigests(folder.path)).toEqual([]);
  });

  test.each([['../../etc'], ['a/b'], ['..'], ['-rf'], [''], ['a\0b'], ['x'.repeat(64)]])(
    'a database called %j leads nowhere',
    (database) => {
      expect(() => changeFolder('postgres', database)).toThrow(
        `A database name has at most 63 letters, digits, "_" and "-", got ${JSON.stringify(database)}.`,
      );
    },
  );
});

describe('what is no ordinary file', () => {
  const secret = 'hunter2-hunter2';
  beforeEach(() => writeFileSync(join(folder.path, '.secret'), secret));

  test.each([['postgres'], ['neo4j'], ['minio']] as [StoreName][])(
    'a symbolic link in changes of %s is not followed: its text would be in the preview',
    (store) => {
      const file = `000001-a.${changeFormat(store).extension}`;
      symlinkSync(join(folder.path, '.secret'), join(folder.path, file));
      expect(problems({}, store)).toEqual([`${file} is a symbolic link. Put the file itself there.`]);
      expect(changeFileDigests(folder.path)).toHaveLength(1);
    },
  );

  test('a link to nothing, and a folder, are refused', () => {
    symlinkSync(join(folder.path, 'nowhere'), join(folder.path, '000001-a.sql'));
    mkdirSync(join(folder.path, '000002-b.sql'));
    expect(problems()).toEqual([
      '000001-a.sql is a symbolic link. Put the file itself there.',
      '000002-b.sql is no ordinary file. Remove it.',
    ]);
  });

  test('a named pipe keeps nobody waiting', () => {
    execFileSync('mkfifo', [join(folder.path, '000001-a.sql')]);
    expect(problems()).toEqual(['000001-a.sql is no ordinary file. Remove it.']);
    expect(changeFileDigests(folder.path)).toHaveLength(1);
  });

  test('a huge file is refused by its size, not read', () => {
    folder.write({ '000001-a.sql': '' });
    truncateSync(join(folder.path, '000001-a.sql'), 2 ** 40);
    expect(problems()).toEqual([
      '000001-a.sql has 1099511627776 bytes, more than the 8388608 that a file may have. Split it, or load bulk data with the store’s own tools.',
    ]);
    expect(changeFileDigests(folder.path)).toHaveLength(1);
  });
});

describe('invisible characters', () => {
  test.each([
    ['\0', 'U+0000'],
    ['\u001b[2K\u001b[1A', 'U+001B'],
    ['\b', 'U+0008'],
    ['\u009b2K', 'U+009B'],
    ['\u202e', 'U+202E'],
    ['\u2066', 'U+2066'],
  ])('%j is refused: what is shown would not be what runs', (text, code) => {
    expect(problems({ '000001-a.sql': sqlChange(`SELECT 1;\n-- ${text}\nSELECT 2;`) })).toEqual([
      `000001-a.sql has the invisible character ${code} on line 3, which can hide what a review or a preview shows. Remove it; where a string needs it, write an escape.`,
    ]);
  });

  test('other languages, tabs and line ends of Windows are text', () => {
    const text = "SELECT 'שלום',\t'日本語';";
    expect(problems({ '000001-a.sql': sqlChange(text).replaceAll('\n', '\r\n') })).toEqual([]);
  });
});

describe('markers that are no markers', () => {
  const statements = (store: StoreName, text: string) => {
    const format = changeFormat(store);
    folder.write({ [`000001-a.${format.extension}`]: text });
    const { changes, problems } = readChangeFiles(folder.path, format);
    expect(problems).toEqual([]);
    return [changes[0]!.up.length, changes[0]!.down.length];
  };

  test.each([
    ['a string', "SELECT '\n-- migrate:down\nDROP TABLE users;\n';"],
    ['dollar quotes', 'DO $x$\n-- migrate:down\n$x$;'],
    ['a nested comment', 'SELECT 1 /* /* */\n-- migrate:down\n*/;'],
    ['a quoted name', 'SELECT 1 AS "\n-- migrate:down\n";'],
    ['an escape string', "SELECT E'\\'\n-- migrate:down\n';"],
  ])('SQL: %s', (_what, up) => {
    expect(statements('postgres', sqlChange(up))).toEqual([1, 1]);
  });

  test.each([
    ['a string', "MERGE (n:A {a: '\n// migrate:down\n'});"],
    ['an escaped quote', "MERGE (n:A {a: '\\'\n// migrate:down\n'});"],
    ['a comment', 'MERGE (n:A) /*\n// migrate:down\n*/;'],
    ['a quoted name', 'MERGE (n:`\n// migrate:down\n`);'],
  ])('Cypher: %s', (_what, up) => {
    expect(statements('neo4j', `// migrate:up\n${up}\n// migrate:down\nMATCH (n) RETURN n;\n`)).toEqual([
      1, 1,
    ]);
  });

  test('SPARQL: a long string', () => {
    const insert = 'INSERT DATA { <urn:a> <urn:b> """\n# migrate:down\n""" };';
    const text = `# migrate:up\n${insert}\n# migrate:down\nDELETE WHERE { <urn:a> ?p ?o };\n`;
    expect(statements('oxigraph', text)).toEqual([1, 1]);
  });
});

describe('JSON', () => {
  const bucket = { operation: 'createBucket', bucket: 'exports' };
  const change = (up: unknown, extra: object = {}) =>
    JSON.stringify({
      description: 'x',
      up: [up],
      down: [{ operation: 'deleteBucket', bucket: 'exports' }],
      ...extra,
    });
  const refused = (text: string, store: StoreName = 'minio') => problems({ '000001-a.json': text }, store);

  test.each([
    ['a path', { ...bucket, bucket: '../other' }],
    ['a query', { ...bucket, bucket: 'exports?policy' }],
    ['another key', { ...bucket, credentials: 'root' }],
    ['another operation', { ...bucket, operation: 'deleteEverything' }],
    [
      'a prototype',
      JSON.parse('{"operation":"createBucket","bucket":"exports","__proto__":{"a":1}}') as object,
    ],
  ])('%s is refused', (_what, operation) => {
    expect(refused(change(operation))).toEqual([
      expect.stringMatching(/^000001-a\.json has operations that are not valid /),
    ]);
  });

  test('a key that stands twice is refused: readers would see another one than the engine', () => {
    const text = change(bucket).replace('"bucket":"exports"', '"bucket":"exports","bucket":"backups"');
    expect(refused(text)).toEqual([
      expect.stringMatching(/^000001-a\.json has a fault: Map keys must be unique/),
    ]);
  });

  test('deep nesting is a fault of the file', () => {
    const deep = '['.repeat(100_000);
    expect(refused(`{"description":${deep}`)).toHaveLength(1);
    expect(refused(change(bucket).replace('"x"', deep + ']'.repeat(100_000)))).toHaveLength(1);
  });

  test('the value of a parameter stays one string', () => {
    const policy = (min_age: string) => ({
      operation: 'putLifecyclePolicy',
      name: 'logs',
      body: { policy: { phases: { delete: { min_age, actions: { delete: {} } } } } },
    });
    const text = JSON.stringify({
      description: 'x',
      parameters: { 'retention.logs': '90d' },
      up: [policy('${retention.logs}')],
      down: [{ operation: 'deleteLifecyclePolicy', name: 'logs' }],
    });
    folder.write({ '000001-a.json': text });
    const read = (value: string) =>
      readChangeFiles(folder.path, changeFormat('elasticsearch'), { 'retention.logs': value });
    expect(read('30d').problems).toEqual([]);
    expect(read('30d"}},"warm":{"min_age":"0d').problems.map(({ kind }) => kind)).toEqual(['malformed']);
  });
});

test('deep nesting of SQL and Cypher is read or refused, never a crash', () => {
  const parentheses = `SELECT ${'('.repeat(50_000)}1${')'.repeat(50_000)};`;
  expect(problems({ '000001-a.sql': sqlChange(parentheses) })).toEqual([]);
  const comments = `${'/*'.repeat(50_000)}${'*/'.repeat(50_000)} SELECT 1;`;
  expect(problems({ '000001-a.sql': sqlChange(comments) })).toEqual([]);
});
