import type { dynamic } from '@pulumi/pulumi';
import { KubernetesCluster } from '../migrations/kubernetes/cluster';
import { type MinioAdmin, MinioAdminError, type MinioKeys } from './minio-admin';
import { asAdministrator, secretOf } from './minio-administrator';
import type { MinioReplicationInputs } from './minio-replication';

/**
 * Provider method: lets another MinIO follow the buckets.
 * @throws Error when a Secret is missing, or naming the bucket and what MinIO says.
 */
export async function replicate(inputs: MinioReplicationInputs) {
  const { namespace, credentialsSecret, context } = inputs;
  const keys = ['accessKey', 'secretKey'] as const;
  const login = await secretOf(KubernetesCluster.load({ context }), namespace, credentialsSecret, keys);
  await asAdministrator(inputs, async (admin) => {
    for (const bucket of inputs.buckets)
      await replicateBucket(admin, bucket, inputs, login).catch((error: Error) => {
        throw new Error(`Bucket ${bucket} is not copied to ${inputs.endpoint}: ${error.message}`);
      });
  });
  return { id: `${namespace}/${inputs.service}/replication`, outs: inputs };
}

async function replicateBucket(
  admin: MinioAdmin,
  bucket: string,
  { endpoint }: MinioReplicationInputs,
  login: MinioKeys,
): Promise<void> {
  const target = { endpoint, bucket, login };
  const known = (await admin.remoteTargets(bucket)).find(({ endpoint: host }) => host === hostOf(endpoint));
  if (known) return void (await admin.changeRemoteTarget(bucket, known.arn, target));
  const arn = await admin.addRemoteTarget(bucket, target);
  await admin.putReplication(bucket, arn);
  await admin.replicateExisting(bucket, arn);
}

/** With the port, as MinIO names its targets. */
function hostOf(endpoint: string): string {
  const { host, port, protocol } = new URL(endpoint);
  return port ? host : `${host}:${protocol === 'https:' ? 443 : 80}`;
}

/** Provider method: nothing is copied any more; the other MinIO keeps what it has. */
async function stop(inputs: MinioReplicationInputs): Promise<void> {
  await asAdministrator(inputs, async (admin) => {
    for (const bucket of inputs.buckets) await stopBucket(admin, bucket, hostOf(inputs.endpoint));
  });
}

async function stopBucket(admin: MinioAdmin, bucket: string, host: string): Promise<void> {
  try {
    await admin.deleteReplication(bucket);
    const targets = (await admin.remoteTargets(bucket)).filter(({ endpoint }) => endpoint === host);
    for (const { arn } of targets) await admin.removeRemoteTarget(bucket, arn);
  } catch (error) {
    if (!(error instanceof MinioAdminError && error.code === 'NoSuchBucket')) throw error;
  }
}

/** Provider method: follows other buckets, or elsewhere. @throws Error as {@link replicate}. */
async function change(olds: MinioReplicationInputs, news: MinioReplicationInputs) {
  const moved = olds.endpoint !== news.endpoint;
  const left = moved ? olds.buckets : olds.buckets.filter((bucket) => !news.buckets.includes(bucket));
  await stop({ ...news, endpoint: olds.endpoint, buckets: left });
  return replicate(news);
}

/** What Pulumi's provider process runs. */
export const provider = {
  create: replicate,
  update: (_id: string, olds: MinioReplicationInputs, news: MinioReplicationInputs) => change(olds, news),
  delete: (_id: string, inputs: MinioReplicationInputs) => stop(inputs),
} satisfies dynamic.ResourceProvider;
