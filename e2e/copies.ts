/** Object storage that is none of the platform's, and the CronJobs that copy the platform into it. */
import { randomBytes } from 'node:crypto';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import type { KubernetesCluster, KubernetesObject } from '../migrations/kubernetes/cluster';
import { eventually, podReport, startMinio } from '../migrations/testing/servers';
import { testAuthority } from '../migrations/testing/tls';
import { S3Repository } from '../ops/repository/s3';
import { BackupSets } from '../ops/sets/backup-sets';

const NAMESPACE = 'platform-e2e-copies';
const HOST = `minio.${NAMESPACE}.svc`;
const ENDPOINT = `https://${HOST}:9000`;
const BUCKET = 'copies';
const PREFIX = 'e2e';
const manager = { fieldManager: 'e2e', force: true };

/** The sections of the configuration that send copies there. */
export async function copiesConfig() {
  return {
    backups: {
      repository: `s3://${BUCKET}/${PREFIX}`,
      endpoint: ENDPOINT,
      ca: (await testAuthority()).certificate,
    },
    // Pods of another namespace stand for what is outside of the cluster.
    network: {
      egress: ['backup', 'postgres'].map((from) => ({ from, cidr: '10.244.0.0/16', ports: [9000] })),
    },
  };
}

/** Object storage that runs. */
export type Copies = Awaited<ReturnType<typeof startCopies>>;

/** Starts the object storage. */
export async function startCopies() {
  const server = await startMinio(NAMESPACE, { tls: true, dnsNames: [HOST] });
  const { cluster, user: accessKeyId, password: secretAccessKey } = server;
  const credentials = { accessKeyId, secretAccessKey };
  try {
    await makeBucket(credentials, server.ca!);
  } catch (error) {
    await server.stop();
    throw error;
  }
  return {
    /** Gives the login to a platform as soon as its namespace is there, as its people do. */
    async giveLogin(platform: string): Promise<void> {
      await eventually(
        'the namespace',
        300_000,
        async () => (await cluster.read('v1', 'Namespace', undefined, platform)) !== undefined,
      );
      const metadata = { name: 'backup-repository', namespace: platform };
      await cluster.apply({ apiVersion: 'v1', kind: 'Secret', metadata, stringData: credentials }, manager);
    },
    /** Sets that the CronJob of a schedule made, as somebody outside of the cluster sees them. */
    sets: (schedule: string) =>
      new BackupSets(
        new S3Repository({
          ...{ endpoint: ENDPOINT, bucket: BUCKET, prefix: `${PREFIX}/${schedule}` },
          ...{ credentials: { ...credentials }, ca: server.ca! },
        }),
      ),
    stop: () => server.stop(),
  };
}

async function makeBucket(credentials: { accessKeyId: string; secretAccessKey: string }, ca: string) {
  const client = new S3Client({
    ...{ endpoint: ENDPOINT, region: 'us-east-1', forcePathStyle: true },
    // The SDK writes into what it is given.
    credentials: { ...credentials },
    requestHandler: { httpsAgent: { ca } },
  });
  // The Service leads to the pod a moment after it is ready.
  await eventually('the bucket for copies', 60_000, () =>
    client.send(new CreateBucketCommand({ Bucket: BUCKET })).then(
      () => true,
      (error: Error) => error.name === 'BucketAlreadyOwnedByYou',
    ),
  );
  client.destroy();
}

/** Runs a CronJob now, as `kubectl create job --from` does, and waits until it is done. */
export async function runCronJob(
  cluster: KubernetesCluster,
  namespace: string,
  cronJobName: string,
): Promise<void> {
  const cronJob = await cluster.read('batch/v1', 'CronJob', namespace, cronJobName);
  const { metadata, spec } = cronJob!.spec.jobTemplate as KubernetesObject;
  const name = `${cronJobName}-${randomBytes(3).toString('hex')}`;
  const job = { apiVersion: 'batch/v1', kind: 'Job', metadata: { ...metadata, name, namespace }, spec };
  await cluster.apply(job, manager);
  await eventually(
    `${name} is done`,
    300_000,
    async () => (await cluster.read('batch/v1', 'Job', namespace, name))?.status?.succeeded === 1,
    () => jobReport(cluster, namespace, name),
  );
}

/** Waits until PostgreSQL has a base backup in the archive, and sends its log there. */
export async function postgresArchives(cluster: KubernetesCluster, namespace: string): Promise<void> {
  const api = 'postgresql.cnpg.io/v1';
  const conditions = async (): Promise<{ type: string; status: string }[]> =>
    (await cluster.read(api, 'Cluster', namespace, 'postgres'))?.status?.conditions ?? [];
  const backups = async () =>
    (await cluster.list(api, 'Backup', namespace)).map(({ status }) => status?.phase as string);
  await eventually(
    'a base backup and the log of PostgreSQL in the archive',
    600_000,
    async () =>
      (await backups()).includes('completed') &&
      (await conditions()).some(({ type, status }) => type === 'ContinuousArchiving' && status === 'True'),
    async () => JSON.stringify([await backups(), await conditions()]),
  );
}

async function jobReport(cluster: KubernetesCluster, namespace: string, job: string): Promise<string> {
  const pods = await cluster.list('v1', 'Pod', namespace, `batch.kubernetes.io/job-name=${job}`);
  const reports = pods.map(({ metadata }) => podReport(cluster, namespace, metadata.name!));
  return (await Promise.all(reports)).join('\n');
}
