import { join } from 'node:path';
import { type Client, errors } from '@elastic/elasticsearch';
import { ownerRole } from '../../../components/elasticsearch-roles';
import { readChangeFiles } from '../../engine/change-files';
import { migrateDown, migrateUp } from '../../engine/runner';
import { elasticsearchClient, startElasticsearch } from '../../testing/elasticsearch';
import type { ScratchServer } from '../../testing/servers';
import { elasticsearchFormat } from './format';
import { elasticsearchTarget } from './store';

jest.setTimeout(300_000);

const PASSWORD = 'test-password';
const folder = readChangeFiles(join(__dirname, '../../elasticsearch/platform'), elasticsearchFormat);
const streams = {
  audit: 'logs-audit-platform',
  stores: 'logs-stores-platform',
  logs: 'logs-platform-default',
};
const event = { '@timestamp': '2026-01-01T00:00:00Z', message: 'a' };
let server: ScratchServer;
let administrator: Client;
const clients: Client[] = [];

beforeAll(async () => {
  server = await startElasticsearch();
  administrator = elasticsearchClient(server);
  // As the nodes have it from their file of roles.
  await administrator.security.putRole({ name: 'owner', ...ownerRole } as Parameters<
    Client['security']['putRole']
  >[0]);
  await user('owner', 'owner');
}, 400_000);
afterAll(async () => {
  for (const client of clients) await client.close();
  await administrator?.close();
  await server?.stop();
}, 60_000);

const user = (username: string, role: string) =>
  administrator.security.putUser({ username, password: PASSWORD, roles: [role] });

function as(name: string): Client {
  const client = elasticsearchClient({ ...server, user: name, password: PASSWORD });
  clients.push(client);
  return client;
}

const options = () => ({
  target: elasticsearchTarget({
    endpoint: `http://${server.host}:${server.port}`,
    username: 'owner',
    password: PASSWORD,
    database: 'platform',
  }),
  folder,
  folderName: 'platform',
  appliedBy: 'tester',
});

/** `allowed`, or the status of the refusal. */
const outcome = (attempt: Promise<unknown>) =>
  attempt.then(
    () => 'allowed',
    (error: unknown) => (error as errors.ResponseError).statusCode,
  );

const add = (client: Client, index: string) =>
  client.index({ index, op_type: 'create', document: event, refresh: true });
const everyQuery = { query: { match_all: {} } };

test('the owner applies and reverts every change, and neither adds events nor becomes a superuser’s equal in the data', async () => {
  expect((await migrateUp(options())).failed).toBeUndefined();
  await migrateDown({ ...options(), to: '' });
  expect((await migrateUp(options())).failed).toBeUndefined();
  const owner = as('owner');
  for (const index of Object.values(streams)) expect(await outcome(add(owner, index))).toBe(403);
  expect(await outcome(owner.index({ index: 'something-else', document: event }))).toBe(403);
  expect(await outcome(owner.search({ index: '.security-7' }))).toBe(403);
});

test.each([
  // role, audit: add/read, stores: read, logs: add/read, documents: add/read
  ['app', [403, 403, 403, 'allowed', 'allowed', 'allowed', 'allowed']],
  ['readonly', [403, 403, 403, 403, 'allowed', 403, 'allowed']],
  ['auditor', [403, 'allowed', 'allowed', 403, 403, 403, 403]],
  ['shipper', ['allowed', 403, 403, 403, 403, 403, 403]],
  ['monitor', [403, 403, 403, 403, 403, 403, 403]],
  ['backup', [403, 403, 403, 403, 403, 403, 403]],
])('what %s may read and add', async (role, expected) => {
  await user(role, `platform_${role}`);
  const client = as(role);
  expect([
    await outcome(add(client, streams.audit)),
    await outcome(client.search({ index: streams.audit })),
    await outcome(client.search({ index: streams.stores })),
    await outcome(add(client, streams.logs)),
    await outcome(client.search({ index: streams.logs })),
    await outcome(client.index({ index: 'documents', document: { document_id: 'a' } })),
    await outcome(client.search({ index: 'documents' })),
  ]).toEqual(expected);
});

test.each(['app', 'readonly', 'auditor', 'shipper', 'monitor', 'backup'])(
  '%s changes no definition and deletes no event',
  async (role) => {
    await user(role, `platform_${role}`);
    const client = as(role);
    for (const index of Object.values(streams)) {
      expect(await outcome(client.deleteByQuery({ index, ...everyQuery }))).toBe(403);
      expect(await outcome(client.indices.deleteDataStream({ name: index }))).toBe(403);
    }
    expect(await outcome(client.ilm.deleteLifecycle({ name: 'platform-audit' }))).toBe(403);
    expect(await outcome(client.indices.deleteIndexTemplate({ name: 'platform-audit' }))).toBe(403);
    expect(await outcome(promotion(client))).toBe(403);
    expect(await outcome(client.snapshot.deleteRepository({ name: 'platform' }))).toBe(403);
    expect(await outcome(client.snapshot.delete({ repository: 'platform', snapshot: 'any' }))).toBe(403);
  },
);

/** Making oneself somebody else. */
const promotion = (client: Client) =>
  client.security.putUser({ username: 'intruder', password: PASSWORD, roles: ['superuser'] });

test('monitoring sees how the cluster does, and a backup is taken without reading', async () => {
  await user('monitor', 'platform_monitor');
  await user('backup', 'platform_backup');
  const [monitor, backup] = [as('monitor'), as('backup')];
  expect(await outcome(monitor.cluster.health())).toBe('allowed');
  expect(await outcome(monitor.nodes.stats())).toBe('allowed');
  expect(await outcome(monitor.indices.stats({ index: streams.audit }))).toBe('allowed');
  expect(await outcome(monitor.snapshot.create({ repository: 'platform', snapshot: 'a' }))).toBe(403);
  const { snapshot } = await backup.snapshot.create({
    repository: 'platform',
    snapshot: 'a',
    wait_for_completion: true,
  });
  expect(snapshot).toMatchObject({ snapshot: 'a', state: 'SUCCESS' });
  expect((await backup.snapshot.get({ repository: 'platform', snapshot: '_all' })).total).toBe(1);
  expect(await outcome(backup.snapshot.restore({ repository: 'platform', snapshot: 'a' }))).toBe(403);
});
