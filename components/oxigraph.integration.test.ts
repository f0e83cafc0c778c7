import { KubernetesCluster, type Tunnel } from '../migrations/kubernetes/cluster';
import { OxigraphClient } from '../migrations/targets/oxigraph/client';
import { OxigraphTarget } from '../migrations/targets/oxigraph/target';
import { eventually } from '../migrations/testing/servers';
import { oxigraphSpec } from './oxigraph-spec';
import { applyProxiedStore, podReady } from './testing/proxied-store';
import { images } from './versions';

const namespace = `oxigraph-test-${process.pid}`;
const small = { requests: { cpu: '25m', memory: '64Mi' }, limits: { memory: '256Mi' } };
const spec = oxigraphSpec({
  namespace,
  image: images.oxigraph,
  proxyImage: images.nginx,
  storage: { size: '64Mi' },
  resources: small,
  applicationAccess: 'graph-store',
});
const password = (role: string) => `${role}OfTheTest0123456789`;
const project = 'urn:agent-data-platform:project:p1';

let cluster: KubernetesCluster;
let writing: Tunnel;
let readOnly: Tunnel;

beforeAll(async () => {
  cluster = KubernetesCluster.load();
  const roles = Object.keys(spec.roles);
  await applyProxiedStore(cluster, spec, Object.fromEntries(roles.map((role) => [role, password(role)])));
  await eventually('Oxigraph is ready', 120_000, () => podReady(cluster, spec));
  writing = await cluster.forwardService(namespace, 'oxigraph', 7878);
  readOnly = await cluster.forwardService(namespace, 'oxigraph-readonly-endpoint', 7878);
}, 180_000);

afterAll(async () => {
  await writing?.close();
  await readOnly?.close();
  await cluster.delete('v1', 'Namespace', undefined, namespace);
}, 60_000);

/** Status of a request. */
async function status(
  tunnel: Tunnel,
  user: string,
  method: string,
  path: string,
  content?: { type: string; body: string },
  secret = password(user),
): Promise<number> {
  const answer = await fetch(`http://${tunnel.host}:${tunnel.port}${path}`, {
    method,
    headers: {
      ...(user ? { authorization: `Basic ${Buffer.from(`${user}:${secret}`).toString('base64')}` } : {}),
      ...(content ? { 'content-type': content.type } : {}),
    },
    body: content?.body,
  });
  await answer.arrayBuffer();
  return answer.status;
}
const ask = '/query?query=ASK%20%7B%7D';
const update = (body: string) => ({ type: 'application/sparql-update', body });
const turtle = { type: 'text/turtle', body: '<urn:a> <urn:b> 1 .' };
const store = (graph: string) => `/store?graph=${encodeURIComponent(graph)}`;

test('nobody gets in without a password, or with a wrong one', async () => {
  for (const tunnel of [writing, readOnly]) {
    expect(await status(tunnel, '', 'GET', ask)).toBe(401);
    expect(await status(tunnel, 'owner', 'GET', ask, undefined, 'wrong')).toBe(401);
    expect(await status(tunnel, 'app', 'GET', ask, undefined, password('owner'))).toBe(401);
  }
  const answer = await fetch(`http://${writing.host}:${writing.port}/query`);
  expect(answer.headers.get('www-authenticate')).toBe('Basic realm="Oxigraph"');
});

test('the owner updates; the application changes graphs of projects; the reader only reads', async () => {
  const insert = update('INSERT DATA { GRAPH <urn:x> { <urn:a> <urn:b> 1 } }');
  expect(await status(writing, 'owner', 'POST', '/update', insert)).toBe(204);
  expect(await status(writing, 'app', 'POST', '/update', insert)).toBe(403);
  expect(await status(writing, 'app', 'GET', ask)).toBe(200);
  expect(await status(writing, 'app', 'PUT', store(project), turtle)).toBe(201);
  expect(await status(writing, 'app', 'PUT', `/store?graph=${project}2`, turtle)).toBe(201);
  expect(await status(writing, 'app', 'PUT', store('urn:agent-data-platform:ontology'), turtle)).toBe(403);
  expect(await status(writing, 'app', 'PUT', `${store(project)}&default`, turtle)).toBe(403);
  expect(await status(writing, 'app', 'PUT', '/store?default', turtle)).toBe(403);
  expect(await status(writing, 'app', 'DELETE', store('urn:agent-data-platform:schema-migrations'))).toBe(
    403,
  );
  expect(await status(writing, 'readonly', 'GET', ask)).toBe(403);
});

test('the read-only endpoint takes queries and nothing else, whoever asks', async () => {
  for (const user of ['owner', 'app', 'readonly']) {
    expect(await status(readOnly, user, 'GET', ask)).toBe(200);
    expect(
      await status(readOnly, user, 'POST', '/query', { type: 'application/sparql-query', body: 'ASK {}' }),
    ).toBe(200);
    expect(await status(readOnly, user, 'POST', '/update', update('CLEAR ALL'))).toBe(403);
    expect(await status(readOnly, user, 'PUT', store(project), turtle)).toBe(403);
    expect(await status(readOnly, user, 'POST', '/query/../update', update('CLEAR ALL'))).toBe(403);
    expect(await status(readOnly, user, 'POST', '/query%2f..%2fupdate', update('CLEAR ALL'))).toBe(403);
    expect(await status(readOnly, user, 'POST', '/query', update('CLEAR ALL'))).toBe(415);
    expect(await status(readOnly, user, 'POST', '/query?update=CLEAR+ALL', update('CLEAR ALL'))).toBe(415);
  }
});

test('a runner that may only read gets a sentence with the fix, and changes nothing', async () => {
  const connection = (tunnel: Tunnel, user: string) => ({
    endpoint: `http://${tunnel.host}:${tunnel.port}`,
    user,
    password: password(user),
  });
  const target = new OxigraphTarget({ ...connection(readOnly, 'readonly'), database: 'test' });
  expect([await target.applied(), await target.snapshot()]).toEqual([[], undefined]);
  await expect(target.lock({ holder: 'reader', waitMs: 0 })).rejects.toThrow(
    /: the lock cannot be written as "readonly": it was refused with status 403\. Connect with the credentials of the owner\.$/,
  );
  const graphs = await new OxigraphClient(connection(writing, 'owner')).select('SELECT ?g { GRAPH ?g {} }');
  expect(graphs.filter(({ g }) => g!.includes('schema-migrations'))).toEqual([]);
});

test('the server itself is not reachable beside the proxy', async () => {
  const pod = await cluster.read('v1', 'Pod', namespace, 'oxigraph-0');
  const direct = fetch(`http://${pod!.status.podIP}:7879/query`, { signal: AbortSignal.timeout(3_000) });
  await expect(direct).rejects.toThrow();
});

test('acknowledged triples are there after the pod was killed under load', async () => {
  const graph = `${project}-load`;
  const acknowledged: number[] = [];
  let stop = false;
  const load = (async () => {
    for (let id = 0; !stop; id++) {
      const tunnel = await cluster.forwardService(namespace, 'oxigraph', 7878).catch(() => undefined);
      if (!tunnel) continue;
      const endpoint = `http://${tunnel.host}:${tunnel.port}`;
      const client = new OxigraphClient({ endpoint, user: 'owner', password: password('owner') });
      const insert = `INSERT DATA { GRAPH <${graph}> { <urn:record> <urn:id> ${id} } }`;
      await client.update(insert, { quick: true }).then(
        () => acknowledged.push(id),
        () => undefined,
      );
      await tunnel.close();
    }
  })();
  await eventually('some writes are acknowledged', 30_000, async () => acknowledged.length > 20);
  const uid = (await cluster.read('v1', 'Pod', namespace, 'oxigraph-0'))!.metadata.uid;
  await cluster.delete('v1', 'Pod', namespace, 'oxigraph-0', { gracePeriodSeconds: 0 });
  await eventually('another pod is ready', 120_000, () => podReady(cluster, spec, uid));
  const before = acknowledged.length;
  await eventually('writes go on', 30_000, async () => acknowledged.length > before + 5);
  stop = true;
  await load;
  const tunnel = await cluster.forwardService(namespace, 'oxigraph', 7878);
  const client = new OxigraphClient({
    endpoint: `http://${tunnel.host}:${tunnel.port}`,
    user: 'owner',
    password: password('owner'),
  });
  const rows = await client.select(`SELECT ?id { GRAPH <${graph}> { <urn:record> <urn:id> ?id } }`);
  await tunnel.close();
  const found = new Set(rows.map((row) => Number(row.id)));
  expect(acknowledged.filter((id) => !found.has(id))).toEqual([]);
}, 300_000);
