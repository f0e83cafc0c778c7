import { join } from 'node:path';
import type { QdrantClient } from '@qdrant/js-client-rest';
import { readChangeFiles } from '../../engine/change-files';
import { LockTimeoutError, StoreAccessError } from '../../engine/errors';
import { migrateDown, migrateUp } from '../../engine/runner';
import { TemporaryFolder } from '../../testing/change-folder';
import { startQdrant } from '../../testing/qdrant';
import type { ScratchServer } from '../../testing/servers';
import { qdrantClient } from './client';
import { qdrantFormat } from './format';
import { qdrantTarget } from './store';

const platformFolder = join(__dirname, '../../qdrant/platform');
const platform = readChangeFiles(platformFolder, qdrantFormat);
let server: ScratchServer;
let client: QdrantClient;
let folder: TemporaryFolder;
let number = 0;
/** A history of its own for each test, and the start of its collections' names. */
let database: string;

beforeAll(async () => {
  server = await startQdrant();
  client = clientWith(server.password);
}, 180_000);
afterAll(() => server?.stop(), 60_000);
beforeEach(() => {
  database = `test${++number}`;
  folder = new TemporaryFolder({ '000001-a.json': change([create('a')], [remove('a')]) });
});
afterEach(async () => {
  folder?.remove();
  for (const name of await collections()) await client.deleteCollection(name);
});

const clientWith = (apiKey: string) => qdrantClient({ url: `http://${server.host}:${server.port}`, apiKey });
const collection = (suffix: string) => `${database}-${suffix}`;
const dense = { size: 768, distance: 'Cosine' };
const create = (suffix: string, more: object = {}) => ({
  operation: 'createCollection',
  collection_name: collection(suffix),
  vectors: { dense },
  ...more,
});
const remove = (suffix: string) => ({ operation: 'deleteCollection', collection_name: collection(suffix) });
const change = (up: object[], down: object[]) =>
  JSON.stringify({ description: 'A change', up, down }, null, 2);
const target = (apiKey = server.password) =>
  qdrantTarget({ host: server.host, port: server.port, apiKey, database });
const options = async (changes = readChangeFiles(folder.path, qdrantFormat)) => ({
  target: await target(),
  folder: changes,
  folderName: 'folder',
  appliedBy: 'tester',
});
const up = async (changes?: typeof platform) => migrateUp(await options(changes));
const collections = async () =>
  (await client.getCollections()).collections
    .map(({ name }) => name)
    .filter((name) => name !== 'schema_migrations');
const lines = async () => (await target()).schema();
const point = (id: number) => ({ id, vector: { dense: Array<number>(768).fill(0.5) }, payload: { id } });

describe('the platform collections', () => {
  test('have their vectors, indexes and aliases, as read back', async () => {
    expect((await up(platform)).failed).toBeUndefined();
    const vectors: Record<string, unknown> = {};
    const indexes: Record<string, unknown> = {};
    for (const name of await collections()) {
      const { config, payload_schema } = await client.getCollection(name);
      vectors[name] = { ...config.params.vectors, ...config.params.sparse_vectors };
      indexes[name] = Object.fromEntries(
        Object.entries(payload_schema).map(([field, index]) => [field, index!.data_type]),
      );
      expect(payload_schema.project_id!.params).toEqual({ type: 'keyword', is_tenant: true });
    }
    const [small, large] = [dense, { ...dense, size: 1536 }];
    expect(vectors).toEqual({
      document_embeddings: { dense: small, text: { modifier: 'idf' } },
      semantic_search: { dense: large, text: { modifier: 'idf' } },
      agent_capabilities: { dense: small },
      tool_descriptions: { dense: small },
      recommendations: { dense: { size: 1536, distance: 'Dot' } },
    });
    const [keyword, always] = ['keyword', { project_id: 'keyword', created_at: 'datetime' }];
    const document = { ...always, document_id: keyword, content_type: keyword, language: keyword };
    expect(indexes).toEqual({
      document_embeddings: document,
      semantic_search: document,
      agent_capabilities: { ...always, agent_id: keyword, capability: keyword },
      tool_descriptions: { ...always, tool_name: keyword, category: keyword },
      recommendations: { ...always, user_id: keyword, item_type: keyword },
    });
    expect((await client.getAliases()).aliases).toEqual([
      { alias_name: 'documents', collection_name: 'document_embeddings' },
      { alias_name: 'search', collection_name: 'semantic_search' },
    ]);
  });

  test('each change restores exactly the definitions before it, and can be applied again', async () => {
    for (const last of platform.changes.map(({ version }) => version)) {
      const changes = platform.changes.filter(({ version }) => version <= last);
      const before = await lines();
      const options_ = await options({ ...platform, changes });
      await migrateUp(options_);
      const after = await lines();
      expect(after.length).toBeGreaterThan(before.length);
      await migrateDown({ ...options_, to: changes.at(-2)?.version });
      expect(await lines()).toEqual(before);
      await migrateUp(options_);
      expect(await lines()).toEqual(after);
    }
    expect(await lines()).toContain('alias search semantic_search');
    expect(await lines()).toContain('index semantic_search project_id {"is_tenant":true,"type":"keyword"}');
  });

  test('answer a hybrid search through an alias, for one project only', async () => {
    await up(platform);
    const [near, far] = [0, 1].map((axis) => dense768(axis));
    const put = (id: number, vector: number[], project_id: string) => ({
      id,
      vector: { dense: vector, text: { indices: [id], values: [1] } },
      payload: { project_id },
    });
    await client.upsert('documents', {
      wait: true,
      points: [put(1, near!, 'p'), put(2, far!, 'p'), put(3, near!, 'q')],
    });
    const filter = { must: [{ key: 'project_id', match: { value: 'p' } }] };
    const { points } = await client.query('documents', {
      prefetch: [
        { query: near!, using: 'dense', filter },
        { query: { indices: [2], values: [1] }, using: 'text', filter },
      ],
      query: { fusion: 'rrf' },
    });
    expect(points.map(({ id }) => id).toSorted()).toEqual([1, 2]);
    expect(points.every(({ score }) => score > 0)).toBe(true);
  });
});

const dense768 = (axis: number) => Array.from({ length: 768 }, (_, index) => (index === axis ? 1 : 0));

test('keeps the history as one point per version and has nothing to do the second time', async () => {
  const { applied } = await up();
  expect(applied[0]).toMatchObject({ version: '000001', description: 'a', appliedBy: 'tester' });
  const filter = {
    must: ['change', database].map((value, i) => ({ key: i ? 'database' : 'kind', match: { value } })),
  };
  const { points } = await client.scroll('schema_migrations', { filter });
  expect(points.map(({ payload }) => payload)).toEqual([{ kind: 'change', database, ...applied[0] }]);
  expect(await up()).toEqual({ history: applied, applied: [] });
  const snapshot = await (await target()).snapshot();
  expect(snapshot).toEqual({ version: '000001', schema: await lines() });
  expect(snapshot!.schema).toHaveLength(1);
});

describe('operations', () => {
  test('settings are changed and changed back', async () => {
    await up();
    const update = (settings: object) => ({
      operation: 'updateCollection',
      collection_name: collection('a'),
      ...settings,
    });
    const scalar = { scalar: { type: 'int8', always_ram: true } };
    folder.write({
      '000002-b.json': change(
        [
          update({
            hnsw_config: { m: 32 },
            quantization_config: scalar,
            params: { write_consistency_factor: 2 },
          }),
        ],
        [
          update({
            hnsw_config: { m: 16 },
            quantization_config: 'Disabled',
            params: { write_consistency_factor: 1 },
          }),
        ],
      ),
    });
    const before = await lines();
    expect((await up()).failed).toBeUndefined();
    const { config } = await client.getCollection(collection('a'));
    expect(config.hnsw_config.m).toBe(32);
    expect(config.quantization_config).toEqual(scalar);
    expect(config.params.write_consistency_factor).toBe(2);
    await migrateDown({ ...(await options()), to: '000001' });
    expect(await lines()).toEqual(before);
  });

  test('a collection is replaced behind its alias in one step', async () => {
    const alias = (operation: string, suffix: string) => ({
      operation,
      alias_name: collection('current'),
      collection_name: collection(suffix),
    });
    folder.write({
      '000002-alias.json': change(
        [alias('createAlias', 'a')],
        [{ operation: 'deleteAlias', alias_name: collection('current') }],
      ),
      '000003-switch.json': change(
        [create('b'), alias('switchAlias', 'b')],
        [alias('switchAlias', 'a'), remove('b')],
      ),
    });
    expect((await up()).failed).toBeUndefined();
    expect(await lines()).toContain(`alias ${collection('current')} ${collection('b')}`);
    await migrateDown({ ...(await options()), to: '000002' });
    expect(await lines()).toContain(`alias ${collection('current')} ${collection('a')}`);
    expect(await collections()).toEqual([collection('a')]);
  });

  test('each can be repeated: a change that stopped half-way runs from its start', async () => {
    const index = (type: string) => ({
      operation: 'createPayloadIndex',
      collection_name: collection('b'),
      field_name: 'tag',
      field_schema: { type },
    });
    const rename = {
      operation: 'renameAlias',
      old_alias_name: collection('x'),
      new_alias_name: collection('y'),
    };
    const steps = [
      create('b', { sparse_vectors: { text: { modifier: 'idf' } }, hnsw_config: { m: 24 } }),
      index('keyword'),
      { operation: 'createAlias', alias_name: collection('x'), collection_name: collection('b') },
      rename,
      { ...create('a'), collection_name: collection('c') },
    ];
    await client.createCollection(collection('c'), { vectors: { other: { size: 8, distance: 'Dot' } } });
    folder.write({ '000002-b.json': change(steps, [remove('c'), remove('b')]) });
    for (let attempt = 0; attempt < 2; attempt++) {
      const { failed } = await up();
      expect(failed!.error.message).toMatch(
        new RegExp(
          `^000002-b\\.json: statement 5 failed at line \\d+: collection "${collection('c')}" exists with another definition: ` +
            'vectors\\.other is there and not asked for; vectors\\.dense\\.size is null, not 768; ' +
            'vectors\\.dense\\.distance is null, not "Cosine"\\. Delete it, or change it with updateCollection\\.$',
        ),
      );
      // As a run finds it that stopped after the third operation.
      await client.updateCollectionAliases({
        actions: [{ rename_alias: { old_alias_name: collection('y'), new_alias_name: collection('x') } }],
      });
    }
    await client.deleteCollection(collection('c'));
    expect((await up()).applied.map(({ version }) => version)).toEqual(['000002']);
    expect(await lines()).toContain(`alias ${collection('y')} ${collection('b')}`);
  });

  test('a collection that holds points is not deleted, unless the change says so', async () => {
    await up();
    await client.upsert(collection('a'), { wait: true, points: [point(1)] });
    await expect(migrateDown(await options())).rejects.toThrow(
      `000001-a.json: statement 1 failed at line 16: collection "${collection('a')}" holds 1 point; ` +
        'move them away before it is deleted, or say "even_with_points": true.',
    );
    expect((await (await target()).applied()).map(({ version }) => version)).toEqual(['000001']);
    folder.write({
      '000002-drop.json': change([{ ...remove('a'), even_with_points: true }], [create('a')]),
    });
    expect((await up()).applied.map(({ version }) => version)).toEqual(['000002']);
    expect(await collections()).toEqual([]);
    await migrateDown(await options());
    expect(await lines()).toEqual([]);
  });
});

test('a failing operation stops the run and keeps the changes before it', async () => {
  await up();
  await client.deleteCollection(collection('a'));
  folder.write({
    '000002-b.json': change(
      [create('b'), { ...remove('a'), operation: 'updateCollection', hnsw_config: { m: 8 } }],
      [remove('b')],
    ),
    '000003-c.json': change([create('c')], [remove('c')]),
  });
  const result = await up();
  expect(result.failed!.error.message).toMatch(
    /^000002-b\.json: statement 2 failed at line 14: .*Collection `test\d+-a` doesn't exist!$/,
  );
  expect(result.history.map(({ version }) => version)).toEqual(['000001']);
  expect(await collections()).toEqual([collection('b')]);
  folder.write({ '000002-b.json': change([create('b')], [remove('b')]) });
  expect((await up()).applied.map(({ version }) => version)).toEqual(['000002', '000003']);
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

  test('a holder whose heartbeats go on is not taken over', async () => {
    const lock = await (await target()).lock({ holder: 'slow', waitMs: 0 });
    await expect((await target()).lock({ holder: 'me', waitMs: 6_000 })).rejects.toThrow('is held by slow');
    await lock.release();
  });
});

describe('access', () => {
  test('a wrong key gives a sentence with the fix and without the key', async () => {
    const attempt = (await target('wrong-key')).applied();
    await expect(attempt).rejects.toThrow(StoreAccessError);
    await expect(attempt).rejects.toThrow(
      /: the history cannot be read as "the API key": .* Connect with credentials that may\.$/,
    );
    await expect(attempt).rejects.not.toThrow(/wrong-key/);
  });

  test('the read-only key reads the history and cannot apply', async () => {
    await up();
    const readOnly = await target(`${server.password}-read`);
    expect((await readOnly.applied()).map(({ version }) => version)).toEqual(['000001']);
    await expect(readOnly.lock({ holder: 'reader', waitMs: 0 })).rejects.toThrow('Forbidden');
    await expect(clientWith(`${server.password}-read`).deleteCollection(collection('a'))).rejects.toThrow(
      'Forbidden',
    );
    expect(await collections()).toEqual([collection('a')]);
  });

  test('reading a server that was never migrated writes nothing', async () => {
    await client.deleteCollection('schema_migrations');
    const fresh = await target();
    expect([await fresh.applied(), await fresh.snapshot(), await fresh.schema()]).toEqual([
      [],
      undefined,
      [],
    ]);
    expect((await client.getCollections()).collections).toEqual([]);
  });
});
