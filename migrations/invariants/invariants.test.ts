import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readChangeFiles } from '../engine/change-files';
import { problemText } from '../engine/errors';
import { projectRoot } from '../project-root';
import { changeFormat, storeNames } from '../stores';
import { TemporaryFolder } from '../testing/change-folder';
import { type InvariantStore, readAllInvariants, readInvariants } from './invariants';

let folder: TemporaryFolder;
beforeEach(() => (folder = new TemporaryFolder()));
afterEach(() => folder.remove());

const read = (store: InvariantStore) => readInvariants(folder.path, store, 'platform');
const problems = (store: InvariantStore) => read(store).problems.map(problemText);
const json = (change: object = {}) =>
  JSON.stringify({
    description: 'It holds',
    checks: [{ request: { method: 'GET', path: '/collections/x' }, expected: { a: 1 } }],
    ...change,
  });
const asking = (request: object) => json({ checks: [{ request, expected: [] }] });

test('a query has its description on the first line', () => {
  folder.write({
    'no-orphans.sql': '-- Nobody is alone.\nSELECT 1\n-- why\nWHERE false;\n',
    'README.md': 'x',
  });
  expect(read('postgres')).toEqual({
    invariants: [
      {
        store: 'postgres',
        name: 'postgres/platform/no-orphans',
        description: 'Nobody is alone.',
        query: 'SELECT 1\n-- why\nWHERE false',
        sha256: 'd93a3507e604de5bf7968331cdd13a91259e0cb85967b95e9da9d1f542a2275c',
      },
    ],
    problems: [],
  });
});

test('a folder that is not there has no invariants', () => {
  expect(readInvariants(join(folder.path, 'none'), 'redis', 'platform')).toEqual({
    invariants: [],
    problems: [],
  });
});

test.each<[InvariantStore, string, string, string]>([
  [
    'postgres',
    'x.cypher',
    '-- a\nSELECT 1',
    'x.cypher is not named like an invariant of this store. Name it <lower-case-slug>.sql',
  ],
  [
    'postgres',
    'No_Orphans.sql',
    '-- a\nSELECT 1',
    'No_Orphans.sql is not named like an invariant of this store.',
  ],
  [
    'postgres',
    'x.sql',
    'SELECT 1',
    'x.sql does not begin with a comment. Say on its first line, after --, what must hold.',
  ],
  ['neo4j', 'x.cypher', '//\nMATCH (n) RETURN n', 'x.cypher does not begin with a comment.'],
  ['oxigraph', 'x.sparql', '# a\n# b\n', 'x.sparql has no query.'],
  ['postgres', 'x.sql', '-- a\u202e\nSELECT 1', 'x.sql has the invisible character U+202E on line 1'],
  ['qdrant', 'x.json', '{', 'x.json is not JSON: '],
  ['qdrant', 'x.json', '{}', 'x.json is not valid (description: '],
  ['qdrant', 'x.json', json({ more: 1 }), 'Unrecognized key: "more"'],
  ['qdrant', 'x.json', json({ checks: [] }), 'x.json is not valid (checks: '],
  ['qdrant', 'x.json', asking({ method: 'DELETE', path: '/collections/x' }), 'checks.0.request.method: '],
  [
    'qdrant',
    'x.json',
    asking({ method: 'POST', path: '/collections/x/points/delete' }),
    'may only POST to paths that end in',
  ],
  [
    'elasticsearch',
    'x.json',
    asking({ method: 'POST', path: '/i/_delete_by_query?x=/_search' }),
    'may only POST to paths that end in',
  ],
  ['chroma', 'x.json', asking({ method: 'GET', path: '//elsewhere.example/x' }), 'must be a path such as'],
  ['chroma', 'x.json', asking({ method: 'GET', path: '/a/../b' }), 'must have no .. in its path'],
  ['qdrant', 'x.json', asking({ method: 'GET', path: '/a', body: {} }), 'has a body, which a GET may not'],
  [
    'minio',
    'x.json',
    asking({ operation: 'deleteBucket', bucket: 'abc' }),
    'x.json is not valid (checks.0.request.operation: ',
  ],
  ['redis', 'x.json', asking({ command: [] }), 'x.json is not valid (checks.0.request'],
  ['cross-store', 'x.json', json(), 'x.json is not valid (every: '],
])('%s refuses %s that holds %j', (store, file, text, message) => {
  folder.write({ [file]: text });
  const found = problems(store);
  expect(found).toHaveLength(1);
  expect(found[0]).toContain(message);
});

test('a link is refused', () => {
  symlinkSync('/etc/passwd', join(folder.path, 'x.sql'));
  expect(problems('postgres')).toEqual(['x.sql is a symbolic link. Put the file itself there.']);
});

test('all of a platform are read at once, and every fault is named with its file', () => {
  const path = join(folder.path, 'postgres', 'platform', 'invariants');
  mkdirSync(path, { recursive: true });
  for (const name of ['a', 'b']) writeFileSync(join(path, `${name}.sql`), 'SELECT 1');
  expect(() => readAllInvariants(folder.path, 'platform')).toThrow(
    /^2 problems in .*:\n- postgres\/platform\/invariants\/a.sql does not begin .*\n- postgres\/platform\/invariants\/b.sql does/,
  );
});

test('every store of the platform has some, and none is taken for a change file', () => {
  const root = join(projectRoot(), 'migrations');
  const stores = new Set<string>(readAllInvariants(root, 'platform').map(({ store }) => store));
  expect([...stores].sort()).toEqual([...storeNames, 'cross-store'].sort());
  for (const store of storeNames)
    expect(readChangeFiles(join(root, store, 'platform'), changeFormat(store)).problems).toEqual([]);
});

test('only a folder may be called invariants', () => {
  folder.write({ invariants: 'no folder' });
  expect(readChangeFiles(folder.path, changeFormat('postgres')).problems.map(problemText)).toEqual([
    expect.stringMatching(/^invariants is not named like a change file of this store\./),
  ]);
});
