import { KubernetesCluster, type Tunnel } from '../migrations/kubernetes/cluster';
import { forwardWhenReady } from '../migrations/kubernetes/ready-tunnel';
import { http } from '../migrations/targets/http-client';
import { chromaTarget } from '../migrations/targets/chroma/store';
import { eventually } from '../migrations/testing/servers';
import { testAuthority } from '../migrations/testing/tls';
import { bearerToken } from './auth-proxy';
import { newAuthority } from './certificates/x509';
import { chromaCertificate, chromaRoles, chromaSpec } from './chroma-spec';
import {
  accessLog,
  applyProxiedStore,
  challenge,
  outcome,
  podReady,
  repeatedly,
  replaceLogins,
  secondsToStop,
} from './testing/proxied-store';
import { images } from './versions';

const namespace = `chroma-test-${process.pid}`;
const args = {
  namespace,
  image: images.chroma,
  proxyImage: images.nginx,
  storage: { size: '64Mi' },
  resources: { requests: { cpu: '25m', memory: '64Mi' }, limits: { memory: '512Mi' } },
  tlsSecret: 'chroma-tls',
} as const;
const spec = chromaSpec(args);
const certificate = chromaCertificate(args);
const loginOf = (user: string) => ({ user, password: `${user}OfTheTest0123456789` });
const token = (user: string) => bearerToken(loginOf(user));
const tokens: Record<string, string> = Object.fromEntries(chromaRoles.map((role) => [role, token(role)]));
const tenant = '/api/v2/tenants/default_tenant';
const data = `${tenant}/databases/default_database`;
const heartbeat = '/api/v2/heartbeat';

let cluster: KubernetesCluster;
let tunnel: Tunnel;
let authority: string;

beforeAll(async () => {
  cluster = KubernetesCluster.load();
  authority = (await testAuthority()).certificate;
  await applyProxiedStore(cluster, spec, chromaRoles.map(loginOf), certificate);
  await eventually('Chroma is ready', 120_000, () => podReady(cluster, spec));
  tunnel = await forwardWhenReady(cluster, namespace, 'chroma', 8000);
}, 180_000);

afterAll(async () => {
  await tunnel?.close();
  await cluster.delete('v1', 'Namespace', undefined, namespace);
}, 60_000);

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';
const trust = (serverName = 'chroma', ca = authority) => ({ ca, serverName });
const headers = (given: string | undefined, body?: object) => ({
  ...(given ? { authorization: `Bearer ${given}` } : {}),
  ...(body ? { 'content-type': 'application/json' } : {}),
});

/** The text of an answer. */
function ask(given: string | undefined, method: Method, path: string, body?: object): Promise<string> {
  const url = `https://${tunnel.host}:${tunnel.port}${path}`;
  return http({
    method,
    url,
    headers: headers(given, body),
    body: body && JSON.stringify(body),
    tls: trust(),
  });
}

function status(given: string | undefined, method: Method, path: string, body?: object, tls = trust()) {
  return outcome(tunnel, {
    method,
    path,
    headers: headers(given, body),
    body: body && JSON.stringify(body),
    tls,
  });
}

test('TLS under every name that is claimed, and for no other name or authority', async () => {
  const names = certificate.dnsNames.map((name) => name.replace('*', 'chroma-0'));
  for (const name of names)
    expect([name, await status(tokens.app, 'GET', heartbeat, undefined, trust(name))]).toEqual([name, 'ok']);
  const wrong = (tls: ReturnType<typeof trust>) => status(tokens.app, 'GET', heartbeat, undefined, tls);
  expect(await wrong(trust('elsewhere'))).toBe('ERR_TLS_CERT_ALTNAME_INVALID');
  const other = await newAuthority('other', { from: new Date(), days: 1 });
  expect(await wrong(trust('chroma', other.certificate))).toBe('UNABLE_TO_VERIFY_LEAF_SIGNATURE');
  const url = `http://${tunnel.host}:${tunnel.port}${heartbeat}`;
  const plain = http({ method: 'GET', url, headers: headers(tokens.app) });
  await expect(plain).rejects.toMatchObject({ status: 400 });
});

test('nobody gets in without a token, or with one that is not exactly right', async () => {
  expect(await challenge(tunnel, authority, 'chroma')).toMatchObject({
    status: 401,
    asksFor: 'Bearer realm="Chroma"',
  });
  const foreign = bearerToken({ user: 'owner', password: loginOf('app').password });
  for (const wrong of ['wrong', `${tokens.app}x`, tokens.app!.toUpperCase(), '.*', token('app-b'), foreign])
    expect([wrong, await status(wrong, 'GET', heartbeat)]).toEqual([wrong, 401]);
  const basic = { authorization: `Basic ${tokens.app}` };
  expect(await outcome(tunnel, { method: 'GET', path: heartbeat, headers: basic, tls: trust() })).toBe(401);
});

test('the application works with collections of projects and records, and with nothing else', async () => {
  const { app, owner } = tokens;
  expect(await status(app, 'GET', '/api/v2/heartbeat')).toBe('ok');
  for (const name of ['project_p1_documents', 'tools'])
    expect(await status(app, 'POST', `${data}/collections`, { name })).toBe('ok');
  const { id } = JSON.parse(await ask(app, 'GET', `${data}/collections/tools`)) as { id: string };
  expect(
    await status(app, 'POST', `${data}/collections/${id}/upsert`, { ids: ['a'], embeddings: [[1, 2]] }),
  ).toBe('ok');
  expect(await status(app, 'GET', `${data}/collections/${id}/count`)).toBe('ok');
  expect(await status(app, 'POST', `${data}/collections/${id}/query`, { query_embeddings: [[1, 2]] })).toBe(
    'ok',
  );
  expect(await status(app, 'PUT', `${data}/collections/${id}`, { new_name: 'mine' })).toBe(403);
  expect(await status(app, 'DELETE', `${data}/collections/tools`)).toBe(403);
  expect(await status(app, 'DELETE', `${data}/collections/project_p1_documents`)).toBe('ok');
  expect(await status(app, 'POST', '/api/v2/tenants/default_tenant/databases', { name: 'mine' })).toBe(403);
  expect(
    await status(app, 'GET', '/api/v2/tenants/default_tenant/databases/schema_migrations/collections'),
  ).toBe(403);
  expect(await status(app, 'POST', '/api/v2/reset')).toBe(403);
  expect(await status(owner, 'DELETE', `${data}/collections/tools`)).toBe('ok');
});

test('the reader reads the default database, the backup reads every one, the monitor learns that the store is well', async () => {
  const { owner, app, readonly, backup, monitor } = tokens;
  const own = `${tenant}/databases/owned`;
  await ask(owner, 'POST', `${tenant}/databases`, { name: 'owned' });
  const collections: Record<string, string> = {};
  for (const database of [data, own]) {
    const created = await ask(owner, 'POST', `${database}/collections`, { name: 'shared' });
    const { id } = JSON.parse(created) as { id: string };
    collections[database] = `${database}/collections/${id}`;
    await ask(owner, 'POST', `${collections[database]}/upsert`, { ids: ['a'], embeddings: [[1, 2]] });
  }
  const record = { ids: ['b'], embeddings: [[1, 2]] };
  const read = (given: string | undefined, database: string) =>
    Promise.all([
      status(given, 'GET', `${database}/collections`),
      status(given, 'POST', `${collections[database]}/get`, {}),
      status(given, 'POST', `${collections[database]}/query`, { query_embeddings: [[1, 2]] }),
    ]);
  expect([await read(readonly, data), await read(readonly, own)]).toEqual([
    ['ok', 'ok', 'ok'],
    [403, 403, 403],
  ]);
  expect([await read(backup, data), await read(backup, own)]).toEqual([
    ['ok', 'ok', 403],
    ['ok', 'ok', 403],
  ]);
  expect([await read(monitor, data), await read(monitor, own)]).toEqual([
    [403, 403, 403],
    [403, 403, 403],
  ]);
  for (const given of [readonly, backup, monitor]) {
    expect(await status(given, 'POST', `${collections[data]}/add`, record)).toBe(403);
    expect(await status(given, 'POST', `${collections[data]}/delete`, { ids: ['a'] })).toBe(403);
    expect(await status(given, 'POST', `${data}/collections`, { name: 'mine' })).toBe(403);
    expect(await status(given, 'DELETE', `${data}/collections/shared`)).toBe(403);
    expect(await status(given, 'GET', '/health')).toBe('ok');
  }
  expect(await status(monitor, 'GET', heartbeat)).toBe(403);
  expect(await status(app, 'GET', `${own}/collections`)).toBe(403);
  await ask(owner, 'DELETE', `${data}/collections/shared`);
});

test('every request is logged with its role, and no token', async () => {
  await status(tokens.readonly, 'GET', `${data}/collections?limit=7`);
  await status(bearerToken({ user: 'hunter2', password: 'asPassword' }), 'GET', heartbeat);
  const lines = await eventually('the log has it', 10_000, async () => {
    const seen = await accessLog(cluster, spec);
    return seen.at(-1)!.includes('401') && seen;
  });
  const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT/);
  const line = { log: 'access', time, method: 'GET', bytes: expect.any(Number) };
  expect(lines.slice(-2).map((text) => JSON.parse(text) as object)).toEqual([
    { ...line, role: 'readonly', user: 'readonly', path: `${data}/collections`, status: 200 },
    { ...line, role: '', user: '', path: heartbeat, status: 401 },
  ]);
  const text = lines.join('\n');
  for (const secret of ['OfTheTest', 'hunter2', tokens.app!, 'limit'])
    expect([secret, text.includes(secret)]).toEqual([secret, false]);
});

test('a rotation fails no request, old and new token work, and the next one ends the old one', async () => {
  const others = chromaRoles.filter((role) => role !== 'app').map(loginOf);
  const load = repeatedly(() => status(tokens.app, 'GET', `${data}/collections`));
  await eventually('the load runs', 30_000, async () => load.count('ok') > 20);
  await replaceLogins(cluster, spec, [...others, loginOf('app'), loginOf('app-b')]);
  const before = load.count('ok');
  await eventually('the load goes on', 30_000, async () => load.count('ok') > before + 20);
  expect(await load.stop()).toEqual(['ok']);
  for (const user of ['app', 'app-b']) {
    expect([user, await status(token(user), 'GET', heartbeat)]).toEqual([user, 'ok']);
    expect([user, await status(token(user), 'POST', '/api/v2/reset')]).toEqual([user, 403]);
  }
  const third = { user: 'app', password: 'thirdPasswordOfTheTest' };
  await replaceLogins(cluster, spec, [...others, loginOf('app-b'), third]);
  expect(await status(tokens.app, 'GET', heartbeat)).toBe(401);
  expect(await status(token('app-b'), 'GET', heartbeat)).toBe('ok');
  expect(await status(bearerToken(third), 'GET', heartbeat)).toBe('ok');
  await replaceLogins(cluster, spec, chromaRoles.map(loginOf));
}, 600_000);

test('a runner that may only read, or has the token of the application, gets a sentence with the fix', async () => {
  const endpoint = `https://${tunnel.host}:${tunnel.port}`;
  const targetOf = (given: string) =>
    chromaTarget({ endpoint, token: given, tls: trust(), database: 'test' });
  const refusal = /403 Forbidden\. Connect with credentials that may\.$/;
  const reader = targetOf(tokens.backup!);
  expect([await reader.applied(), await reader.snapshot()]).toEqual([[], undefined]);
  await expect(reader.lock({ holder: 'backup', waitMs: 0 })).rejects.toThrow(refusal);
  const application = targetOf(tokens.app!);
  await expect(application.applied()).rejects.toThrow(refusal);
  await expect(application.lock({ holder: 'app', waitMs: 0 })).rejects.toThrow(refusal);
});

test('acknowledged records are there after the pod was killed', async () => {
  const created = await ask(tokens.app, 'POST', `${data}/collections`, { name: 'project_p2_knowledge' });
  const { id } = JSON.parse(created) as { id: string };
  const ids = Array.from({ length: 50 }, (_, index) => String(index));
  for (const record of ids)
    expect(
      await status(tokens.app, 'POST', `${data}/collections/${id}/upsert`, {
        ids: [record],
        embeddings: [[1, 2]],
      }),
    ).toBe('ok');
  const uid = (await cluster.read('v1', 'Pod', namespace, 'chroma-0'))!.metadata.uid;
  await cluster.delete('v1', 'Pod', namespace, 'chroma-0', { gracePeriodSeconds: 0 });
  await eventually('another pod is ready', 120_000, () => podReady(cluster, spec, uid));
  await tunnel.close();
  tunnel = await forwardWhenReady(cluster, namespace, 'chroma', 8000);
  const found = await ask(tokens.app, 'POST', `${data}/collections/${id}/get`, { include: [] });
  expect((JSON.parse(found) as { ids: string[] }).ids.sort()).toEqual(ids.sort());
}, 180_000);

test('the pod stops within seconds, long before the end of its grace period', async () => {
  expect(await secondsToStop(cluster, spec)).toBeLessThan(15);
}, 90_000);
