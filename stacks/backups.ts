import type { ComponentResourceOptions } from '@pulumi/pulumi';
import { z } from 'zod';
import { BarmanCloud } from '../components/barman-cloud';
import { BackupJobs, type BackupsArgs } from '../components/backup-jobs';
import { type BackupRepository, resolveBackupJobsArgs } from '../components/backup-jobs-args';
import { opsImageName, opsSource } from '../components/ops-image';
import type { PostgresArchiveArgs } from '../components/postgres-archive-args';
import { isReplica } from '../components/postgres-archive-spec';
import { SourceImage } from '../components/source-image';
import { barmanCloudDefinitions, images } from '../components/versions';
import { backupStores } from '../ops/stores';
import { checkDrill, declareAlerts, declareDrill } from './backup-drill';
import { drillSchema } from './backup-drill-schema';
import type { PlatformConfig } from './config';
import type { StackConfig } from './config-schema';
import {
  certificate,
  count,
  cron,
  digestReference,
  dnsLabel,
  httpUrl,
  quantity,
  resources,
} from './stores/fields';
import { isOn, type Platform, type StoreOptions } from './stores/store';

const schedule = z.strictObject({
  schedule: cron,
  stores: z.array(z.enum(backupStores)).min(1).optional(),
  keepDays: count(1),
  keepLast: count(1),
});

/** Everything once a day, and Redis every six hours. */
const schedules = {
  daily: { schedule: '0 2 * * *', keepDays: 30, keepLast: 7 },
  redis: { schedule: '0 */6 * * *', stores: ['redis' as const], keepDays: 7, keepLast: 4 },
};

/** Shape of the section `backups`. */
export const backupsSchema = z.strictObject({
  repository: z
    .string()
    .regex(/^s3:\/\/[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](\/[\w./-]*)?$/, 'must have the form s3://bucket/prefix')
    .optional()
    .describe('Bucket outside of the platform that copies go to, `s3://bucket/prefix`; absent: no copies.'),
  endpoint: httpUrl.optional().describe('S3-compatible server; absent: that of AWS.'),
  region: dnsLabel.default('us-east-1').describe('Region of the bucket.'),
  ca: certificate
    .optional()
    .describe('Authority that the server is verified with, in PEM; absent: those that everybody trusts.'),
  credentialsSecret: dnsLabel
    .default('backup-repository')
    .describe('Secret in the platform’s namespace with the keys `accessKeyId` and `secretAccessKey`.'),
  recipients: z
    .array(z.string().regex(/^age1[0-9a-z]+$/, 'must be a public key of age, which begins with age1'))
    .default([])
    .describe('Public keys of age; absent: the copies are not encrypted.'),
  schedules: z
    .record(z.string(), schedule)
    .default(schedules)
    .describe('When which stores are copied (absent: all), in UTC, and how long copies are kept.'),
  image: digestReference
    .optional()
    .describe('Image of the command `platform` by digest; absent: built from source.'),
  resources: resources.optional().describe('Requests and limits of each run.'),
  scratchSize: quantity.default('10Gi').describe('Room for what a run writes while it copies.'),
  drill: drillSchema
    .prefault({})
    .describe(
      'Restores of the newest copies on a schedule, see docs/backups.md; `servers` are resources of the servers by store.',
    ),
  postgres: z
    .strictObject({
      serverName: z
        .string()
        .regex(/^[a-z0-9]([-a-z0-9_.]{0,61}[a-z0-9])?$/, 'must be a name of a-z, 0-9, - and _')
        .default('postgres')
        .describe('Folder of this cluster in the archive, which no other cluster ever wrote to.'),
      schedule: cron.default('0 1 * * 0').describe('When base backups are made, in UTC.'),
      keepDays: count(1).default(30).describe('Days that can be gone back.'),
      resources: resources
        .optional()
        .describe('Requests and limits of the container that archives beside each instance.'),
    })
    .prefault({})
    .describe(
      'Base backups and the write-ahead log of PostgreSQL, in the folder `postgres` of the repository, see below.',
    ),
});

/** Settings of the section `backups`. */
export type BackupsSettings = z.infer<typeof backupsSchema>;

/** The bucket; undefined where no repository is named. */
function repositoryOf({ backups }: Pick<StackConfig, 'backups'>): BackupRepository | undefined {
  const { repository: address, endpoint, region, ca, credentialsSecret } = backups;
  if (!address) return undefined;
  return { address, region, credentialsSecret, ...(endpoint ? { endpoint } : {}), ...(ca ? { ca } : {}) };
}

/** Where PostgreSQL archives; undefined where no repository is named. */
export function postgresArchive(config: Pick<StackConfig, 'backups'>): PostgresArchiveArgs | undefined {
  const repository = repositoryOf(config);
  const { resources, ...rest } = config.backups.postgres;
  return repository && { repository, ...rest, ...(resources ? { resources } : {}) };
}

/** Arguments of the CronJobs; undefined where no repository is named. */
export function backupJobsArgs(
  config: PlatformConfig,
  { namespace, priorityClass }: Platform,
): BackupsArgs | undefined {
  const repository = repositoryOf(config);
  if (!repository) return undefined;
  const { schedules, recipients, resources, scratchSize } = config.backups;
  return {
    ...{ schedules, recipients, resources, scratchSize, namespace, priorityClass, repository },
    // A replica has the logins of the platform that it follows, whose copies hold the same rows.
    stores: backupStores.filter(
      (store) => isOn(config[store]) && !(store === 'postgres' && isReplica(config.postgres)),
    ),
    redisMode: config.redis.mode,
  };
}

/**
 * Refuses schedules of stores that are off, and drills of what there is not.
 * @throws Error that says what was got and what is allowed.
 */
export function checkBackups(config: PlatformConfig, platform: Platform): void {
  const args = backupJobsArgs(config, platform);
  if (!args) return;
  resolveBackupJobsArgs(args);
  checkDrill(config, args);
}

/** Declares the CronJobs that copy and that drill, where a repository is named. */
export function declareBackups(config: PlatformConfig, platform: Platform, options: StoreOptions): void {
  const args = backupJobsArgs(config, platform);
  if (!args) return;
  const { imageRegistry: server } = platform;
  const { reference } = new SourceImage('backup-image', {
    imageName: opsImageName(),
    source: opsSource,
    ...(server ? { registry: { server } } : {}),
    ...(config.backups.image ? { reference: config.backups.image } : {}),
  });
  new BackupJobs('backup', { ...args, image: reference }, options);
  declareDrill(config, platform, { ...args, image: reference }, options);
  declareAlerts(config, args, options);
}

/** Declares the plugin that archives PostgreSQL, where a repository is named; needs the operator's namespace. */
export function declareArchiver(
  { backups, operators: mode, tls, kubeContext: context }: PlatformConfig,
  options: ComponentResourceOptions,
): BarmanCloud[] {
  if (!backups.repository) return [];
  const args = {
    ...{ mode, validDays: tls.validDays, context, definitions: barmanCloudDefinitions },
    image: images.barmanCloudPlugin,
    sidecarImage: images.barmanCloudSidecar,
  };
  return [new BarmanCloud('barman-cloud', args, options)];
}
