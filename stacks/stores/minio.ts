import type { Output } from '@pulumi/pulumi';
import { z } from 'zod';
import { CA_SECRET } from '../../components/certificates';
import { Minio } from '../../components/minio';
import { type MinioArgs, resolveMinioArgs } from '../../components/minio-args';
import { MinioReplication, type MinioReplicationInputs } from '../../components/minio-replication';
import { administrators } from '../../components/minio-secrets';
import { minioCertificate } from '../../components/minio-spec';
import { minioSource, SourceImage } from '../../components/source-image';
import { images } from '../../components/versions';
import { connectionReference, storeService } from '../../migrations/connections';
import { StoreMigrations } from '../../migrations/provider/store-migrations';
import { declaredBuckets } from '../../migrations/targets/minio/buckets';
import { certificateAuthority, type SecretReference, type TlsOutputs } from '../outputs';
import {
  certificate,
  count,
  digestReference,
  dnsLabel,
  fixedResources,
  httpUrl,
  quantity,
  resources,
  type Resources,
  spread,
  type Spread,
} from './fields';
import { defineStore, overridden, type Platform } from './store';

const DATABASE = 'platform';
const TLS_SECRET = 'minio-tls';

/** Bucket that only Elasticsearch writes; applications have no rights there. */
export const ELASTICSEARCH_SNAPSHOTS = 'elasticsearch-snapshots';

const replication = z.strictObject({
  endpoint: httpUrl.describe('URL of the other MinIO, which has the same buckets.'),
  ca: certificate
    .optional()
    .describe('Authority that it is verified with, in PEM; absent: those that everybody trusts.'),
  credentialsSecret: dnsLabel
    .default('minio-replication')
    .describe('Secret in the platform’s namespace with the `accessKey` and `secretKey` of a login there.'),
  rotation: count(1).default(1).describe('Raise it by one when that login has changed.'),
});

const schema = z.strictObject({
  image: digestReference.optional().describe('MinIO image by digest; absent: built from source.'),
  mode: z
    .enum(['single', 'distributed'])
    .optional()
    .describe('`single` drive, or `distributed` with erasure coding.'),
  servers: count(1).optional().describe('Pods.'),
  drivesPerServer: count(1)
    .optional()
    .describe('Volumes of each pod; at least 4 drives in all when distributed.'),
  storageSize: quantity.optional().describe('Size of each drive.'),
  resources: resources.optional().describe('Requests and limits of each pod.'),
  antiAffinity: spread.optional().describe('Whether servers must or should run on different nodes.'),
  rotation: count(1)
    .optional()
    .describe(
      'Raise it by one to replace the key of every login; the keys before stay valid until the next time.',
    ),
  replicaLogin: z
    .boolean()
    .optional()
    .describe('Whether there is a login `minio-replica`, with which another MinIO copies its buckets here.'),
  replication: replication
    .optional()
    .describe(
      'Another MinIO that every version in the platform’s buckets is copied to as it is written; see docs/disaster-recovery.md.',
    ),
});

interface MinioSettings {
  readonly image?: string;
  readonly mode: 'single' | 'distributed';
  readonly servers: number;
  readonly drivesPerServer: number;
  readonly storageSize: string;
  readonly resources: Resources;
  readonly antiAffinity: Spread;
  readonly rotation: number;
  readonly replicaLogin?: boolean;
  readonly replication?: z.infer<typeof replication>;
}

const dev: MinioSettings = {
  mode: 'single',
  servers: 1,
  drivesPerServer: 1,
  storageSize: '5Gi',
  resources: fixedResources('50m', '512Mi'),
  antiAffinity: 'preferred',
  rotation: 1,
};

const prod: MinioSettings = {
  mode: 'distributed',
  servers: 4,
  drivesPerServer: 1,
  storageSize: '200Gi',
  resources: fixedResources('500m', '2Gi'),
  antiAffinity: 'required',
  rotation: 1,
};

/** MinIO's part of the contract. */
export interface MinioOutputs {
  readonly endpoint: string;
  readonly host: string;
  readonly port: number;
  readonly region: string;
  readonly buckets: readonly string[];
  readonly tls: TlsOutputs & { readonly mode: 'verify-full' };
  /** Reads and writes the objects of `buckets`. */
  readonly credentials: SecretReference;
  /** `readonly` reads the objects of `buckets`, `backup` reads everything, `monitor` has a bearer token for the metrics. */
  readonly logins: Readonly<Record<'readonly' | 'backup' | 'monitor', SecretReference>>;
  /** Newest applied schema version, such as `000001`. */
  readonly schemaVersion: Output<string>;
}

/** The image is known only after it is built. */
function args(settings: MinioSettings, platform: Platform): Omit<MinioArgs, 'image'> {
  const { storageSize, image: _image, replication, ...rest } = settings;
  return {
    ...rest,
    ...(replication?.ca ? { trustedAuthority: replication.ca } : {}),
    namespace: platform.namespace,
    storage: { size: storageSize, className: platform.storageClass },
    appBuckets: applicationBuckets(),
    tlsSecret: TLS_SECRET,
    auditImage: images.nginx,
    priorityClass: platform.priorityClass,
    ...(platform.kubeContext ? { context: platform.kubeContext } : {}),
  };
}

/** Snapshots stay with their Elasticsearch. */
function applicationBuckets(): string[] {
  return declaredBuckets(DATABASE).filter((bucket) => bucket !== ELASTICSEARCH_SNAPSHOTS);
}

/** What is copied to another MinIO, where one is named. */
function replicationInputs(
  { replication }: MinioSettings,
  { namespace, kubeContext }: Platform,
): MinioReplicationInputs | undefined {
  if (!replication) return undefined;
  const { service, port, caSecret } = storeService('minio');
  const { endpoint, credentialsSecret, rotation } = replication;
  return {
    ...{ namespace, service, port, caSecret, ...administrators('minio') },
    ...{ buckets: applicationBuckets(), endpoint, credentialsSecret, rotation },
    ...(kubeContext ? { context: kubeContext } : {}),
  };
}

function accessKeys(name: string): SecretReference {
  return { name, keys: { accessKey: 'accessKey', secretKey: 'secretKey' } };
}

/** MinIO: object storage with the buckets of the platform. */
export const minioStore = defineStore({
  schema,
  sizes: { dev, prod },
  resolve: overridden,
  args,
  check: (settings, platform) => void resolveMinioArgs({ ...args(settings, platform), image: images.minio }),
  certificates: (settings, platform) => [
    minioCertificate({ ...args(settings, platform), image: images.minio }),
  ],
  deploy(settings, platform, options, tls): MinioOutputs {
    const registry = platform.imageRegistry;
    const image = new SourceImage('minio-image', {
      imageName: images.minio,
      source: minioSource,
      ...(registry ? { registry: { server: registry } } : {}),
      ...(settings.image ? { reference: settings.image } : {}),
    });
    const minioArgs = args(settings, platform);
    const certificateFingerprint = tls.fingerprint(TLS_SECRET);
    const minio = new Minio(
      'minio',
      { ...minioArgs, image: image.reference, certificateFingerprint },
      options,
    );
    const migrations = new StoreMigrations(
      'minio-migrations',
      {
        store: 'minio',
        database: DATABASE,
        connection: connectionReference('minio', {
          namespace: platform.namespace,
          context: platform.kubeContext,
        }),
      },
      { dependsOn: [minio] },
    );
    const replicated = replicationInputs(settings, platform);
    if (replicated) new MinioReplication('minio-replication', replicated, { dependsOn: [migrations] });
    return {
      endpoint: minio.url,
      host: minio.host,
      port: minio.port,
      region: 'us-east-1',
      buckets: minioArgs.appBuckets ?? [],
      tls: { mode: 'verify-full', ca: tls.ca, caSecret: certificateAuthority(CA_SECRET) },
      credentials: accessKeys('minio-app'),
      logins: {
        readonly: accessKeys('minio-readonly'),
        backup: accessKeys('minio-backup'),
        monitor: { name: 'minio-monitor', keys: { accessKey: 'accessKey', token: 'token' } },
      },
      schemaVersion: migrations.version,
    };
  },
});
