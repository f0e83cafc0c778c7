import { destructiveStatements } from './destructive';

const found = (extension: string, ...texts: string[]) =>
  destructiveStatements(extension, { up: texts.map((text, index) => ({ text, line: index + 1 })) });
const what = (extension: string, text: string) => found(extension, text)[0]?.what;

test.each([
  ['DROP TABLE platform.a', 'DROP TABLE'],
  ['drop table if exists a cascade', 'DROP TABLE'],
  ['DROP SCHEMA a CASCADE', 'DROP SCHEMA'],
  ['DROP EXTENSION vector', 'DROP EXTENSION'],
  ['ALTER TABLE a DROP COLUMN b', 'DROP COLUMN'],
  ['ALTER TABLE a ADD COLUMN c int, DROP b', 'DROP COLUMN'],
  ['ALTER TABLE ONLY a ALTER b TYPE int USING b::int', 'ALTER COLUMN … TYPE'],
  ['ALTER TABLE a ALTER COLUMN b SET DATA TYPE text', 'ALTER COLUMN … TYPE'],
  ['TRUNCATE a, b', 'TRUNCATE'],
  ['DELETE FROM a', 'DELETE FROM without WHERE'],
  ["UPDATE a SET b = 'WHERE'", 'UPDATE without WHERE'],
  ['UPDATE a SET b = 1 -- WHERE\n', 'UPDATE without WHERE'],
  ['WITH gone AS (DELETE FROM a RETURNING *) INSERT INTO b SELECT * FROM gone', 'DELETE FROM without WHERE'],
  ['DO $$ BEGIN IF true THEN DELETE FROM a; END IF; END $$', 'DELETE FROM without WHERE'],
  ["DO $x$ BEGIN EXECUTE 'SELECT 1'; DROP TABLE a; END $x$", 'DROP TABLE'],
])('SQL that loses data: %s', (text, expected) => {
  expect(what('sql', text)).toBe(expected);
});

test.each([
  'CREATE TABLE a (id uuid PRIMARY KEY, b uuid REFERENCES c ON DELETE CASCADE ON UPDATE CASCADE)',
  'CREATE TRIGGER t BEFORE UPDATE OR DELETE ON a FOR EACH ROW EXECUTE FUNCTION f()',
  'CREATE FUNCTION f() RETURNS void LANGUAGE sql AS $$ DELETE FROM a; DROP TABLE b $$',
  'CREATE FUNCTION f() RETURNS void LANGUAGE sql BEGIN ATOMIC DELETE FROM a; END',
  'GRANT SELECT, UPDATE, DELETE, TRUNCATE ON a TO app',
  'ALTER TABLE a DROP CONSTRAINT b',
  'ALTER TABLE a ALTER COLUMN b DROP NOT NULL',
  'ALTER TABLE a ALTER COLUMN b DROP DEFAULT, ALTER b DROP IDENTITY',
  'DROP INDEX CONCURRENTLY IF EXISTS a',
  'DELETE FROM a WHERE b < now()',
  'UPDATE a SET b = 1 WHERE c',
  'INSERT INTO a VALUES (1) ON CONFLICT (id) DO UPDATE SET b = 1',
  'SELECT 1 FROM a FOR UPDATE',
  "COMMENT ON TABLE a IS 'DROP TABLE b'",
  '/* DROP TABLE a */ SELECT 1',
  "ALTER TYPE mood ADD VALUE 'sad' AFTER 'happy'",
])('SQL that loses nothing: %s', (text) => {
  expect(found('sql', text)).toEqual([]);
});

test('what a file made itself may go again, anything else not', () => {
  expect(
    found(
      'sql',
      'CREATE TEMP TABLE moved (id int)',
      'UPDATE moved SET id = 1',
      'ALTER TABLE moved ALTER id TYPE bigint',
      'DROP TABLE moved',
      'DROP TABLE kept',
      'CREATE TABLE kept (id int)',
      'DROP TABLE kept, others',
    ),
  ).toEqual([
    { line: 5, what: 'DROP TABLE' },
    { line: 7, what: 'DROP TABLE' },
  ]);
});

test.each([
  ['cypher', 'MATCH (n:Old) DETACH DELETE n', 'DETACH DELETE'],
  ['cypher', 'MATCH (n) REMOVE n.name', 'REMOVE'],
  ['cypher', "MERGE (n:Page {title: 'DELETE'}) // DELETE", undefined],
  ['cypher', 'DROP INDEX a IF EXISTS', undefined],
  ['sparql', 'CLEAR GRAPH <urn:a>', 'CLEAR'],
  ['sparql', 'DELETE WHERE { ?s a <urn:DROP> }', 'DELETE'],
  ['sparql', 'INSERT DATA { <urn:DELETE> ex:DROP "CLEAR" }', undefined],
  ['json', '{"operation":"deleteBucket","bucket":"a"}', 'deleteBucket'],
  ['json', '{"operation":"deleteCollection","collection":"a"}', 'deleteCollection'],
  ['json', '{"operation":"deletePolicy","bucket":"a"}', undefined],
  ['json', '{"operation":"createBucket","bucket":"deleteBucket"}', undefined],
  ['unknown', 'DROP TABLE a', undefined],
])('%s: %s', (extension, text, expected) => {
  expect(what(extension, text)).toBe(expected);
});
