import { join } from 'node:path';
import { readChangeFiles } from '../../migrations/engine/change-files';
import { migrateUp } from '../../migrations/engine/runner';
import { http } from '../../migrations/targets/http-client';
import { chromaFormat } from '../../migrations/targets/chroma/format';
import { chromaTarget } from '../../migrations/targets/chroma/store';
import { startChroma } from '../../migrations/testing/chroma';
import { HeldConnection } from '../../migrations/testing/held-connection';
import { eventually, type ScratchServer } from '../../migrations/testing/servers';
import { differences } from '../testing/contents';
import { CopyFolder } from '../testing/copy-folder';
import { ChromaDriver } from './chroma';
import { ChromaApi } from './chroma-api';
import { ChromaRestore } from './chroma-restore';

const platform = readChangeFiles(join(__dirname, '../../migrations/chroma/platform'), chromaFormat);
const DATABASE = 'default_database';
let source: ScratchServer;
let second: ScratchServer;
let copy: CopyFolder;

beforeAll(async () => {
  source = await startChroma();
  second = await startChroma();
}, 360_000);
afterAll(async () => {
  await source?.stop();
  await second?.stop();
}, 120_000);
beforeEach(async () => {
  copy = new CopyFolder();
  await clear(second);
});
afterEach(() => copy.remove());

const at = ({ host, port, password }: Pick<ScratchServer, 'host' | 'port' | 'password'>) => ({
  ...{ endpoint: `http://${host}:${port}`, token: password },
});
const api = (server: ScratchServer) => new ChromaApi(at(server));
const driver = (server: ScratchServer) => new ChromaDriver(at(server));
const clear = (server: ScratchServer) => new ChromaRestore(api(server)).clear([DATABASE]);
const migrate = (server: ScratchServer, changes = platform) =>
  migrateUp({
    target: chromaTarget({ ...at(server), database: 'platform' }),
    ...{ folder: changes, folderName: 'platform', appliedBy: 'tester' },
  });
/** Answer to a request whose body is sent as it is. */
const send = (server: ScratchServer, method: 'GET' | 'POST' | 'PUT', path: string, body?: string) =>
  http({
    ...{
      method,
      body,
      url: `${at(server).endpoint}/api/v2/tenants/default_tenant/databases${path && `/${path}`}`,
    },
    headers: { 'content-type': 'application/json' },
  });
const idOf = async (server: ScratchServer, name: string, database = DATABASE) =>
  (await api(server).collections(database)).find((collection) => collection.name === name)!.id;
const records = async (server: ScratchServer, name: string) => {
  const id = await idOf(server, name);
  return api(server).records(DATABASE, id, await api(server).ids(DATABASE, id));
};

async function fill(server: ScratchServer): Promise<void> {
  await clear(server);
  await migrate(server);
  await send(server, 'POST', `${DATABASE}/collections`, SETTINGS);
  const exact = await idOf(server, 'exact');
  await send(
    server,
    'PUT',
    `${DATABASE}/collections/${exact}`,
    '{"new_configuration":{"hnsw":{"ef_search":7}}}',
  );
  await send(server, 'POST', `${DATABASE}/collections/${exact}/add`, EDGES);
  await send(
    server,
    'POST',
    `${DATABASE}/collections`,
    '{"name":"cosine","configuration":{"hnsw":{"space":"cosine"}}}',
  );
  const cosine = await idOf(server, 'cosine');
  await send(server, 'POST', `${DATABASE}/collections/${cosine}/add`, JSON.stringify(COSINE));
  await send(server, 'POST', '', '{"name":"other_database"}');
  await send(server, 'POST', 'other_database/collections', '{"name":"nothing"}');
}

const SETTINGS = `{"name":"exact","metadata":{"int":1,"float":1.0,"bool":true,"text":"é","large":9007199254740993},
  "configuration":{"hnsw":{"space":"l2","ef_construction":33,"max_neighbors":5},
  "embedding_function":{"type":"known","name":"openai","config":{"model_name":"m"}}}}`;
const EDGES = `{"ids":["1","é𝄞 /?#","z"],
  "embeddings":[[0.1,1e-30,1.0],[3.4028235e38,-0.0,1],[0,0,0]],
  "documents":["nul \\u0000, line\\nend",${JSON.stringify('large '.repeat(100_000))},null],
  "uris":["s3://bucket/key","",null],
  "metadatas":[{"int":1,"float":1.0,"large":9007199254740993,"huge":1e300,"bool":false,"k\\u0000":""},
    {"ints":[1,2],"floats":[1.0,2.5],"texts":["a","b"]},null]}`;
const COSINE = {
  ids: Array.from({ length: 1200 }, (_, i) => `r${i}`),
  embeddings: Array.from({ length: 1200 }, (_, i) =>
    Array.from({ length: 16 }, (_, j) => Math.sin(i * 16 + j) * 3),
  ),
};

describe('a round trip', () => {
  beforeAll(() => fill(source), 120_000);

  test('gives a second server the same content, history and records', async () => {
    const report = await driver(source).backup(copy);
    expect(report.serverVersion).toMatch(/^\d+\.\d+\.\d+$/);
    expect(report.schema).toEqual(platform.changes.map(({ version, checksum }) => ({ version, checksum })));
    expect(report.content).toMatchObject({
      [`${DATABASE}/exact`]: { count: 3 },
      [`${DATABASE}/cosine`]: { count: 1200 },
      'other_database/nothing': { count: 0 },
      'schema_migrations/platform.history': { count: platform.changes.length + 1 },
    });
    expect(Object.keys(report.content).filter((name) => name.includes('lock'))).toEqual([]);
    expect(await driver(source).content()).toEqual(report.content);

    await driver(second).restore(copy.files);
    expect(await driver(second).content()).toEqual(report.content);
    expect(JSON.stringify(await records(second, 'exact'))).toBe(
      JSON.stringify(await records(source, 'exact')),
    );
    const [sent] = COSINE.embeddings;
    const restored = (await records(second, 'cosine')).find(({ id }) => id === 'r0')!.embedding;
    for (const [index, number] of restored.entries())
      expect(Number(JSON.stringify(number))).toBeCloseTo(sent![index]!, 5);
    expect((await migrate(second)).applied).toEqual([]);
  });

  test('removes what the copy does not have', async () => {
    const report = await driver(source).backup(copy);
    await send(second, 'POST', '', '{"name":"additional"}');
    for (const database of ['additional', DATABASE])
      await send(second, 'POST', `${database}/collections`, '{"name":"additional"}');
    await driver(second).restore(copy.files);
    expect(await driver(second).content()).toEqual(report.content);
    expect(await api(second).databases()).toEqual([DATABASE, 'other_database', 'schema_migrations']);
  });

  test('that was interrupted is repeated', async () => {
    const report = await driver(source).backup(copy);
    const held = await HeldConnection.open(second);
    held.hold('"r600"', 'request');
    const interrupted = new ChromaDriver(at({ ...second, port: held.port })).restore(copy.files);
    const failed = expect(interrupted).rejects.toThrow(/did not answer/);
    await eventually('the restore is in the second batch', 30_000, async () => held.holding);
    await held.close();
    await failed;
    expect(await driver(second).content()).not.toEqual(report.content);
    await driver(second).restore(copy.files);
    expect(await driver(second).content()).toEqual(report.content);
  });

  test('of a damaged copy is refused and changes nothing', async () => {
    await driver(source).backup(copy);
    await send(second, 'POST', `${DATABASE}/collections`, '{"name":"kept"}');
    const before = await driver(second).content();
    await expect(driver(second).restore(copy.without('inventory.json'))).rejects.toThrow(
      'The copy has no inventory.json: it is incomplete.',
    );
    await copy.damage('records.jsonl');
    await expect(driver(second).restore(copy.files)).rejects.toThrow(
      /^records\.jsonl is not what was copied/,
    );
    copy.truncate('records.jsonl');
    await expect(driver(second).restore(copy.files)).rejects.toThrow(
      /^records\.jsonl is not what was copied/,
    );
    expect(await driver(second).content()).toEqual(before);
  });

  test('is told from what somebody changed since', async () => {
    await driver(source).backup(copy);
    await driver(second).restore(copy.files);
    const changes = [
      ['a vector', '{"ids":["1"],"embeddings":[[0.1,1e-30,1.0000001]]}'],
      ['a document', '{"ids":["1"],"documents":["x"]}'],
      ['metadata', '{"ids":["1"],"metadatas":[{"int":2}]}'],
      ['the kind of a number', '{"ids":["1"],"metadatas":[{"float":1}]}'],
    ];
    for (const [what, change] of changes) {
      const before = await driver(second).content();
      await send(second, 'POST', `${DATABASE}/collections/${await idOf(second, 'exact')}/update`, change);
      const after = await driver(second).content();
      expect([what, differences(before, after)]).toEqual([what, [`${DATABASE}/exact`]]);
    }
  });
});

test('a copy has what was there all the time while a writer writes, and is what the report says', async () => {
  await clear(source);
  await send(source, 'POST', `${DATABASE}/collections`, '{"name":"busy"}');
  const id = await idOf(source, 'busy');
  const record = (name: string, value: number) => ({
    ...{ id: name, embedding: [value, value], document: String(value), uri: null, metadata: null },
  });
  const names = Array.from({ length: 1000 }, (_, i) => `r${i}`);
  await api(source).upsert(
    DATABASE,
    id,
    names.map((name) => record(name, 0)),
  );
  let written = 0;
  let writing = true;
  // Replaces and deletes from the front, where pages by position would lose records behind.
  const writer = (async () => {
    while (writing && written < 400) {
      const next = ++written;
      await api(source).deleteRecord(DATABASE, id, names[next]!);
      await api(source).upsert(DATABASE, id, [record(`new${next}`, next), record('r0', next)]);
    }
  })();
  await eventually('the writer writes', 30_000, async () => written > 3);
  const before = written;
  const report = await driver(source).backup(copy);
  expect(written).toBeGreaterThan(before);
  writing = false;
  await writer;
  await driver(second).restore(copy.files);
  expect(await driver(second).content()).toEqual(report.content);
  const restored = new Map((await records(second, 'busy')).map((found) => [found.id, found]));
  expect(['r0', ...names.slice(written + 1)].filter((name) => !restored.has(name))).toEqual([]);
  // Chroma may give the vector and the document of two writes; both are of the time of the copy.
  const { embedding, document } = restored.get('r0')!;
  const [x, y] = embedding.map((number) => Number(JSON.stringify(number)));
  expect(x).toBe(y);
  for (const value of [x, Number(document)]) {
    expect(value).toBeGreaterThanOrEqual(before - 1);
    expect(value).toBeLessThanOrEqual(written);
  }
});

test('changes go on from the history of an older copy', async () => {
  await clear(source);
  await migrate(source, { ...platform, changes: [] });
  const report = await driver(source).backup(copy);
  expect(report.schema).toEqual([]);
  await migrate(second);
  await driver(second).restore(copy.files);
  const { applied } = await migrate(second);
  expect(applied.map(({ version }) => version)).toEqual(platform.changes.map(({ version }) => version));
});
