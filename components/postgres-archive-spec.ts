import { BARMAN_CLOUD } from './barman-cloud-spec';
import { labels } from './metadata';
import { ARCHIVE_FOLDER } from './backup-jobs-args';
import { resolveArchive } from './postgres-archive-args';
import type { ResolvedPostgresArgs } from './postgres-args';

/** Name of the external cluster that data comes from. */
const SOURCE = 'source';
const CA_KEY = 'ca.crt';

/** What keeps the archive beside the Cluster; undefined without one. */
export function archiveSpec(args: ResolvedPostgresArgs) {
  const { archive, name, namespace } = args;
  if (!archive) return undefined;
  const { repository, schedule } = resolveArchive(archive, name);
  const metadata = { name, namespace, labels: labels({ name, component: 'archive' }) };
  return {
    ca: repository.ca
      ? { metadata: { ...metadata, name: caSecret(args) }, stringData: { [CA_KEY]: repository.ca } }
      : undefined,
    objectStore: {
      apiVersion: 'barmancloud.cnpg.io/v1',
      kind: 'ObjectStore',
      metadata,
      spec: objectStoreSpec(args),
    },
    scheduledBackup: {
      apiVersion: 'postgresql.cnpg.io/v1',
      kind: 'ScheduledBackup',
      metadata,
      spec: {
        cluster: { name },
        // The operator's notation begins with seconds.
        schedule: `0 ${schedule}`,
        // Without a base backup the log alone recovers nothing.
        immediate: true,
        backupOwnerReference: 'self',
        method: 'plugin',
        pluginConfiguration: { name: BARMAN_CLOUD },
      },
    },
  };
}

/** The Cluster's part: who archives, and where the data of a new cluster comes from. */
export function archivedClusterSpec(args: ResolvedPostgresArgs) {
  const { archive, recovery, replicaOf, name } = args;
  if (!archive) return {};
  const source = recovery ?? replicaOf;
  const plugin = (serverName: string) => ({
    name: BARMAN_CLOUD,
    parameters: { barmanObjectName: name, serverName },
  });
  return {
    plugins: [{ ...plugin(resolveArchive(archive, name).serverName), enabled: true, isWALArchiver: true }],
    ...(source ? { externalClusters: [{ name: SOURCE, plugin: plugin(source.serverName) }] } : {}),
    ...(replicaOf ? { replica: { enabled: replicaOf.enabled ?? true, source: SOURCE } } : {}),
  };
}

/** How a new cluster takes its data from an archive; undefined where it begins empty. */
export function recoveryBootstrap({ recovery, replicaOf, database, owner, name }: ResolvedPostgresArgs) {
  if (!recovery && !replicaOf) return undefined;
  return {
    source: SOURCE,
    database,
    owner,
    secret: { name: `${name}-owner` },
    ...(recovery?.targetTime ? { recoveryTarget: { targetTime: recovery.targetTime } } : {}),
  };
}

/** Whether the cluster only follows another, and takes no writes. */
export function isReplica({ replicaOf }: Pick<ResolvedPostgresArgs, 'replicaOf'>): boolean {
  return replicaOf !== undefined && replicaOf.enabled !== false;
}

function caSecret({ name }: ResolvedPostgresArgs): string {
  return `${name}-archive-ca`;
}

/** @see https://cloudnative-pg.io/plugin-barman-cloud/docs/plugin-barman-cloud.v1/ */
function objectStoreSpec(args: ResolvedPostgresArgs) {
  const { repository, keepDays, resources } = resolveArchive(args.archive!, args.name);
  const { address, endpoint, region = 'us-east-1', ca, credentialsSecret } = repository;
  const key = (key: string) => ({ name: credentialsSecret, key });
  return {
    configuration: {
      destinationPath: `${address.replace(/\/+$/, '')}/${ARCHIVE_FOLDER}`,
      ...(endpoint ? { endpointURL: endpoint } : {}),
      ...(ca ? { endpointCA: { name: caSecret(args), key: CA_KEY } } : {}),
      s3Credentials: { accessKeyId: key('accessKeyId'), secretAccessKey: key('secretAccessKey') },
      // One file at a time: a former primary that asks for more than there is cannot rewind, see
      // https://github.com/cloudnative-pg/plugin-barman-cloud/pull/1007
      wal: { compression: 'zstd', maxParallel: 1 },
      // Slower to write than snappy, and several times faster to read, which is when somebody waits.
      data: { compression: 'gzip', jobs: 2 },
    },
    retentionPolicy: `${keepDays}d`,
    instanceSidecarConfiguration: {
      resources,
      env: [
        { name: 'AWS_DEFAULT_REGION', value: region },
        // Checksums that servers other than AWS' may not know.
        { name: 'AWS_REQUEST_CHECKSUM_CALCULATION', value: 'when_required' },
        { name: 'AWS_RESPONSE_CHECKSUM_VALIDATION', value: 'when_required' },
      ],
    },
  };
}
