import type { VaultRole, VaultSettings } from './vault-writes';

type Capability = 'create' | 'list' | 'read' | 'update' | 'delete' | 'sudo';
type Paths = Readonly<Record<string, readonly Capability[]>>;

/** A policy of Vault, as text. */
export interface VaultPolicy {
  readonly name: string;
  readonly policy: string;
}

const write: readonly Capability[] = ['create', 'update'];
const manage: readonly Capability[] = ['create', 'update', 'read', 'delete'];

/**
 * Policies of those who log in; each names its paths one by one.
 * @see https://developer.hashicorp.com/vault/docs/concepts/policies
 */
export function vaultPolicies(settings: VaultSettings): VaultPolicy[] {
  return [
    policy('platform-app', { ...keyUse(settings.keys), ...databaseLogins(settings, 'app') }),
    policy('platform-readonly', databaseLogins(settings, 'readonly')),
    policy('platform-configuration', configuration),
    policy('platform-backup', { ...counted, [SNAPSHOT]: ['read'] }),
    policy('platform-restore', {
      ...counted,
      [SNAPSHOT]: ['update'],
      [`${SNAPSHOT}-force`]: ['update'],
      'auth/kubernetes/config': ['read'],
    }),
  ];
}

const SNAPSHOT = 'sys/storage/raft/snapshot';
/** What a copy is compared by: names, definitions and numbers of versions, and no secret. */
const counted: Paths = {
  'sys/mounts': ['read'],
  'sys/auth': ['read'],
  'sys/policies/acl': ['list'],
  'sys/policies/acl/+': ['read'],
  'transit/keys': ['list'],
  'transit/keys/+': ['read'],
  'auth/kubernetes/role': ['list'],
  'database/config': ['list'],
  'database/roles': ['list'],
  'auth/token/revoke-self': ['update'],
  'auth/token/lookup-self': ['read'],
};

/** JSON needs no quoting of its own, unlike HCL. */
function policy(name: string, paths: Paths): VaultPolicy {
  const path = Object.fromEntries(
    Object.entries(paths).map(([path, capabilities]) => [path, { capabilities }]),
  );
  return { name, policy: JSON.stringify({ path }) };
}

/** Reading a key shows its versions, not itself. */
function keyUse(keys: readonly string[]): Paths {
  return Object.fromEntries(
    keys.flatMap((key) => [
      ...['encrypt', 'decrypt', 'rewrap'].map((use) => [`transit/${use}/${key}`, ['update']]),
      [`transit/keys/${key}`, ['read']],
    ]),
  ) as Paths;
}

function databaseLogins({ postgres, redis }: VaultSettings, role: VaultRole): Paths {
  const names = [...(postgres ? ['postgres'] : []), ...(redis?.servers ?? []).map(({ name }) => name)];
  return Object.fromEntries(names.map((name) => [`database/creds/${name}-${role}`, ['read']]));
}

/** What `vaultWrites` writes and what it no longer does: reads no value, uses no key and ends no version of one. */
const configuration: Paths = {
  'sys/audit': ['read', 'sudo'],
  'sys/audit/stdout': [...write, 'sudo'],
  'sys/auth': ['read'],
  'sys/auth/kubernetes': [...write, 'sudo'],
  'sys/mounts': ['read'],
  'sys/mounts/transit': write,
  'sys/mounts/database': write,
  'sys/policies/acl/platform-*': manage,
  'auth/kubernetes/config': write,
  'auth/kubernetes/role/*': manage,
  'transit/keys/+': ['create', 'update', 'read'],
  'transit/keys/+/config': ['update'],
  'transit/keys/+/rotate': ['update'],
  'database/config/*': manage,
  'database/roles/*': manage,
  'auth/token/revoke-self': ['update'],
};
