import * as pulumi from '@pulumi/pulumi';
import { labels } from './metadata';
import { declareMinioLogin, minioLoginSpec } from './minio-login';
import { readWritePolicy } from './minio-policies';
import type { MinioService } from './minio-user';

/** Arguments of {@link ElasticsearchSnapshotUser}. */
export interface ElasticsearchSnapshotUserArgs {
  /** Namespace of Elasticsearch and of MinIO. */
  readonly namespace: string;
  /** Name of the Secret, of the user and of its policy; default `elasticsearch-snapshots`. */
  readonly name?: string;
  readonly bucket: string;
  readonly minio: MinioService;
  /** Counts rotations of the user's key, from 1, the default. */
  readonly rotation?: number;
  /** Context in the kubeconfig; default the current one. */
  readonly context?: string;
}

/** Pure specification of what the component declares; the component adds the secret key. */
export function snapshotUserSpec(args: ElasticsearchSnapshotUserArgs) {
  const { namespace, minio, bucket, rotation = 1, context } = args;
  const name = args.name ?? 'elasticsearch-snapshots';
  return {
    login: minioLoginSpec({
      ...{ namespace, minio, rotation, context },
      ...{ secret: name, user: name, policy: readWritePolicy([bucket]) },
      labels: labels({ name: 'elasticsearch', component: 'snapshots' }),
    }),
    /** As the arguments of Elasticsearch name it. */
    reference: { name, accessKey: 'accessKey', secretKey: 'secretKey' },
  };
}

/** The user that Elasticsearch's snapshots are written as, with rights on one bucket of a MinIO; needs that MinIO to be ready. */
export class ElasticsearchSnapshotUser extends pulumi.ComponentResource {
  constructor(name: string, args: ElasticsearchSnapshotUserArgs, opts?: pulumi.ComponentResourceOptions) {
    super('agent-data-platform:data:ElasticsearchSnapshotUser', name, {}, opts);
    declareMinioLogin(name, snapshotUserSpec(args).login, { parent: this });
    this.registerOutputs();
  }
}
