import * as k8s from '@pulumi/kubernetes';
import * as pulumi from '@pulumi/pulumi';
import { labels } from './metadata';
import { MinioUser } from './minio-user';
import { generatedPassword } from './password';

/** Arguments of {@link ElasticsearchSnapshotUser}. */
export interface ElasticsearchSnapshotUserArgs {
  /** Namespace of Elasticsearch and of MinIO. */
  readonly namespace: string;
  /** Name of the Secret, of the user and of its policy; default `elasticsearch-snapshots`. */
  readonly name?: string;
  readonly bucket: string;
  /** Service of MinIO's S3 API, and the Secret with its `rootUser` and `rootPassword`. */
  readonly minio: { readonly service: string; readonly port: number; readonly rootSecret: string };
  /** Context in the kubeconfig; default the current one. */
  readonly context?: string;
}

/** Pure specification of what the component declares; the component adds the secret key. */
export function snapshotUserSpec({
  namespace,
  minio,
  bucket,
  context,
  ...args
}: ElasticsearchSnapshotUserArgs) {
  const name = args.name ?? 'elasticsearch-snapshots';
  return {
    secret: {
      metadata: { name, namespace, labels: labels({ name: 'elasticsearch', component: 'snapshots' }) },
      type: 'Opaque',
      accessKey: name,
    },
    user: {
      ...{ namespace, ...minio, userSecret: name, policyName: name, buckets: [bucket] },
      ...(context ? { context } : {}),
    },
    /** As the arguments of Elasticsearch name it. */
    reference: { name, accessKey: 'accessKey', secretKey: 'secretKey' },
  };
}

/** The user that Elasticsearch's snapshots are written as, with rights on one bucket of a MinIO; needs that MinIO to be ready. */
export class ElasticsearchSnapshotUser extends pulumi.ComponentResource {
  constructor(name: string, args: ElasticsearchSnapshotUserArgs, opts?: pulumi.ComponentResourceOptions) {
    super('agent-data-platform:data:ElasticsearchSnapshotUser', name, {}, opts);
    const spec = snapshotUserSpec(args);
    const { accessKey, ...rest } = spec.secret;
    const stringData = { accessKey, secretKey: generatedPassword(name, this) };
    const secret = new k8s.core.v1.Secret(name, { ...rest, stringData }, { parent: this });
    new MinioUser(`${name}-user`, spec.user, { parent: this, dependsOn: secret });
    this.registerOutputs();
  }
}
