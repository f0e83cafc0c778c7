import type { Output } from '@pulumi/pulumi';
import { z } from 'zod';
import { CA_SECRET } from '../../components/certificates';
import { Elasticsearch } from '../../components/elasticsearch';
import {
  type ElasticsearchArgs,
  NODE_ROLES,
  type NodeSetArgs,
  resolveElasticsearchArgs,
} from '../../components/elasticsearch-args';
import { elasticsearchCertificate } from '../../components/elasticsearch-spec';
import { ElasticsearchSnapshotUser, snapshotUserSpec } from '../../components/elasticsearch-snapshot-user';
import { dataStreams } from '../../components/log-shipper-config';
import { administrators } from '../../components/minio-secrets';
import { images, versions } from '../../components/versions';
import { connectionReference, storeService } from '../../migrations/connections';
import { StoreMigrations } from '../../migrations/provider/store-migrations';
import { declareLogShipper, logsSchema, type LogsSettings } from '../logs';
import { certificateAuthority, type SecretReference } from '../outputs';
import {
  count,
  dnsLabel,
  fixedResources,
  httpUrl,
  imageReference,
  quantity,
  resources,
  type Resources,
  spread,
  type Spread,
} from './fields';
import { ELASTICSEARCH_SNAPSHOTS } from './minio';
import { defineStore, login, type Platform, type StoreOptions } from './store';

const DATABASE = 'platform';

const nodeSet = z.strictObject({
  name: dnsLabel,
  count: count(1),
  roles: z.array(z.enum(NODE_ROLES)).min(1).optional(),
  storageSize: quantity,
  resources,
});

const days = count(1);
const bucketName = z.string().regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, 'must be the name of a bucket');

const schema = z.strictObject({
  enabled: z.boolean().optional().describe('Whether the platform has Elasticsearch.'),
  version: z
    .string()
    .regex(/^9\.\d+\.\d+$/, 'must be 9.x.y')
    .optional()
    .describe('Server version; the image must be of the same.'),
  image: imageReference.optional().describe('Elasticsearch image; absent: the official one.'),
  nodeSets: z
    .array(nodeSet)
    .min(1)
    .optional()
    .describe(
      'Nodes by kind: count, roles (absent: all of them), volume and resources; replaces the defaults.',
    ),
  memoryMap: z
    .boolean()
    .optional()
    .describe('Map files into memory; every Kubernetes node needs `vm.max_map_count` of 1048576.'),
  quickStart: z
    .boolean()
    .optional()
    .describe('Start with half of the processor time and work slower, for nodes that are often started.'),
  sharedDisk: z
    .boolean()
    .optional()
    .describe('Volumes are folders of a disk that others fill too: only what is left of it counts.'),
  antiAffinity: spread
    .optional()
    .describe('Whether nodes of a set must or should run on different machines.'),
  rotation: count(1)
    .optional()
    .describe(
      'Generation of the logins’ passwords, from 1; raised by one, it hands out new ones, and those before stay valid until the next time.',
    ),
  snapshotKeyRotation: count(1)
    .optional()
    .describe(
      'Generation of the key of MinIO that snapshots are written with, from 1; raised by one, nodes start again one after the other with a new one, and the one before stays valid until the next time.',
    ),
  audit: z
    .strictObject({ licence: z.enum(['platinum', 'enterprise']) })
    .optional()
    .describe('Audit log of requests; the licence of the cluster must include it.'),
  retention: z
    .strictObject({
      logs: days,
      audit: days,
      workflows: days,
      activities: days,
      metrics: days,
      snapshots: days,
    })
    .partial()
    .optional()
    .describe(
      'Days after which events are deleted, counted from the rollover of their index, and nightly snapshots expire; each at least the age at which its lifecycle policy turns cold.',
    ),
  logs: logsSchema.optional(),
  snapshots: z
    .strictObject({
      endpoint: httpUrl,
      bucket: bucketName,
      secret: z.strictObject({ name: dnsLabel, accessKey: z.string().min(1), secretKey: z.string().min(1) }),
    })
    .optional()
    .describe(
      'Where nightly snapshots go: S3 endpoint, bucket, and Secret in the namespace with the keys under the names given; absent: a bucket of the platform’s MinIO.',
    ),
});

interface NodeSetSettings extends Omit<NodeSetArgs, 'storage'> {
  readonly storageSize: string;
  readonly resources: Resources;
}

interface ElasticsearchSettings {
  readonly enabled: boolean;
  readonly version: string;
  readonly image?: string;
  readonly nodeSets: readonly NodeSetSettings[];
  readonly memoryMap: boolean;
  readonly quickStart: boolean;
  readonly sharedDisk: boolean;
  readonly antiAffinity: Spread;
  readonly rotation: number;
  readonly snapshotKeyRotation?: number;
  readonly audit?: ElasticsearchArgs['audit'];
  /** Days. */
  readonly retention: Readonly<
    Record<'logs' | 'audit' | 'workflows' | 'activities' | 'metrics' | 'snapshots', number>
  >;
  readonly logs: LogsSettings;
  readonly snapshots?: NonNullable<ElasticsearchArgs['snapshots']> & { readonly bucket: string };
}

type Overrides = Partial<Omit<ElasticsearchSettings, 'retention' | 'logs'>> & {
  readonly logs?: Partial<LogsSettings>;
  readonly retention?: Partial<ElasticsearchSettings['retention']>;
};

const dev: ElasticsearchSettings = {
  enabled: true,
  version: versions.elasticsearch,
  nodeSets: [{ name: 'default', count: 1, storageSize: '5Gi', resources: fixedResources('100m', '1Gi') }],
  memoryMap: false,
  quickStart: true,
  sharedDisk: true,
  antiAffinity: 'preferred',
  rotation: 1,
  logs: { enabled: true },
  retention: { logs: 14, audit: 60, workflows: 60, activities: 60, metrics: 7, snapshots: 7 },
};

const prod: ElasticsearchSettings = {
  ...dev,
  nodeSets: [
    {
      name: 'masters',
      count: 3,
      roles: ['master'],
      storageSize: '10Gi',
      resources: fixedResources('500m', '2Gi'),
    },
    {
      name: 'hot',
      count: 3,
      roles: ['data_hot', 'data_content', 'ingest'],
      storageSize: '200Gi',
      resources: fixedResources('2', '8Gi'),
    },
    {
      name: 'warm',
      count: 2,
      roles: ['data_warm'],
      storageSize: '500Gi',
      resources: fixedResources('1', '4Gi'),
    },
    {
      name: 'cold',
      count: 1,
      roles: ['data_cold'],
      storageSize: '1Ti',
      resources: fixedResources('500m', '4Gi'),
    },
  ],
  memoryMap: true,
  quickStart: false,
  sharedDisk: false,
  antiAffinity: 'required',
  retention: { logs: 90, audit: 365, workflows: 365, activities: 180, metrics: 30, snapshots: 30 },
};

/** Elasticsearch’s part of the contract. */
export interface ElasticsearchOutputs {
  /** HTTPS endpoint. */
  readonly url: string;
  readonly host: string;
  readonly port: number;
  readonly tls: { readonly ca: Output<string>; readonly caSecret: SecretReference };
  /** Data streams to add events to, by what they hold. */
  readonly dataStreams: Readonly<Record<'logs' | 'workflows' | 'activities' | 'metrics', string>>;
  /** Data streams of what the stores' servers log, for the login `auditor`. */
  readonly serverLogs: { readonly audit: string; readonly stores: string };
  /** Alias of the documents, and the search template with facets. */
  readonly documents: { readonly alias: string; readonly searchTemplate: string };
  readonly credentials: Readonly<
    Record<'app' | 'readonly' | 'auditor' | 'backup' | 'monitor', SecretReference>
  >;
  /** Newest applied schema version, such as `000004`. */
  readonly schemaVersion: Output<string>;
}

function args(settings: ElasticsearchSettings, platform: Platform): ElasticsearchArgs {
  const {
    enabled: _enabled,
    retention: _retention,
    logs: _logs,
    snapshotKeyRotation: _snapshotKeyRotation,
    nodeSets,
    image = images.elasticsearch,
    ...rest
  } = settings;
  return {
    ...rest,
    image,
    namespace: platform.namespace,
    tlsSecret: 'elasticsearch-tls',
    priorityClass: platform.priorityClass,
    ...(platform.kubeContext ? { context: platform.kubeContext } : {}),
    snapshots: settings.snapshots
      ? { endpoint: settings.snapshots.endpoint, secret: settings.snapshots.secret }
      : platformSnapshots(platform),
    nodeSets: nodeSets.map(({ storageSize, ...set }) => ({
      ...set,
      storage: { size: storageSize, className: platform.storageClass },
    })),
  };
}

function snapshotUser({ namespace, kubeContext }: Platform, rotation?: number) {
  const { service, port, caSecret } = storeService('minio');
  return {
    namespace,
    bucket: ELASTICSEARCH_SNAPSHOTS,
    minio: { service, port, ...administrators('minio'), caSecret },
    ...(rotation ? { rotation } : {}),
    ...(kubeContext ? { context: kubeContext } : {}),
  };
}

/** The platform's MinIO as the place of snapshots. */
function platformSnapshots(platform: Platform): NonNullable<ElasticsearchArgs['snapshots']> {
  const user = snapshotUser(platform);
  return {
    endpoint: `https://${user.minio.service}.${platform.namespace}.svc:${user.minio.port}`,
    secret: snapshotUserSpec(user).reference,
  };
}

/** What the change files leave open. */
function parameters({ retention, snapshots }: ElasticsearchSettings): Record<string, string> {
  const ages = Object.entries(retention).map(([name, days]) => [`retention.${name}`, `${days}d`]);
  return { ...Object.fromEntries(ages), 'snapshots.bucket': snapshots?.bucket ?? ELASTICSEARCH_SNAPSHOTS };
}

/** The Secret of the keys exists before the nodes read it. */
function declareSnapshots(settings: ElasticsearchSettings, platform: Platform, options: StoreOptions) {
  if (settings.snapshots) return [];
  const user = snapshotUser(platform, settings.snapshotKeyRotation);
  return [new ElasticsearchSnapshotUser('elasticsearch-snapshots', user, options)];
}

/** Elasticsearch: events in data streams with lifecycles, and full-text search over documents. */
export const elasticsearchStore = defineStore({
  schema,
  sizes: { dev, prod },
  resolve: (defaults: ElasticsearchSettings, overrides: Overrides) => ({
    ...defaults,
    ...overrides,
    retention: { ...defaults.retention, ...overrides.retention },
    logs: { ...defaults.logs, ...overrides.logs },
  }),
  args,
  check: (settings, platform) => void resolveElasticsearchArgs(args(settings, platform)),
  certificates: (settings, platform) => [elasticsearchCertificate(args(settings, platform))],
  deploy(settings, platform, options, tls): ElasticsearchOutputs {
    const elasticsearch = new Elasticsearch('elasticsearch', args(settings, platform), {
      ...options,
      dependsOn: [...options.dependsOn, ...declareSnapshots(settings, platform, options)],
    });
    const migrations = new StoreMigrations(
      'elasticsearch-migrations',
      {
        store: 'elasticsearch',
        database: DATABASE,
        parameters: parameters(settings),
        connection: connectionReference('elasticsearch', {
          namespace: platform.namespace,
          context: platform.kubeContext,
        }),
      },
      { dependsOn: [elasticsearch] },
    );
    declareLogShipper(settings.logs, elasticsearch, tls, platform, {
      ...options,
      dependsOn: [elasticsearch, migrations],
    });
    return {
      url: elasticsearch.url,
      host: elasticsearch.host,
      port: elasticsearch.port,
      tls: { ca: tls.ca, caSecret: certificateAuthority(CA_SECRET) },
      dataStreams: {
        logs: 'logs-platform-default',
        workflows: 'workflows-platform-default',
        activities: 'activities-platform-default',
        metrics: 'metrics-platform-default',
      },
      serverLogs: dataStreams,
      documents: { alias: 'documents', searchTemplate: 'documents' },
      credentials: {
        app: login('elasticsearch-app'),
        readonly: login('elasticsearch-readonly'),
        auditor: login('elasticsearch-auditor'),
        backup: login('elasticsearch-backup'),
        monitor: login('elasticsearch-monitor'),
      },
      schemaVersion: migrations.version,
    };
  },
});
