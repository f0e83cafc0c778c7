import { once } from 'node:events';
import { vaultNames } from './vault-names';
import Redis from 'ioredis';
import { Client } from 'pg';
import { eventually, type ScratchServer } from '../migrations/testing/servers';
import { type ScratchVault, startVault } from '../migrations/testing/vault';
import { aclUsers } from './redis-acl';
import { configureVault } from './vault-configuration-provider';
import { startPostgresWithTls, startRedisWithTls } from './testing/vault-databases';
import { initializeVault } from './vault-initialization-provider';
import { putVaultRole } from './vault-postgres-role-provider';
import { configurationInputs, logIn, serviceAccountToken } from './testing/vault-configuration';

const APP = 'agent';
const REPORTS = 'reports';
const BACK_WITHIN_MS = 180_000;
const ENDED_WITHIN_MS = 30_000;
const MADE_PASSWORD = 'made-by-the-platform';
const PLAINTEXT = '+43 660 1234567';
const base64 = (text: string) => Buffer.from(text).toString('base64');

interface Login {
  readonly user: string;
  readonly password: string;
  readonly lease: string;
}

let vault: ScratchVault;
let postgres: ScratchServer;
let redis: ScratchServer;
let state: unknown;
/** Whatever must never be in a log or in the state. */
const secrets = new Set<string>([PLAINTEXT, base64(PLAINTEXT), MADE_PASSWORD]);

beforeAll(async () => {
  vault = await startVault({ seal: 'dev-auto', postgresCaSecret: 'postgres-tls' });
  const { namespace } = vault;
  [postgres, redis] = await Promise.all([startPostgresWithTls(vault), startRedisWithTls(vault)]);
  secrets.add(redis.password);
  await preparePostgres();
  for (const name of [APP, REPORTS, 'other'])
    await vault.apply({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace } });
  const { unsealSecret, bootstrapSecret } = vaultNames({});
  await initializeVault({ ...vault.reference, unsealSecret, bootstrapSecret });
  for (const name of [unsealSecret, bootstrapSecret])
    for (const secret of Object.values((await vault.cluster.secret(namespace, name))!)) secrets.add(secret);
  const host = (name: string) => `${name}.${namespace}.svc`;
  const inputs = await configurationInputs(vault, {
    applications: {
      app: [{ namespace, name: APP }],
      readonly: [{ namespace, name: REPORTS }],
    },
    postgres: {
      ...{ host: host('postgres'), port: 5432, credentialsSecret: 'postgres-vault' },
    },
    redis: {
      servers: [
        {
          ...{ name: 'redis-0', host: host('redis'), port: 6379 },
          ...{ credentialsSecret: 'redis', caSecret: 'redis-tls' },
        },
      ],
      rules: { app: aclUsers.app.server, readonly: aclUsers.readonly.server },
    },
  });
  ({ outs: state } = await configureVault(inputs));
}, 300_000);
afterAll(async () => {
  await vault?.stop();
}, 60_000);

/** What the platform makes in PostgreSQL before Vault comes; the role of Vault waits for the others. */
async function preparePostgres(): Promise<void> {
  const { namespace } = vault;
  const secret = 'postgres-vault';
  const role = { namespace, cluster: 'postgres', secret, rotation: 1 };
  const withPassword = (password: string) =>
    vault.apply({
      ...{ apiVersion: 'v1', kind: 'Secret' },
      metadata: { name: secret, namespace },
      stringData: { username: 'vault', password },
    });
  await withPassword('the-one-before');
  const made = putVaultRole(role);
  await asPostgres(postgres, (client) =>
    client.query(`
      CREATE ROLE app LOGIN;
      CREATE ROLE readonly LOGIN;
      CREATE TABLE notes (text text);
      GRANT SELECT, INSERT ON notes TO app;
      GRANT SELECT ON notes TO readonly;`),
  );
  expect(await made).toEqual({ id: `${namespace}/postgres`, outs: role });
  await withPassword(MADE_PASSWORD);
  await putVaultRole({ ...role, rotation: 2 });
}

async function asPostgres<T>(
  { user, password }: { user: string; password: string },
  work: (client: Client) => Promise<T>,
): Promise<T> {
  const { host, port } = postgres;
  const ssl = { ca: vault.authority.certificate, servername: `postgres.${vault.namespace}.svc` };
  const client = new Client({ host, port, database: 'postgres', user, password, ssl });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}

function redisClient({ user: username, password }: Login): Redis {
  const tls = { ca: vault.authority.certificate, servername: `redis.${vault.namespace}.svc` };
  const { host, port } = redis;
  return new Redis({ host, port, username, password, tls, lazyConnect: true, retryStrategy: () => null });
}

/** A token of Vault for a ServiceAccount. */
async function tokenOf(account: string, role: string): Promise<string> {
  const { token, jwt } = await logIn(vault, account, role);
  secrets.add(token).add(jwt);
  return token;
}

async function databaseLogin(token: string, role: string): Promise<Login> {
  const { data, lease_id } = await vault.use((client) => client.read(`database/creds/${role}`), token);
  secrets.add(data.password);
  return { user: data.username, password: data.password, lease: lease_id };
}

/** What the one who configures may do. */
async function administer<T>(
  work: (client: { write(path: string, body: object): Promise<T> }) => Promise<T>,
) {
  return vault.use(work, await tokenOf(vaultNames({}).configurationAccount, 'configuration'));
}

const endLease = (token: string, lease: string) =>
  vault.use((client) => client.write('sys/leases/renew', { lease_id: lease, increment: 1 }), token);

describe('encryption', () => {
  const associated = base64('platform.user_profiles.phone:42');
  const encrypted = async (token: string) => {
    const body = { plaintext: base64(PLAINTEXT), associated_data: associated };
    return (await vault.use((client) => client.write('transit/encrypt/platform', body), token)).data
      .ciphertext as string;
  };
  const decrypted = async (token: string, ciphertext: string, associated_data = associated) => {
    const body = { ciphertext, associated_data };
    const { data } = await vault.use((client) => client.write('transit/decrypt/platform', body), token);
    return Buffer.from(data.plaintext, 'base64').toString();
  };

  const versionOf = (ciphertext: string) => Number(/^vault:v(\d+):/.exec(ciphertext)![1]);

  test('is AES-256-GCM as the columns take it: nonce, text and tag, bound to its row', async () => {
    const token = await tokenOf(APP, 'app');
    const { data: key } = await vault.use((client) => client.read('transit/keys/platform'), token);
    expect(key).toMatchObject({
      ...{ type: 'aes256-gcm96', auto_rotate_period: 2160 * 3600, deletion_allowed: false },
      ...{ exportable: false, allow_plaintext_backup: false, min_decryption_version: 1 },
    });
    const ciphertext = await encrypted(token);
    expect(versionOf(ciphertext)).toBe(key.latest_version);
    expect(Buffer.from(ciphertext.split(':')[2]!, 'base64')).toHaveLength(
      12 + Buffer.byteLength(PLAINTEXT) + 16,
    );
    expect(await decrypted(token, ciphertext)).toBe(PLAINTEXT);
    await expect(decrypted(token, ciphertext, base64('platform.user_profiles.phone:43'))).rejects.toThrow(
      'message authentication failed',
    );
  }, 60_000);

  test('after a rotation old text is still read, and encrypted anew', async () => {
    const token = await tokenOf(APP, 'app');
    const old = await encrypted(token);
    await administer((client) => client.write('transit/keys/platform/rotate', {}));
    expect(await decrypted(token, old)).toBe(PLAINTEXT);
    const anew = await encrypted(token);
    expect(versionOf(anew)).toBe(versionOf(old) + 1);
    expect(await decrypted(token, anew)).toBe(PLAINTEXT);
  }, 60_000);

  test('text that is bound to no row is rewrapped without being seen; Vault does not rewrap bound text', async () => {
    const token = await tokenOf(APP, 'app');
    const write = async (path: string, body: object) =>
      (await vault.use((client) => client.write(`transit/${path}/platform`, body), token)).data;
    const { ciphertext } = await write('encrypt', { plaintext: base64(PLAINTEXT) });
    const bound = await encrypted(token);
    await administer((client) => client.write('transit/keys/platform/rotate', {}));
    const rewrapped = (await write('rewrap', { ciphertext })).ciphertext;
    expect(versionOf(rewrapped)).toBe(versionOf(ciphertext) + 1);
    expect((await write('decrypt', { ciphertext: rewrapped })).plaintext).toBe(base64(PLAINTEXT));
    await expect(write('rewrap', { ciphertext: bound, associated_data: associated })).rejects.toThrow(
      'message authentication failed',
    );
  }, 60_000);
});

describe('who may do what', () => {
  test.each([
    ['POST', 'transit/keys/platform/rotate'],
    ['POST', 'transit/keys/platform/config'],
    ['POST', 'transit/keys/other'],
    ['GET', 'transit/export/encryption-key/platform'],
    ['GET', 'database/config/postgres'],
    ['GET', 'database/creds/postgres-readonly'],
    ['POST', 'sys/policies/acl/platform-app'],
    ['POST', 'auth/kubernetes/role/app'],
    ['GET', 'sys/audit'],
  ])('an application is refused %s %s', async (method, path) => {
    const token = await tokenOf(APP, 'app');
    const attempt = vault.use(
      (client) => (method === 'GET' ? client.read(path) : client.write(path, {})),
      token,
    );
    await expect(attempt).rejects.toThrow('permission denied');
  });

  test.each([
    'transit/decrypt/platform',
    'transit/export/encryption-key/platform',
    'database/creds/postgres-app',
  ])('the one who configures uses no key and gets no login: %s', async (path) => {
    await expect(administer((client) => client.write(path, {}))).rejects.toThrow('permission denied');
  });

  test('other ServiceAccounts, other roles and tokens for the API server are refused', async () => {
    await expect(tokenOf('other', 'app')).rejects.toThrow('error validating claims');
    await expect(tokenOf(REPORTS, 'app')).rejects.toThrow('error validating claims');
    const jwt = await serviceAccountToken(vault, APP, []);
    const attempt = vault.use((client) => client.write('auth/kubernetes/login', { role: 'app', jwt }));
    await expect(attempt).rejects.toThrow(/invalid audience/);
  }, 60_000);
});

describe('logins of PostgreSQL', () => {
  test('app writes and readonly reads, each as a member of its role', async () => {
    const app = await databaseLogin(await tokenOf(APP, 'app'), 'postgres-app');
    await asPostgres(app, (client) => client.query(`INSERT INTO notes VALUES ('from a login of an hour')`));
    const reader = await databaseLogin(await tokenOf(REPORTS, 'readonly'), 'postgres-readonly');
    await asPostgres(reader, async (client) => {
      expect((await client.query('SELECT text FROM notes')).rows).toEqual([
        { text: 'from a login of an hour' },
      ]);
      await expect(client.query(`INSERT INTO notes VALUES ('x')`)).rejects.toThrow('permission denied');
    });
    await expect(asPostgres(app, (client) => client.query('CREATE ROLE mine'))).rejects.toThrow(
      'permission denied',
    );
  }, 60_000);

  test('the login of Vault reads no row itself, and its old password is refused', async () => {
    const login = { user: 'vault', password: MADE_PASSWORD };
    const look = (client: Client) => client.query('SELECT FROM notes');
    await expect(asPostgres(login, look)).rejects.toThrow('permission denied');
    await expect(asPostgres({ ...login, password: 'the-one-before' }, look)).rejects.toThrow(
      'authentication failed',
    );
  });

  test('a login ends with its lease, and so do its sessions', async () => {
    const token = await tokenOf(APP, 'app');
    const login = await databaseLogin(token, 'postgres-app');
    await asPostgres(login, async (client) => {
      const ended = new Promise<void>((resolve) => client.on('end', resolve));
      await endLease(token, login.lease);
      await ended;
    });
    await eventually('the role is gone', ENDED_WITHIN_MS, () =>
      asPostgres(postgres, async (client) => {
        const { rows } = await client.query('SELECT FROM pg_roles WHERE rolname = $1', [login.user]);
        return rows.length === 0;
      }),
    );
    await expect(asPostgres(login, async () => undefined)).rejects.toThrow('authentication failed');
  }, 90_000);
});

describe('logins of Redis', () => {
  test('app writes and readonly reads', async () => {
    const app = redisClient(await databaseLogin(await tokenOf(APP, 'app'), 'redis-0-app'));
    expect(await app.set('key', 'value')).toBe('OK');
    await expect(app.acl('LIST')).rejects.toThrow('NOPERM');
    app.disconnect();
    const reader = redisClient(await databaseLogin(await tokenOf(REPORTS, 'readonly'), 'redis-0-readonly'));
    expect(await reader.get('key')).toBe('value');
    await expect(reader.set('key', 'other')).rejects.toThrow('NOPERM');
    reader.disconnect();
  }, 60_000);

  test('a login ends with its lease, and so do its connections', async () => {
    const token = await tokenOf(APP, 'app');
    const login = await databaseLogin(token, 'redis-0-app');
    const client = redisClient(login);
    client.on('error', () => undefined);
    await client.ping();
    const ended = once(client, 'end');
    await endLease(token, login.lease);
    await ended;
    const again = redisClient(login);
    const refused = once(again, 'error');
    await expect(again.connect()).rejects.toThrow();
    expect(String(await refused)).toContain('WRONGPASS');
  }, 90_000);
});

test('comes back by itself after a restart, with everything in it', async () => {
  const token = await tokenOf(APP, 'app');
  await vault.restart();
  await eventually('Vault is open again', BACK_WITHIN_MS, () => vault.ready());
  const { data } = await vault.use((client) => client.read('transit/keys/platform'), token);
  expect(data.latest_version).toBeGreaterThanOrEqual(1);
}, 240_000);

test('the audit device records who did what, and neither it nor the log nor the state has a secret', async () => {
  const token = await tokenOf(APP, 'app');
  await vault.use((client) => client.read('transit/keys/platform'), token);
  const login = await databaseLogin(token, 'postgres-app');
  const log = await vault.log();
  const entries = log
    .split('\n')
    .filter((line) => line.startsWith('{"') && line.includes('"type":"response"'))
    .map((line) => JSON.parse(line));
  const recorded = entries.find(({ request }) => request.path === 'database/creds/postgres-app');
  expect(recorded).toMatchObject({
    auth: { metadata: { role: 'app' }, token_policies: ['default', 'platform-app'] },
    request: { operation: 'read' },
    response: {
      data: {
        username: expect.stringMatching(/^hmac-sha256:/),
        password: expect.stringMatching(/^hmac-sha256:/),
      },
    },
  });
  expect(login.user).toMatch(/^v-/);
  expect(secrets.size).toBeGreaterThan(10);
  const leaked = [...secrets].filter(
    (secret) => log.includes(secret) || JSON.stringify(state).includes(secret),
  );
  expect(leaked).toEqual([]);
}, 60_000);
