import type { Check } from '../../migrations/invariants/checks';
import { startScratchServer } from '../scratch/scratch-stores';
import { type DrilledStore, openDriver, type StoreAddress } from '../stores';
import { usePostgresPrograms, useRedisPrograms } from '../testing/programs';
import { openAsker } from '.';
import type { Asker } from './asker';

jest.setTimeout(300_000);

let address: StoreAddress;
let asker: Asker;
let stops: (() => Promise<void>)[] = [];

beforeAll(() => Promise.all([usePostgresPrograms(), useRedisPrograms()]));
afterEach(async () => {
  for (const stop of stops.reverse()) await stop();
  stops = [];
});

async function ask(store: DrilledStore): Promise<void> {
  const server = await startScratchServer(store);
  stops.push(server.stop);
  address = server.address;
  asker = await openAsker(store, address);
  stops.push(() => asker.close());
}

async function content(store: DrilledStore) {
  const driver = openDriver(store, address);
  return driver.content().finally(() => driver.close());
}

const failure = (asked: Promise<unknown>) =>
  asked.then(
    () => 'It was done.',
    ({ message }: Error) => message,
  );

test('PostgreSQL answers one SELECT, as a role that can change nothing and run no program', async () => {
  await ask('postgres');
  expect(await asker.rows!("SELECT 1, NULL, 'a' -- and nothing else")).toEqual([['1', '', 'a']]);
  expect(await asker.rows!('SELECT generate_series(1, 10)', 2)).toEqual([['1'], ['2']]);
  for (const [query, refusal] of [
    ['SELECT 1) AS a; CREATE TABLE t (); SELECT * FROM (SELECT 1', 'cannot insert multiple commands'],
    ["COPY (SELECT 1) TO PROGRAM 'true'", 'syntax error'],
    ['WITH t AS (DELETE FROM pg_class RETURNING 1) SELECT * FROM t', 'must be at the top level'],
    ["SELECT query_to_xml('CREATE TABLE t ()', true, true, '')", 'CREATE TABLE is not allowed'],
    ['SELECT lo_create(0)', 'read-only transaction'],
    ["SELECT set_config('role', 'postgres', false)", 'permission denied to set role'],
    ["SELECT pg_read_file('/etc/passwd')", 'permission denied for function pg_read_file'],
    ["SELECT lo_import('/etc/passwd')", 'permission denied'],
  ])
    expect([query, await failure(asker.rows!(query!))]).toEqual([query, expect.stringContaining(refusal!)]);
  expect(await content('postgres')).toEqual({});
  expect(await asker.rows!('SELECT current_user')).toEqual([['platform_drill']]);
});

test('Redis answers commands that read', async () => {
  await ask('redis');
  const command = (...command: string[]) => asker.answer!({ command } as Check['request']);
  expect(await command('EXISTS', 'a')).toBe(0);
  for (const refused of [
    ['SET', 'a', '1'],
    ['FLUSHALL'],
    ['CONFIG', 'SET', 'dir', '/tmp'],
    ['EVAL', "return redis.call('SET', 'a', '1')", '0'],
    ['ACL', 'SETUSER', 'platform-drill', '+@all'],
  ])
    expect([refused, await failure(command(...refused))]).toEqual([
      refused,
      expect.stringContaining('NOPERM'),
    ]);
  expect(await asker.answer!({ operation: 'auditKeys' })).toEqual([]);
  expect(await content('redis')).toEqual({});
});

test('Oxigraph answers SELECT, and updates nothing', async () => {
  await ask('oxigraph');
  expect(await asker.rows!('SELECT ?a ?b WHERE { VALUES ?a { 1 2 } }')).toEqual([
    ['1', ''],
    ['2', ''],
  ]);
  expect(await failure(asker.rows!('ASK { }'))).toContain('is none of SELECT');
  expect(await failure(asker.rows!('INSERT DATA { <a:a> <a:b> <a:c> }'))).not.toBe('It was done.');
  expect(await failure(asker.rows!('DROP ALL'))).not.toBe('It was done.');
  expect(await content('oxigraph')).toEqual({});
});

test('Neo4j answers what reads, also of its schema', async () => {
  await ask('neo4j');
  const empty = await content('neo4j');
  expect(await asker.rows!("UNWIND [1, 2, 3] AS n RETURN n, null, 'a'", 2)).toEqual([
    ['1', '', 'a'],
    ['2', '', 'a'],
  ]);
  expect(await asker.rows!("SHOW INDEXES YIELD state WHERE state <> 'ONLINE' RETURN state")).toEqual([]);
  for (const query of ['CREATE (n) RETURN n', 'CREATE CONSTRAINT c FOR (n:N) REQUIRE n.id IS UNIQUE'])
    expect(await failure(asker.rows!(query))).toMatch(/read access mode|READ|read-only/i);
  expect(await content('neo4j')).toEqual(empty);
});

test('Qdrant answers with the key that only reads', async () => {
  await ask('qdrant');
  expect(await asker.answer!({ method: 'GET', path: '/collections' })).toMatchObject({
    result: { collections: [] },
  });
  const path = '/collections/a/points/count';
  expect(await failure(asker.answer!({ method: 'POST', path, body: {} }))).toContain('a');
  const change = { method: 'PUT', path: '/collections/a', body: { vectors: { size: 1, distance: 'Dot' } } };
  expect(await failure(asker.answer!(change as unknown as Check['request']))).not.toBe('It was done.');
  expect(await content('qdrant')).toEqual({});
});
