/** The commands on the stores of a stack, found by its configuration and reached through the API server. */
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { KubernetesCluster, type KubernetesObject } from '../kubernetes/cluster';
import { projectRoot } from '../project-root';
import { TemporaryFolder } from '../testing/change-folder';
import { as, closePools, freshDatabase, query, superuser } from '../testing/postgres';
import { startRedis, startRedisCluster } from '../testing/redis';
import { eventually, type ScratchServer, startMinio, startPostgres } from '../testing/servers';
import { runCommand } from './run-command';
import { readStackPlace } from './stack-place';

const cluster = KubernetesCluster.load();
const folder = new TemporaryFolder();
const servers: ScratchServer[] = [];
const admins: Redis[] = [];

afterAll(async () => {
  folder.remove();
  for (const admin of admins) admin.disconnect();
  await closePools();
  for (const server of servers) await server.stop();
}, 120_000);

/** A namespace and the stack whose configuration names it. */
async function makeStack(name: string, config: string): Promise<string> {
  const namespace = `test-${name}-${randomBytes(4).toString('hex')}`;
  await apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
  folder.write({
    [`Pulumi.${name}.yaml`]: `config:\n  agent-data-platform:namespace: ${namespace}\n${config}`,
  });
  return namespace;
}

const apply = (object: KubernetesObject) => cluster.apply(object, { fieldManager: 'migrations-test' });
const secret = (namespace: string, name: string, stringData: Record<string, string>) =>
  apply({ apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace }, stringData });
/** The Service that the stack's component would make in front of a scratch server. */
const service = (
  namespace: string,
  name: string,
  { name: app, servicePort: port }: ScratchServer,
  headless = false,
) =>
  apply({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace },
    spec: { selector: { app }, ports: [{ port }], ...(headless ? { clusterIP: 'None' } : {}) },
  });

/** Runs a command on a stack of this test. */
async function run(stack: string, ...args: string[]) {
  const answer = { out: '', notes: '' };
  const code = await runCommand([...args, '--stack', stack], {
    io: { out: (text) => (answer.out += `${text}\n`), note: (text) => (answer.notes += `${text}\n`) },
    openStack: async (name) => readStackPlace(name, folder.path),
  });
  return { code, ...answer };
}

type Report = Record<string, unknown> & { store: string; database: string };
/** The same with `--json`, by store. */
async function runJson(stack: string, ...args: string[]) {
  const { code, out } = await run(stack, ...args, '--json');
  const reports = JSON.parse(out) as Report[];
  expect(new Set(reports.map(({ database }) => database))).toEqual(new Set(['platform']));
  return { code, of: Object.fromEntries(reports.map((report) => [report.store, report])) };
}

/** Number of change files of a store. */
const files = (store: string): number =>
  readdirSync(join(projectRoot(), 'migrations', store, 'platform')).filter((name) => /^\d{6}-/.test(name))
    .length;
const newest = (store: string): string => String(files(store)).padStart(6, '0');
const STORES = ['postgres', 'minio', 'redis'];
const ofEach = <T>(value: (store: string) => T) =>
  Object.fromEntries(STORES.map((store) => [store, value(store)]));

describe('PostgreSQL, MinIO and Redis under Sentinel', () => {
  let admin: Redis;

  beforeAll(async () => {
    const off = ['neo4j', 'oxigraph', 'qdrant', 'elasticsearch'];
    const config = off.map((store) => `  agent-data-platform:${store}:\n    enabled: false\n`).join('');
    const namespace = await makeStack('small', config);
    const [postgres, minio, redis] = await Promise.all([
      startPostgres(undefined, namespace),
      startMinio(namespace, { tls: true }),
      startRedis(namespace, 'redis-nodes'),
    ]);
    servers.push(postgres, minio, redis);
    const owner = await platformDatabase(postgres);
    await service(namespace, 'postgres-rw', postgres);
    await secret(namespace, 'postgres-owner', { username: owner.user, password: owner.password });
    await secret(namespace, 'postgres-ca', { 'ca.crt': await switchOnTls(postgres, 'postgres-rw') });
    await secret(namespace, 'minio-owner', { accessKey: minio.user, secretKey: minio.password });
    await service(namespace, 'redis-nodes', redis, true);
    await secret(namespace, 'redis-migrations', { username: redis.user, password: redis.password });
    admin = adminOf(redis, 'redis-nodes');
  }, 240_000);

  test('plan: every store that the stack has, the others are named', async () => {
    const { code, out, notes } = await run('small', 'migrate', 'plan');
    expect(code).toBe(3);
    for (const store of STORES) {
      expect(out).toContain(
        `${store}/platform\n  ${files(store)} change${files(store) === 1 ? '' : 's'} pending.\n`,
      );
    }
    expect(out).toContain('\n  CREATE TABLE platform.users');
    expect(notes).toBe(
      ['neo4j', 'oxigraph', 'qdrant', 'chroma', 'elasticsearch']
        .map((store) => `${store}: skipped, the stack "small" has it switched off (${store}.enabled).\n`)
        .join(''),
    );
    const { of, ...json } = await runJson('small', 'migrate', 'plan');
    expect(json.code).toBe(3);
    expect(Object.keys(of)).toEqual(STORES);
    for (const store of STORES) {
      expect(Object.keys(of[store]!)).toEqual(['store', 'database', 'pending', 'problems']);
      const [first] = of[store]!.pending as Record<string, unknown>[];
      expect(Object.keys(first!)).toEqual(['version', 'description', 'file', 'transaction', 'statements']);
    }
    expect((await run('small', 'migrate', 'status')).code).toBe(3);
  }, 60_000);

  test('up, status and verify agree', async () => {
    const { code, of } = await runJson('small', 'migrate', 'up');
    expect(code).toBe(0);
    for (const store of STORES) {
      expect(of[store]).toMatchObject({ version: newest(store) });
      const applied = of[store]!.applied as Record<string, unknown>[];
      expect(applied).toHaveLength(files(store));
      expect(Object.keys(applied[0]!)).toEqual(['version', 'description', 'durationMs']);
    }
    const again = await run('small', 'migrate', 'up');
    expect(again.code).toBe(0);
    expect(again.out).toBe(
      STORES.map((store) => `${store}/platform\n  0 changes applied; at version ${newest(store)}.\n`).join(
        '',
      ),
    );

    const status = await runJson('small', 'migrate', 'status');
    expect(status.code).toBe(0);
    for (const store of STORES) {
      expect(Object.keys(status.of[store]!)).toEqual([
        'store',
        'database',
        'version',
        'history',
        'pending',
        'problems',
      ]);
      const [entry] = status.of[store]!.history as Record<string, unknown>[];
      expect(Object.keys(entry!).sort()).toEqual([
        ...['appliedAt', 'appliedBy', 'checksum', 'description', 'durationMs', 'version'],
      ]);
    }
    expect((await run('small', 'migrate', 'status')).out).toMatch(/^redis\/platform\n {2}change +state +/m);

    const verify = await run('small', 'migrate', 'verify');
    expect(verify.code).toBe(0);
    expect(verify.out).toBe(
      STORES.map(
        (store) =>
          `${store}/platform\n  No drift: the definitions are those of ${newest(store)}.\n` +
          (store === 'redis' ? '  No fault in the data: 3 entries looked at.\n' : ''),
      ).join(''),
    );
  }, 180_000);

  test('verify finds keys of Redis that the registry does not allow', async () => {
    await admin.set('session:hunter2', 'x');
    await admin.mset('cart:1', 'x', 'cart:2', 'x');
    const faults = [
      'database 0, cart:*: fits no pattern, 2 keys, such as cart:<number> (string)',
      'database 0, session:{session_id}: has the wrong type, 1 key',
    ];
    const text = await run('small', 'migrate', 'verify', '--store', 'redis');
    expect(text).toEqual({
      code: 3,
      out: [
        `No drift: the definitions are those of ${newest('redis')}.`,
        '2 kinds of fault in the data (6 entries looked at):',
        ...faults.map((fault) => `! ${fault}`),
        'Correct what writes such data, or put what is meant into a change file.\n',
      ].join('\n'),
      notes: '',
    });
    const { code, of } = await runJson('small', 'migrate', 'verify');
    expect(code).toBe(3);
    expect(of.redis).toMatchObject({
      ...{ version: newest('redis'), recorded: newest('redis'), added: [], removed: [], drift: false },
      audit: {
        scanned: 6,
        complete: true,
        faults: [
          {
            ...{ database: 0, keys: 'cart:*', fault: 'fits no pattern', count: 2 },
            samples: ['cart:<number> (string)'],
            text: faults[0],
          },
          {
            ...{ database: 0, keys: 'session:{session_id}', fault: 'has the wrong type', count: 1 },
            text: faults[1],
          },
        ],
      },
    });
    expect(JSON.stringify(of)).not.toContain('hunter2');
    await admin.del('session:hunter2', 'cart:1', 'cart:2');
    expect((await run('small', 'migrate', 'verify')).code).toBe(0);
  }, 60_000);

  test('seed fills PostgreSQL, as often as it is run', async () => {
    const { code, of } = await runJson('small', 'seed');
    expect(code).toBe(0);
    expect(Object.keys(of)).toEqual(['postgres']);
    expect(of.postgres!.files).toContain('migrations/postgres/seed/dev/001-defaults.sql');
    const again = await run('small', 'seed');
    expect(again).toMatchObject({ code: 0, out: expect.stringMatching(/^[1-9]\d* seed files? run\.\n$/) });
    expect(again.notes).toMatch(/^✓ migrations\/postgres\/seed\/dev\/001-defaults\.sql \(\d+ ms\)$/m);
    expect((await run('small', 'seed', '--store', 'chroma')).code).toBe(2);
  }, 60_000);

  test('diagram draws the live tables', async () => {
    const { code, out } = await run('small', 'migrate', 'diagram');
    expect(code).toBe(0);
    expect(out).toBe(readFileSync(join(projectRoot(), 'docs/er-diagram.md'), 'utf8'));
    expect(Object.keys((await runJson('small', 'migrate', 'diagram')).of.postgres!)).toEqual([
      ...['store', 'database', 'diagram'],
    ]);
  }, 60_000);

  test('down reverts one store after a question, up brings it back', async () => {
    const unsure = await run('small', 'migrate', 'down', '--to', '0');
    expect([unsure.code, unsure.notes]).toEqual([
      2,
      expect.stringContaining('error: --to is a version of one store: name its --store.\n'),
    ]);
    expect((await run('small', 'migrate', 'down', '--to', '0', '--store', 'redis')).code).toBe(2);
    const { code, of } = await runJson('small', 'migrate', 'down', '--to', '0', '--store', 'redis', '--yes');
    expect(code).toBe(0);
    expect(Object.keys(of.redis!)).toEqual(['store', 'database', 'version', 'reverted']);
    expect(of.redis).toMatchObject({ version: '' });
    expect(of.redis!.reverted).toHaveLength(files('redis'));
    const status = await runJson('small', 'migrate', 'status');
    expect(status.code).toBe(3);
    expect(
      Object.fromEntries(Object.entries(status.of).map(([store, { version }]) => [store, version])),
    ).toEqual({
      ...ofEach(newest),
      redis: '',
    });
    expect((await run('small', 'migrate', 'up', '--store', 'redis')).code).toBe(0);
    expect((await run('small', 'migrate', 'status')).code).toBe(0);
  }, 60_000);

  test('a store that cannot be used fails alone where nothing is written, and stops `up`', async () => {
    await secret(servers[1]!.namespace, 'minio-owner', {
      accessKey: 'rootuser',
      secretKey: 'wrong-password',
    });
    const { code, of } = await runJson('small', 'migrate', 'status');
    expect(code).toBe(1);
    expect(Object.keys(of)).toEqual(STORES);
    expect(Object.keys(of.minio!)).toEqual(['store', 'database', 'error']);
    expect(JSON.stringify(of)).not.toContain('wrong-password');
    expect(of.redis).toMatchObject({ version: newest('redis') });
    const up = await runJson('small', 'migrate', 'up');
    expect([up.code, Object.keys(up.of)]).toEqual([1, ['postgres', 'minio']]);
  }, 90_000);
});

test('Redis in Cluster mode is found under its own names', async () => {
  const namespace = await makeStack('clustered', '  agent-data-platform:redis:\n    mode: cluster\n');
  const redis = await startRedisCluster(namespace, 'redis-cluster-nodes');
  servers.push(redis);
  await service(namespace, 'redis-cluster-nodes', redis, true);
  await secret(namespace, 'redis-cluster-migrations', { username: redis.user, password: redis.password });
  const admin = adminOf(redis, 'redis-cluster-nodes');
  await admin.cluster('ADDSLOTSRANGE', 0, 16383);
  await eventually('the node serves', 30_000, async () =>
    /^cluster_state:ok/m.test(await admin.cluster('INFO')),
  );
  const on = ['--store', 'redis'];
  expect((await run('clustered', 'migrate', 'plan', ...on)).code).toBe(3);
  expect(await run('clustered', 'migrate', 'up', ...on)).toMatchObject({
    code: 0,
    out: `${files('redis')} change${files('redis') === 1 ? '' : 's'} applied; at version ${newest('redis')}.\n`,
  });
  await admin.set('cart:1', 'x');
  const verify = await run('clustered', 'migrate', 'verify', ...on);
  expect(verify.code).toBe(3);
  expect(verify.out).toContain(
    '! database 0, cart:*: fits no pattern, 1 key, such as cart:<number> (string)\n',
  );
  expect((await run('clustered', 'migrate', 'down', '--to', '0', '--yes', ...on)).code).toBe(0);
  expect((await run('clustered', 'migrate', 'status', ...on)).code).toBe(3);
}, 180_000);

function adminOf({ host, port, password, ca }: ScratchServer, servername: string): Redis {
  const admin = new Redis({ host, port, username: 'admin', password, tls: { ca, servername } });
  admins.push(admin);
  return admin;
}

/** The database `platform` as the operator makes it; returns its owner's login. */
async function platformDatabase(server: ScratchServer) {
  const { database } = await freshDatabase(server);
  await closePools();
  await query(superuser(server), `ALTER DATABASE ${database} RENAME TO platform`);
  return as('platform_owner', superuser(server, 'platform'));
}

/** Gives a server a certificate for a name; returns it, as it is its own CA. */
async function switchOnTls(server: ScratchServer, name: string): Promise<string> {
  const admin = superuser(server);
  const files = '-keyout /data/tls.key -out /data/tls.crt';
  await query(
    admin,
    `COPY (SELECT 1) TO PROGRAM 'openssl req -x509 -newkey rsa:2048 -nodes ${files} -days 1 -subj /CN=${name} -addext subjectAltName=DNS:${name} && chmod 600 /data/tls.key'`,
  );
  for (const setting of [`ssl_cert_file = '/data/tls.crt'`, `ssl_key_file = '/data/tls.key'`, 'ssl = on']) {
    await query(admin, `ALTER SYSTEM SET ${setting}`);
  }
  await query(admin, 'SELECT pg_reload_conf()');
  const [certificate] = await query<{ text: string }>(admin, `SELECT pg_read_file('/data/tls.crt') AS text`);
  return certificate!.text;
}
