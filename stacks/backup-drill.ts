import { BackupAlerts } from '../components/backup-alerts';
import type { BackupAlertsArgs } from '../components/backup-alerts-spec';
import { BackupDrill, type BackupDrillArgs } from '../components/backup-drill';
import { drilledSchedule } from '../components/backup-drill-args';
import { DRILL_NAME } from '../components/backup-drill-spec';
import type { BackupJobsArgs, BackupsArgs } from '../components/backup-jobs';
import { cronJobName } from '../components/backup-jobs-spec';
import { images } from '../components/versions';
import { type DrilledStore, drilled } from '../ops/stores';
import type { PlatformConfig } from './config';
import type { Platform, StoreOptions } from './stores/store';

/** Where the servers' images come from: those of the platform's own servers. */
type Images = { readonly [Store in DrilledStore]: (config: PlatformConfig, platform: Platform) => string };

const serverImages: Images = {
  postgres: ({ postgres }) => postgres.image ?? images.postgres,
  redis: ({ redis }) => redis.image ?? images.redis,
  minio: ({ minio }, { imageRegistry }) =>
    minio.image ?? (imageRegistry ? `${imageRegistry}/${images.minio}` : images.minio),
  // The copy is one of Community's features, and needs no licence.
  neo4j: ({ neo4j }) => (neo4j.edition === 'enterprise' ? images.neo4j : (neo4j.image ?? images.neo4j)),
  oxigraph: ({ oxigraph }) => oxigraph.image,
  elasticsearch: ({ elasticsearch }) => elasticsearch.image ?? images.elasticsearch,
  qdrant: ({ qdrant }) => qdrant.image,
  chroma: ({ chroma }) => chroma.image,
};

/** Arguments of the drill. */
export function backupDrillArgs(
  config: PlatformConfig,
  platform: Platform,
  jobs: BackupJobsArgs,
): BackupDrillArgs {
  const { enabled: _enabled, maxAgeDays: _maxAge, ...settings } = config.backups.drill;
  const { namespace, stores, repository, schedules, recipients, priorityClass, image } = jobs;
  return {
    ...settings,
    ...{ namespace, stores, repository, schedules, recipients, priorityClass, image },
    images: Object.fromEntries(
      drilled(stores).map((store) => [store, serverImages[store](config, platform)]),
    ),
  };
}

/**
 * Refuses a drill of what there is not.
 * @throws Error that says what was got and what is allowed.
 */
export function checkDrill(config: PlatformConfig, jobs: BackupsArgs): void {
  const { enabled, ...settings } = config.backups.drill;
  if (enabled) drilledSchedule({ ...settings, ...jobs });
}

/** Declares the CronJob that restores the newest copies, unless it is disabled. */
export function declareDrill(
  config: PlatformConfig,
  platform: Platform,
  jobs: BackupJobsArgs,
  options: StoreOptions,
): void {
  if (!config.backups.drill.enabled) return;
  new BackupDrill('backup-drill', backupDrillArgs(config, platform, jobs), options);
}

/** What is watched: every schedule, and with a drill the age of the copies that it restores. */
export function backupAlertsArgs(config: PlatformConfig, jobs: BackupsArgs): BackupAlertsArgs {
  const { enabled, rpoMinutes, maxAgeDays, ...settings } = config.backups.drill;
  const common = { namespace: jobs.namespace, backups: Object.keys(jobs.schedules).map(cronJobName) };
  if (!enabled) return common;
  const { name } = drilledSchedule({ ...settings, ...jobs });
  return {
    ...common,
    newest: { cronJob: cronJobName(name), minutes: rpoMinutes },
    drill: { cronJob: DRILL_NAME, days: maxAgeDays },
  };
}

/** Declares the alerts, where there is a Prometheus operator: PostgreSQL's PodMonitor says so. */
export function declareAlerts(config: PlatformConfig, jobs: BackupsArgs, options: StoreOptions): void {
  if (config.postgres.podMonitor) new BackupAlerts('backup-alerts', backupAlertsArgs(config, jobs), options);
}
