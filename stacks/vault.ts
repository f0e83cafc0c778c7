import type { Input, Output, Resource } from '@pulumi/pulumi';
import { AUDIENCE } from '../components/vault-names';
import { z } from 'zod';
import { BACKUP_ACCOUNT } from '../components/backup-jobs-spec';
import { CA_SECRET } from '../components/certificates';
import { checksum } from '../components/metadata';
import { Vault } from '../components/vault';
import { resolveVaultArgs, type VaultArgs, vaultSeals } from '../components/vault-args';
import { VaultPostgresLogin } from '../components/vault-postgres-login';
import { vaultCertificate } from '../components/vault-spec';
import {
  type ServiceAccountReference,
  type VaultPostgres,
  type VaultRedis,
  type VaultRole,
  vaultRoles,
  type VaultSettings as VaultContent,
} from '../components/vault-writes';
import { images } from '../components/versions';
import { certificateAuthority, type SecretReference } from './outputs';
import {
  count,
  dnsLabel,
  fixedResources,
  imageReference,
  quantity,
  resources,
  type Resources,
  spread,
  type Spread,
} from './stores/fields';
import { overridden, type Platform, type StoreOptions, type StoreTls } from './stores/store';

const HOURS_PER_DAY = 24;

const seal = z.enum(vaultSeals);
const keyName = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,62}$/, 'must be the name of a key (a-z, 0-9 and -, at most 63)');
const serviceAccounts = z.array(z.strictObject({ namespace: dnsLabel, name: dnsLabel }));

const schema = z.strictObject({
  enabled: z.boolean().optional().describe('Whether the platform has Vault.'),
  image: imageReference
    .optional()
    .describe('Vault image; absent: the official one, under its Business Source License.'),
  replicas: count(1).optional().describe('Servers with integrated storage; odd.'),
  storageSize: quantity.optional().describe('Volume of each server.'),
  resources: resources.optional().describe('Requests and limits of each server.'),
  antiAffinity: spread.optional().describe('Whether servers must or should run on different nodes.'),
  seal: seal
    .optional()
    .describe(
      '`shamir`: people open each server after each start; `auto`: a key management service does, see `sealSecret`; `dev-auto`: the key is in a Secret beside Vault, only with size dev.',
    ),
  sealSecret: dnsLabel
    .optional()
    .describe(
      'Secret whose key `seal.hcl` is a seal stanza of Vault’s configuration; only with seal `auto`.',
    ),
  keys: z
    .array(keyName)
    .min(1)
    .optional()
    .describe('Keys of the transit engine that applications encrypt with.'),
  keyRotationDays: count(1).optional().describe('Days after which each key gets another version.'),
  applications: z
    .partialRecord(z.enum(vaultRoles), serviceAccounts)
    .optional()
    .describe(
      'ServiceAccounts that may log in, by role: `app` encrypts, decrypts and gets logins of databases, `readonly` gets logins that only read.',
    ),
});

/** Settings of Vault with the defaults of a size filled in. */
export interface VaultSettings {
  readonly enabled: boolean;
  readonly image?: string;
  readonly replicas: number;
  readonly storageSize: string;
  readonly resources: Resources;
  readonly antiAffinity: Spread;
  readonly seal: z.infer<typeof seal>;
  readonly sealSecret?: string;
  readonly keys: readonly string[];
  readonly keyRotationDays: number;
  readonly applications: Readonly<Partial<Record<VaultRole, readonly ServiceAccountReference[]>>>;
}

const dev: VaultSettings = {
  enabled: false,
  replicas: 1,
  storageSize: '1Gi',
  resources: fixedResources('25m', '384Mi'),
  antiAffinity: 'preferred',
  seal: 'dev-auto',
  keys: ['platform'],
  keyRotationDays: 90,
  applications: {},
};

/** Off: somebody has to hold its keys, and to accept its licence. */
const prod: VaultSettings = {
  ...dev,
  replicas: 3,
  storageSize: '10Gi',
  resources: fixedResources('250m', '1Gi'),
  antiAffinity: 'required',
  seal: 'shamir',
};

/** Databases whose logins Vault makes; `rotation` changes with the password that it does so with. */
export interface VaultDatabases {
  readonly postgres?: VaultPostgres & {
    readonly flow: string;
    readonly caSecret: string;
    /** Name of the cluster. */
    readonly cluster: string;
    readonly rotation: number;
  };
  readonly redis?: {
    readonly flow: string;
    readonly servers: readonly VaultRedis[];
    readonly rules: Readonly<Record<VaultRole, readonly string[]>>;
    readonly rotation: number;
  };
}

/** Vault’s part of the contract. */
export interface VaultOutputs {
  readonly address: string;
  readonly tls: { readonly ca: Output<string>; readonly caSecret: SecretReference };
  /** Log in at `auth/<path>/login` with a token of the pod’s ServiceAccount that is made for the audience. */
  readonly login: {
    readonly path: 'kubernetes';
    readonly audience: string;
    readonly roles: readonly VaultRole[];
  };
  /** Keys of the engine at `transit`. */
  readonly keys: readonly string[];
  /** `configured`, or what it waits for. */
  readonly state: Output<string>;
}

function args(
  settings: VaultSettings,
  platform: Platform,
  { postgres, redis }: VaultDatabases = {},
): VaultArgs {
  const { replicas, resources, antiAffinity, seal, sealSecret } = settings;
  return {
    namespace: platform.namespace,
    image: settings.image ?? images.vault,
    storage: { size: settings.storageSize, className: platform.storageClass },
    priorityClass: platform.priorityClass,
    ...{ replicas, resources, antiAffinity, seal },
    ...(sealSecret ? { sealSecret } : {}),
    ...(postgres ? { postgresCaSecret: postgres.caSecret } : {}),
    databases: [postgres, redis].flatMap((database) => (database ? [database.flow] : [])),
  };
}

function content(
  settings: VaultSettings,
  { namespace }: Platform,
  { postgres, redis }: VaultDatabases,
): Omit<VaultContent, 'configurationAccount'> {
  const { app = [], readonly = [] } = settings.applications;
  return {
    keys: settings.keys,
    keyRotationHours: settings.keyRotationDays * HOURS_PER_DAY,
    backupAccount: { namespace, name: BACKUP_ACCOUNT },
    applications: { app, readonly },
    ...(postgres ? { postgres } : {}),
    ...(redis ? { redis } : {}),
  };
}

/** The role that Vault makes logins of PostgreSQL as; the one of Redis is in Redis's own ACL file. */
function postgresLogin(
  { postgres }: VaultDatabases,
  { namespace, kubeContext }: Platform,
  options: StoreOptions,
  databaseResources: Input<Resource>[],
): Resource[] {
  if (!postgres) return [];
  const { cluster, credentialsSecret: secret, rotation } = postgres;
  const context = kubeContext ? { context: kubeContext } : {};
  const after = { ...options, dependsOn: [...options.dependsOn, ...databaseResources] };
  return [
    new VaultPostgresLogin('vault-postgres', { namespace, cluster, secret, rotation, ...context }, after),
  ];
}

/** Changes with what Vault reads from Secrets. */
function revision({ postgres, redis }: VaultDatabases, { ca }: StoreTls): Output<string> {
  return ca.apply((pem) => `${postgres?.rotation ?? 0}/${redis?.rotation ?? 0}/${checksum(pem)}`);
}

/** What {@link vault} is deployed with beside what every store is. */
export interface VaultSurroundings {
  readonly databases?: VaultDatabases;
  /** What stands for these databases being ready. */
  readonly databaseResources?: Input<Resource>[];
}

/** Vault: keys that applications encrypt with, and logins of databases that end by themselves. */
export const vault = {
  schema,
  sizes: { dev, prod },
  resolve: overridden<VaultSettings>,
  args,
  check(settings: VaultSettings, platform: Platform): void {
    if (settings.seal === 'dev-auto' && platform.size === 'prod') {
      throw new Error(
        'vault: seal must be shamir or auto when size is prod, got dev-auto, which keeps the key in a Secret beside Vault.',
      );
    }
    resolveVaultArgs(args(settings, platform));
  },
  certificates: (settings: VaultSettings, platform: Platform) => [vaultCertificate(args(settings, platform))],
  deploy(
    settings: VaultSettings,
    platform: Platform,
    options: StoreOptions,
    tls: StoreTls,
    { databases = {}, databaseResources = [] }: VaultSurroundings = {},
  ): VaultOutputs {
    const vaultArgs = args(settings, platform, databases);
    const { secret } = vaultCertificate(vaultArgs);
    const server = new Vault(
      'vault',
      vaultArgs,
      {
        settings: content(settings, platform, databases),
        certificateFingerprint: tls.fingerprint(secret),
        databases: [...databaseResources, ...postgresLogin(databases, platform, options, databaseResources)],
        revision: revision(databases, tls),
        ...(platform.kubeContext ? { context: platform.kubeContext } : {}),
      },
      options,
    );
    return {
      address: server.address,
      tls: { ca: tls.ca, caSecret: certificateAuthority(CA_SECRET) },
      login: {
        path: 'kubernetes',
        audience: AUDIENCE,
        roles: vaultRoles.filter((role) => (settings.applications[role] ?? []).length > 0),
      },
      keys: settings.keys,
      state: server.state,
    };
  },
};
