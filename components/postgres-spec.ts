import { containerSecurityContext, labels, podSecurityContext } from './metadata';
import { spread } from './placement';
import type { PodResources } from './pod-args';
import { archivedClusterSpec, archiveSpec, isReplica, recoveryBootstrap } from './postgres-archive-spec';
import { PostgresArgs, ResolvedPostgresArgs, resolvePostgresArgs } from './postgres-args';
import { postgresParameters } from './postgres-parameters';
import { loginSecrets, managedRoles } from './postgres-roles';

/** User and group of the CloudNativePG images. */
const POSTGRES_UID = 26;
const PORT = 5432;
const API_VERSION = 'postgresql.cnpg.io/v1';
const CA_MOUNT = '/etc/postgres-ca';
const PARTITION_MAINTENANCE = 'partition-maintenance';
/** The metrics' ports serve the same certificates as the others. */
const monitoring = { tls: { enabled: true } };

const poolerDefaults = {
  client_tls_sslmode: 'require',
  // Lets prepared statements work although each transaction may run on another server connection.
  max_prepared_statements: '200',
  // Seconds; the default of 15 would stretch every failover to at least that.
  server_login_retry: '1',
  server_connect_timeout: '5',
};

/** Object specifications of the PostgreSQL component; a Secret's password is added by the component. */
export type PostgresSpec = ReturnType<typeof postgresSpec>;

/**
 * Pure specification of everything the PostgreSQL component declares.
 * @throws Error listing every contradiction in the arguments.
 */
export function postgresSpec(input: PostgresArgs) {
  const args = resolvePostgresArgs(input);
  const poolers = poolerTypes(args);
  return {
    logins: loginSecrets(args),
    rotation: args.rotation,
    cluster: clusterSpec(args),
    archive: archiveSpec(args),
    replica: isReplica(args),
    databaseName: args.database,
    database: args.extensions.length > 0 ? databaseSpec(args) : undefined,
    poolers: poolers.map((type) => poolerSpec(args, type)),
    poolerDisruptionBudgets:
      args.pooler && args.pooler.instances > 1 ? poolers.map((type) => disruptionBudgetSpec(args, type)) : [],
    podMonitors: args.podMonitor ? podMonitorSpecs(args, poolers) : [],
    partitionMaintenance: partitionMaintenanceSpec(args),
    partitionMaintenanceAccount: serviceAccountSpec(args, PARTITION_MAINTENANCE),
    endpoints: {
      host: serviceHost(args, 'rw'),
      // The ro Service has no endpoint while there is no replica.
      roHost: serviceHost(args, args.instances > 1 ? 'ro' : 'r'),
      poolerHost: args.pooler ? `${poolerName(args, 'rw')}.${args.namespace}.svc` : undefined,
      port: PORT,
    },
    caSecret: `${args.name}-ca`,
  };
}

type PoolerType = 'rw' | 'ro';

/** Reads get a pooler of their own as soon as there is a replica to read from. */
function poolerTypes({ pooler, instances }: ResolvedPostgresArgs): PoolerType[] {
  if (!pooler) return [];
  return instances > 1 ? ['rw', 'ro'] : ['rw'];
}

function serviceHost({ name, namespace }: ResolvedPostgresArgs, type: 'rw' | 'ro' | 'r'): string {
  return `${name}-${type}.${namespace}.svc`;
}

function poolerName({ name }: ResolvedPostgresArgs, type: PoolerType): string {
  return `${name}-pooler-${type}`;
}

function clusterSpec(args: ResolvedPostgresArgs) {
  const replicated = args.instances > 1;
  return {
    apiVersion: API_VERSION,
    kind: 'Cluster',
    metadata: {
      name: args.name,
      namespace: args.namespace,
      labels: labels({ name: args.name }),
      annotations: { 'pulumi.com/waitFor': 'condition=Ready' },
    },
    spec: {
      imageName: args.image,
      imagePullPolicy: 'IfNotPresent',
      instances: args.instances,
      inheritedMetadata: { labels: { 'app.kubernetes.io/part-of': 'agent-data-platform' } },
      bootstrap: bootstrapSpec(args),
      ...archivedClusterSpec(args),
      enableSuperuserAccess: false,
      managed: { roles: managedRoles(args) },
      postgresql: {
        parameters: postgresParameters(args.parameters),
        pg_hba: ['hostnossl all all all reject'],
        ...(args.synchronous ? { synchronous: synchronousSpec(args.synchronous) } : {}),
      },
      certificates: {
        serverAltDNSNames: (['rw', 'ro'] as const).flatMap((type) => dnsNames(args, poolerName(args, type))),
      },
      monitoring,
      storage: volumeSpec(args.storage),
      ...(args.walStorage ? { walStorage: volumeSpec(args.walStorage) } : {}),
      resources: args.resources,
      primaryUpdateStrategy: 'unsupervised',
      primaryUpdateMethod: replicated ? 'switchover' : 'restart',
      // Pooled clients never leave by themselves, so a long smart shutdown is only a long write gap.
      smartShutdownTimeout: 1,
      stopDelay: 60,
      switchoverDelay: 60,
      replicationSlots: { highAvailability: { enabled: true } },
      affinity: {
        enablePodAntiAffinity: true,
        podAntiAffinityType: args.antiAffinity,
        topologyKey: 'kubernetes.io/hostname',
      },
      ...(replicated
        ? { topologySpreadConstraints: zoneSpread(args, { 'cnpg.io/cluster': args.name }) }
        : {}),
      ...priority(args),
      // With one instance a budget would only block node maintenance.
      enablePDB: replicated,
    },
  };
}

function bootstrapSpec(args: ResolvedPostgresArgs) {
  const recovery = recoveryBootstrap(args);
  return recovery ? { recovery } : { initdb: initdbSpec(args) };
}

function initdbSpec(args: ResolvedPostgresArgs) {
  return {
    database: args.database,
    owner: args.owner,
    secret: { name: `${args.name}-owner` },
    dataChecksums: true,
    encoding: 'UTF8',
    // The built-in provider sorts alike in every image, so a new image never breaks an index.
    localeProvider: 'builtin',
    builtinLocale: 'C.UTF-8',
    localeCollate: 'C',
    localeCType: 'C.UTF-8',
  };
}

function synchronousSpec(synchronous: NonNullable<PostgresArgs['synchronous']>) {
  return {
    method: synchronous.method,
    number: synchronous.number,
    dataDurability: synchronous.dataDurability,
    // Without it a failover could promote a standby that missed the newest acknowledged commits.
    failoverQuorum: synchronous.dataDurability === 'required',
  };
}

function volumeSpec({ size, className }: { readonly size: string; readonly className?: string }) {
  return { size, ...(className ? { storageClass: className } : {}), resizeInUseVolumes: true };
}

function zoneSpread({ antiAffinity }: ResolvedPostgresArgs, matchLabels: Record<string, string>) {
  return spread(antiAffinity, matchLabels).topologySpreadConstraints;
}

function priority({ priorityClass }: ResolvedPostgresArgs) {
  return priorityClass ? { priorityClassName: priorityClass } : {};
}

function dnsNames({ namespace }: ResolvedPostgresArgs, service: string): string[] {
  return [
    service,
    `${service}.${namespace}`,
    `${service}.${namespace}.svc`,
    `${service}.${namespace}.svc.cluster.local`,
  ];
}

function databaseSpec(args: ResolvedPostgresArgs) {
  return {
    apiVersion: API_VERSION,
    kind: 'Database',
    metadata: { name: args.name, namespace: args.namespace, labels: labels({ name: args.name }) },
    spec: {
      cluster: { name: args.name },
      name: args.database,
      owner: args.owner,
      databaseReclaimPolicy: 'retain',
      extensions: args.extensions.map((name) => ({ name, ensure: 'present' })),
    },
  };
}

function poolerSpec(args: ResolvedPostgresArgs, type: PoolerType) {
  const pooler = args.pooler!;
  const name = poolerName(args, type);
  return {
    apiVersion: API_VERSION,
    kind: 'Pooler',
    metadata: {
      name,
      namespace: args.namespace,
      labels: labels({ name: args.name, component: 'pooler' }),
      // In the foreground the operator would make the Deployment anew for as long as its Pooler is being deleted.
      annotations: { 'pulumi.com/deletionPropagationPolicy': 'background' },
    },
    spec: {
      cluster: { name: args.name },
      instances: pooler.instances,
      type,
      pgbouncer: {
        image: pooler.image,
        poolMode: pooler.poolMode,
        parameters: { ...poolerDefaults, ...pooler.parameters },
      },
      monitoring,
      template: {
        metadata: { labels: { ...labels({ name: args.name, component: 'pooler' }) } },
        spec: {
          containers: [{ name: 'pgbouncer', resources: pooler.resources }],
          ...(pooler.instances > 1 ? spread(args.antiAffinity, { 'cnpg.io/poolerName': name }) : {}),
          ...priority(args),
        },
      },
    },
  };
}

function disruptionBudgetSpec(args: ResolvedPostgresArgs, type: PoolerType) {
  const name = poolerName(args, type);
  return {
    metadata: {
      name,
      namespace: args.namespace,
      labels: labels({ name: args.name, component: 'pooler' }),
    },
    spec: { maxUnavailable: 1, selector: { matchLabels: { 'cnpg.io/poolerName': name } } },
  };
}

function podMonitorSpecs(args: ResolvedPostgresArgs, poolers: readonly PoolerType[]) {
  const monitor = (name: string, component: string | undefined, matchLabels: Record<string, string>) => ({
    apiVersion: 'monitoring.coreos.com/v1',
    kind: 'PodMonitor',
    metadata: {
      name,
      namespace: args.namespace,
      labels: labels({ name: args.name, ...(component ? { component } : {}) }),
    },
    spec: {
      selector: { matchLabels },
      podMetricsEndpoints: [
        {
          port: 'metrics',
          scheme: 'https',
          tlsConfig: {
            ca: { secret: { name: `${args.name}-ca`, key: 'ca.crt' } },
            serverName: `${args.name}-rw`,
          },
        },
      ],
    },
  });
  return [
    monitor(args.name, undefined, { 'cnpg.io/cluster': args.name, 'cnpg.io/podRole': 'instance' }),
    ...poolers.map((type) => {
      const name = poolerName(args, type);
      return monitor(name, 'pooler', { 'cnpg.io/poolerName': name });
    }),
  ];
}

const maintenanceResources: PodResources = {
  requests: { cpu: '10m', memory: '32Mi' },
  limits: { memory: '64Mi' },
};

function serviceAccountSpec({ name, namespace }: ResolvedPostgresArgs, component: string) {
  return {
    metadata: { name: `${name}-${component}`, namespace, labels: labels({ name, component }) },
    automountServiceAccountToken: false,
  };
}

function partitionMaintenanceSpec(args: ResolvedPostgresArgs) {
  const identity = { name: args.name, component: PARTITION_MAINTENANCE };
  return {
    metadata: {
      name: `${args.name}-${PARTITION_MAINTENANCE}`,
      namespace: args.namespace,
      labels: labels(identity),
    },
    spec: {
      schedule: args.partitionMaintenance.schedule,
      timeZone: 'Etc/UTC',
      concurrencyPolicy: 'Forbid',
      startingDeadlineSeconds: 3600,
      successfulJobsHistoryLimit: 1,
      failedJobsHistoryLimit: 3,
      jobTemplate: {
        metadata: { labels: labels(identity) },
        spec: {
          backoffLimit: 3,
          activeDeadlineSeconds: 900,
          template: { metadata: { labels: labels(identity) }, spec: maintenancePod(args) },
        },
      },
    },
  };
}

function maintenancePod(args: ResolvedPostgresArgs) {
  const fromSecret = (key: string) => ({ secretKeyRef: { name: `${args.name}-owner`, key } });
  return {
    restartPolicy: 'Never',
    serviceAccountName: `${args.name}-${PARTITION_MAINTENANCE}`,
    automountServiceAccountToken: false,
    ...priority(args),
    enableServiceLinks: false,
    securityContext: podSecurityContext(POSTGRES_UID),
    containers: [
      {
        name: 'psql',
        image: args.image,
        imagePullPolicy: 'IfNotPresent',
        command: [
          'psql',
          '--no-psqlrc',
          '--set=ON_ERROR_STOP=1',
          '--command=CALL platform.run_partition_upkeep()',
        ],
        env: [
          { name: 'PGHOST', value: serviceHost(args, 'rw') },
          { name: 'PGPORT', value: String(PORT) },
          { name: 'PGDATABASE', value: args.database },
          { name: 'PGUSER', valueFrom: fromSecret('username') },
          { name: 'PGPASSWORD', valueFrom: fromSecret('password') },
          { name: 'PGSSLMODE', value: 'verify-full' },
          { name: 'PGSSLROOTCERT', value: `${CA_MOUNT}/ca.crt` },
          { name: 'PGCONNECT_TIMEOUT', value: '10' },
        ],
        resources: maintenanceResources,
        securityContext: containerSecurityContext(),
        volumeMounts: [{ name: 'ca', mountPath: CA_MOUNT, readOnly: true }],
      },
    ],
    volumes: [
      {
        name: 'ca',
        secret: { secretName: `${args.name}-ca`, items: [{ key: 'ca.crt', path: 'ca.crt' }] },
      },
    ],
  };
}
