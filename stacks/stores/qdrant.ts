import { z } from 'zod';
import { Qdrant } from '../../components/qdrant';
import { type QdrantArgs, resolveQdrantArgs } from '../../components/qdrant-args';
import { images } from '../../components/versions';
import { connectionReference } from '../../migrations/connections';
import { StoreMigrations } from '../../migrations/provider/store-migrations';
import type { SecretReference } from '../outputs';
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
import { defineStore, overridden, type Platform } from './store';

const DATABASE = 'platform';

/** How applications reach Qdrant. */
export interface QdrantOutputs {
  /** URL of the REST API. */
  readonly url: string;
  readonly host: string;
  readonly httpPort: number;
  readonly grpcPort: number;
  readonly tls: {
    readonly enabled: boolean;
    /** Certificate authority that signed the server's certificate; null without TLS. */
    readonly caSecret: SecretReference | null;
  };
  /** API keys: `app` may do everything, `readonly` may only read. */
  readonly credentials: { readonly app: SecretReference; readonly readonly: SecretReference };
}

const schema = z.strictObject({
  enabled: z.boolean().optional().describe('Whether the platform has Qdrant.'),
  image: imageReference.optional().describe('Qdrant image, 1.16 or newer.'),
  peers: count(1).optional().describe('Pods: 1, or at least 3 Raft peers.'),
  storageSize: quantity.optional().describe('Size of the data volume of each pod.'),
  snapshotsSize: quantity.optional().describe('Size of the snapshot volume of each pod.'),
  resources: resources.optional().describe('Requests and limits of each pod.'),
  antiAffinity: spread.optional().describe('Whether peers must or should run on different nodes.'),
  replicationFactor: count(1).optional().describe('Copies of each shard of a new collection.'),
  writeConsistencyFactor: count(1).optional().describe('Copies that a write to a new collection waits for.'),
  vectorsOnDisk: z
    .boolean()
    .optional()
    .describe('Whether the vectors of a new collection are read from disk instead of being kept in memory.'),
  quantization: z
    .enum(['none', 'scalar', 'binary'])
    .optional()
    .describe('Compressed copies of the vectors of a new collection, in memory.'),
  hnswM: count(4).optional().describe('Edges per node of the HNSW graph of a new collection.'),
  hnswEfConstruct: count(4)
    .optional()
    .describe('Neighbours considered when the HNSW graph of a new collection is built.'),
  tlsSecret: z
    .string()
    .regex(/^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/, 'must be the name of a Secret')
    .optional()
    .describe(
      'Secret with `tls.crt`, `tls.key`, `ca.crt` for `qdrant`, `qdrant.<namespace>.svc` and the peers.',
    ),
});

interface QdrantSettings {
  readonly enabled: boolean;
  readonly image: string;
  readonly peers: number;
  readonly storageSize: string;
  readonly snapshotsSize: string;
  readonly resources: Resources;
  readonly antiAffinity: Spread;
  readonly replicationFactor: number;
  readonly writeConsistencyFactor: number;
  readonly vectorsOnDisk: boolean;
  readonly quantization: 'none' | 'scalar' | 'binary';
  readonly hnswM: number;
  readonly hnswEfConstruct: number;
  readonly tlsSecret?: string;
}

const dev: QdrantSettings = {
  enabled: true,
  image: images.qdrant,
  peers: 1,
  storageSize: '2Gi',
  snapshotsSize: '2Gi',
  resources: fixedResources('50m', '384Mi'),
  antiAffinity: 'preferred',
  replicationFactor: 1,
  writeConsistencyFactor: 1,
  vectorsOnDisk: false,
  quantization: 'none',
  hnswM: 16,
  hnswEfConstruct: 100,
};

const prod: QdrantSettings = {
  enabled: true,
  image: images.qdrant,
  peers: 3,
  storageSize: '100Gi',
  snapshotsSize: '100Gi',
  resources: fixedResources('2', '8Gi'),
  antiAffinity: 'required',
  replicationFactor: 3,
  writeConsistencyFactor: 2,
  vectorsOnDisk: true,
  quantization: 'scalar',
  hnswM: 16,
  hnswEfConstruct: 200,
};

function args(settings: QdrantSettings, { namespace, storageClass: className }: Platform): QdrantArgs {
  const { image, peers, storageSize, snapshotsSize, antiAffinity, tlsSecret } = settings;
  const { replicationFactor, writeConsistencyFactor, vectorsOnDisk } = settings;
  const { quantization, hnswM, hnswEfConstruct } = settings;
  return {
    namespace,
    image,
    peers,
    storage: { size: storageSize, className },
    snapshots: { size: snapshotsSize, className },
    resources: settings.resources,
    antiAffinity,
    collections: {
      replicationFactor,
      writeConsistencyFactor,
      vectorsOnDisk,
      quantization,
      hnswM,
      hnswEfConstruct,
    },
    ...(tlsSecret ? { tlsSecret } : {}),
  };
}

/** Qdrant: vector search with the collections of the platform. */
export const qdrantStore = defineStore({
  schema,
  sizes: { dev, prod },
  resolve: overridden,
  args,
  check: (settings, platform) => void resolveQdrantArgs(args(settings, platform)),
  deploy(settings, platform, options): QdrantOutputs {
    const { namespace, kubeContext: context } = platform;
    const qdrant = new Qdrant('qdrant', args(settings, platform), options);
    const ca = settings.tlsSecret;
    const connection = connectionReference('qdrant', { namespace, context });
    new StoreMigrations(
      'qdrant-migrations',
      {
        store: 'qdrant',
        database: DATABASE,
        connection: { ...connection, ...(ca ? { caSecret: ca } : {}) },
      },
      { dependsOn: [qdrant] },
    );
    const key = (name: string): SecretReference => ({ name, keys: { apiKey: 'apiKey' } });
    return {
      url: qdrant.url,
      host: qdrant.host,
      httpPort: qdrant.httpPort,
      grpcPort: qdrant.grpcPort,
      tls: { enabled: ca !== undefined, caSecret: ca ? { name: ca, keys: { ca: 'ca.crt' } } : null },
      credentials: { app: key('qdrant-api-key'), readonly: key('qdrant-read-only-api-key') },
    };
  },
});
