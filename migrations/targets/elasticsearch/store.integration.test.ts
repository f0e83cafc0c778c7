import { join } from 'node:path';
import { type Client, errors } from '@elastic/elasticsearch';
import { canonicalJson } from '../../engine/canonical-json';
import { readChangeFiles } from '../../engine/change-files';
import { LockTimeoutError, StoreAccessError } from '../../engine/errors';
import { migrateDown, migrateUp } from '../../engine/runner';
import { hasDrift, schemaDrift } from '../../engine/verify';
import { TemporaryFolder } from '../../testing/change-folder';
import { killHard, startChildRunner } from '../../testing/child-runner';
import { elasticsearchClient, startElasticsearch } from '../../testing/elasticsearch';
import { eventually, type ScratchServer } from '../../testing/servers';
import { elasticsearchFormat } from './format';
import { elasticsearchTarget } from './store';

jest.setTimeout(300_000);

const platform = readChangeFiles(join(__dirname, '../../elasticsearch/platform'), elasticsearchFormat);
let server: ScratchServer;
let client: Client;
let folder: TemporaryFolder;
let number = 0;
/** A history of its own for each test. */
let database: string;

beforeAll(async () => {
  server = await startElasticsearch();
  client = elasticsearchClient(server);
}, 400_000);
afterAll(async () => {
  await client?.close();
  await server?.stop();
}, 60_000);
beforeEach(() => {
  database = `test${++number}`;
  folder = new TemporaryFolder({ '000001-a.json': change([template('a')], [untemplate('a')]) });
});
afterEach(() => folder?.remove());

const template = (suffix: string, body: object = {}) => ({
  operation: 'putComponentTemplate',
  name: `${database}-${suffix}`,
  body: { template: {}, ...body },
});
const untemplate = (suffix: string) => ({
  operation: 'deleteComponentTemplate',
  name: `${database}-${suffix}`,
});
const change = (up: object[], down: object[]) =>
  JSON.stringify({ description: 'A change', up, down }, null, 2);
const target = (password = server.password) =>
  elasticsearchTarget({
    endpoint: `http://${server.host}:${server.port}`,
    username: server.user,
    password,
    database,
  });
const options = (changes = readChangeFiles(folder.path, elasticsearchFormat)) => ({
  target: target(),
  folder: changes,
  folderName: 'folder',
  appliedBy: 'tester',
});
const templates = async () =>
  (await client.cluster.getComponentTemplate()).component_templates
    .map(({ name }) => name)
    .filter((name) => name.startsWith(`${database}-`))
    .sort();

describe('the definitions of the platform', () => {
  test('each file applies, reverts exactly and applies again', async () => {
    const before = await target().schema();
    for (const { version } of platform.changes) {
      const bare = await target().schema();
      const to = { ...options(platform), to: version };
      expect((await migrateUp(to)).failed).toBeUndefined();
      const applied = await target().schema();
      const previous = platform.changes.findLast((other) => other.version < version)?.version;
      await migrateDown({ ...options(platform), ...(previous ? { to: previous } : { to: '' }) });
      expect(await target().schema()).toEqual(bare);
      expect((await migrateUp(to)).failed).toBeUndefined();
      expect(await target().schema()).toEqual(applied);
    }
    expect(await migrateUp(options(platform))).toMatchObject({ applied: [] });
    await migrateDown(options(platform));
    expect(await target().schema()).toEqual(before);
  });

  test('a new retention changes the policies, and is no drift', async () => {
    const folderWith = (parameters: Record<string, string>) =>
      readChangeFiles(join(__dirname, '../../elasticsearch/platform'), elasticsearchFormat, parameters);
    const ages = async () => {
      const policies = await client.ilm.getLifecycle();
      return Object.fromEntries(
        ['logs', 'workflows', 'activities', 'metrics'].map((name) => [
          name,
          policies[`platform-${name}`]!.policy.phases.delete!.min_age,
        ]),
      );
    };
    const kept = { workflows: '365d', activities: '180d', metrics: '30d' };
    expect((await migrateUp(options(folderWith({ 'retention.logs': '60d' })))).failed).toBeUndefined();
    expect(await ages()).toEqual({ logs: '60d', ...kept });
    const changed = options(folderWith({ 'retention.logs': '20d', 'retention.snapshots': '3d' }));
    const { renewed, applied } = await migrateUp(changed);
    expect({ applied, renewed: renewed!.map(({ version }) => version) }).toEqual({
      applied: [],
      renewed: ['000001', '000005'],
    });
    expect(await ages()).toEqual({ logs: '20d', ...kept });
    const { 'platform-nightly': nightly } = await client.slm.getLifecycle();
    expect(nightly!.policy.retention!.expire_after).toBe('3d');
    expect(hasDrift(await schemaDrift(target()))).toBe(false);
    expect(await migrateUp(changed)).toMatchObject({ applied: [] });
    await migrateDown(options(platform));
  });

  test('search finds synonyms and stems, counts facets, and filters', async () => {
    expect((await migrateUp(options(platform))).failed).toBeUndefined();
    const documents = [
      { id: 'a', title: 'Training large language models', content: 'How models are trained.', type: 'Guide' },
      { id: 'b', title: 'Databases', content: 'Choosing a database for agents.', type: 'note' },
      { id: 'c', title: 'Gardens', content: 'Roses.', type: 'note' },
    ];
    for (const { id, ...document } of documents) {
      await client.index({ index: 'documents', id, document, refresh: true });
    }
    const search = async (query: string, filters?: object[]) => {
      const answer = await client.searchTemplate({
        index: 'documents',
        id: 'documents',
        params: { query, filters },
      });
      const { buckets } = answer.aggregations!.types as { buckets: object[] };
      return { ids: answer.hits.hits.map((hit) => hit._id), buckets };
    };
    expect(await search('llm')).toEqual({ ids: ['a'], buckets: [{ key: 'guide', doc_count: 1 }] });
    expect((await search('model trains')).ids).toEqual(['a']);
    expect((await search('db', [{ term: { type: 'note' } }])).ids).toEqual(['b']);
    expect((await search('db', [{ term: { type: 'guide' } }])).ids).toEqual([]);
    await expect(migrateDown({ ...options(platform), to: '000002' })).rejects.toThrow(
      /000003-document-search\.json: statement 1 failed at line \d+: "documents-000001" still holds 3 documents; reindex them/,
    );
    await client.deleteByQuery({ index: 'documents', query: { match_all: {} }, refresh: true });
    await migrateDown(options(platform));
  });

  test('events pass through the pipeline, and each role may do what it says', async () => {
    expect((await migrateUp(options(platform))).failed).toBeUndefined();
    for (const role of ['app', 'readonly']) {
      await client.security.putUser({
        username: role,
        password: 'test-password',
        roles: [`platform_${role}`],
      });
    }
    const as = (user: string) => elasticsearchClient({ ...server, user, password: 'test-password' });
    const index = 'logs-platform-default';
    const document = {
      '@timestamp': '2026-01-01T00:00:00Z',
      message: 'Authorization: Bearer abc',
      log: { level: 'WARN' },
    };
    const { _id, _index } = await as('app').index({ index, op_type: 'create', document, refresh: true });
    const { _source } = await as('readonly').get<{ message: string; log: object; event: object }>({
      index: _index,
      id: _id!,
    });
    expect(_source).toMatchObject({ message: 'Authorization: Bearer [removed]', log: { level: 'warn' } });
    expect(_source!.event).toEqual({ ingested: expect.stringMatching(/^20\d\d-/) });
    const refusal = (attempt: Promise<unknown>) =>
      attempt.catch((error: unknown) => (error as errors.ResponseError).statusCode);
    expect(await refusal(as('readonly').index({ index, op_type: 'create', document }))).toBe(403);
    expect(await refusal(as('app').deleteByQuery({ index, query: { match_all: {} } }))).toBe(403);
    expect(await refusal(as('app').search({ index: 'schema-migrations' }))).toBe(403);
    expect(await refusal(as('app').indices.deleteIndexTemplate({ name: 'platform-logs' }))).toBe(403);
    await client.indices.deleteDataStream({ name: index });
    await client.indices.createDataStream({ name: index });
    await migrateDown(options(platform));
  });
});

test('keeps the history in a hidden index and has nothing to do the second time', async () => {
  const { applied } = await migrateUp(options());
  expect(applied[0]).toMatchObject({ version: '000001', description: 'a', appliedBy: 'tester' });
  expect(await migrateUp(options())).toEqual({ history: applied, applied: [] });
  const settings = await client.indices.getSettings({ index: 'schema-migrations' });
  expect(settings['schema-migrations']!.settings!.index!.hidden).toBe('true');
});

test.each([
  [
    'a component template that nobody made',
    () => ({
      operation: 'putIndexTemplate',
      name: `${database}-x`,
      body: { index_patterns: [`${database}-x-*`], composed_of: ['missing-template'] },
    }),
    /statement 1 failed at line 4: .*\[missing-template\].*not exist/,
  ],
  [
    'a mapping of an unknown type',
    () => template('x', { template: { mappings: { properties: { a: { type: 'txt' } } } } }),
    /statement 1 failed at line 4: .*txt/,
  ],
  [
    'a policy that the server’s own parser refuses',
    () => ({
      operation: 'putLifecyclePolicy',
      name: `${database}-x`,
      body: { policy: { phases: { hot: { actions: { forcemerge: { max_num_segments: 1 } } } } } },
    }),
    /statement 1 failed at line 4: .*\[forcemerge\] action.*\[hot\] phase without an accompanying \[rollover\] action/,
  ],
  [
    'a snapshot policy without its repository',
    () => ({
      operation: 'putSnapshotLifecyclePolicy',
      name: `${database}-x`,
      body: { schedule: '0 30 1 * * ?', name: 'nightly', repository: 'nowhere' },
    }),
    /statement 1 failed at line 4: no such repository \[nowhere\]\./,
  ],
])('%s is the server’s refusal, with its words', async (_name, operation, message) => {
  folder.write({ '000001-a.json': change([operation()], [untemplate('a')]) });
  const { failed, history } = await migrateUp(options());
  expect(failed!.error.message).toMatch(message);
  expect(history).toEqual([]);
});

test('a snapshot repository and its policy are definitions, applied and reverted', async () => {
  const [repository, policy] = [`${database}-repository`, `${database}-nightly`];
  const body = {
    schedule: '0 30 1 * * ?',
    name: '<nightly-{now/d}>',
    repository,
    retention: { min_count: 7 },
  };
  const settings = { bucket: 'backups', base_path: 'elasticsearch', client: 'platform' };
  folder.write({
    '000001-a.json': change(
      [
        { operation: 'putSnapshotRepository', name: repository, body: { type: 's3', settings } },
        { operation: 'putSnapshotLifecyclePolicy', name: policy, body },
      ],
      [
        { operation: 'deleteSnapshotLifecyclePolicy', name: policy },
        { operation: 'deleteSnapshotRepository', name: repository },
      ],
    ),
  });
  const before = await target().schema();
  expect((await migrateUp(options())).failed).toBeUndefined();
  expect((await target().schema()).filter((line) => !before.includes(line))).toEqual([
    `SnapshotLifecyclePolicy ${policy} ${canonicalJson(body)}`,
    `SnapshotRepository ${repository} ${canonicalJson({ type: 's3', settings })}`,
  ]);
  await migrateDown({ ...options(), to: '' });
  expect(await target().schema()).toEqual(before);
});

test('a failing operation stops the run and keeps the changes before it', async () => {
  const bad = template('bad', { template: { settings: { index: { number_of_shards: 0 } } } });
  folder.write({
    '000002-b.json': change([template('b'), bad], [untemplate('b')]),
    '000003-c.json': change([template('c')], [untemplate('c')]),
  });
  const result = await migrateUp(options());
  expect(result.failed!.error.message).toMatch(
    /^000002-b\.json: statement 2 failed at line 11: .*\[index\.number_of_shards\] must be >= 1\.$/,
  );
  expect(result.history.map((entry) => entry.version)).toEqual(['000001']);
  expect(await templates()).toEqual([`${database}-a`, `${database}-b`]);
  folder.write({ '000002-b.json': change([template('b')], [untemplate('b')]) });
  expect((await migrateUp(options())).applied.map((entry) => entry.version)).toEqual(['000002', '000003']);
});

test('four runners at once apply every change exactly once', async () => {
  const results = await Promise.all(Array.from({ length: 4 }, () => migrateUp(options())));
  expect(results.flatMap((result) => result.applied.map((entry) => entry.version))).toEqual(['000001']);
});

describe('the lock', () => {
  test('a held lock is named with its holder after the wait, and free after its release', async () => {
    const lock = await target().lock({ holder: 'ci@build-1', waitMs: 0 });
    const waiting = target().lock({ holder: 'me', waitMs: 300 });
    await expect(waiting).rejects.toThrow(LockTimeoutError);
    await expect(waiting).rejects.toThrow(/ is held by ci@build-1 and was not free within 0\.3 s\./);
    await lock.release();
    await (await target().lock({ holder: 'me', waitMs: 0 })).release();
  });

  test('a runner that was killed in the middle of its changes is taken over', async () => {
    const settings = Array.from({ length: 2_000 }, (_, index) => template('a', { version: index + 1 }));
    folder.write({ '000002-many.json': change(settings, [untemplate('a')]) });
    const { host, port, user, password } = server;
    const child = startChildRunner(
      'elasticsearch',
      folder.path,
      { host, port, database },
      { username: user, password },
    );
    await eventually(
      'the child has applied its first change',
      60_000,
      async () => (await target().applied()).length === 1,
    );
    await killHard(child);
    folder.write({ '000002-many.json': change([template('b')], [untemplate('b')]) });
    const result = await migrateUp({ ...options(), lockWaitMs: 5_000 });
    expect(result.applied.map((entry) => entry.version)).toEqual(['000002']);
  });
});

test('refused credentials give a sentence with the fix and without the secret', async () => {
  const attempt = target('wrong-secret').applied();
  await expect(attempt).rejects.toThrow(StoreAccessError);
  await expect(attempt).rejects.toThrow(
    /the history cannot be read as "administrator": .* Connect with credentials that may\.$/s,
  );
  await expect(attempt).rejects.not.toThrow(/wrong-secret/);
});
