import { join } from 'node:path';
import { readChangeFiles } from '../../engine/change-files';
import { LockTimeoutError } from '../../engine/errors';
import { migrateDown, migrateUp } from '../../engine/runner';
import { TemporaryFolder } from '../../testing/change-folder';
import { startChroma } from '../../testing/chroma';
import { roundTrips } from '../../testing/round-trip';
import type { ScratchServer } from '../../testing/servers';
import { ChromaClient } from './client';
import { chromaFormat } from './format';
import { CollectionLease } from './lease';
import { DATA_DATABASE, HISTORY_DATABASE, projectCollection } from './names';
import { chromaTarget } from './store';

const platform = readChangeFiles(join(__dirname, '../../chroma/platform'), chromaFormat);
let server: ScratchServer;
let client: ChromaClient;
let folder: TemporaryFolder;
let number = 0;
/** A history of its own for each test. */
let database: string;

const connection = () => ({ endpoint: `http://${server.host}:${server.port}`, token: server.password });

beforeAll(async () => {
  server = await startChroma();
  client = new ChromaClient(connection(), DATA_DATABASE);
}, 180_000);
afterAll(() => server?.stop(), 60_000);
beforeEach(() => {
  database = `test${++number}`;
  folder = new TemporaryFolder({ '000001-a.json': change([create('a')], [remove('a')]) });
});
afterEach(() => folder?.remove());

const collection = (suffix: string) => `${database}-${suffix}`;
const create = (suffix: string, settings: object = {}) => ({
  operation: 'createCollection',
  collection: collection(suffix),
  dimension: 768,
  hnsw: { space: 'cosine' },
  ...settings,
});
const remove = (suffix: string) => ({ operation: 'deleteCollection', collection: collection(suffix) });
const change = (up: object[], down: object[]) =>
  JSON.stringify({ description: 'A change', up, down }, null, 2);
const target = () => chromaTarget({ ...connection(), database });
const options = (changes = readChangeFiles(folder.path, chromaFormat)) => ({
  target: target(),
  folder: changes,
  folderName: 'folder',
  appliedBy: 'tester',
});
const collections = async () =>
  (await client.collections())
    .map(({ name }) => name)
    .filter((name) => name.startsWith(`${database}-`))
    .sort();
const vector = (size: number) => new Array<number>(size).fill(0.5);

describe('the platform collections', () => {
  test('take vectors of their size only, as read back', async () => {
    const { failed } = await migrateUp(options(platform));
    expect(failed).toBeUndefined();
    const sizes = Object.fromEntries(
      (await client.collections()).map(({ name, dimension }) => [name, dimension]),
    );
    expect(sizes).toEqual({
      agent_capabilities: 1536,
      tool_descriptions: 1536,
      workflow_patterns: 1536,
      a2a_message_patterns: 768,
      collaboration_patterns: 768,
    });
    const { id, configuration_json } = (await client.collection('tool_descriptions'))!;
    expect(configuration_json.hnsw).toMatchObject({
      space: 'cosine',
      ef_construction: 200,
      max_neighbors: 32,
    });
    expect(await client.count(id)).toBe(0);
    await expect(client.upsert(id, 'x', vector(768))).rejects.toThrow(
      'Collection expecting embedding with dimension of 1536, got 768',
    );
    await client.upsert(id, 'x', vector(1536), 'a tool');
    expect(await client.documents(id)).toEqual(new Map([['x', 'a tool']]));
    await client.deleteRecord(id, 'x');
  });

  test('go away when the change is reverted, and come again the same', async () => {
    // Those of the test before stay until their changes are reverted.
    await migrateUp(options(platform));
    await migrateDown(options(platform));
    await roundTrips(target(), platform);
    const before = await target().schema();
    expect(before).toContain('collection collaboration_patterns dimension 768');
    await client.create(projectCollection('p1', 'documents'), {});
    expect(await target().schema()).toEqual(before);
    expect(await target().snapshot()).toEqual({ version: '000001', schema: before });
    await migrateDown(options(platform));
    await client.delete(projectCollection('p1', 'documents'));
  }, 180_000);
});

test('keeps the history in the store and has nothing to do the second time', async () => {
  expect(await target().applied()).toEqual([]);
  const { applied } = await migrateUp(options());
  expect(applied[0]).toMatchObject({ version: '000001', description: 'a', appliedBy: 'tester' });
  expect(await target().applied()).toEqual(applied);
  expect(await migrateUp(options())).toEqual({ history: applied, applied: [] });
});

test('settings that can change are changed and changed back', async () => {
  const settings = async () => (await target().schema()).filter((line) => line.includes(collection('a')));
  folder.write({
    '000002-b.json': change(
      [
        { operation: 'putSearch', collection: collection('a'), ef_search: 250 },
        { operation: 'putMetadata', collection: collection('a'), metadata: { scope: 'new' } },
      ],
      [
        { operation: 'putSearch', collection: collection('a'), ef_search: 100 },
        { operation: 'putMetadata', collection: collection('a'), metadata: { scope: 'old' } },
      ],
    ),
    '000001-a.json': change([create('a', { metadata: { scope: 'old' } })], [remove('a')]),
  });
  await migrateUp(options());
  const after = await settings();
  expect(after).toContain(`collection ${collection('a')} metadata {"scope":"new"}`);
  expect(after.some((line) => line.includes('"ef_search":250'))).toBe(true);
  await migrateDown({ ...options(), to: '000001' });
  const before = await settings();
  expect(before).toContain(`collection ${collection('a')} metadata {"scope":"old"}`);
  expect(before.some((line) => line.includes('"ef_search":100'))).toBe(true);
});

test('deleting a collection that holds records is refused, with statement and line', async () => {
  await migrateUp(options());
  await client.upsert((await client.collection(collection('a')))!.id, 'precious', vector(768));
  await expect(migrateDown(options())).rejects.toThrow(
    /^000001-a\.json: statement 1 failed at line \d+: collection "test\d+-a" still holds records; move them away before it is deleted\.$/,
  );
  expect((await target().applied()).map((entry) => entry.version)).toEqual(['000001']);
});

test('a failing operation stops the run, and the change is repeated from its start', async () => {
  const bad = { operation: 'putSearch', collection: collection('missing'), ef_search: 10 };
  folder.write({ '000002-b.json': change([create('b'), bad], [remove('b')]) });
  const result = await migrateUp(options());
  expect(result.failed!.error.message).toMatch(
    /^000002-b\.json: statement 2 failed at line \d+: collection "test\d+-missing" does not exist; create it first\.$/,
  );
  expect(await collections()).toEqual([collection('a'), collection('b')]);
  folder.write({ '000002-b.json': change([create('b', { dimension: 1536 })], [remove('b')]) });
  expect((await migrateUp(options())).failed!.error.message).toMatch(
    /collection "test\d+-b" exists with other settings \(dimension 768, space cosine\); delete it first\.$/,
  );
  folder.write({ '000002-b.json': change([create('b')], [remove('b')]) });
  expect((await migrateUp(options())).applied.map((entry) => entry.version)).toEqual(['000002']);
});

describe('the lock', () => {
  test('of eight writers that expect the same token one wins, and a stale one never', async () => {
    const own = new ChromaClient(connection(), HISTORY_DATABASE);
    await own.createDatabase();
    const storage = () => new CollectionLease(own, `${database}.lock.`);
    let token: string | undefined;
    for (let round = 1; round <= 10; round++) {
      const writes = Array.from({ length: 8 }, (_, index) =>
        storage().write({ holder: `writer ${index}`, held: true }, token),
      );
      const won = (await Promise.all(writes)).filter((answer) => answer !== undefined);
      expect(won).toEqual([String(round)]);
      token = won[0];
    }
    expect(await storage().write({ holder: 'stale', held: true }, '3')).toBeUndefined();
    expect((await storage().read())!.token).toBe('10');
    const names = (await own.collections()).map(({ name }) => name);
    expect(names.filter((name) => name.startsWith(`${database}.lock.`))).toEqual([`${database}.lock.10`]);
  });

  test('a held lock is named with its holder after the wait, and free after its release', async () => {
    const lock = await target().lock({ holder: 'ci@build-1', waitMs: 0 });
    const waiting = target().lock({ holder: 'me', waitMs: 300 });
    await expect(waiting).rejects.toThrow(LockTimeoutError);
    await expect(waiting).rejects.toThrow(/ is held by ci@build-1 and was not free within 0\.3 s\./);
    await lock.release();
    await (await target().lock({ holder: 'me', waitMs: 0 })).release();
  });
});
