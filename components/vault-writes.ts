/** What Vault is to hold: the requests that make it so, without a credential in them. */
import { AUDIENCE, BACKUP_ROLE, CONFIGURATION_ROLE, RESTORE_ROLE } from './vault-names';
import { vaultPolicies } from './vault-policies';
import { paths } from './vault-server';

/** One request; every one may be repeated. */
export interface VaultWrite {
  readonly path: string;
  readonly body: Readonly<Record<string, unknown>>;
  /** `enable`: only where nothing is enabled at the path yet; default `write`. */
  readonly kind?: 'enable';
  /** Fields of the body that are read from Secrets of Vault's namespace when it is sent. */
  readonly secrets?: Readonly<Record<string, { readonly secret: string; readonly key: string }>>;
}

/** A ServiceAccount of the cluster. */
export interface ServiceAccountReference {
  readonly namespace: string;
  readonly name: string;
}

/** What Vault makes logins for, and as whom it does. */
export interface VaultDatabase {
  readonly host: string;
  readonly port: number;
  /** Secret with the `username` and `password` of the one who makes logins. */
  readonly credentialsSecret: string;
}

/** A PostgreSQL whose roles `app` and `readonly` are the groups of the logins; verified with the CA that its pods mount. */
export type VaultPostgres = VaultDatabase;

/** A Redis server; each has users of its own. */
export interface VaultRedis extends VaultDatabase {
  /** Name of the connection, such as the pod's. */
  readonly name: string;
  /** Secret whose key `ca.crt` verifies the server. */
  readonly caSecret: string;
}

/** Rights of the logins in Redis; see https://redis.io/docs/latest/operate/oss_and_stack/management/security/acl/ */
export type RedisRules = Readonly<Record<VaultRole, readonly string[]>>;

/** What applications log in to Vault as. */
export const vaultRoles = ['app', 'readonly'] as const;
export type VaultRole = (typeof vaultRoles)[number];

/** What Vault is configured with. */
export interface VaultSettings {
  /** ServiceAccount that may change all of this. */
  readonly configurationAccount: ServiceAccountReference;
  /** ServiceAccount of the pods that copy Vault; the one above may, too, and restores. */
  readonly backupAccount: ServiceAccountReference;
  /** Names of the keys of the transit engine. */
  readonly keys: readonly string[];
  /** Hours after which each key gets another version; at least 1. */
  readonly keyRotationHours: number;
  /** Who may log in, by role; a role of nobody does not exist. */
  readonly applications: Readonly<Record<VaultRole, readonly ServiceAccountReference[]>>;
  readonly postgres?: VaultPostgres;
  readonly redis?: { readonly servers: readonly VaultRedis[]; readonly rules: RedisRules };
}

const HOUR = 3600;
/** Seconds that a login lives without renewal, and at most. */
const LOGIN = { token_ttl: HOUR, token_max_ttl: 24 * HOUR };
const LEASE = { default_ttl: '1h', max_ttl: '24h' };

/**
 * Every request, in the order in which they are sent: the audit device comes first, so that it records the rest.
 * @see https://developer.hashicorp.com/vault/api-docs
 */
export function vaultWrites(settings: VaultSettings): VaultWrite[] {
  return [
    enable('sys/audit/stdout', { type: 'file', options: { file_path: 'stdout' } }),
    enable('sys/auth/kubernetes', { type: 'jwt' }),
    enable('sys/mounts/transit', { type: 'transit' }),
    enable('sys/mounts/database', { type: 'database' }),
    ...vaultPolicies(settings).map(({ name, policy }) => ({
      path: `sys/policies/acl/${name}`,
      body: { policy },
    })),
    ...logins(settings),
    ...settings.keys.flatMap((key) => keyWrites(key, settings.keyRotationHours)),
    ...(settings.postgres ? postgresWrites(settings.postgres) : []),
    ...(settings.redis ? redisWrites(settings.redis.servers, settings.redis.rules) : []),
  ];
}

function enable(path: string, body: Record<string, unknown>): VaultWrite {
  return { path, body, kind: 'enable' };
}

/** @see https://developer.hashicorp.com/vault/docs/auth/jwt */
function logins({ configurationAccount, backupAccount, applications }: VaultSettings): VaultWrite[] {
  const role = (name: string, accounts: readonly ServiceAccountReference[], settings: object) => ({
    path: `auth/kubernetes/role/${name}`,
    body: {
      role_type: 'jwt',
      bound_audiences: [AUDIENCE],
      user_claim: 'sub',
      bound_claims: { sub: accounts.map((account) => subject(account)).sort() },
      ...settings,
    },
  });
  // Without a bound subject, any pod of the cluster could log in.
  const named = vaultRoles.filter((name) => applications[name].length > 0);
  return [
    role(CONFIGURATION_ROLE, [configurationAccount], {
      token_policies: ['platform-configuration'],
      token_no_default_policy: true,
      ...{ token_ttl: 600, token_max_ttl: 600 },
    }),
    role(BACKUP_ROLE, [backupAccount, configurationAccount], {
      token_policies: ['platform-backup'],
      token_no_default_policy: true,
      ...{ token_ttl: HOUR, token_max_ttl: HOUR },
    }),
    role(RESTORE_ROLE, [configurationAccount], {
      token_policies: ['platform-restore'],
      token_no_default_policy: true,
      ...{ token_ttl: HOUR, token_max_ttl: HOUR },
    }),
    ...named.map((name) =>
      role(name, applications[name], { token_policies: [`platform-${name}`], ...LOGIN }),
    ),
  ];
}

function subject({ namespace, name }: ServiceAccountReference): string {
  return `system:serviceaccount:${namespace}:${name}`;
}

/** Versions are made, never ended: rows may need any of them. */
function keyWrites(key: string, rotationHours: number): VaultWrite[] {
  return [
    { path: `transit/keys/${key}`, body: { type: 'aes256-gcm96' } },
    {
      path: `transit/keys/${key}/config`,
      body: { auto_rotate_period: `${rotationHours}h`, deletion_allowed: false },
    },
  ];
}

/** @see https://developer.hashicorp.com/vault/api-docs/secret/databases/postgresql */
function postgresWrites({ host, port, credentialsSecret }: VaultPostgres): VaultWrite[] {
  const role = (name: VaultRole): VaultWrite => ({
    path: `database/roles/postgres-${name}`,
    body: {
      db_name: 'postgres',
      ...LEASE,
      creation_statements: [
        `CREATE ROLE "{{name}}" WITH LOGIN PASSWORD '{{password}}' VALID UNTIL '{{expiration}}' IN ROLE ${name};`,
      ],
      renew_statements: [`ALTER ROLE "{{name}}" VALID UNTIL '{{expiration}}';`],
      // A session outlives its role, unless it is ended.
      revocation_statements: [
        `ALTER ROLE "{{name}}" NOLOGIN;`,
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{{name}}';`,
        `DROP ROLE IF EXISTS "{{name}}";`,
      ],
    },
  });
  return [
    {
      path: 'database/config/postgres',
      body: {
        plugin_name: 'postgresql-database-plugin',
        allowed_roles: vaultRoles.map((name) => `postgres-${name}`),
        // Roles are of the whole cluster, and its other databases let nobody in who has no business there.
        connection_url: `postgresql://{{username}}:{{password}}@${host}:${port}/postgres?sslmode=verify-full&sslrootcert=${paths.postgresCa}/ca.crt`,
        // PostgreSQL and its logs see no password, only its verifier.
        password_authentication: 'scram-sha-256',
      },
      secrets: loginOf(credentialsSecret),
    },
    ...vaultRoles.map(role),
  ];
}

/** @see https://developer.hashicorp.com/vault/api-docs/secret/databases/redis */
function redisWrites(servers: readonly VaultRedis[], rules: RedisRules): VaultWrite[] {
  return servers.flatMap(({ name, host, port, credentialsSecret, caSecret }) => [
    {
      path: `database/config/${name}`,
      body: {
        plugin_name: 'redis-database-plugin',
        allowed_roles: vaultRoles.map((role) => `${name}-${role}`),
        ...{ host, port, tls: true },
      },
      secrets: { ...loginOf(credentialsSecret), ca_cert: { secret: caSecret, key: 'ca.crt' } },
    },
    ...vaultRoles.map((role) => ({
      path: `database/roles/${name}-${role}`,
      body: { db_name: name, ...LEASE, creation_statements: [JSON.stringify(rules[role])] },
    })),
  ]);
}

function loginOf(secret: string) {
  return { username: { secret, key: 'username' }, password: { secret, key: 'password' } };
}
