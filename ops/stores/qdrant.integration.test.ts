import { join } from 'node:path';
import { readChangeFiles } from '../../migrations/engine/change-files';
import { migrateUp } from '../../migrations/engine/runner';
import { http } from '../../migrations/targets/http-client';
import { qdrantFormat } from '../../migrations/targets/qdrant/format';
import { qdrantTarget } from '../../migrations/targets/qdrant/store';
import { HeldConnection } from '../../migrations/testing/held-connection';
import { startQdrant } from '../../migrations/testing/qdrant';
import { eventually, type ScratchServer } from '../../migrations/testing/servers';
import { differences } from '../testing/contents';
import { CopyFolder } from '../testing/copy-folder';
import { QdrantDriver } from './qdrant';
import { QdrantApi } from './qdrant-api';

const platform = readChangeFiles(join(__dirname, '../../migrations/qdrant/platform'), qdrantFormat);
let source: ScratchServer;
let second: ScratchServer;
let copy: CopyFolder;

beforeAll(async () => {
  source = await startQdrant();
  second = await startQdrant();
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

type Address = Pick<ScratchServer, 'host' | 'port' | 'password'>;
const endpoint = ({ host, port }: Address) => `http://${host}:${port}`;
const api = (server: Address) => new QdrantApi({ endpoint: endpoint(server), apiKey: server.password });
const driver = (server: Address) => new QdrantDriver({ endpoint: endpoint(server), apiKey: server.password });
/** With the key that can only read. */
const reader = (server: Address) =>
  new QdrantDriver({ endpoint: endpoint(server), apiKey: `${server.password}-read` });
async function clear(server: Address): Promise<void> {
  for (const name of await api(server).collections()) await api(server).delete(name);
}
const migrate = async (server: Address, changes = platform) => {
  const { host, port, password: apiKey } = server;
  const target = await qdrantTarget({ host, port, apiKey, database: 'platform' });
  return migrateUp({ target, folder: changes, folderName: 'platform', appliedBy: 'tester' });
};
/** Sends text as it is. */
const send = (server: Address, method: 'PUT' | 'POST', path: string, body: string) =>
  http({
    ...{ method, body, url: `${endpoint(server)}/collections${path}` },
    headers: { 'api-key': server.password, 'content-type': 'application/json' },
  });
const points = async (server: Address, name: string) => (await api(server).points(name, null, 1000)).points;

const SETTINGS = `{"vectors":{"cosine":{"size":4,"distance":"Cosine","hnsw_config":{"m":24}},"dot":{"size":3,"distance":"Dot"}},
  "sparse_vectors":{"words":{"modifier":"idf"}},"hnsw_config":{"m":8,"ef_construct":77},
  "quantization_config":{"scalar":{"type":"int8","quantile":0.95}},"on_disk_payload":false}`;
const EDGES = `{"points":[
  {"id":18446744073709551615,"vector":{"cosine":[1,2,3,4],"dot":[0.1,1e-30,3.4028235e38],"words":{"indices":[4294967295,0],"values":[0.5,-1.25]}},
   "payload":{"int":9007199254740993,"float":1.0,"huge":1e300,"text":"nul \\u0000 é𝄞","empty":"","nothing":null,"list":[1,[2.5],{"deep":true}],"geo":{"lon":1.5,"lat":-2.0}}},
  {"id":"f47ac10b-58cc-4372-a567-0e02b2c3d479","vector":{"dot":[0,0,0]},"payload":{"large":"${'large '.repeat(100_000)}"}},
  {"id":0,"vector":{}},
  {"id":7,"vector":{"words":{"indices":[1],"values":[1]},"cosine":[0.1,0.2,0.3,-0.4]},"payload":{}}]}`;

async function fill(server: Address): Promise<void> {
  await migrate(server);
  await send(server, 'PUT', '/edges', SETTINGS);
  await send(server, 'PUT', '/edges/index', '{"field_name":"int","field_schema":"integer"}');
  await send(
    server,
    'PUT',
    '/edges/index',
    '{"field_name":"text","field_schema":{"type":"text","tokenizer":"word"}}',
  );
  await send(server, 'PUT', '/edges/points', EDGES);
  await send(server, 'PUT', '/many', '{"vectors":{"dense":{"size":8,"distance":"Cosine"}}}');
  const many = Array.from({ length: 900 }, (_, id) => ({
    ...{ id, vector: { dense: Array.from({ length: 8 }, (_, i) => Math.sin(id * 8 + i)) }, payload: { id } },
  }));
  await send(server, 'PUT', '/many/points', JSON.stringify({ points: many }));
  await send(
    server,
    'POST',
    '/aliases',
    '{"actions":[{"create_alias":{"alias_name":"current","collection_name":"many"}}]}',
  );
}

describe('a round trip', () => {
  beforeAll(async () => {
    await clear(source);
    await fill(source);
  }, 180_000);

  test('gives a second server the same content, history, settings and points', async () => {
    const report = await reader(source).backup(copy);
    expect(report.serverVersion).toMatch(/^1\.\d+\.\d+$/);
    expect(report.schema).toEqual(platform.changes.map(({ version, checksum }) => ({ version, checksum })));
    expect(report.content).toMatchObject({
      ...{ edges: { count: 4 }, many: { count: 900 }, 'alias/current': { count: 1 } },
      // One for each change and the snapshot, not the lock.
      schema_migrations: { count: platform.changes.length + 1 },
    });
    expect(await reader(source).content()).toEqual(report.content);

    await driver(second).restore(copy.files);
    expect(await driver(second).content()).toEqual(report.content);
    expect(await api(second).definition('edges')).toEqual(await api(source).definition('edges'));
    expect(await api(second).definition('edges')).toMatchObject({
      settings: { hnsw_config: { m: 8, ef_construct: 77 }, on_disk_payload: false },
      indexes: { int: { type: 'integer' }, text: { type: 'text', tokenizer: 'word' } },
    });
    const restored = await points(second, 'edges');
    expect(JSON.stringify(restored)).toBe(JSON.stringify(await points(source, 'edges')));
    expect(JSON.stringify(restored)).toContain('18446744073709551615');
    expect(JSON.stringify(restored)).toContain('"float":1.0,');
    expect(await api(second).aliases()).toContainEqual({ alias_name: 'current', collection_name: 'many' });
    expect((await migrate(second)).applied).toEqual([]);
  });

  test('removes what the copy does not have', async () => {
    const report = await reader(source).backup(copy);
    await send(second, 'PUT', '/other', '{"vectors":{}}');
    await send(second, 'PUT', '/many', '{"vectors":{"other":{"size":2,"distance":"Dot"}}}');
    await send(
      second,
      'POST',
      '/aliases',
      '{"actions":[{"create_alias":{"alias_name":"edges","collection_name":"other"}}]}',
    );
    await driver(second).restore(copy.files);
    expect(await driver(second).content()).toEqual(report.content);
  });

  test('that was interrupted is repeated', async () => {
    const report = await reader(source).backup(copy);
    const held = await HeldConnection.open(second);
    held.hold('"payload":{"id":500}', 'answer');
    const interrupted = driver({ ...second, port: held.port }).restore(copy.files);
    const failed = expect(interrupted).rejects.toThrow(/did not answer/);
    await eventually('the restore is among the points', 60_000, async () => held.holding);
    await held.close();
    await failed;
    expect(await driver(second).content()).not.toEqual(report.content);
    await driver(second).restore(copy.files);
    expect(await driver(second).content()).toEqual(report.content);
  });

  test('of a damaged copy is refused and changes nothing', async () => {
    await reader(source).backup(copy);
    await send(second, 'PUT', '/kept', '{"vectors":{}}');
    await expect(driver(second).restore(copy.without('points.jsonl'))).rejects.toThrow(
      'The copy has no points.jsonl: it is incomplete. Take another set.',
    );
    await copy.damage('points.jsonl');
    await expect(driver(second).restore(copy.files)).rejects.toThrow(/^points\.jsonl is not what was copied/);
    copy.truncate('points.jsonl');
    await expect(driver(second).restore(copy.files)).rejects.toThrow(/^points\.jsonl is not what was copied/);
    expect(await api(second).collections()).toEqual(['kept']);
  });

  test('needs the key that may change everything', async () => {
    await reader(source).backup(copy);
    await send(second, 'PUT', '/kept', '{"vectors":{}}');
    await expect(reader(second).restore(copy.files)).rejects.toThrow(/Forbidden/);
  });

  test('is told from what somebody changed since', async () => {
    await reader(source).backup(copy);
    await driver(second).restore(copy.files);
    const changes = [
      [
        'a vector',
        '{"points":[{"id":7,"vector":{"words":{"indices":[1],"values":[1]},"cosine":[0.1,0.2,0.3,-0.5]}}]}',
      ],
      [
        'the index of a sparse vector',
        '{"points":[{"id":7,"vector":{"words":{"indices":[2],"values":[1]},"cosine":[0.1,0.2,0.3,-0.4]}}]}',
      ],
      [
        'a payload',
        '{"points":[{"id":7,"vector":{"words":{"indices":[1],"values":[1]},"cosine":[0.1,0.2,0.3,-0.4]},"payload":{"a":1}}]}',
      ],
    ];
    for (const [what, change] of changes) {
      const before = await driver(second).content();
      await send(second, 'PUT', '/edges/points?wait=true', change!);
      const after = await driver(second).content();
      expect(after['edges']!.count).toBe(4);
      expect([what, differences(before, after)]).toEqual([what, ['edges']]);
    }
  });
});

test('a copy has what was there all the time while a writer writes, and is what the report says', async () => {
  await clear(source);
  await send(source, 'PUT', '/busy', '{"vectors":{"v":{"size":2,"distance":"Dot"}}}');
  const point = (id: number, value: number) => ({ id, vector: { v: [value, value] }, payload: { value } });
  await api(source).upsert(
    'busy',
    Array.from({ length: 1000 }, (_, id) => point(id, 0)),
  );
  let written = 0;
  let writing = true;
  // Deletes from the front, where pages by position would lose points behind, and replaces the last one.
  const writer = (async () => {
    while (writing && written < 900) {
      const next = written++;
      await send(source, 'POST', '/busy/points/delete?wait=true', JSON.stringify({ points: [next] }));
      await api(source).upsert('busy', [point(2000 + next, next), point(999, next)]);
    }
  })();
  await eventually('the writer writes', 30_000, async () => written > 3);
  const before = written;
  const report = await reader(source).backup(copy);
  expect(written).toBeGreaterThan(before);
  writing = false;
  await writer;
  await driver(second).restore(copy.files);
  expect(await driver(second).content()).toEqual(report.content);
  const restored = new Map(
    (await api(second).points('busy', null, 5000)).points.map((found) => [found.id, found]),
  );
  const lasting = Array.from({ length: 1000 - written }, (_, i) => written + i);
  expect(lasting.filter((id) => !restored.has(id))).toEqual([]);
  // A point is whole: vector and payload are of the same write.
  const { vector, payload } = restored.get(999)! as unknown as {
    vector: { v: unknown[] };
    payload: { value: number };
  };
  expect(JSON.parse(JSON.stringify(vector.v))).toEqual([payload.value, payload.value]);
});

test('changes go on from the history of an older copy', async () => {
  await clear(source);
  await migrate(source, { ...platform, changes: [] });
  const report = await reader(source).backup(copy);
  expect(report.schema).toEqual([]);
  await migrate(second);
  await driver(second).restore(copy.files);
  const { applied } = await migrate(second);
  expect(applied.map(({ version }) => version)).toEqual(platform.changes.map(({ version }) => version));
});
