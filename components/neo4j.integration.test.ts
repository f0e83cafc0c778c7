import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import neo4j from 'neo4j-driver';
import { KubernetesCluster, type KubernetesObject, type Tunnel } from '../migrations/kubernetes/cluster';
import { forwardWhenReady } from '../migrations/kubernetes/ready-tunnel';
import { connect } from '../migrations/provider/connection';
import { http } from '../migrations/targets/http-client';
import { openDriver } from '../migrations/targets/neo4j/driver';
import { eventually } from '../migrations/testing/servers';
import { testAuthority, testCertificate } from '../migrations/testing/tls';
import { newAuthority } from './certificates/x509';
import { neo4jCertificate, neo4jSpec } from './neo4j-spec';
import { putNeo4jUser } from './neo4j-user-provider';
import { repeatedly } from './testing/proxied-store';
import { images } from './versions';

const namespace = `neo4j-test-${process.pid}`;
const args = {
  namespace,
  image: images.neo4j,
  storage: { size: '64Mi' },
  resources: { requests: { cpu: '100m', memory: '1Gi' }, limits: { memory: '1Gi' } },
  tlsSecret: 'neo4j-tls',
};
const spec = neo4jSpec(args);
const certificate = neo4jCertificate(args);
const password = (user: string, rotation: number) => `${user}-of-generation-${rotation}`;

let cluster: KubernetesCluster;
let tunnel: Tunnel;
let ca: string;

const apply = (apiVersion: string, kind: string, rest: object) =>
  cluster.apply({ apiVersion, kind, ...rest } as KubernetesObject, {
    fieldManager: 'component-test',
    force: true,
  });
const secret = (name: string, stringData: object) =>
  apply('v1', 'Secret', { metadata: { name, namespace }, stringData });

/** What the component does at a generation, in its order. */
async function rotate(rotation: number) {
  const { users } = neo4jSpec({ ...args, rotation });
  await putLogins(rotation);
  for (const { inputs } of Object.values(users)) await putNeo4jUser(inputs);
  for (const [role, { current }] of Object.entries(users))
    await secret(`neo4j-${role}`, { username: current, password: password(current, rotation) });
}

function putLogins(rotation: number) {
  const { users } = neo4jSpec({ ...args, rotation });
  const logins: Record<string, string> = {};
  for (const { current, previous } of Object.values(users)) {
    logins[current] = password(current, rotation);
    if (previous) logins[previous] = password(previous, rotation - 1);
  }
  return secret('neo4j-logins', logins);
}

beforeAll(async () => {
  cluster = KubernetesCluster.load();
  ca = (await testAuthority()).certificate;
  const restricted = { 'pod-security.kubernetes.io/enforce': 'restricted' };
  await apply('v1', 'Namespace', { metadata: { name: namespace, labels: restricted } });
  await secret('neo4j-tls', await testCertificate(certificate.dnsNames));
  await secret('platform-ca', { 'ca.crt': ca });
  await putLogins(1);
  await apply('v1', 'ServiceAccount', spec.serviceAccount);
  for (const service of Object.values(spec.services)) await apply('v1', 'Service', service);
  await apply('apps/v1', 'StatefulSet', spec.statefulSet);
  await eventually('Neo4j is ready', 240_000, async () => {
    const pod = await cluster.read('v1', 'Pod', namespace, 'neo4j-0');
    const conditions: { type: string; status: string }[] = pod?.status?.conditions ?? [];
    return conditions.some(({ type, status }) => type === 'Ready' && status === 'True');
  });
  tunnel = await forwardWhenReady(cluster, namespace, 'neo4j', 7687);
  await rotate(1);
}, 300_000);

afterAll(async () => {
  await tunnel?.close();
  await cluster.delete('v1', 'Namespace', undefined, namespace);
}, 60_000);

interface Login {
  readonly user: string;
  readonly secret: string;
}
const login = (user: string, rotation: number): Login => ({ user, secret: password(user, rotation) });

/** Rows of a query on a connection of its own, or the code of the refusal. */
async function ask(
  { user, secret }: Login,
  query: string,
  tls = { ca, serverName: 'neo4j' },
  database = 'neo4j',
) {
  try {
    const { driver, close } = await openDriver({ ...tunnel, user, password: secret, tls });
    try {
      const { records } = await driver.executeQuery(query, {}, { database });
      return records.map((record) => record.toObject());
    } finally {
      await close();
    }
  } catch (error) {
    return (error as { code: string }).code;
  }
}
const ONE = 'RETURN 1 AS one';
const one = [{ one: 1 }];
const UNAUTHORIZED = 'Neo.ClientError.Security.Unauthorized';

test('TLS under every name that is claimed, and for no other name or authority', async () => {
  const app = login('platform_app', 1);
  const names = certificate.dnsNames.map((name) => name.replace('*', 'neo4j-0'));
  expect(names).toContain(`neo4j-0.neo4j-servers.${namespace}.svc.cluster.local`);
  for (const serverName of names)
    expect([serverName, await ask(app, ONE, { ca, serverName })]).toEqual([serverName, one]);
  expect(await ask(app, ONE, { ca, serverName: 'elsewhere' })).toBe('ERR_TLS_CERT_ALTNAME_INVALID');
  const other = await newAuthority('other', { from: new Date(), days: 1 });
  const foreign = { ca: other.certificate, serverName: 'neo4j' };
  expect(await ask(app, ONE, foreign)).toBe('UNABLE_TO_VERIFY_LEAF_SIGNATURE');
});

test('a driver as applications use it trusts the authority in a file, and no server of another one', async () => {
  const app = login('platform_app', 1);
  const folder = mkdtempSync(join(tmpdir(), 'neo4j-ca-'));
  const other = await newAuthority('other', { from: new Date(), days: 1 });
  const one = async (name: string, pem: string) => {
    const file = join(folder, name);
    writeFileSync(file, pem);
    const driver = neo4j.driver(`neo4j://localhost:${tunnel.port}`, neo4j.auth.basic(app.user, app.secret), {
      encrypted: 'ENCRYPTION_ON',
      trust: 'TRUST_CUSTOM_CA_SIGNED_CERTIFICATES',
      trustedCertificates: [file],
      maxTransactionRetryTime: 1_000,
    });
    return driver
      .executeQuery(ONE, {}, { database: 'neo4j' })
      .then(() => 'ok')
      .finally(() => driver.close());
  };
  expect(await one('ca.crt', ca)).toBe('ok');
  await expect(one('other.crt', other.certificate)).rejects.toMatchObject({ code: 'ServiceUnavailable' });
  rmSync(folder, { recursive: true });
});

test('plain connections are refused, and there is no HTTP', async () => {
  const app = login('platform_app', 1);
  const driver = neo4j.driver(`bolt://${tunnel.host}:${tunnel.port}`, neo4j.auth.basic(app.user, app.secret));
  await expect(driver.executeQuery(ONE)).rejects.toMatchObject({ code: 'ServiceUnavailable' });
  await driver.close();
  const pod = await cluster.read('v1', 'Pod', namespace, 'neo4j-0');
  for (const [port, scheme] of [
    [7474, 'http'],
    [7473, 'https'],
  ] as const) {
    const asked = http({ method: 'GET', url: `${scheme}://${pod!.status.podIP}:${port}/`, timeoutMs: 3_000 });
    await expect(asked).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  }
});

test('the migration engine and the provider verify the server with the authority in its Secret', async () => {
  const reference = {
    kind: 'service',
    namespace,
    service: 'neo4j',
    port: 7687,
    credentialsSecret: 'neo4j-admin',
    caSecret: 'platform-ca',
  } as const;
  const options = { store: 'neo4j', database: 'test', holder: 'test', budgetMs: 20_000 } as const;
  const connection = await connect({ ...options, reference });
  expect(await connection.target.applied()).toEqual([]);
  await connection.close();
  const other = await newAuthority('other', { from: new Date(), days: 1 });
  await secret('other-ca', { 'ca.crt': other.certificate });
  const foreign = connect({ ...options, reference: { ...reference, caSecret: 'other-ca' } });
  await expect(foreign).rejects.toMatchObject({ code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' });
});

test('Community has no roles: the application may do everything, and no other login is made that would say otherwise', async () => {
  const app = login('platform_app', 1);
  const administer = (query: string) => ask(app, query, undefined, 'system');
  expect(Object.keys(spec.users)).toEqual(['admin', 'app']);
  expect(await ask(app, 'CREATE INDEX of_app IF NOT EXISTS FOR (n:OfApp) ON (n.id)')).toEqual([]);
  expect(await administer("CREATE USER of_app SET PASSWORD 'OfTheTest01' CHANGE NOT REQUIRED")).toEqual([]);
  expect(await administer('DROP USER of_app')).toEqual([]);
  expect(await administer('SHOW ROLES')).toBe('Neo.ClientError.Statement.UnsupportedAdministrationCommand');
  expect(await ask({ ...app, secret: 'wrong' }, ONE)).toBe(UNAUTHORIZED);
});

test('a rotation fails no query, old and new password work, and the next one ends the old one; nothing restarts', async () => {
  const started = async () =>
    (await cluster.read('v1', 'Pod', namespace, 'neo4j-0'))!.status.containerStatuses[0].state.running
      .startedAt;
  const before = await started();
  const first = login('platform_app', 1);
  const kept = await openDriver({
    ...tunnel,
    user: first.user,
    password: first.secret,
    tls: { ca, serverName: 'neo4j' },
  });
  const load = repeatedly(async () => {
    const written = await kept.driver
      .executeQuery('CREATE (n:Load) RETURN count(n) AS n', {}, { database: 'neo4j' })
      .then(
        ({ records }) => records.length,
        (error: { code: string }) => error.code,
      );
    const fresh = await ask(first, ONE);
    return typeof fresh === 'string' ? fresh : written;
  });
  await eventually('the load runs', 60_000, async () => load.count(1) > 5);
  await rotate(2);
  const soFar = load.count(1);
  await eventually('the load goes on', 60_000, async () => load.count(1) > soFar + 5);
  expect(await load.stop()).toEqual([1]);
  await kept.close();
  const second = login('platform_app-b', 2);
  for (const known of [first, second, login('neo4j', 1), login('neo4j-b', 2)])
    expect([known.user, await ask(known, ONE)]).toEqual([known.user, one]);
  await rotate(3);
  expect([await ask(first, ONE), await ask(login('neo4j', 1), ONE)]).toEqual([UNAUTHORIZED, UNAUTHORIZED]);
  for (const known of [second, login('platform_app', 3), login('neo4j', 3)])
    expect([known.user, await ask(known, ONE)]).toEqual([known.user, one]);
  expect(await started()).toBe(before);
  // Whoever leaves a generation out ends both passwords at once, and is not locked out.
  await rotate(6);
  expect([await ask(second, ONE), await ask(login('platform_app-b', 6), ONE)]).toEqual([UNAUTHORIZED, one]);
}, 300_000);
