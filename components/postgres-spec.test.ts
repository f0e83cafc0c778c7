import type { PostgresArgs } from './postgres-args';
import { defaultParameters } from './postgres-parameters';
import { managedRoles } from './postgres-roles';
import { postgresSpec } from './postgres-spec';

const resources = { requests: { cpu: '100m', memory: '256Mi' }, limits: { memory: '256Mi' } };
const single: PostgresArgs = {
  namespace: 'data',
  image: 'registry.local/postgres:17',
  instances: 1,
  storage: { size: '5Gi' },
  resources,
};
const highlyAvailable: PostgresArgs = {
  ...single,
  instances: 3,
  storage: { size: '100Gi', className: 'fast' },
  walStorage: { size: '20Gi', className: 'fast' },
  synchronous: { method: 'any', number: 1, dataDurability: 'required' },
  parameters: { max_connections: '400' },
  pooler: {
    instances: 2,
    poolMode: 'transaction',
    image: 'registry.local/pgbouncer:1',
    resources,
    parameters: { max_client_conn: '2000' },
  },
  podMonitor: true,
  antiAffinity: 'required',
  extensions: ['vector'],
};

const platformLabels = (component?: string) => ({
  'app.kubernetes.io/name': 'postgres',
  ...(component ? { 'app.kubernetes.io/component': component } : {}),
  'app.kubernetes.io/part-of': 'agent-data-platform',
  'app.kubernetes.io/managed-by': 'pulumi',
});

const zoneSpread = (matchLabels: object) => ({
  maxSkew: 1,
  topologyKey: 'topology.kubernetes.io/zone',
  whenUnsatisfiable: 'ScheduleAnyway',
  labelSelector: { matchLabels },
});

describe('a single instance', () => {
  const spec = postgresSpec(single);

  it('is this Cluster', () => {
    expect(spec.cluster).toEqual({
      apiVersion: 'postgresql.cnpg.io/v1',
      kind: 'Cluster',
      metadata: {
        name: 'postgres',
        namespace: 'data',
        labels: platformLabels(),
        annotations: { 'pulumi.com/waitFor': 'condition=Ready' },
      },
      spec: {
        imageName: 'registry.local/postgres:17',
        imagePullPolicy: 'IfNotPresent',
        instances: 1,
        inheritedMetadata: { labels: { 'app.kubernetes.io/part-of': 'agent-data-platform' } },
        bootstrap: {
          initdb: {
            database: 'platform',
            owner: 'platform_owner',
            secret: { name: 'postgres-owner' },
            dataChecksums: true,
            encoding: 'UTF8',
            localeProvider: 'builtin',
            builtinLocale: 'C.UTF-8',
            localeCollate: 'C',
            localeCType: 'C.UTF-8',
          },
        },
        enableSuperuserAccess: false,
        managed: { roles: managedRoles({ name: 'postgres', rotation: 1 }) },
        postgresql: { parameters: defaultParameters, pg_hba: ['hostnossl all all all reject'] },
        certificates: {
          serverAltDNSNames: [
            'postgres-pooler-rw',
            'postgres-pooler-rw.data',
            'postgres-pooler-rw.data.svc',
            'postgres-pooler-rw.data.svc.cluster.local',
            'postgres-pooler-ro',
            'postgres-pooler-ro.data',
            'postgres-pooler-ro.data.svc',
            'postgres-pooler-ro.data.svc.cluster.local',
          ],
        },
        monitoring: { tls: { enabled: true } },
        storage: { size: '5Gi', resizeInUseVolumes: true },
        resources,
        primaryUpdateStrategy: 'unsupervised',
        primaryUpdateMethod: 'restart',
        smartShutdownTimeout: 1,
        stopDelay: 60,
        switchoverDelay: 60,
        replicationSlots: { highAvailability: { enabled: true } },
        affinity: {
          enablePodAntiAffinity: true,
          podAntiAffinityType: 'preferred',
          topologyKey: 'kubernetes.io/hostname',
        },
        enablePDB: false,
      },
    });
  });

  it('has nothing else without being asked, and reads from the primary', () => {
    expect(spec).toMatchObject({
      database: undefined,
      poolers: [],
      poolerDisruptionBudgets: [],
      podMonitors: [],
      caSecret: 'postgres-ca',
      endpoints: {
        host: 'postgres-rw.data.svc',
        roHost: 'postgres-r.data.svc',
        poolerHost: undefined,
        port: 5432,
      },
    });
  });

  it('maintains its partitions over verified TLS, never twice at once, with an account without rights', () => {
    const identity = platformLabels('partition-maintenance');
    expect(spec.partitionMaintenanceAccount).toEqual({
      metadata: { name: 'postgres-partition-maintenance', namespace: 'data', labels: identity },
      automountServiceAccountToken: false,
    });
    const fromOwner = (key: string) => ({ secretKeyRef: { name: 'postgres-owner', key } });
    expect(spec.partitionMaintenance).toEqual({
      metadata: { name: 'postgres-partition-maintenance', namespace: 'data', labels: identity },
      spec: {
        schedule: '17 3 * * *',
        timeZone: 'Etc/UTC',
        concurrencyPolicy: 'Forbid',
        startingDeadlineSeconds: 3600,
        successfulJobsHistoryLimit: 1,
        failedJobsHistoryLimit: 3,
        jobTemplate: {
          metadata: { labels: identity },
          spec: {
            backoffLimit: 3,
            activeDeadlineSeconds: 900,
            template: {
              metadata: { labels: identity },
              spec: {
                restartPolicy: 'Never',
                serviceAccountName: 'postgres-partition-maintenance',
                automountServiceAccountToken: false,
                enableServiceLinks: false,
                securityContext: {
                  runAsNonRoot: true,
                  runAsUser: 26,
                  runAsGroup: 26,
                  fsGroup: 26,
                  fsGroupChangePolicy: 'OnRootMismatch',
                  seccompProfile: { type: 'RuntimeDefault' },
                },
                containers: [
                  {
                    name: 'psql',
                    image: 'registry.local/postgres:17',
                    imagePullPolicy: 'IfNotPresent',
                    command: [
                      'psql',
                      '--no-psqlrc',
                      '--set=ON_ERROR_STOP=1',
                      '--command=CALL platform.run_partition_upkeep()',
                    ],
                    env: [
                      { name: 'PGHOST', value: 'postgres-rw.data.svc' },
                      { name: 'PGPORT', value: '5432' },
                      { name: 'PGDATABASE', value: 'platform' },
                      { name: 'PGUSER', valueFrom: fromOwner('username') },
                      { name: 'PGPASSWORD', valueFrom: fromOwner('password') },
                      { name: 'PGSSLMODE', value: 'verify-full' },
                      { name: 'PGSSLROOTCERT', value: '/etc/postgres-ca/ca.crt' },
                      { name: 'PGCONNECT_TIMEOUT', value: '10' },
                    ],
                    resources: { requests: { cpu: '10m', memory: '32Mi' }, limits: { memory: '64Mi' } },
                    securityContext: {
                      allowPrivilegeEscalation: false,
                      readOnlyRootFilesystem: true,
                      capabilities: { drop: ['ALL'] },
                    },
                    volumeMounts: [{ name: 'ca', mountPath: '/etc/postgres-ca', readOnly: true }],
                  },
                ],
                volumes: [
                  {
                    name: 'ca',
                    secret: { secretName: 'postgres-ca', items: [{ key: 'ca.crt', path: 'ca.crt' }] },
                  },
                ],
              },
            },
          },
        },
      },
    });
  });
});

describe('a highly available cluster', () => {
  const spec = postgresSpec(highlyAvailable);
  const plain = postgresSpec(single);

  it('differs from a single instance in exactly this', () => {
    expect(spec.cluster).toEqual({
      ...plain.cluster,
      spec: {
        ...plain.cluster.spec,
        instances: 3,
        postgresql: {
          parameters: { ...defaultParameters, max_connections: '400' },
          pg_hba: ['hostnossl all all all reject'],
          synchronous: { method: 'any', number: 1, dataDurability: 'required', failoverQuorum: true },
        },
        storage: { size: '100Gi', storageClass: 'fast', resizeInUseVolumes: true },
        walStorage: { size: '20Gi', storageClass: 'fast', resizeInUseVolumes: true },
        primaryUpdateMethod: 'switchover',
        affinity: { ...plain.cluster.spec.affinity, podAntiAffinityType: 'required' },
        topologySpreadConstraints: [zoneSpread({ 'cnpg.io/cluster': 'postgres' })],
        enablePDB: true,
      },
    });
  });

  it('has one pooler for the primary and one for the replicas', () => {
    const pooler = (type: string) => ({
      apiVersion: 'postgresql.cnpg.io/v1',
      kind: 'Pooler',
      metadata: {
        name: `postgres-pooler-${type}`,
        namespace: 'data',
        annotations: { 'pulumi.com/deletionPropagationPolicy': 'background' },
        labels: platformLabels('pooler'),
      },
      spec: {
        cluster: { name: 'postgres' },
        instances: 2,
        type,
        pgbouncer: {
          image: 'registry.local/pgbouncer:1',
          poolMode: 'transaction',
          parameters: {
            client_tls_sslmode: 'require',
            max_prepared_statements: '200',
            server_login_retry: '1',
            server_connect_timeout: '5',
            max_client_conn: '2000',
          },
        },
        monitoring: { tls: { enabled: true } },
        template: {
          metadata: { labels: platformLabels('pooler') },
          spec: {
            containers: [{ name: 'pgbouncer', resources }],
            affinity: {
              podAntiAffinity: {
                requiredDuringSchedulingIgnoredDuringExecution: [
                  {
                    labelSelector: { matchLabels: { 'cnpg.io/poolerName': `postgres-pooler-${type}` } },
                    topologyKey: 'kubernetes.io/hostname',
                  },
                ],
              },
            },
            topologySpreadConstraints: [zoneSpread({ 'cnpg.io/poolerName': `postgres-pooler-${type}` })],
          },
        },
      },
    });
    expect(spec.poolers).toEqual([pooler('rw'), pooler('ro')]);
    expect(spec.poolerDisruptionBudgets).toEqual(
      ['rw', 'ro'].map((type) => ({
        metadata: {
          name: `postgres-pooler-${type}`,
          namespace: 'data',
          labels: platformLabels('pooler'),
        },
        spec: {
          maxUnavailable: 1,
          selector: { matchLabels: { 'cnpg.io/poolerName': `postgres-pooler-${type}` } },
        },
      })),
    );
  });

  it('is scraped', () => {
    const monitor = (name: string, component: string | undefined, matchLabels: object) => ({
      apiVersion: 'monitoring.coreos.com/v1',
      kind: 'PodMonitor',
      metadata: { name, namespace: 'data', labels: platformLabels(component) },
      spec: {
        selector: { matchLabels },
        podMetricsEndpoints: [
          {
            port: 'metrics',
            scheme: 'https',
            tlsConfig: {
              ca: { secret: { name: 'postgres-ca', key: 'ca.crt' } },
              serverName: 'postgres-rw',
            },
          },
        ],
      },
    });
    expect(spec.podMonitors).toEqual([
      monitor('postgres', undefined, { 'cnpg.io/cluster': 'postgres', 'cnpg.io/podRole': 'instance' }),
      monitor('postgres-pooler-rw', 'pooler', { 'cnpg.io/poolerName': 'postgres-pooler-rw' }),
      monitor('postgres-pooler-ro', 'pooler', { 'cnpg.io/poolerName': 'postgres-pooler-ro' }),
    ]);
  });

  it('has its extensions declared in the database, which deletion keeps', () => {
    expect(spec.database).toEqual({
      apiVersion: 'postgresql.cnpg.io/v1',
      kind: 'Database',
      metadata: { name: 'postgres', namespace: 'data', labels: platformLabels() },
      spec: {
        cluster: { name: 'postgres' },
        name: 'platform',
        owner: 'platform_owner',
        databaseReclaimPolicy: 'retain',
        extensions: [{ name: 'vector', ensure: 'present' }],
      },
    });
  });

  it('offers these endpoints', () => {
    expect(spec.endpoints).toEqual({
      host: 'postgres-rw.data.svc',
      roHost: 'postgres-ro.data.svc',
      poolerHost: 'postgres-pooler-rw.data.svc',
      port: 5432,
    });
  });
});

it('spreads the pods of a small pooler only where it can', () => {
  const { poolers } = postgresSpec({ ...highlyAvailable, antiAffinity: 'preferred' });
  expect(poolers[0]!.spec.template.spec.affinity).toEqual({
    podAntiAffinity: {
      preferredDuringSchedulingIgnoredDuringExecution: [
        {
          weight: 100,
          podAffinityTerm: {
            labelSelector: { matchLabels: { 'cnpg.io/poolerName': 'postgres-pooler-rw' } },
            topologyKey: 'kubernetes.io/hostname',
          },
        },
      ],
    },
  });
});

it('does not check the quorum at failover when durability is only preferred', () => {
  const { cluster } = postgresSpec({
    ...highlyAvailable,
    synchronous: { method: 'any', number: 1, dataDurability: 'preferred' },
  });
  expect(cluster.spec.postgresql.synchronous).toMatchObject({ failoverQuorum: false });
});

it('gives every pod its priority', () => {
  const { cluster, poolers, partitionMaintenance } = postgresSpec({
    ...highlyAvailable,
    priorityClass: 'data',
  });
  const pods = [
    cluster.spec,
    ...poolers.map(({ spec }) => spec.template.spec),
    partitionMaintenance.spec.jobTemplate.spec.template.spec,
  ];
  expect(pods.map((pod) => (pod as { priorityClassName?: string }).priorityClassName)).toEqual(
    Array(4).fill('data'),
  );
});
