import { type Output, output } from '@pulumi/pulumi';
import { z } from 'zod';
import { Postgres } from '../../components/postgres';
import { type PostgresArgs, resolvePostgresArgs } from '../../components/postgres-args';
import { isReplica } from '../../components/postgres-archive-spec';
import type { RotatingRole } from '../../components/postgres-roles';
import { images } from '../../components/versions';
import { connectionReference } from '../../migrations/connections';
import { StoreMigrations } from '../../migrations/provider/store-migrations';
import { certificateAuthority, type Endpoint, type SecretReference } from '../outputs';
import {
  count,
  fixedResources,
  imageReference,
  quantity,
  resources,
  type Resources,
  spread,
  type Spread,
} from './fields';
import { defineStore, login, type Platform } from './store';

const schema = z.strictObject({
  image: imageReference.optional().describe('PostgreSQL image; its tag names the major version.'),
  instances: count(1).optional().describe('Servers: one primary, the rest replicas.'),
  storageSize: quantity.optional().describe('Volume of each instance.'),
  walStorageSize: quantity.optional().describe('Separate volume for the write-ahead log; none when absent.'),
  resources: resources.optional().describe('Requests and limits of each instance.'),
  synchronous: z
    .union([
      z.literal(false),
      z.strictObject({ number: count(1), dataDurability: z.enum(['required', 'preferred']) }),
    ])
    .optional()
    .describe(
      'Quorum commit: `number` of replicas that confirm a commit; `dataDurability: required` blocks writes rather than lose them; `false` is asynchronous.',
    ),
  parameters: z
    .record(z.string(), z.string())
    .optional()
    .describe('postgresql.conf settings, merged over the defaults.'),
  pooler: z
    .union([
      z.literal(false),
      z.strictObject({
        instances: count(1).optional(),
        poolMode: z.enum(['session', 'transaction']).optional(),
        parameters: z.record(z.string(), z.string()).optional(),
        image: imageReference.optional(),
        resources: resources.optional(),
      }),
    ])
    .optional()
    .describe('PgBouncer in front of the primary, or `false`.'),
  podMonitor: z.boolean().optional().describe('Declare a PodMonitor (needs the Prometheus operator).'),
  rotation: count(1)
    .optional()
    .describe(
      'Generation of the passwords; raising it by one hands out new logins, while those before stay valid until the next rotation.',
    ),
  antiAffinity: spread
    .optional()
    .describe('Whether instances must (`required`) or should (`preferred`) run on different nodes.'),
  recovery: z
    .strictObject({ serverName: z.string(), targetTime: z.string().optional() })
    .optional()
    .describe(
      'Archive that a new cluster is made of, by its `backups.postgres.serverName`, up to a time such as `2030-01-31T12:00:00Z` (absent: to its end); counts only when the cluster is made.',
    ),
  replicaOf: z
    .strictObject({ serverName: z.string(), enabled: z.boolean().optional() })
    .optional()
    .describe(
      'Archive of another platform that a new cluster follows without taking writes; `enabled: false` makes it take them, for good.',
    ),
});

interface PoolerSettings {
  readonly instances: number;
  readonly poolMode: 'session' | 'transaction';
  readonly parameters: Readonly<Record<string, string>>;
  readonly image?: string;
  readonly resources: Resources;
}

interface PostgresSettings {
  readonly image?: string;
  readonly instances: number;
  readonly storageSize: string;
  readonly walStorageSize?: string;
  readonly resources: Resources;
  readonly synchronous:
    false | { readonly number: number; readonly dataDurability: 'required' | 'preferred' };
  readonly parameters: Readonly<Record<string, string>>;
  readonly pooler: PoolerSettings | false;
  readonly podMonitor: boolean;
  readonly rotation: number;
  readonly antiAffinity: Spread;
  readonly recovery?: PostgresArgs['recovery'];
  readonly replicaOf?: PostgresArgs['replicaOf'];
}

const devPooler: PoolerSettings = {
  instances: 1,
  poolMode: 'transaction',
  parameters: { max_client_conn: '500', default_pool_size: '20' },
  resources: fixedResources('25m', '64Mi'),
};

const dev: PostgresSettings = {
  instances: 1,
  storageSize: '5Gi',
  resources: fixedResources('100m', '512Mi'),
  synchronous: false,
  parameters: { max_connections: '100', shared_buffers: '128MB' },
  pooler: devPooler,
  podMonitor: false,
  rotation: 1,
  antiAffinity: 'preferred',
};

const prod: PostgresSettings = {
  instances: 3,
  storageSize: '100Gi',
  walStorageSize: '20Gi',
  resources: fixedResources('2', '8Gi'),
  synchronous: { number: 1, dataDurability: 'required' },
  parameters: { max_connections: '400', shared_buffers: '2GB', effective_cache_size: '6GB' },
  pooler: {
    instances: 2,
    poolMode: 'transaction',
    parameters: { max_client_conn: '2000', default_pool_size: '50' },
    resources: fixedResources('250m', '256Mi'),
  },
  podMonitor: true,
  rotation: 1,
  antiAffinity: 'required',
};

/** PostgreSQL's part of the contract. */
export interface PostgresOutputs {
  readonly database: string;
  /** The primary: reads and writes. */
  readonly primary: Endpoint;
  /** The replicas (the primary when there are none): reads that may lag. */
  readonly replicas: Endpoint;
  /** PgBouncer in front of the primary, or null when the pooler is off. */
  readonly pooler: Endpoint | null;
  readonly tls: {
    readonly mode: 'verify-full';
    /** PEM of the certificate authority that signed the servers' certificates; absent while it follows another cluster. */
    readonly ca: Output<string | undefined>;
    readonly caSecret: SecretReference;
  };
  /** By role; `backup` reads every row, `monitor` only statistics. */
  readonly credentials: Readonly<Record<RotatingRole, SecretReference>>;
  /** Newest applied schema version, such as `000003`; empty while it follows another cluster. */
  readonly schemaVersion: Output<string>;
}

function resolve(defaults: PostgresSettings, overrides: z.infer<typeof schema>): PostgresSettings {
  const pooler = defaults.pooler || devPooler;
  return {
    ...defaults,
    ...overrides,
    parameters: { ...defaults.parameters, ...overrides.parameters },
    pooler:
      overrides.pooler === false
        ? false
        : {
            ...pooler,
            ...overrides.pooler,
            parameters: { ...pooler.parameters, ...overrides.pooler?.parameters },
          },
  };
}

function args(settings: PostgresSettings, platform: Platform): PostgresArgs {
  const { storageSize, walStorageSize, synchronous, pooler, ...rest } = settings;
  const { namespace, storageClass: className, priorityClass, kubeContext: context } = platform;
  const { postgresArchive: archive } = platform;
  return {
    ...rest,
    namespace,
    priorityClass,
    image: settings.image ?? images.postgres,
    storage: { size: storageSize, className },
    ...(walStorageSize ? { walStorage: { size: walStorageSize, className } } : {}),
    ...(synchronous ? { synchronous: { method: 'any', ...synchronous } } : {}),
    ...(pooler ? { pooler: { ...pooler, image: pooler.image ?? images.pgbouncer } } : {}),
    ...(archive ? { archive } : {}),
    ...(context ? { context } : {}),
  };
}

/** The schema; that of a replica is the one of the cluster that it follows. */
function declareMigrations(
  { replicaOf }: PostgresSettings,
  postgres: Postgres,
  { namespace, kubeContext }: Platform,
): { ca: Output<string | undefined>; schemaVersion: Output<string> } {
  if (isReplica({ replicaOf })) {
    return { ca: output(undefined), schemaVersion: postgres.cluster.id.apply(() => '') };
  }
  const { serverCa: ca, version: schemaVersion } = new StoreMigrations(
    'postgres-migrations',
    {
      store: 'postgres',
      database: postgres.database,
      connection: connectionReference('postgres', { namespace, context: kubeContext }),
    },
    { dependsOn: [postgres] },
  );
  return { ca, schemaVersion };
}

/** PostgreSQL: CloudNativePG Cluster, PgBouncer, and the schema of the platform. */
export const postgresStore = defineStore({
  schema,
  sizes: { dev, prod },
  resolve,
  args,
  check(settings, platform) {
    resolvePostgresArgs(args(settings, platform));
    if (platform.vault && isReplica(settings)) {
      throw new Error(
        'postgres: replicaOf takes no writes, and Vault makes logins; set vault.enabled to false until replicaOf.enabled is false.',
      );
    }
  },
  deploy(settings, platform, options): PostgresOutputs {
    const postgres = new Postgres('postgres', args(settings, platform), options);
    const { ca, schemaVersion } = declareMigrations(settings, postgres, platform);
    return {
      database: postgres.database,
      primary: { host: postgres.host, port: postgres.port },
      replicas: { host: postgres.roHost, port: postgres.port },
      pooler: postgres.poolerHost ? { host: postgres.poolerHost, port: postgres.port } : null,
      tls: {
        mode: 'verify-full',
        ca,
        caSecret: certificateAuthority('postgres-ca'),
      },
      credentials: {
        app: login('postgres-app'),
        readonly: login('postgres-readonly'),
        backup: login('postgres-backup'),
        monitor: login('postgres-monitor'),
      },
      schemaVersion,
    };
  },
});
