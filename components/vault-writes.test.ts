import { type VaultSettings, vaultWrites } from './vault-writes';

const account = (name: string) => ({ namespace: 'agents', name });
const settings: VaultSettings = {
  configurationAccount: { namespace: 'data', name: 'vault-configuration' },
  backupAccount: { namespace: 'data', name: 'backup' },
  keys: ['platform'],
  keyRotationHours: 2160,
  applications: { app: [account('worker'), account('api')], readonly: [] },
  postgres: {
    ...{ host: 'postgres-rw.data.svc', port: 5432, credentialsSecret: 'postgres-vault' },
  },
  redis: {
    servers: [
      {
        ...{ name: 'redis-0', host: 'redis-0.redis-nodes.data.svc', port: 6379 },
        ...{ credentialsSecret: 'redis-vault', caSecret: 'platform-ca' },
      },
    ],
    rules: { app: ['~*', '+@all'], readonly: ['%R~*', '+@read'] },
  },
};
const writes = vaultWrites(settings);
const bodyOf = (path: string) => writes.find((write) => write.path === path)?.body;
const policyOf = (name: string) =>
  JSON.parse(bodyOf(`sys/policies/acl/${name}`)!.policy as string).path as Record<
    string,
    { capabilities: string[] }
  >;

test('every request, the audit device first', () => {
  expect(writes.map(({ path }) => path)).toEqual([
    'sys/audit/stdout',
    'sys/auth/kubernetes',
    'sys/mounts/transit',
    'sys/mounts/database',
    'sys/policies/acl/platform-app',
    'sys/policies/acl/platform-readonly',
    'sys/policies/acl/platform-configuration',
    'sys/policies/acl/platform-backup',
    'sys/policies/acl/platform-restore',
    'auth/kubernetes/role/configuration',
    'auth/kubernetes/role/backup',
    'auth/kubernetes/role/restore',
    'auth/kubernetes/role/app',
    'transit/keys/platform',
    'transit/keys/platform/config',
    'database/config/postgres',
    'database/roles/postgres-app',
    'database/roles/postgres-readonly',
    'database/config/redis-0',
    'database/roles/redis-0-app',
    'database/roles/redis-0-readonly',
  ]);
  expect(writes.slice(0, 4)).toEqual([
    { path: 'sys/audit/stdout', body: { type: 'file', options: { file_path: 'stdout' } }, kind: 'enable' },
    { path: 'sys/auth/kubernetes', body: { type: 'jwt' }, kind: 'enable' },
    { path: 'sys/mounts/transit', body: { type: 'transit' }, kind: 'enable' },
    { path: 'sys/mounts/database', body: { type: 'database' }, kind: 'enable' },
  ]);
});

test('a login is bound to ServiceAccounts; a role of nobody does not exist', () => {
  expect(bodyOf('auth/kubernetes/role/app')).toEqual({
    role_type: 'jwt',
    bound_audiences: ['vault'],
    user_claim: 'sub',
    bound_claims: { sub: ['system:serviceaccount:agents:api', 'system:serviceaccount:agents:worker'] },
    token_policies: ['platform-app'],
    token_ttl: 3600,
    token_max_ttl: 86400,
  });
  expect(bodyOf('auth/kubernetes/role/configuration')).toMatchObject({
    bound_claims: { sub: ['system:serviceaccount:data:vault-configuration'] },
    token_policies: ['platform-configuration'],
    token_max_ttl: 600,
  });
});

test('copies are made by the pods of backups, and restored only by the one who configures', () => {
  const configuration = 'system:serviceaccount:data:vault-configuration';
  expect(bodyOf('auth/kubernetes/role/backup')).toMatchObject({
    bound_claims: { sub: ['system:serviceaccount:data:backup', configuration] },
    ...{ token_policies: ['platform-backup'], token_no_default_policy: true, token_max_ttl: 3600 },
  });
  expect(bodyOf('auth/kubernetes/role/restore')).toMatchObject({
    bound_claims: { sub: [configuration] },
    ...{ token_policies: ['platform-restore'], token_no_default_policy: true, token_max_ttl: 3600 },
  });
  const changing = (name: string) =>
    Object.entries(policyOf(name))
      .filter(([, { capabilities }]) => capabilities.some((one) => one !== 'read' && one !== 'list'))
      .map(([path]) => path);
  expect(changing('platform-backup')).toEqual(['auth/token/revoke-self']);
  expect(changing('platform-restore')).toEqual([
    'auth/token/revoke-self',
    'sys/storage/raft/snapshot',
    'sys/storage/raft/snapshot-force',
  ]);
  expect(policyOf('platform-backup')['sys/storage/raft/snapshot']).toEqual({ capabilities: ['read'] });
  const secret = /encrypt|decrypt|export|creds|transit\/backup|sys\/raw|database\/(config|roles)\//;
  expect(Object.keys(policyOf('platform-restore')).filter((path) => secret.test(path))).toEqual([]);
});

test('keys get a new version every 90 days and cannot be deleted', () => {
  expect(bodyOf('transit/keys/platform')).toEqual({ type: 'aes256-gcm96' });
  expect(bodyOf('transit/keys/platform/config')).toEqual({
    auto_rotate_period: '2160h',
    deletion_allowed: false,
  });
});

test('policies name their paths one by one', () => {
  expect(policyOf('platform-app')).toEqual({
    'transit/encrypt/platform': { capabilities: ['update'] },
    'transit/decrypt/platform': { capabilities: ['update'] },
    'transit/rewrap/platform': { capabilities: ['update'] },
    'transit/keys/platform': { capabilities: ['read'] },
    'database/creds/postgres-app': { capabilities: ['read'] },
    'database/creds/redis-0-app': { capabilities: ['read'] },
  });
  expect(policyOf('platform-readonly')).toEqual({
    'database/creds/postgres-readonly': { capabilities: ['read'] },
    'database/creds/redis-0-readonly': { capabilities: ['read'] },
  });
  const configuration = Object.keys(policyOf('platform-configuration'));
  expect(configuration.filter((path) => /encrypt|decrypt|export|backup|creds|trim/.test(path))).toEqual([]);
});

test('the one who configures may send every request', () => {
  const allowed = Object.entries(policyOf('platform-configuration'));
  const pattern = (path: string) => new RegExp(`^${path.replace(/\*$/, '.*').replaceAll('+', '[^/]+')}$`);
  const refused = writes.filter(
    ({ path }) =>
      !allowed.some(
        ([name, { capabilities }]) => pattern(name).test(path) && capabilities.includes('update'),
      ),
  );
  expect(refused).toEqual([]);
});

test('logins of PostgreSQL are members of its roles, made without showing a password, over verified TLS', () => {
  const config = writes.find(({ path }) => path === 'database/config/postgres');
  expect(config).toEqual({
    path: 'database/config/postgres',
    body: {
      plugin_name: 'postgresql-database-plugin',
      allowed_roles: ['postgres-app', 'postgres-readonly'],
      connection_url:
        'postgresql://{{username}}:{{password}}@postgres-rw.data.svc:5432/postgres?sslmode=verify-full&sslrootcert=/vault/postgres-ca/ca.crt',
      password_authentication: 'scram-sha-256',
    },
    secrets: {
      username: { secret: 'postgres-vault', key: 'username' },
      password: { secret: 'postgres-vault', key: 'password' },
    },
  });
  expect(bodyOf('database/roles/postgres-readonly')).toEqual({
    db_name: 'postgres',
    default_ttl: '1h',
    max_ttl: '24h',
    creation_statements: [
      `CREATE ROLE "{{name}}" WITH LOGIN PASSWORD '{{password}}' VALID UNTIL '{{expiration}}' IN ROLE readonly;`,
    ],
    renew_statements: [`ALTER ROLE "{{name}}" VALID UNTIL '{{expiration}}';`],
    revocation_statements: [
      `ALTER ROLE "{{name}}" NOLOGIN;`,
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{{name}}';`,
      `DROP ROLE IF EXISTS "{{name}}";`,
    ],
  });
});

test('each server of Redis has a connection and roles of its own', () => {
  expect(writes.slice(-3)).toEqual([
    {
      path: 'database/config/redis-0',
      body: {
        plugin_name: 'redis-database-plugin',
        allowed_roles: ['redis-0-app', 'redis-0-readonly'],
        host: 'redis-0.redis-nodes.data.svc',
        port: 6379,
        tls: true,
      },
      secrets: {
        username: { secret: 'redis-vault', key: 'username' },
        password: { secret: 'redis-vault', key: 'password' },
        ca_cert: { secret: 'platform-ca', key: 'ca.crt' },
      },
    },
    {
      path: 'database/roles/redis-0-app',
      body: {
        ...{ db_name: 'redis-0', default_ttl: '1h', max_ttl: '24h' },
        creation_statements: ['["~*","+@all"]'],
      },
    },
    {
      path: 'database/roles/redis-0-readonly',
      body: {
        ...{ db_name: 'redis-0', default_ttl: '1h', max_ttl: '24h' },
        creation_statements: ['["%R~*","+@read"]'],
      },
    },
  ]);
});
