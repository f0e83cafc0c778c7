import type { Output } from '@pulumi/pulumi';
import { z } from 'zod';
import { Elasticsearch } from '../../components/elasticsearch';
import {
  type ElasticsearchArgs,
  NODE_ROLES,
  type NodeSetArgs,
  resolveElasticsearchArgs,
} from '../../components/elasticsearch-args';
import { images, versions } from '../../components/versions';
import { connectionReference } from '../../migrations/connections';
import { StoreMigrations } from '../../migrations/provider/store-migrations';
import type { SecretReference } from '../outputs';
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
} from './fields';
import { defineStore, login, overridden, type Platform } from './store';

const DATABASE = 'platform';

const nodeSet = z.strictObject({
  name: dnsLabel,
  count: count(1),
  roles: z.array(z.enum(NODE_ROLES)).min(1).optional(),
  storageSize: quantity,
  resources,
});

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
  antiAffinity: spread
    .optional()
    .describe('Whether nodes of a set must or should run on different machines.'),
  snapshots: z
    .strictObject({
      endpoint: z.url(),
      secret: z.strictObject({ name: dnsLabel, accessKey: z.string().min(1), secretKey: z.string().min(1) }),
    })
    .optional()
    .describe(
      'S3 client `platform` of the nodes, for the snapshot repositories that change files put: endpoint and Secret with the keys; absent: no client.',
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
  readonly antiAffinity: Spread;
  readonly snapshots?: ElasticsearchArgs['snapshots'];
}

const dev: ElasticsearchSettings = {
  enabled: true,
  version: versions.elasticsearch,
  nodeSets: [{ name: 'default', count: 1, storageSize: '5Gi', resources: fixedResources('100m', '1Gi') }],
  memoryMap: false,
  antiAffinity: 'preferred',
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
  antiAffinity: 'required',
};

/** Elasticsearch’s part of the contract. */
export interface ElasticsearchOutputs {
  /** HTTPS endpoint. */
  readonly url: string;
  readonly host: string;
  readonly port: number;
  readonly tls: { readonly caSecret: SecretReference };
  /** Data streams to add events to, by what they hold. */
  readonly dataStreams: Readonly<Record<'logs' | 'workflows' | 'activities' | 'metrics', string>>;
  /** Alias of the documents, and the search template with facets. */
  readonly documents: { readonly alias: string; readonly searchTemplate: string };
  readonly credentials: { readonly app: SecretReference; readonly readonly: SecretReference };
  /** Newest applied schema version, such as `000004`. */
  readonly schemaVersion: Output<string>;
}

function args(settings: ElasticsearchSettings, platform: Platform): ElasticsearchArgs {
  const { enabled: _enabled, nodeSets, image = images.elasticsearch, ...rest } = settings;
  return {
    ...rest,
    image,
    namespace: platform.namespace,
    nodeSets: nodeSets.map(({ storageSize, ...set }) => ({
      ...set,
      storage: { size: storageSize, className: platform.storageClass },
    })),
  };
}

/** Elasticsearch: events in data streams with lifecycles, and full-text search over documents. */
export const elasticsearchStore = defineStore({
  schema,
  sizes: { dev, prod },
  resolve: overridden,
  args,
  check: (settings, platform) => void resolveElasticsearchArgs(args(settings, platform)),
  deploy(settings, platform, options): ElasticsearchOutputs {
    const elasticsearch = new Elasticsearch('elasticsearch', args(settings, platform), options);
    const migrations = new StoreMigrations(
      'elasticsearch-migrations',
      {
        store: 'elasticsearch',
        database: DATABASE,
        connection: connectionReference('elasticsearch', {
          namespace: platform.namespace,
          context: platform.kubeContext,
        }),
      },
      { dependsOn: [elasticsearch] },
    );
    return {
      url: elasticsearch.url,
      host: elasticsearch.host,
      port: elasticsearch.port,
      tls: {
        caSecret: { name: 'elasticsearch-es-http-certs-public', keys: { certificateAuthority: 'ca.crt' } },
      },
      dataStreams: {
        logs: 'logs-platform-default',
        workflows: 'workflows-platform-default',
        activities: 'activities-platform-default',
        metrics: 'metrics-platform-default',
      },
      documents: { alias: 'documents', searchTemplate: 'documents' },
      credentials: { app: login('elasticsearch-app'), readonly: login('elasticsearch-readonly') },
      schemaVersion: migrations.version,
    };
  },
});
