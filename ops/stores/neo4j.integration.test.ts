import { join } from 'node:path';
import neo4j, { type Driver } from 'neo4j-driver';
import { readChangeFiles } from '../../migrations/engine/change-files';
import { migrateUp } from '../../migrations/engine/runner';
import { cypherFormat } from '../../migrations/targets/neo4j/format';
import { neo4jTarget } from '../../migrations/targets/neo4j/store';
import { HeldConnection } from '../../migrations/testing/held-connection';
import { neo4jDriver, startNeo4j } from '../../migrations/testing/neo4j';
import { eventually, type ScratchServer } from '../../migrations/testing/servers';
import { differences } from '../testing/contents';
import { CopyFolder } from '../testing/copy-folder';
import { Neo4jDriver } from './neo4j';
import { GraphRestore } from './neo4j-restore';

const platform = readChangeFiles(join(__dirname, '../../migrations/neo4j/platform'), cypherFormat);
let source: ScratchServer;
let second: ScratchServer;
let clients: Map<ScratchServer, Driver>;
let copy: CopyFolder;

beforeAll(async () => {
  source = await startNeo4j();
  second = await startNeo4j();
  clients = new Map([source, second].map((server) => [server, neo4jDriver(server)]));
}, 360_000);
afterAll(async () => {
  for (const client of clients?.values() ?? []) await client.close();
  await source?.stop();
  await second?.stop();
}, 120_000);
beforeEach(() => (copy = new CopyFolder()));
afterEach(() => copy.remove());

const driver = (server: ScratchServer) => new Neo4jDriver(server);
async function rows(server: ScratchServer, query: string, values: object = {}): Promise<object[]> {
  const session = clients.get(server)!.session({ database: 'neo4j' });
  try {
    return (await session.run(query, values)).records.map((record) => record.toObject());
  } finally {
    await session.close();
  }
}
/** What the server says in one text, so that types are compared too. */
const text = async (server: ScratchServer, query: string) => JSON.stringify(await rows(server, query));
async function clear(server: ScratchServer): Promise<void> {
  const restore = new GraphRestore(clients.get(server)!, 'neo4j');
  await restore.clear();
  await restore.finish();
}
async function using<T>(server: ScratchServer, work: (own: Neo4jDriver) => Promise<T>): Promise<T> {
  const own = driver(server);
  try {
    return await work(own);
  } finally {
    await own.close();
  }
}
const backup = (server: ScratchServer) => using(server, (own) => own.backup(copy));
const content = (server: ScratchServer) => using(server, (own) => own.content());
const restore = (server: ScratchServer, files = copy.files) => using(server, (own) => own.restore(files));
async function migrate(server: ScratchServer, changes = platform) {
  const target = await neo4jTarget({ ...server, database: 'platform' });
  try {
    return await migrateUp({ target, folder: changes, folderName: 'platform', appliedBy: 'tester' });
  } finally {
    await target.close();
  }
}

const EDGES = `
  CREATE (a:Edge:\`A b\`\`\`:\`é𝄞\` {
    id: 'a', integer: 9223372036854775807, float: 1.0, tiny: 4.9e-324, zero: -0.0, nan: 0.0 / 0.0,
    infinity: 1.0 / 0.0, no: false, empty: '', nul: $nul, unicode: 'é𝄞\\n"', \`a property\`: 1,
    date: date('-0044-03-15'), localTime: localtime('23:59:59.999999999'), time: time('12:00+05:30'),
    localDateTime: localdatetime('2024-02-29T00:00:00'), dateTime: datetime('2024-02-29T00:00:00.123456789-11:45'),
    twice: [datetime('2024-10-27T02:30:00+02:00[Europe/Berlin]'), datetime('2024-10-27T02:30:00+01:00[Europe/Berlin]')],
    duration: duration({months: 14, days: -3, seconds: 9000000000, nanoseconds: 5}),
    point: point({x: 1.5, y: -2.0}), place: point({longitude: 13.4, latitude: 52.5, height: 34.0}), space: point({x: 1.0, y: 2.0, z: 3.0}),
    bytes: $bytes, none: [], integers: [1, -2], floats: [1.0, 2.5], texts: ['', 'b'], flags: [true, false],
    dates: [date('2024-01-01')], points: [point({x: 0.0, y: 0.0})], durations: [duration('P1M')]
  })
  CREATE ()-[:\`is of\` {since: date('2020-01-01'), list: [1, 2]}]->(a)
  CREATE (a)-[:SELF]->(a), (a)-[:SELF]->(a), ({only: 'properties'})-[:SELF {weight: 0.5}]->(a)
  CREATE (:Large {text: $large})
  WITH a UNWIND range(1, 1200) AS i
  CREATE (a)-[:MANY {i: i}]->(:Many {id: i, embedding: [x IN range(1, 16) | x / toFloat(i)]})`;

async function fill(server: ScratchServer): Promise<void> {
  await clear(server);
  await migrate(server);
  const bytes = Int8Array.from({ length: 256 }, (_, i) => i - 128);
  await rows(server, EDGES, { bytes, nul: 'nul \u0000 byte', large: 'large '.repeat(8_000) });
  await rows(server, 'CREATE CONSTRAINT `a b``c` FOR ()-[r:`is of`]-() REQUIRE (r.since, r.`x y`) IS UNIQUE');
  await rows(server, 'CREATE TEXT INDEX FOR (n:Edge) ON (n.unicode)');
  await rows(server, 'CREATE POINT INDEX edge_point FOR (n:Edge) ON (n.point)');
}

describe('a round trip', () => {
  beforeAll(() => fill(source), 120_000);

  test('gives a second server the same content, history, types and definitions', async () => {
    const report = await backup(source);
    expect(report.serverVersion).toMatch(/^5\.\d+\.\d+$/);
    expect(report.position).toMatch(/^FB:/);
    expect(report.schema).toEqual(platform.changes.map(({ version, checksum }) => ({ version, checksum })));
    expect(report.content).toMatchObject({
      ...{
        node: { count: 2 },
        'node/Edge': { count: 1 },
        'node/A b`': { count: 1 },
        'node/é𝄞': { count: 1 },
      },
      ...{ 'relationship/is of': { count: 1 }, 'relationship/SELF': { count: 3 } },
      ...{ 'node/Many': { count: 1200 }, 'relationship/MANY': { count: 1200 } },
      'node/__SchemaMigration': { count: platform.changes.length },
    });
    expect(Object.keys(report.content)).not.toContain('node/__SchemaLock');
    expect(await content(source)).toEqual(report.content);

    await restore(second);
    expect(await content(second)).toEqual(report.content);
    const sorted = `MATCH (n:Edge) UNWIND keys(n) AS k WITH n, k ORDER BY k RETURN k, valueType(n[k]) AS type, n[k] AS value`;
    expect(await text(second, sorted)).toBe(await text(source, sorted));
    expect(
      await rows(
        second,
        `MATCH (n:Edge) RETURN toString(n.twice[0]) AS summer, toString(n.twice[1]) AS winter,
           n.integer = 9223372036854775807 AS integer, valueType(n.float) AS float, isNaN(n.nan) AS nan, 1.0 / n.zero AS zero`,
      ),
    ).toEqual([
      {
        summer: '2024-10-27T02:30:00+02:00[Europe/Berlin]',
        winter: '2024-10-27T02:30:00+01:00[Europe/Berlin]',
        ...{ integer: true, float: 'FLOAT NOT NULL', nan: true, zero: -Infinity },
      },
    ]);
    const schema =
      "SHOW INDEXES YIELD name, state, type, createStatement WHERE type <> 'LOOKUP' RETURN * ORDER BY name";
    expect(await text(second, schema)).toBe(await text(source, schema));
    expect(await rows(second, 'MATCH (n:__AgentDataPlatformRestored) RETURN n')).toEqual([]);
    expect(await rows(second, 'MATCH (n) WHERE n.__agentDataPlatformNumber IS NOT NULL RETURN n')).toEqual(
      [],
    );
    expect((await migrate(second)).applied).toEqual([]);
  });

  test('removes what the copy does not have', async () => {
    const report = await backup(source);
    await rows(second, "CREATE (:Other {id: 1})-[:OTHER]->(:Many {id: 'x'})");
    await rows(second, 'CREATE CONSTRAINT other FOR (n:Other) REQUIRE n.id IS UNIQUE');
    await rows(second, 'CREATE FULLTEXT INDEX words FOR (n:Other) ON EACH [n.text]');
    await restore(second);
    expect(await content(second)).toEqual(report.content);
  });

  test('that was interrupted is repeated', async () => {
    const report = await backup(source);
    const held = await HeldConnection.open(second);
    held.hold('row.relationship', 'request');
    const own = new Neo4jDriver({ ...second, host: held.host, port: held.port });
    const failed = expect(own.restore(copy.files)).rejects.toThrow(/connect|closed|ECONN/i);
    await eventually('the restore is among the relationships', 60_000, async () => held.holding);
    await held.close();
    await failed;
    await own.close();
    expect(await content(second)).not.toEqual(report.content);
    await restore(second);
    expect(await content(second)).toEqual(report.content);
  });

  test('of a damaged copy is refused and changes nothing', async () => {
    await backup(source);
    await clear(second);
    await rows(second, 'CREATE (:Kept {id: 1})');
    const before = await content(second);
    await expect(restore(second, copy.without('inventory.json'))).rejects.toThrow(
      'The copy has no inventory.json: it is incomplete. Take another set.',
    );
    await copy.damage('graph.jsonl');
    await expect(restore(second)).rejects.toThrow(/^graph\.jsonl is not what was copied/);
    copy.truncate('graph.jsonl');
    await expect(restore(second)).rejects.toThrow(/^graph\.jsonl is not what was copied/);
    expect(await content(second)).toEqual(before);
  });

  test('is told from what somebody changed since', async () => {
    await backup(source);
    await restore(second);
    const many = (change: string) => `MATCH (n:Many {id: 7})<-[r:MANY]-() ${change}`;
    const changes = [
      ['a property', ['node/Many', 'relationship/MANY'], many('SET n.text = ""')],
      ['the type of a number', ['node/Many', 'relationship/MANY'], many('SET n.id = 7.0')],
      ['a relationship', ['relationship/MANY'], 'MATCH ()-[r:MANY {i: 8}]->() SET r.i = 8.5'],
      [
        'the end of a relationship',
        ['relationship/MANY'],
        'MATCH (a:Edge)-[r:MANY {i: 9}]->(), (n:Many {id: 10}) DELETE r CREATE (a)-[:MANY {i: 9}]->(n)',
      ],
      ['an index', ['schema'], 'DROP INDEX edge_point'],
    ] as const;
    for (const [what, where, change] of changes) {
      const before = await content(second);
      await rows(second, change);
      expect([what, differences(before, await content(second))]).toEqual([what, where]);
    }
  });
});

describe('while a writer writes', () => {
  let writing: boolean;
  let written: number;
  let writer: Promise<void>;
  /** Each transaction moves a token from one node to the next, and gives both its number. */
  const move = async () => {
    written++;
    await rows(
      source,
      `MATCH (a:Account)-[old:HAS]->(t:Token) MATCH (b:Account {id: $next})
       DELETE old CREATE (b)-[:HAS]->(t) SET a.number = $number, t.number = $number`,
      { next: neo4j.int(written % 2000), number: neo4j.int(written) },
    );
  };
  beforeEach(async () => {
    await clear(source);
    await rows(source, 'UNWIND range(0, 1999) AS id CREATE (:Account {id: id, text: "x"})');
    await rows(source, 'MATCH (a:Account {id: 0}) CREATE (a)-[:HAS]->(:Token {number: 0})');
    written = 0;
    writing = true;
  });
  const until = (ends: () => boolean) => {
    writer = (async () => {
      while (writing && !ends()) await move();
    })();
    return eventually('the writer writes', 30_000, async () => written > 3);
  };

  test('a copy is begun anew and is of one moment when the writer pauses', async () => {
    await until(() => false);
    let begun = 0;
    const pausing = {
      write: async (name: string, bytes: AsyncIterable<Uint8Array>) => {
        if (name === 'graph.jsonl' && ++begun === 2) {
          writing = false;
          await writer;
        }
        await copy.write(name, bytes);
      },
    };
    const report = await using(source, (own) => own.backup(pausing));
    expect(begun).toBe(2);
    expect(report.position).toMatch(/^FB:/);
    await restore(second);
    expect(await content(second)).toEqual(report.content);
    expect(report.content).toEqual(await content(source));
    expect(
      await rows(second, 'MATCH (:Account)-[:HAS]->(t:Token) RETURN toInteger(t.number) AS number'),
    ).toEqual([{ number: written }]);
  });

  test('a copy has what was there all the time, is what the report says, and has no position', async () => {
    await until(() => false);
    const before = written;
    const report = await backup(source);
    expect(written).toBeGreaterThan(before);
    writing = false;
    await writer;
    expect(report.position).toBeUndefined();
    await restore(second);
    expect(await content(second)).toEqual(report.content);
    expect(report.content).toMatchObject({ 'node/Account': { count: 2000 }, 'node/Token': { count: 1 } });
  });
});

test('changes go on from the history of an older copy', async () => {
  await clear(source);
  await migrate(source, { ...platform, changes: platform.changes.slice(0, 1) });
  const report = await backup(source);
  expect(report.schema.map(({ version }) => version)).toEqual(['000001']);
  await clear(second);
  await migrate(second);
  await restore(second);
  const { applied } = await migrate(second);
  expect(applied.map(({ version }) => version)).toEqual(
    platform.changes.slice(1).map(({ version }) => version),
  );
});
