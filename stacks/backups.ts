import { z } from 'zod';
import { BackupJobs, type BackupsArgs } from '../components/backup-jobs';
import { resolveBackupJobsArgs } from '../components/backup-jobs-args';
import { opsImageName, opsSource } from '../components/ops-image';
import { SourceImage } from '../components/source-image';
import { backupStores } from '../ops/stores';
import { checkDrill, declareAlerts, declareDrill } from './backup-drill';
import { drillSchema } from './backup-drill-schema';
import type { PlatformConfig } from './config';
import { count, cron, digestReference, dnsLabel, httpUrl, quantity, resources } from './stores/fields';
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
  ca: z
    .string()
    .startsWith('-----BEGIN CERTIFICATE-----', 'must be a certificate in PEM')
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
});

/** Settings of the section `backups`. */
export type BackupsSettings = z.infer<typeof backupsSchema>;

/** Arguments of the CronJobs; undefined where no repository is named. */
export function backupJobsArgs(
  config: PlatformConfig,
  { namespace, priorityClass }: Platform,
): BackupsArgs | undefined {
  const {
    repository,
    endpoint,
    region,
    ca,
    credentialsSecret,
    image: _image,
    drill: _drill,
    ...rest
  } = config.backups;
  if (!repository) return undefined;
  return {
    ...rest,
    ...{ namespace, priorityClass },
    stores: backupStores.filter((store) => isOn(config[store])),
    redisMode: config.redis.mode,
    repository: {
      ...{ address: repository, region, credentialsSecret },
      ...(endpoint ? { endpoint } : {}),
      ...(ca ? { ca } : {}),
    },
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
