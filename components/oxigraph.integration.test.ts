import { KubernetesCluster, type Tunnel } from '../migrations/kubernetes/cluster';
import { forwardWhenReady } from '../migrations/kubernetes/ready-tunnel';
import { basicAuthorization, http } from '../migrations/targets/http-client';
import { OxigraphClient } from '../migrations/targets/oxigraph/client';
import { OxigraphTarget } from '../migrations/targets/oxigraph/target';
import { eventually } from '../migrations/testing/servers';
import { testAuthority } from '../migrations/testing/tls';
import { newAuthority } from './certificates/x509';
import { oxigraphCertificate, oxigraphRoles, oxigraphSpec } from './oxigraph-spec';
import {
  accessLog,
  applyCertificate,
  applyProxiedStore,
  challenge,
  outcome,
  podReady,
  repeatedly,
  replaceLogins,
  secondsToStop,
} from './testing/proxied-store';
import { images } from './versions';

const namespace = `oxigraph-test-${process.pid}`;
const args = {
  namespace,
  image: images.oxigraph,
  proxyImage: images.nginx,
  storage: { size: '64Mi' },
  resources: { requests: { cpu: '25m', memory: '64Mi' }, limits: { memory: '256Mi' } },
  applicationAccess: 'graph-store',
  tlsSecret: 'oxigraph-tls',
} as const;
const spec = oxigraphSpec(args);
const certificate = oxigraphCertificate(args);
const password = (user: string) => `${user}OfTheTest0123456789`;
const loginsOf = (users: readonly string[]) => users.map((user) => ({ user, password: password(user) }));
const project = 'urn:agent-data-platform:project:p1';

let cluster: KubernetesCluster;
let authority: string;
let writing: Tunnel;
let readOnly: Tunnel;

const openTunnels = async () => {
  writing = await forwardWhenReady(cluster, namespace, 'oxigraph', 7878);
  readOnly = await forwardWhenReady(cluster, namespace, 'oxigraph-readonly-endpoint', 7878);
};
const closeTunnels = async () => {
  await writing?.close();
  await readOnly?.close();
};

beforeAll(async () => {
  cluster = KubernetesCluster.load();
  authority = (await testAuthority()).certificate;
  await applyProxiedStore(cluster, spec, loginsOf(oxigraphRoles), certificate);
  await eventually('Oxigraph is ready', 120_000, () => podReady(cluster, spec));
  await openTunnels();
}, 180_000);

afterAll(async () => {
  await closeTunnels();
  await cluster.delete('v1', 'Namespace', undefined, namespace);
}, 60_000);

const trust = (serverName = 'oxigraph', ca = authority) => ({ ca, serverName });
const connection = (tunnel: Tunnel, user: string) => ({
  endpoint: `https://${tunnel.host}:${tunnel.port}`,
  user,
  password: password(user),
  tls: trust(),
});

function status(
  tunnel: Tunnel,
  user: string,
  method: 'GET' | 'PUT' | 'POST' | 'DELETE',
  path: string,
  content?: { type: string; body: string },
  secret = password(user),
) {
  const headers = {
    ...(user ? { authorization: basicAuthorization(user, secret) } : {}),
    ...(content ? { 'content-type': content.type } : {}),
  };
  return outcome(tunnel, { method, path, headers, body: content?.body, tls: trust() });
}
const ask = '/query?query=ASK%20%7B%7D';
const update = (body: string) => ({ type: 'application/sparql-update', body });
const turtle = { type: 'text/turtle', body: '<urn:a> <urn:b> 1 .' };
const store = (graph: string) => `/store?graph=${encodeURIComponent(graph)}`;

test('TLS under every name that is claimed, and for no other name, authority or version', async () => {
  const names = certificate.dnsNames.map((name) => name.replace('*', 'oxigraph-0'));
  expect(names).toContain(`oxigraph-0.oxigraph-nodes.${namespace}.svc.cluster.local`);
  const headers = { authorization: basicAuthorization('app', password('app')) };
  const get = (tls: ReturnType<typeof trust>) => outcome(writing, { method: 'GET', path: ask, headers, tls });
  for (const name of names) expect([name, await get(trust(name))]).toEqual([name, 'ok']);
  expect(await get(trust('elsewhere'))).toBe('ERR_TLS_CERT_ALTNAME_INVALID');
  const other = await newAuthority('other', { from: new Date(), days: 1 });
  expect(await get(trust('oxigraph', other.certificate))).toBe('UNABLE_TO_VERIFY_LEAF_SIGNATURE');
  for (const tunnel of [writing, readOnly]) {
    const plain = { method: 'GET', url: `http://${tunnel.host}:${tunnel.port}${ask}`, headers } as const;
    await expect(http(plain)).rejects.toMatchObject({ status: 400 });
  }
  const old = challenge(writing, authority, 'oxigraph', 'TLSv1.1');
  await expect(old).rejects.toThrow('alert protocol version');
});

test('nobody gets in without a password, or with a wrong one', async () => {
  for (const tunnel of [writing, readOnly]) {
    expect(await status(tunnel, '', 'GET', ask)).toBe(401);
    expect(await status(tunnel, 'owner', 'GET', ask, undefined, 'wrong')).toBe(401);
    expect(await status(tunnel, 'app', 'GET', ask, undefined, password('owner'))).toBe(401);
    expect(await status(tunnel, 'app-b', 'GET', ask, undefined, password('app'))).toBe(401);
    expect(await status(tunnel, 'nobody', 'GET', ask)).toBe(401);
  }
  expect(await challenge(writing, authority, 'oxigraph')).toMatchObject({
    status: 401,
    asksFor: 'Basic realm="Oxigraph"',
  });
});

test('the owner updates; the application changes graphs of projects; the reader only reads', async () => {
  const insert = update('INSERT DATA { GRAPH <urn:x> { <urn:a> <urn:b> 1 } }');
  expect(await status(writing, 'owner', 'POST', '/update', insert)).toBe('ok');
  expect(await status(writing, 'app', 'POST', '/update', insert)).toBe(403);
  expect(await status(writing, 'app', 'GET', ask)).toBe('ok');
  expect(await status(writing, 'app', 'PUT', store(project), turtle)).toBe('ok');
  expect(await status(writing, 'app', 'PUT', `/store?graph=${project}2`, turtle)).toBe('ok');
  expect(await status(writing, 'app', 'PUT', store('urn:agent-data-platform:ontology'), turtle)).toBe(403);
  expect(await status(writing, 'app', 'PUT', `${store(project)}&default`, turtle)).toBe(403);
  expect(await status(writing, 'app', 'PUT', '/store?default', turtle)).toBe(403);
  expect(await status(writing, 'app', 'DELETE', store('urn:agent-data-platform:schema-migrations'))).toBe(
    403,
  );
  expect(await status(writing, 'readonly', 'GET', ask)).toBe(403);
});

test('the read-only endpoint takes queries and nothing else, whoever asks', async () => {
  for (const user of ['owner', 'app', 'readonly', 'backup']) {
    expect(await status(readOnly, user, 'GET', ask)).toBe('ok');
    expect(
      await status(readOnly, user, 'POST', '/query', { type: 'application/sparql-query', body: 'ASK {}' }),
    ).toBe('ok');
    expect(await status(readOnly, user, 'POST', '/update', update('CLEAR ALL'))).toBe(403);
    expect(await status(readOnly, user, 'PUT', store(project), turtle)).toBe(403);
    expect(await status(readOnly, user, 'POST', '/query/../update', update('CLEAR ALL'))).toBe(403);
    expect(await status(readOnly, user, 'POST', '/query%2f..%2fupdate', update('CLEAR ALL'))).toBe(403);
    expect(await status(readOnly, user, 'POST', '/query', update('CLEAR ALL'))).toBe(415);
    expect(await status(readOnly, user, 'POST', '/query?update=CLEAR+ALL', update('CLEAR ALL'))).toBe(415);
  }
});

test('the backup downloads every graph and changes none; the monitor learns that the store is well, and nothing else', async () => {
  const download = (tunnel: Tunnel, user: string) =>
    http({
      method: 'GET',
      url: `https://${tunnel.host}:${tunnel.port}/store`,
      headers: { authorization: basicAuthorization(user, password(user)), accept: 'application/n-quads' },
      tls: trust(),
    });
  const integer = 'http://www.w3.org/2001/XMLSchema#integer';
  expect(await download(readOnly, 'backup')).toContain(`<urn:a> <urn:b> "1"^^<${integer}> <${project}> .`);
  for (const user of ['app', 'readonly', 'monitor'])
    await expect(download(readOnly, user)).rejects.toMatchObject({ status: 403 });
  for (const method of ['PUT', 'POST', 'DELETE'] as const)
    expect(await status(readOnly, 'backup', method, store(project), turtle)).toBe(403);
  expect(await status(writing, 'backup', 'GET', ask)).toBe(403);
  for (const tunnel of [writing, readOnly]) {
    expect(await status(tunnel, 'monitor', 'GET', '/health')).toBe('ok');
    for (const path of [ask, '/store', '/health?query=ASK+%7B%7D', '/health/../query'])
      expect([path, await status(tunnel, 'monitor', 'GET', path)]).toEqual([path, 403]);
    expect(await status(tunnel, '', 'GET', '/health')).toBe(401);
    expect(await status(tunnel, 'monitor', 'GET', '/health', undefined, 'wrong')).toBe(401);
  }
});

test('probes see whether the store is well without credentials, and nothing of what is in it', async () => {
  const tunnel = await cluster.forward(namespace, 'oxigraph-0', 7881);
  const get = (path: string) => outcome(tunnel, { method: 'GET', path, tls: trust() });
  expect([await get('/store'), await get('/proxy')]).toEqual(['ok', 'ok']);
  expect([await get('/query'), await get('/'), await get('/users')]).toEqual([404, 404, 404]);
  const empty = await http({
    method: 'GET',
    url: `https://${tunnel.host}:${tunnel.port}/store`,
    tls: trust(),
  });
  expect(JSON.parse(empty)).toEqual({ head: {}, boolean: true });
  await tunnel.close();
});

test('every request is logged with its role, and no password, query or probe', async () => {
  await status(writing, 'app', 'GET', '/query?query=ASK%20%7B%20%3Curn%3Aseen%3E%20%3Fp%20%3Fo%20%7D');
  await status(writing, 'app', 'GET', '/update');
  await status(writing, 'hunter2AsUserName', 'GET', ask);
  const own = (lines: string[]) => lines.slice(-3).map((line) => JSON.parse(line) as object);
  const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT/);
  const request = { log: 'access', time, method: 'GET', bytes: expect.any(Number) };
  await eventually('the log has them', 10_000, async () =>
    (await accessLog(cluster, spec)).at(-1)!.includes('401'),
  );
  const lines = await accessLog(cluster, spec);
  expect(own(lines)).toEqual([
    { ...request, role: 'app', user: 'app', path: '/query', status: 200 },
    { ...request, role: 'app', user: 'app', path: '/update', status: 403 },
    { ...request, role: '', user: '', path: '/query', status: 401 },
  ]);
  const text = lines.join('\n');
  for (const secret of ['OfTheTest', 'hunter2', 'seen', 'CLEAR', '/proxy', 'kube-probe'])
    expect([secret, text.includes(secret)]).toEqual([secret, false]);
});

test('a runner that may only read gets a sentence with the fix, and changes nothing', async () => {
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
  const direct = http({ method: 'GET', url: `http://${pod!.status.podIP}:7879/query`, timeoutMs: 3_000 });
  await expect(direct).rejects.toMatchObject({ status: undefined, code: 'ECONNREFUSED' });
});

test('a rotation fails no request, old and new password work, and the next one ends the old one; nothing restarts', async () => {
  const others = oxigraphRoles.filter((role) => role !== 'app');
  const uid = (await cluster.read('v1', 'Pod', namespace, 'oxigraph-0'))!.metadata.uid;
  const load = repeatedly(() => status(writing, 'app', 'GET', ask));
  await eventually('the load runs', 30_000, async () => load.count('ok') > 20);
  await replaceLogins(cluster, spec, loginsOf([...others, 'app', 'app-b']));
  const before = load.count('ok');
  await eventually('the load goes on', 30_000, async () => load.count('ok') > before + 20);
  expect(await load.stop()).toEqual(['ok']);
  await closeTunnels();
  await openTunnels();
  for (const user of ['app', 'app-b']) {
    expect([user, await status(writing, user, 'GET', ask)]).toEqual([user, 'ok']);
    expect([user, await status(writing, user, 'POST', '/update', update('CLEAR ALL'))]).toEqual([user, 403]);
  }
  const third = 'thirdPasswordOfTheTest';
  await replaceLogins(cluster, spec, [...loginsOf([...others, 'app-b']), { user: 'app', password: third }]);
  expect(await status(writing, 'app', 'GET', ask)).toBe(401);
  expect(await status(writing, 'app-b', 'GET', ask)).toBe('ok');
  expect(await status(writing, 'app', 'GET', ask, undefined, third)).toBe('ok');
  const pod = await cluster.read('v1', 'Pod', namespace, 'oxigraph-0');
  const restarts = pod!.status.containerStatuses.map(
    ({ restartCount }: { restartCount: number }) => restartCount,
  );
  expect([pod!.metadata.uid, restarts]).toEqual([uid, [0, 0]]);
  await replaceLogins(cluster, spec, loginsOf(oxigraphRoles));
}, 600_000);

test('a new certificate is served without a restart', async () => {
  const shown = async () => (await challenge(writing, authority, 'oxigraph')).fingerprint;
  const uid = (await cluster.read('v1', 'Pod', namespace, 'oxigraph-0'))!.metadata.uid;
  const before = await shown();
  await applyCertificate(cluster, namespace, certificate);
  await eventually('another certificate is served', 150_000, async () => (await shown()) !== before);
  const pod = await cluster.read('v1', 'Pod', namespace, 'oxigraph-0');
  expect(pod!.metadata.uid).toBe(uid);
}, 180_000);

test('acknowledged triples are there after the pod was killed under load', async () => {
  const graph = `${project}-load`;
  const acknowledged: number[] = [];
  let stop = false;
  const load = (async () => {
    for (let id = 0; !stop; id++) {
      const tunnel = await cluster.forwardService(namespace, 'oxigraph', 7878).catch(() => undefined);
      if (!tunnel) continue;
      const client = new OxigraphClient(connection(tunnel, 'owner'));
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
  const tunnel = await forwardWhenReady(cluster, namespace, 'oxigraph', 7878);
  const client = new OxigraphClient(connection(tunnel, 'owner'));
  const rows = await client.select(`SELECT ?id { GRAPH <${graph}> { <urn:record> <urn:id> ?id } }`);
  await tunnel.close();
  const found = new Set(rows.map((row) => Number(row.id)));
  expect(acknowledged.filter((id) => !found.has(id))).toEqual([]);
}, 300_000);

test('the pod stops within seconds, long before the end of its grace period', async () => {
  expect(await secondsToStop(cluster, spec)).toBeLessThan(15);
}, 90_000);
