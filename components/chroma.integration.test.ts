import { KubernetesCluster, type Tunnel } from '../migrations/kubernetes/cluster';
import { chromaTarget } from '../migrations/targets/chroma/store';
import { eventually } from '../migrations/testing/servers';
import { chromaSpec } from './chroma-spec';
import { applyProxiedStore, podReady } from './testing/proxied-store';
import { images } from './versions';

const namespace = `chroma-test-${process.pid}`;
const spec = chromaSpec({
  namespace,
  image: images.chroma,
  proxyImage: images.nginx,
  storage: { size: '64Mi' },
  resources: { requests: { cpu: '25m', memory: '64Mi' }, limits: { memory: '512Mi' } },
});
const tokens: Record<string, string> = { owner: 'ownerOfTheTest0123456789', app: 'appOfTheTest0123456789' };
const data = '/api/v2/tenants/default_tenant/databases/default_database';

let cluster: KubernetesCluster;
let tunnel: Tunnel;

beforeAll(async () => {
  cluster = KubernetesCluster.load();
  await applyProxiedStore(cluster, spec, tokens);
  await eventually('Chroma is ready', 120_000, () => podReady(cluster, spec));
  tunnel = await cluster.forwardService(namespace, 'chroma', 8000);
}, 180_000);

afterAll(async () => {
  await tunnel?.close();
  await cluster.delete('v1', 'Namespace', undefined, namespace);
}, 60_000);

async function ask(token: string | undefined, method: string, path: string, body?: object) {
  const answer = await fetch(`http://${tunnel.host}:${tunnel.port}${path}`, {
    method,
    headers: {
      ...(token ? { authorization: `Bearer ${token}` } : {}),
      ...(body ? { 'content-type': 'application/json' } : {}),
    },
    body: body && JSON.stringify(body),
  });
  const text = await answer.text();
  return { status: answer.status, headers: answer.headers, text };
}
const status = async (...request: Parameters<typeof ask>) => (await ask(...request)).status;

test('nobody gets in without a token, or with one that is not exactly right', async () => {
  const answer = await ask(undefined, 'GET', '/api/v2/heartbeat');
  expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([401, 'Bearer realm="Chroma"']);
  for (const wrong of ['wrong', `${tokens.app}x`, tokens.app!.toUpperCase(), '.*'])
    expect([wrong, await status(wrong, 'GET', '/api/v2/heartbeat')]).toEqual([wrong, 401]);
});

test('the application works with collections of projects and records, and with nothing else', async () => {
  const { app, owner } = tokens;
  expect(await status(app, 'GET', '/api/v2/heartbeat')).toBe(200);
  for (const name of ['project_p1_documents', 'tools'])
    expect(await status(app, 'POST', `${data}/collections`, { name })).toBe(200);
  const { id } = JSON.parse((await ask(app, 'GET', `${data}/collections/tools`)).text) as { id: string };
  expect(
    await status(app, 'POST', `${data}/collections/${id}/upsert`, { ids: ['a'], embeddings: [[1, 2]] }),
  ).toBe(200);
  expect(await status(app, 'GET', `${data}/collections/${id}/count`)).toBe(200);
  expect(await status(app, 'POST', `${data}/collections/${id}/query`, { query_embeddings: [[1, 2]] })).toBe(
    200,
  );
  expect(await status(app, 'PUT', `${data}/collections/${id}`, { new_name: 'mine' })).toBe(403);
  expect(await status(app, 'DELETE', `${data}/collections/tools`)).toBe(403);
  expect(await status(app, 'DELETE', `${data}/collections/project_p1_documents`)).toBe(200);
  expect(await status(app, 'POST', '/api/v2/tenants/default_tenant/databases', { name: 'mine' })).toBe(403);
  expect(
    await status(app, 'GET', '/api/v2/tenants/default_tenant/databases/schema_migrations/collections'),
  ).toBe(403);
  expect(await status(app, 'POST', '/api/v2/reset')).toBe(403);
  expect(await status(owner, 'DELETE', `${data}/collections/tools`)).toBe(200);
});

test('a runner with the token of the application gets a sentence with the fix', async () => {
  const endpoint = `http://${tunnel.host}:${tunnel.port}`;
  const target = chromaTarget({ endpoint, token: tokens.app!, database: 'test' });
  const refusal = /403 Forbidden\. Connect with credentials that may\.$/;
  await expect(target.applied()).rejects.toThrow(refusal);
  await expect(target.lock({ holder: 'app', waitMs: 0 })).rejects.toThrow(refusal);
});

test('acknowledged records are there after the pod was killed', async () => {
  const created = await ask(tokens.app, 'POST', `${data}/collections`, { name: 'project_p2_knowledge' });
  const { id } = JSON.parse(created.text) as { id: string };
  const ids = Array.from({ length: 50 }, (_, index) => String(index));
  for (const record of ids)
    expect(
      await status(tokens.app, 'POST', `${data}/collections/${id}/upsert`, {
        ids: [record],
        embeddings: [[1, 2]],
      }),
    ).toBe(200);
  const uid = (await cluster.read('v1', 'Pod', namespace, 'chroma-0'))!.metadata.uid;
  await cluster.delete('v1', 'Pod', namespace, 'chroma-0', { gracePeriodSeconds: 0 });
  await eventually('another pod is ready', 120_000, () => podReady(cluster, spec, uid));
  await tunnel.close();
  tunnel = await cluster.forwardService(namespace, 'chroma', 8000);
  const found = await ask(tokens.app, 'POST', `${data}/collections/${id}/get`, { include: [] });
  expect((JSON.parse(found.text) as { ids: string[] }).ids.sort()).toEqual(ids.sort());
}, 180_000);
