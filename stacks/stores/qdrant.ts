import { z } from 'zod';
import { CA_SECRET } from '../../components/certificates';
import { Qdrant } from '../../components/qdrant';
import { type QdrantArgs, resolveQdrantArgs } from '../../components/qdrant-args';
import { qdrantCertificate } from '../../components/qdrant-spec';
import { images } from '../../components/versions';
import { connectionReference } from '../../migrations/connections';
import { StoreMigrations } from '../../migrations/provider/store-migrations';
import { declaredCollections } from '../../migrations/targets/qdrant/collections';
import { certificateAuthority, type SecretReference, type TlsOutputs } from '../outputs';
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
const TLS_SECRET = 'qdrant-tls';

/** How applications reach Qdrant. */
export interface QdrantOutputs {
  /** URL of the REST API. */
  readonly url: string;
  readonly host: string;
  readonly httpPort: number;
  readonly grpcPort: number;
  readonly tls: TlsOutputs & { readonly mode: 'verify-full' };
  /**
   * Tokens to give as API key: `app` uses the points of the collections and aliases that change files make, `readonly` reads
   * them, `backup` makes snapshots of them, `monitor` reads everything, the metrics too.
   */
  readonly credentials: Readonly<Record<'app' | 'readonly' | 'backup' | 'monitor', SecretReference>>;
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
  rotation: count(1)
    .optional()
    .describe(
      'Raise it by one to replace the token of every login; the tokens before stay valid until the next time.',
    ),
  apiKeyStep: count(1)
    .optional()
    .describe(
      'Raise it by one twice, with an update after each, to replace the API key that signs the tokens; each update restarts the peers one by one, and the key before is refused from the step after them.',
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
  readonly rotation: number;
  readonly apiKeyStep: number;
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
  rotation: 1,
  apiKeyStep: 1,
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
  rotation: 1,
  apiKeyStep: 1,
};

function args(settings: QdrantSettings, platform: Platform): QdrantArgs {
  const { namespace, storageClass: className, priorityClass, kubeContext } = platform;
  const { image, peers, storageSize, snapshotsSize, antiAffinity, rotation, apiKeyStep } = settings;
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
    appCollections: declaredCollections(DATABASE),
    rotation,
    apiKeyStep,
    tlsSecret: TLS_SECRET,
    priorityClass,
    ...(kubeContext ? { context: kubeContext } : {}),
  };
}

/** Qdrant: vector search with the collections of the platform. */
export const qdrantStore = defineStore({
  schema,
  sizes: { dev, prod },
  resolve: overridden,
  args,
  check: (settings, platform) => void resolveQdrantArgs(args(settings, platform)),
  certificates: (settings, platform) => [qdrantCertificate(args(settings, platform))],
  deploy(settings, platform, options, tls): QdrantOutputs {
    const { namespace, kubeContext: context } = platform;
    const certificateFingerprint = tls.fingerprint(TLS_SECRET);
    const qdrant = new Qdrant('qdrant', { ...args(settings, platform), certificateFingerprint }, options);
    const connection = connectionReference('qdrant', { namespace, context });
    new StoreMigrations(
      'qdrant-migrations',
      { store: 'qdrant', database: DATABASE, connection },
      { dependsOn: [qdrant] },
    );
    const key = (name: string): SecretReference => ({ name, keys: { apiKey: 'apiKey' } });
    return {
      url: qdrant.url,
      host: qdrant.host,
      httpPort: qdrant.httpPort,
      grpcPort: qdrant.grpcPort,
      tls: { mode: 'verify-full', ca: tls.ca, caSecret: certificateAuthority(CA_SECRET) },
      credentials: {
        app: key('qdrant-app'),
        readonly: key('qdrant-readonly'),
        backup: key('qdrant-backup'),
        monitor: key('qdrant-monitor'),
      },
    };
  },
});
