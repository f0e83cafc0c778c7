import type { dynamic } from '@pulumi/pulumi';
import { KubernetesCluster } from '../migrations/kubernetes/cluster';
import { MinioAdmin } from './minio-admin';
import type { MinioUserInputs } from './minio-user';

/** Reading, writing and deleting of objects, with what multipart uploads need; nothing that changes a bucket. */
export function bucketPolicy(buckets: readonly string[]) {
  return {
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Action: ['s3:GetBucketLocation', 's3:ListBucket', 's3:ListBucketMultipartUploads'],
        Resource: buckets.map((bucket) => `arn:aws:s3:::${bucket}`),
      },
      {
        Effect: 'Allow',
        Action: [
          's3:AbortMultipartUpload',
          's3:DeleteObject',
          's3:GetObject',
          's3:ListMultipartUploadParts',
          's3:PutObject',
        ],
        Resource: buckets.map((bucket) => `arn:aws:s3:::${bucket}/*`),
      },
    ],
  };
}

/**
 * Provider method: makes MinIO's user and policy what the inputs and the Secrets say.
 * @throws Error when a Secret is missing; MinioAdminError when MinIO refuses.
 */
export async function putMinioUser(inputs: MinioUserInputs) {
  const cluster = KubernetesCluster.load({ context: inputs.context });
  const root = await secret(cluster, inputs.namespace, inputs.rootSecret, ['rootUser', 'rootPassword']);
  const user = await secret(cluster, inputs.namespace, inputs.userSecret, ['accessKey', 'secretKey']);
  const tunnel = await cluster.forwardService(inputs.namespace, inputs.service, inputs.port);
  try {
    const admin = new MinioAdmin(tunnel, { accessKey: root.rootUser, secretKey: root.rootPassword });
    await admin.putPolicy(inputs.policyName, bucketPolicy(inputs.buckets));
    await admin.putUser(user);
    await admin.setPolicy(user.accessKey, inputs.policyName);
  } finally {
    await tunnel.close();
  }
  return { id: `${inputs.namespace}/${inputs.userSecret}`, outs: inputs };
}

async function secret<K extends string>(
  cluster: KubernetesCluster,
  namespace: string,
  name: string,
  keys: readonly K[],
): Promise<Record<K, string>> {
  const data = await cluster.secret(namespace, name);
  const missing = keys.filter((key) => !data?.[key]);
  if (data && missing.length === 0) return data as Record<K, string>;
  const what = data ? `has no ${missing.join(' and no ')}` : 'does not exist';
  throw new Error(`Secret ${namespace}/${name} ${what}; run \`pulumi refresh\` and \`pulumi up\` again.`);
}

/** What Pulumi's provider process runs. */
export const provider: dynamic.ResourceProvider = {
  create: putMinioUser,
  update: (_id, _olds, news) => putMinioUser(news),
};
