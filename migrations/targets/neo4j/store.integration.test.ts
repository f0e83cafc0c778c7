import { join } from 'node:path';
import type { Driver } from 'neo4j-driver';
import { readChangeFiles } from '../../engine/change-files';
import { LockTimeoutError, StoreAccessError } from '../../engine/errors';
import { migrateDown, migrateUp } from '../../engine/runner';
import { TemporaryFolder } from '../../testing/change-folder';
import { neo4jDriver, startNeo4j } from '../../testing/neo4j';
import { roundTrips } from '../../testing/round-trip';
import type { ScratchServer } from '../../testing/servers';
import { cypherFormat } from './format';
import { neo4jTarget } from './store';

const platform = readChangeFiles(join(__dirname, '../../neo4j/platform'), cypherFormat);
let server: ScratchServer;
let driver: Driver;
let folder: TemporaryFolder;
let number = 0;
/** A history of its own for each test. */
let database: string;
let targets: Awaited<ReturnType<typeof neo4jTarget>>[];

beforeAll(async () => {
  server = await startNeo4j();
  driver = neo4jDriver(server);
}, 180_000);
afterAll(async () => {
  await driver?.close();
  await server?.stop();
}, 60_000);
beforeEach(() => {
  database = `test${++number}`;
  targets = [];
  folder = new TemporaryFolder({ '000001-a.cypher': change(node('a')) });
});
afterEach(async () => {
  folder.remove();
  await Promise.all(targets.map((open) => open.close()));
});

const node = (name: string) => `MERGE (:Item {test: '${database}', name: '${name}'})`;
const change = (...up: string[]) =>
  `// migrate:up\n${up.join(';\n')};\n// migrate:down\nMATCH (n:Item {test: '${database}'}) DELETE n;\n`;
const target = async (password = server.password) => {
  const opened = await neo4jTarget({
    host: server.host,
    port: server.port,
    user: server.user,
    password,
    database,
  });
  targets.push(opened);
  return opened;
};
const options = async (changes = readChangeFiles(folder.path, cypherFormat)) => ({
  target: await target(),
  folder: changes,
  folderName: 'folder',
  appliedBy: 'tester',
});
async function rows<Row extends object>(query: string): Promise<Row[]> {
  const session = driver.session({ database: 'neo4j' });
  try {
    const { records } = await session.run<Row>(query, { database });
    return records.map((record) => record.toObject());
  } finally {
    await session.close();
  }
}
const items = async () =>
  (await rows<{ name: string }>('MATCH (n:Item {test: $database}) RETURN n.name AS name ORDER BY name')).map(
    ({ name }) => name,
  );

test('a store that was never migrated has no history, and reading it writes nothing', async () => {
  expect(await (await target()).applied()).toEqual([]);
  expect(await (await target()).snapshot()).toBeUndefined();
  expect(await (await target()).schema()).toEqual([]);
  expect(await rows('MATCH (n) RETURN count(n) AS nodes')).toEqual([{ nodes: 0 }]);
  expect(await rows('SHOW CONSTRAINTS')).toEqual([]);
});

describe('the platform graph', () => {
  const ontology = () =>
    rows(`
      MATCH (n) WHERE n:OntologyClass OR n:OntologyRelation
      OPTIONAL MATCH (n)-[r:SUBCLASS_OF|DOMAIN|RANGE]->(to)
      RETURN n.iri AS iri, type(r) AS link, to.iri AS to ORDER BY iri, link, to`);

  test('has its constraints, indexes and ontology, and each change goes away exactly and comes again', async () => {
    const opened = await target();
    const contents = async () => ({
      schema: await opened.schema(),
      nodes: (
        await rows("MATCH (n) WHERE NOT labels(n)[0] STARTS WITH '__Schema' RETURN n {.*, labels: labels(n)}")
      )
        .map((row) => JSON.stringify(row))
        .sort(),
      relations: await rows(
        'MATCH (a)-[r]->(b) RETURN a.iri AS from, type(r) AS type, properties(r) AS properties, b.iri AS to ORDER BY from, type, to',
      ),
    });
    await roundTrips(opened, platform, contents);
    const [schema, seed] = [await (await target()).schema(), await ontology()];
    expect(schema).toHaveLength(29);
    expect(schema).toContain(
      'constraint step_position {"entityType":"NODE","labelsOrTypes":["Step"],"properties":["processId","position"],"type":"UNIQUENESS"}',
    );
    expect(schema).toContain(
      'index depends_on_kind {"entityType":"RELATIONSHIP","labelsOrTypes":["DEPENDS_ON"],"options":{"indexConfig":{},"indexProvider":"range-1.0"},"properties":["kind"],"type":"RANGE"}',
    );
    expect(seed).toContainEqual({
      iri: 'urn:agent-data-platform:ontology:Task',
      link: 'SUBCLASS_OF',
      to: 'urn:agent-data-platform:ontology:Step',
    });
    // 15 links between 16 classes, and a domain and a range of each of 12 relations; only Thing has no link.
    expect(seed).toHaveLength(15 + 1 + 24);

    await migrateDown(await options(platform));
    expect([await (await target()).schema(), await ontology()]).toEqual([[], []]);
  }, 180_000);

  test('finds a chunk by words and by vector, and refuses a second node with its id', async () => {
    await migrateUp(await options(platform));
    const embedding = `[i IN range(1, 768) | 1.0 / i]`;
    await rows(`MERGE (c:Chunk {id: 'c1'}) SET c.text = 'Graphs connect agents', c.embedding = ${embedding}`);
    await rows('CALL db.index.fulltext.awaitEventuallyConsistentIndexRefresh()');
    expect(
      await rows(
        "CALL db.index.fulltext.queryNodes('knowledge_text', 'connecting') YIELD node RETURN node.id AS id",
      ),
    ).toEqual([{ id: 'c1' }]);
    expect(
      await rows(
        `CALL db.index.vector.queryNodes('chunk_embedding', 1, ${embedding}) YIELD node, score RETURN node.id AS id, round(score, 2) AS score`,
      ),
    ).toEqual([{ id: 'c1', score: 1 }]);
    await expect(rows("CREATE (:Chunk {id: 'c1'})")).rejects.toThrow(/already exists with label `Chunk`/);
    await rows('MATCH (c:Chunk) DELETE c');
    await migrateDown(await options(platform));
  }, 180_000);
});

test('keeps the history as one node per version and has nothing to do the second time', async () => {
  const { applied } = await migrateUp(await options());
  const [stored] = await rows<{ m: { properties: Record<string, string> } }>(
    'MATCH (m:__SchemaMigration {database: $database}) RETURN m',
  );
  const { entry, ...fields } = stored!.m.properties;
  expect(JSON.parse(entry!)).toEqual(applied[0]);
  expect(fields).toEqual({
    database,
    version: '000001',
    description: 'a',
    checksum: applied[0]!.checksum,
    appliedAt: applied[0]!.appliedAt,
    appliedBy: 'tester',
  });
  expect(await migrateUp(await options())).toEqual({ history: applied, applied: [] });
});

test('a snapshot is given back as it was saved', async () => {
  const opened = await target();
  await (await opened.lock({ holder: 'me', waitMs: 0 })).release();
  await opened.saveSnapshot({ version: '000001', schema: ['index a {}', 'index b {}'] });
  await opened.saveSnapshot({ version: '000002', schema: ['index a {}'] });
  expect(await opened.snapshot()).toEqual({ version: '000002', schema: ['index a {}'] });
});

test('a failing statement stops the run with file and line, and keeps the changes before it', async () => {
  folder.write({
    '000002-b.cypher': change(node('b'), 'MATCH (n:Item)\nRETRUN n'),
    '000003-c.cypher': change(node('c')),
  });
  const result = await migrateUp(await options());
  expect(result.failed!.error.message).toMatch(
    /^000002-b\.cypher: statement 2 failed at line 3: Invalid input 'RETRUN'.* \(Neo\.ClientError\.Statement\.SyntaxError\)\.$/,
  );
  expect(result.history.map(({ version }) => version)).toEqual(['000001']);
  expect(await items()).toEqual(['a', 'b']);
  folder.write({ '000002-b.cypher': change(node('b')) });
  expect((await migrateUp(await options())).applied.map(({ version }) => version)).toEqual([
    '000002',
    '000003',
  ]);
  expect(await items()).toEqual(['a', 'b', 'c']);
});

test('a constraint that the data breaks is refused with the data', async () => {
  folder.write({
    '000002-b.cypher':
      '// migrate:up\n' +
      `MERGE (:Twin {key: 1, n: 1}); MERGE (:Twin {key: 1, n: 2});\n` +
      'CREATE CONSTRAINT twin_key IF NOT EXISTS FOR (t:Twin) REQUIRE t.key IS UNIQUE;\n' +
      '// migrate:down\nDROP CONSTRAINT twin_key IF EXISTS; MATCH (t:Twin) DELETE t;\n',
  });
  const { failed } = await migrateUp(await options());
  expect(failed!.error.message).toMatch(
    /^000002-b\.cypher: statement 3 failed at line 3: .*label `Twin` and property `key` = 1.*/,
  );
  await rows('MATCH (t:Twin) DELETE t');
});

describe('the lock', () => {
  test('a held lock is named with its holder after the wait, and free after its release', async () => {
    const lock = await (await target()).lock({ holder: 'ci@build-1', waitMs: 0 });
    const waiting = (await target()).lock({ holder: 'me', waitMs: 300 });
    await expect(waiting).rejects.toThrow(LockTimeoutError);
    await expect(waiting).rejects.toThrow(/ is held by ci@build-1 and was not free within 0\.3 s\./);
    await lock.release();
    await (await (await target()).lock({ holder: 'me', waitMs: 0 })).release();
  });

  test('of many that take a free lease at once, one gets it', async () => {
    const taken = await Promise.allSettled(
      Array.from({ length: 6 }, async (_, index) =>
        (await target()).lock({ holder: `runner-${index}`, waitMs: 0 }),
      ),
    );
    const holders = taken.filter(({ status }) => status === 'fulfilled');
    expect(holders).toHaveLength(1);
    await (holders[0] as PromiseFulfilledResult<{ release(): Promise<void> }>).value.release();
    const again = await Promise.allSettled(
      Array.from({ length: 6 }, async (_, index) =>
        (await target()).lock({ holder: `runner-${index}`, waitMs: 0 }),
      ),
    );
    const [second] = again.filter(({ status }) => status === 'fulfilled');
    expect(again.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    await (second as PromiseFulfilledResult<{ release(): Promise<void> }>).value.release();
  });

  test('a holder whose heartbeats go on is not taken over', async () => {
    const lock = await (await target()).lock({ holder: 'slow', waitMs: 0 });
    await expect((await target()).lock({ holder: 'me', waitMs: 6_000 })).rejects.toThrow('is held by slow');
    await lock.release();
  });
});

test('refused credentials give a sentence with the fix and without the secret', async () => {
  const attempt = (await target('wrong-secret')).applied();
  await expect(attempt).rejects.toThrow(StoreAccessError);
  await expect(attempt).rejects.toThrow(
    /the history cannot be read as "neo4j": .*authentication failure.* Connect with credentials that may\.$/,
  );
  await expect(attempt).rejects.not.toThrow(/wrong-secret/);
});
