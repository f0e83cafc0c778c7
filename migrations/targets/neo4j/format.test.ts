import { join } from 'node:path';
import { MalformedChangeError, readChangeFiles } from '../../engine/change-files';
import { cypherFormat } from './format';

const file = (up: string, down = 'MATCH (n:A) DELETE n') =>
  `// migrate:up\n${up};\n// migrate:down\n${down};\n`;

test('reads the sections with the lines that statements start on', () => {
  const text = `// Why.
// migrate:up
MERGE (a:A {id: 1}); MERGE (b:B {id: 2})
  ON CREATE SET b.x = 1;
// migrate:down
MATCH (n) WHERE n:A OR n:B
DELETE n;
`;
  expect(cypherFormat.parse(text)).toMatchObject({
    transaction: true,
    up: [
      { text: 'MERGE (a:A {id: 1})', line: 3 },
      { text: 'MERGE (b:B {id: 2})\n  ON CREATE SET b.x = 1', line: 3 },
    ],
    down: [{ text: 'MATCH (n) WHERE n:A OR n:B\nDELETE n', line: 6 }],
    rollback: 'MATCH (n) WHERE n:A OR n:B\nDELETE n;',
  });
});

test.each([
  ['an index', 'CREATE INDEX a IF NOT EXISTS FOR (n:A) ON (n.x)'],
  ['a typed index in lower case', 'create text index a if not exists for (n:A) on (n.x)'],
  ['a quoted name', 'CREATE INDEX `a b` IF NOT EXISTS FOR (n:A) ON (n.x)'],
  ['uniqueness of several', 'CREATE CONSTRAINT a IF NOT EXISTS FOR (n:A) REQUIRE (n.x, n.y) IS UNIQUE'],
  [
    'uniqueness of relationships',
    'CREATE CONSTRAINT a IF NOT EXISTS FOR ()-[r:R]-() REQUIRE r.x IS REL UNIQUE',
  ],
  [
    'a vector index',
    "CREATE VECTOR INDEX a IF NOT EXISTS FOR (n:A) ON (n.x) OPTIONS {indexConfig: {`vector.dimensions`: 768, `vector.similarity_function`: 'cosine'}}",
  ],
  ['drops', 'DROP INDEX a IF EXISTS;\nDROP CONSTRAINT b IF EXISTS'],
  [
    'words that are only called create',
    'MATCH (n:CREATE)-[:CREATE|INSERT]->() SET n.create = {create: 1}.create',
  ],
  ['text about commands', 'MERGE (n:A {text: \'CREATE (x); LOAD CSV $y\'}) SET n.`CREATE (` = "a\\"; DROP"'],
])('accepts %s', (_name, statement) => {
  expect(
    cypherFormat
      .parse(file(statement))
      .up.map(({ text }) => text)
      .join(';\n'),
  ).toBe(statement);
});

test.each([
  [
    'CREATE of data',
    'MATCH (a:A)\nCREATE (b:B)',
    'has the clause CREATE on line 3. Write MERGE, so that it can run again.',
  ],
  ['CREATE of a path', 'CREATE p = (:A)-[:R]->(:B)', 'has the clause CREATE on line 2.'],
  ['INSERT', 'INSERT (:A)', 'has the clause INSERT on line 2.'],
  [
    'CREATE in a subquery',
    'MATCH (a:A)\nFOREACH (i IN [1] |\n CREATE (:B))',
    'has the clause CREATE on line 4.',
  ],
  [
    'an index that cannot be made again',
    'CREATE INDEX a FOR (n:A) ON (n.x)',
    'has CREATE INDEX without IF NOT EXISTS on line 2. Write CREATE INDEX <name> IF NOT EXISTS, so that it can run again.',
  ],
  [
    'an index without a name',
    'CREATE INDEX IF NOT EXISTS FOR (n:A) ON (n.x)',
    'has CREATE INDEX without a name on line 2. Name it, so that it can be dropped again.',
  ],
  ['a drop that cannot be repeated', 'DROP CONSTRAINT a', 'has DROP CONSTRAINT without IF EXISTS on line 2.'],
  [
    'a constraint of Enterprise',
    'CREATE CONSTRAINT a IF NOT EXISTS FOR (n:A) REQUIRE n.x IS NOT NULL',
    'has a constraint of Neo4j Enterprise on line 2.',
  ],
  [
    'a node key',
    'CREATE CONSTRAINT a IF NOT EXISTS FOR (n:A) REQUIRE n.x IS NODE KEY',
    'has a constraint of Neo4j Enterprise on line 2.',
  ],
  [
    'a vector index of a wrong size',
    "CREATE VECTOR INDEX a IF NOT EXISTS FOR (n:A) ON (n.x)\nOPTIONS {indexConfig: {`vector.dimensions`: 5000, `vector.similarity_function`: 'cosine'}}",
    'has a vector index with `vector.dimensions` 5000 on line 2. Set it in indexConfig to a whole number from 1 to 4096.',
  ],
  [
    'a vector index without a size',
    'CREATE VECTOR INDEX a IF NOT EXISTS FOR (n:A) ON (n.x)',
    'has a vector index with `vector.dimensions` none on line 2.',
  ],
  [
    'an unknown similarity',
    "CREATE VECTOR INDEX a IF NOT EXISTS FOR (n:A) ON (n.x) OPTIONS {indexConfig: {`vector.dimensions`: 8, `vector.similarity_function`: 'dot'}}",
    "has a vector index with `vector.similarity_function` 'dot' on line 2.",
  ],
  ['users', 'CREATE USER a SET PASSWORD "b"', 'has the administration command CREATE on line 2.'],
  ['privileges', 'GRANT ROLE a TO b', 'has the administration command GRANT on line 2.'],
  ['another database', 'USE system\nMATCH (n) DELETE n', 'has the administration command USE on line 2.'],
  ['a shell command', ':param x => 1', 'has a cypher-shell command on line 2.'],
  [
    'a parameter',
    'MERGE (n:A {id: $id})',
    'has a parameter on line 2. Nobody gives it a value; write the value.',
  ],
  ['other files', "LOAD CSV FROM 'x' AS row MERGE (n:A {id: row[0]})", 'has LOAD CSV on line 2.'],
  ['an open string', "MERGE (n:A {id: 'x})", 'opens a string that never ends (line 2). Correct that line.'],
  ['an open name', 'MERGE (n:`A)', 'opens a quoted name that never ends (line 2).'],
  ['an open comment', 'MERGE (n:A) /* x', 'opens a comment that never ends (line 2).'],
  ['an escape that hides a quote', 'MERGE (n:A) \\u0027', 'has a backslash outside a string (line 2).'],
  ['a quote in disguise', "MERGE (n:A {id: '\\u0027'})", 'has a quote written as \\u… in a string (line 2).'],
  ['no statements', '/* nothing */', 'has an empty "migrate:up" section.'],
])('refuses %s', (_name, statement, message) => {
  const parse = () => cypherFormat.parse(file(statement));
  expect(parse).toThrow(MalformedChangeError);
  expect(parse).toThrow(message);
});

test('a fault names its file', () => {
  expect(readChangeFiles(join(__dirname, '../../neo4j/platform'), cypherFormat).problems).toEqual([]);
});
