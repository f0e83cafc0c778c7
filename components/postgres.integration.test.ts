import { randomBytes } from 'node:crypto';
import * as http from 'node:http';
import * as https from 'node:https';
import { Client } from 'pg';
import { forwardWhenReady } from '../migrations/kubernetes/ready-tunnel';
import { installOperator, type Login, PostgresTestCluster } from '../migrations/testing/postgres-cluster';
import { eventually } from '../migrations/testing/servers';
import { newAuthority } from './certificates/x509';
import type { Credential } from './postgres-roles';
import { images } from './versions';

jest.setTimeout(10 * 60_000);

const resources = { requests: { cpu: '50m', memory: '256Mi' }, limits: { memory: '512Mi' } };
const priorityClass = `postgres-test-${randomBytes(4).toString('hex')}`;
const database = 'platform';
const postgres = new PostgresTestCluster({
  image: images.postgres,
  instances: 2,
  storage: { size: '1Gi' },
  resources,
  priorityClass,
  pooler: {
    image: images.pgbouncer,
    instances: 1,
    poolMode: 'transaction',
    resources: { requests: { cpu: '25m', memory: '64Mi' }, limits: { memory: '64Mi' } },
  },
});
const { namespace, cluster } = postgres;
let removeOperator: () => Promise<void>;
let ca: string;

/** Where clients connect: a tunnel to a pod of each Service. */
const services = ['postgres-rw', 'postgres-pooler-rw'] as const;
const readServices = ['postgres-ro', 'postgres-pooler-ro'] as const;
type Service = (typeof services | typeof readServices)[number];
const ports = new Map<Service, number>();
const closers: (() => Promise<void>)[] = [];

beforeAll(async () => {
  jest.spyOn(console, 'log').mockImplementation(() => undefined);
  removeOperator = await installOperator();
  await postgres.start();
  ca = await postgres.ca();
  await postgres.migrate();
  for (const service of [...services, ...readServices]) {
    const tunnel = await forwardWhenReady(cluster, namespace, service, 5432);
    ports.set(service, tunnel.port);
    closers.push(() => tunnel.close());
  }
});
afterAll(async () => {
  for (const close of closers) await close();
  await postgres.stop();
  await removeOperator?.();
});

interface Options {
  readonly service?: Service;
  readonly ssl?: object | false;
}

async function session(login: Login, { service = 'postgres-rw', ssl = {} }: Options = {}): Promise<Client> {
  const client = new Client({
    host: '127.0.0.1',
    port: ports.get(service)!,
    database,
    user: login.username,
    password: login.password,
    ssl: ssl && { ca, servername: service, rejectUnauthorized: true, ...ssl },
    connectionTimeoutMillis: 20_000,
  });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

async function query(login: Login, text: string, options?: Options): Promise<Record<string, unknown>[]> {
  const client = await session(login, options);
  try {
    return (await client.query<Record<string, unknown>>(text)).rows;
  } finally {
    await client.end();
  }
}

const as = async (role: Credential, text: string, options?: Options) =>
  query(await postgres.login(role), text, options);

describe('TLS', () => {
  const names = (service: string) => [
    service,
    `${service}.${namespace}`,
    `${service}.${namespace}.svc`,
    `${service}.${namespace}.svc.cluster.local`,
  ];

  test.each([
    ['postgres-rw', ['postgres-rw', `postgres-rw.${namespace}`, `postgres-rw.${namespace}.svc`]],
    ['postgres-pooler-rw', names('postgres-pooler-rw')],
  ] as [Service, string[]][])(
    '%s is verified by each of its names, and no other',
    async (service, served) => {
      for (const servername of served) {
        expect(await as('app', 'SELECT 1 AS one', { service, ssl: { servername } })).toEqual([{ one: 1 }]);
      }
      await expect(as('app', 'SELECT 1', { service, ssl: { servername: 'elsewhere' } })).rejects.toThrow(
        /does not match certificate's altnames/,
      );
    },
  );

  test.each([
    ['postgres-rw', 'no encryption'],
    ['postgres-pooler-rw', 'SSL required'],
  ] as [Service, string][])('%s refuses a connection without it, and TLS 1.1', async (service, why) => {
    await expect(as('app', 'SELECT 1', { service, ssl: false })).rejects.toThrow(why);
    // The lowest level, so that it is the server that refuses.
    const old = { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' };
    await expect(as('app', 'SELECT 1', { service, ssl: old })).rejects.toThrow(/alert protocol version/);
  });

  test.each(services)('a client with another authority refuses %s', async (service) => {
    const { certificate } = await newAuthority('other', { from: new Date(), days: 1 });
    await expect(as('app', 'SELECT 1', { service, ssl: { ca: certificate } })).rejects.toThrow(/certificate/);
  });

  test('replicas and PgBouncer use it on the way to the primary', async () => {
    const pooled = await session(await postgres.login('app'), { service: 'postgres-pooler-rw' });
    await pooled.query('SELECT 1');
    const used = await as(
      'monitor',
      `SELECT DISTINCT backend_type AS kind, ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
       WHERE client_addr IS NOT NULL ORDER BY 1`,
    );
    await pooled.end();
    expect(used).toEqual([
      { kind: 'client backend', ssl: true },
      { kind: 'walsender', ssl: true },
    ]);
  });

  test.each([
    ['cnpg.io/podRole=instance', 9187, 'cnpg_collector_up'],
    ['cnpg.io/podRole=pooler', 9127, 'cnpg_pgbouncer_lists_pools'],
  ])('the metrics of %s need it', async (selector, port, metric) => {
    const [pod] = await cluster.list('v1', 'Pod', namespace, selector);
    const tunnel = await cluster.forward(namespace, pod!.metadata.name!, port);
    const tls = { ca, servername: 'postgres-rw' };
    const address = { host: tunnel.host, port: tunnel.port, path: '/metrics' };
    const encrypted = await answer(https.get({ ...address, ...tls }));
    const plain = await answer(http.get(address));
    await tunnel.close();
    expect(encrypted).toMatchObject({ status: 200, text: expect.stringContaining(metric) });
    expect(plain).toMatchObject({ status: 400 });
  });
});

function answer(request: http.ClientRequest): Promise<{ status: number | undefined; text: string }> {
  return new Promise((resolve, reject) => {
    request.on('error', reject);
    request.on('response', async (response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of response) chunks.push(chunk as Buffer);
      resolve({ status: response.statusCode, text: Buffer.concat(chunks).toString() });
    });
  });
}

test('every pod has its priority and an account of its own, as Pod Security "restricted" admits it', async () => {
  const pods = await cluster.list('v1', 'Pod', namespace, 'cnpg.io/podRole');
  const found = pods.map(({ spec }) => ({
    account: spec.serviceAccountName as string,
    priority: spec.priorityClassName as string,
    readOnly: spec.containers.every(
      ({ securityContext }: { securityContext: { readOnlyRootFilesystem?: boolean } }) =>
        securityContext.readOnlyRootFilesystem,
    ) as boolean,
  }));
  const instance = { account: 'postgres', priority: priorityClass, readOnly: true };
  expect(found.sort((one, other) => one.account.localeCompare(other.account))).toEqual([
    instance,
    instance,
    { ...instance, account: 'postgres-pooler-ro' },
    { ...instance, account: 'postgres-pooler-rw' },
  ]);
});

describe('roles', () => {
  const insert = `INSERT INTO platform.projects (name) VALUES ('p')`;
  const account = `INSERT INTO platform.users (username, email, password_hash) VALUES ('u', 'u@example.org', 'h')`;

  beforeAll(async () => {
    await as('owner', insert);
    await as('owner', account);
  });

  test.each([
    ['app', 'SELECT name FROM platform.projects', [{ name: 'p' }]],
    ['app', 'SELECT username FROM platform.users', []],
    ['readonly', 'SELECT name FROM platform.projects', [{ name: 'p' }]],
    ['backup', 'SELECT username FROM platform.users', [{ username: 'u' }]],
    ['monitor', 'SELECT count(*) > 0 AS seen FROM pg_stat_user_tables', [{ seen: true }]],
    ['monitor', `SELECT setting <> '' AS seen FROM pg_settings WHERE name = 'hba_file'`, [{ seen: true }]],
  ] as [Credential, string, object[]][])('%s may: %s', async (role, text, rows) => {
    expect(await as(role, text)).toEqual(rows);
  });

  test.each([
    ['app', 'CREATE TABLE platform.x (id int)'],
    ['app', 'SELECT * FROM pg_authid'],
    ['app', 'SET ROLE platform_owner'],
    ['readonly', insert],
    ['readonly', 'SELECT * FROM platform.users'],
    ['backup', insert],
    ['backup', 'DELETE FROM platform.users'],
    ['backup', 'CREATE TABLE platform.x (id int)'],
    ['backup', 'CREATE ROLE x'],
    ['backup', 'SELECT pg_create_physical_replication_slot($$x$$)'],
    ['monitor', 'SELECT * FROM platform.projects'],
    ['monitor', 'SELECT * FROM masked.users'],
    ['monitor', insert],
    ['monitor', 'SELECT pg_reload_conf()'],
    ['owner', 'CREATE ROLE x'],
    ['owner', 'SET ROLE postgres'],
  ] as [Credential, string][])('%s may not: %s', async (role, text) => {
    await expect(as(role, text)).rejects.toMatchObject({ code: '42501' });
  });

  test('backup dumps the whole database with pg_dump', async () => {
    const { username, password } = await postgres.login('backup');
    const dump = await postgres.inPrimary(
      `PGPASSWORD="$0" exec pg_dump "host=postgres-rw user=${username} dbname=${database} sslmode=require"`,
      password,
    );
    expect(dump).toMatch(/^COPY platform\.users .*\n.*\tu\tu@example\.org\t/m);
    expect(dump).toMatch(/-- PostgreSQL database dump complete/);
  });
});

describe('rotation under load', () => {
  /** Writes until it is stopped; what failed. */
  function load(next: () => Promise<unknown>) {
    const failures: string[] = [];
    let [done, stopped] = [0, false];
    const finished = (async () => {
      while (!stopped) {
        await next().then(
          () => done++,
          (error: Error) => failures.push(error.message),
        );
      }
    })();
    return {
      get done() {
        return done;
      },
      async stop() {
        stopped = true;
        await finished;
        return failures;
      },
    };
  }

  const write = `INSERT INTO platform.projects (name) VALUES (gen_random_uuid()::text)`;

  /** Applications that keep a connection, that open one for each statement, and that read the Secret each time. */
  async function applications() {
    const login = await postgres.login('app');
    const loads = [];
    for (const service of services) {
      const kept = await session(login, { service });
      closers.push(() => kept.end());
      loads.push(load(() => kept.query(write)));
      loads.push(load(() => query(login, write, { service })));
      loads.push(load(() => as('app', write, { service })));
    }
    return loads;
  }

  async function rotateUnderLoad(rotation: number): Promise<Login> {
    const login = await postgres.login('app');
    const loads = await applications();
    await eventually('a first write of each', 60_000, async () => loads.every(({ done }) => done > 0));
    await postgres.rotate(rotation);
    const before = loads.map(({ done }) => done);
    await eventually('later writes of each', 60_000, async () =>
      loads.every(({ done }, index) => done > before[index]! + 5),
    );
    for (const one of loads) expect(await one.stop()).toEqual([]);
    return login;
  }

  const works = async (login: Login) => {
    for (const service of [...services, ...readServices]) {
      expect(await query(login, 'SELECT session_user AS me', { service })).toEqual([{ me: login.username }]);
    }
  };

  test('the login before stays valid for one rotation, on the primary and through PgBouncer', async () => {
    const owner = await postgres.login('owner');
    const first = await rotateUnderLoad(2);
    const second = await postgres.login('app');
    expect([first.username, second.username]).toEqual(['app', 'app-b']);
    await works(first);
    await works(second);
    await expect(query(owner, 'SELECT 1')).rejects.toMatchObject({ code: '28P01' });
    await works(await postgres.login('owner'));

    expect(await rotateUnderLoad(3)).toEqual(second);
    const third = await postgres.login('app');
    expect(third.username).toBe('app');
    await works(second);
    await works(third);
    expect(third.password).not.toBe(first.password);
    await expect(query(first, 'SELECT 1')).rejects.toMatchObject({ code: '28P01' });
    await expect(query(first, 'SELECT 1', { service: 'postgres-pooler-rw' })).rejects.toThrow(
      /authentication failed/,
    );
  });

  test('no log of an instance or a pooler has a password, or what is made of one', async () => {
    const passwords = ['SCRAM-SHA-256$'];
    for (const { data, metadata } of await cluster.list('v1', 'Secret', namespace)) {
      if (data?.password === undefined) continue;
      const password = Buffer.from(data.password as string, 'base64').toString();
      passwords.push(password);
      expect(metadata.name).toMatch(/^postgres-/);
    }
    expect(passwords.length).toBe(1 + 1 + 4 * 3);
    for (const { metadata } of await cluster.list('v1', 'Pod', namespace, 'cnpg.io/podRole')) {
      const path = await cluster.path('v1', 'Pod', namespace, metadata.name!);
      const container = metadata.labels!['cnpg.io/podRole'] === 'pooler' ? 'pgbouncer' : 'postgres';
      const log = await cluster.request<string>('GET', `${path}/log`, { query: { container } });
      expect(log.length).toBeGreaterThan(1000);
      for (const password of passwords) expect(log.includes(password)).toBe(false);
    }
  });

  test('both logins of a role have the same rights and settings', async () => {
    const rights = (role: string) =>
      as(
        'owner',
        `SELECT rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication, rolbypassrls, rolconnlimit,
                pg_has_role('${role}', 'pg_read_all_data', 'usage') AS reads_all,
                pg_has_role('${role}', 'pg_monitor', 'usage') AS monitors,
                (SELECT array_agg(setconfig::text) FROM pg_db_role_setting WHERE setrole = r.oid) AS settings,
                (SELECT array_agg(c.oid::regclass::text || has_table_privilege(r.oid, c.oid, 'SELECT')
                   || has_table_privilege(r.oid, c.oid, 'INSERT') ORDER BY c.oid) FROM pg_class c
                 WHERE relnamespace = ANY ('{platform,services,masked,security}'::regnamespace[])) AS tables,
                has_database_privilege(r.oid, 'platform', 'CONNECT') AS connects
         FROM pg_roles r WHERE rolname = '${role}'`,
      );
    for (const role of ['app', 'readonly', 'backup', 'monitor']) {
      const [one] = await rights(role);
      expect(one).toMatchObject({
        rolcanlogin: true,
        rolsuper: false,
        rolbypassrls: role === 'backup',
        connects: true,
      });
      expect(await rights(`${role}-b`)).toEqual([one]);
    }
  });
});
