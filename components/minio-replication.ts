import type * as pulumi from '@pulumi/pulumi';
import { type CompiledProvider, CompiledResource } from '../migrations/provider/compiled-resource';
import type { MinioService } from './minio-user';

/** Buckets of a MinIO, and another MinIO that follows them; the login there is read from a Secret and never enters the state. */
export interface MinioReplicationInputs extends MinioService {
  readonly namespace: string;
  /** Buckets that both have, with versioning. */
  readonly buckets: readonly string[];
  /** URL of the other MinIO, such as `https://minio.second-site.example:9000`. */
  readonly endpoint: string;
  /** Secret with the `accessKey` and `secretKey` of a login there, such as its `minio-replica`. */
  readonly credentialsSecret: string;
  /** Changes with that login. */
  readonly rotation: number;
  /** Context in the kubeconfig; default the current one. */
  readonly context?: string;
}

const provider: CompiledProvider = {
  module: 'components/minio-replication-provider',
  methods: ['create', 'update', 'delete'],
};

/**
 * Copies every version that is written to some buckets, and every delete marker, to the buckets of these names in another MinIO,
 * also what they held before. Versions that are deleted for good stay there.
 * @see https://github.com/minio/minio/blob/master/docs/bucket/replication/README.md
 */
export class MinioReplication extends CompiledResource {
  constructor(
    name: string,
    args: pulumi.Inputs & MinioReplicationInputs,
    opts?: pulumi.CustomResourceOptions,
  ) {
    super(provider, 'minio:Replication', name, { ...args }, opts);
  }
}
