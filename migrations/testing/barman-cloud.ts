/** The Barman Cloud plugin and object storage for PostgreSQL's archive, as the stack declares the one and finds the other. */
import { randomBytes } from 'node:crypto';
import { CreateBucketCommand, paginateListObjectsV2, S3Client } from '@aws-sdk/client-s3';
import { barmanCloudSpec } from '../../components/barman-cloud-spec';
import type { PostgresArchiveArgs } from '../../components/postgres-archive-args';
import { CA_SECRET } from '../../components/certificates';
import { ensure, provider } from '../../components/certificates/provider';
import * as bundle from '../../components/manifest-bundle/provider';
import { waitForDeployment } from '../../components/manifest-bundle/wait';
import { barmanCloudDefinitions, images } from '../../components/versions';
import { KubernetesCluster, type KubernetesObject } from '../kubernetes/cluster';
import { startMinio } from './servers';

const manager = { fieldManager: 'postgres-test', force: true };
const BUCKET = 'copies';
const CREDENTIALS = 'backup-repository';

/** Installs the plugin beside an operator that runs; returns what removes it again. */
export async function installBarmanCloud(): Promise<() => Promise<void>> {
  const cluster = KubernetesCluster.load();
  const spec = barmanCloudSpec({
    mode: 'managed',
    image: images.barmanCloudPlugin,
    sidecarImage: images.barmanCloudSidecar,
    definitions: barmanCloudDefinitions,
  });
  const definitions = await bundle.create(spec.definitions);
  const certificates = await ensure({
    ...spec.certificates,
    issuer: 'stack',
    caSecret: CA_SECRET,
    ...{ validDays: 365, renewBeforeDays: 120, reportTo: 'urn:pulumi:test::test::x::y' },
  });
  const rbac = 'rbac.authorization.k8s.io/v1';
  const objects = [
    { apiVersion: 'v1', kind: 'ServiceAccount', ...spec.serviceAccount },
    { apiVersion: rbac, kind: 'ClusterRole', ...spec.clusterRole },
    { apiVersion: rbac, kind: 'ClusterRoleBinding', ...spec.clusterRoleBinding },
    { apiVersion: 'apps/v1', kind: 'Deployment', ...spec.deployment },
    { apiVersion: 'v1', kind: 'Service', ...spec.service },
  ] as KubernetesObject[];
  for (const object of objects) await cluster.apply(object, manager);
  const { name, namespace } = spec.deployment.metadata;
  await waitForDeployment(cluster, { namespace, name }, { timeoutMs: 120_000, report: () => undefined });
  return async () => {
    for (const { apiVersion, kind, metadata } of objects.reverse())
      await cluster.delete(apiVersion, kind, metadata.namespace, metadata.name!);
    await provider.delete!(namespace, certificates);
    await bundle.remove(definitions.id, definitions.outs);
  };
}

/** Object storage outside of the platforms that archive into it. */
export interface ScratchArchive {
  readonly repository: PostgresArchiveArgs['repository'];
  /** Gives a platform the login of the bucket. */
  grant(namespace: string): Promise<void>;
  /** Keys below a folder of the archive and when each was written. */
  list(folder: string): Promise<{ key: string; at: Date }[]>;
  stop(): Promise<void>;
}

/** Starts object storage with TLS and a bucket, in a namespace of its own. */
export async function startArchive(): Promise<ScratchArchive> {
  const namespace = `archive-${randomBytes(4).toString('hex')}`;
  const host = `minio.${namespace}.svc`;
  const server = await startMinio(namespace, { tls: true, dnsNames: [host] });
  const { cluster, podIp, user: accessKeyId, password: secretAccessKey, ca } = server;
  const client = new S3Client({
    ...{ endpoint: `https://${podIp}:9000`, region: 'us-east-1', forcePathStyle: true },
    credentials: { accessKeyId, secretAccessKey },
    requestHandler: { httpsAgent: { ca, servername: host } },
  });
  await client.send(new CreateBucketCommand({ Bucket: BUCKET }));
  return {
    repository: {
      address: `s3://${BUCKET}/platform`,
      endpoint: `https://${host}:9000`,
      ca: ca!,
      credentialsSecret: CREDENTIALS,
    },
    async grant(namespace) {
      const metadata = { name: CREDENTIALS, namespace };
      const stringData = { accessKeyId, secretAccessKey };
      await cluster.apply({ apiVersion: 'v1', kind: 'Secret', metadata, stringData }, manager);
    },
    async list(folder) {
      const request = { Bucket: BUCKET, Prefix: `platform/postgres/${folder}` };
      const objects: { key: string; at: Date }[] = [];
      for await (const { Contents = [] } of paginateListObjectsV2({ client }, request))
        objects.push(...Contents.map(({ Key, LastModified }) => ({ key: Key!, at: LastModified! })));
      return objects;
    },
    async stop() {
      client.destroy();
      await server.stop();
    },
  };
}
