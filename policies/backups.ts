import {
  annotationsOf,
  isCustom,
  kindOf,
  labelsOf,
  namespaceOf,
  objectName,
  Resource,
  StackRule,
} from './rule';
import { isElasticsearch, isPostgres, isStore, nodeSets } from './stores';

const nameLabel = 'app.kubernetes.io/name';
const componentLabel = 'app.kubernetes.io/component';
/** Name labels of the stores that a CronJob copies, with a space between them. */
const storesAnnotation = 'agent-data-platform/backed-up-stores';

/**
 * Every store is copied somewhere else on a schedule. What counts: for CloudNativePG a ScheduledBackup and an archive of the
 * write-ahead log; for the others a CronJob with the component label `backup` whose annotation names the store; for
 * Elasticsearch also an S3 client with credentials, which its snapshot lifecycle policies use.
 */
export const backupsConfigured: StackRule = {
  name: 'backups-configured',
  description: 'Every store has a scheduled backup, and PostgreSQL an archive of its write-ahead log.',
  url: 'https://cloudnative-pg.io/documentation/current/backup/',
  severity: 'critical',
  checkStack: (resources) =>
    resources
      .filter(isStore)
      .flatMap((resource) => missing(resource, resources).map((message) => ({ resource, message }))),
};

function missing(store: Resource, resources: readonly Resource[]): string[] {
  const where = objectName(store);
  if (isPostgres(store)) {
    return [
      ...(resources.some((resource) => schedules(resource, store))
        ? []
        : [
            `${where} has no scheduled backup; set backups.repository, or declare a ScheduledBackup of its name.`,
          ]),
      ...(archivesLog(store)
        ? []
        : [
            `${where} archives no write-ahead log; set backups.repository, a plugin with isWALArchiver, or spec.backup.`,
          ]),
    ];
  }
  if (isElasticsearch(store) && snapshots(store)) return [];
  const name = labelsOf(store)[nameLabel];
  if (resources.some((resource) => backsUp(resource, store, name))) return [];
  return [
    `${where} has no backup; set backups.repository, or declare a CronJob with the label ${componentLabel}: backup and the annotation ${storesAnnotation}: ${name ?? '<the store’s name label>'}.`,
  ];
}

function schedules(resource: Resource, store: Resource): boolean {
  if (!isCustom(resource, 'postgresql.cnpg.io', 'ScheduledBackup')) return false;
  const spec = resource.props.spec as { cluster?: { name?: string }; suspend?: boolean } | undefined;
  const cluster = (store.props.metadata as { name?: string } | undefined)?.name;
  return spec?.cluster?.name === cluster && !spec?.suspend && namespaceOf(resource) === namespaceOf(store);
}

function archivesLog({ props }: Resource): boolean {
  const spec = props.spec as
    | {
        plugins?: readonly { isWALArchiver?: boolean; enabled?: boolean }[];
        backup?: { barmanObjectStore?: object };
      }
    | undefined;
  const archiver = (spec?.plugins ?? []).some((plugin) => plugin.isWALArchiver && plugin.enabled !== false);
  return archiver || spec?.backup?.barmanObjectStore !== undefined;
}

function snapshots(store: Resource): boolean {
  const spec = store.props.spec as { secureSettings?: readonly unknown[] } | undefined;
  const client = nodeSets(store).every(({ config = {} }) =>
    Object.keys(config).some((key) => /^s3\.client\..*\.endpoint$/.test(key)),
  );
  return client && (spec?.secureSettings ?? []).length > 0;
}

function backsUp(resource: Resource, store: Resource, name: string | undefined): boolean {
  if (kindOf(resource.type) !== 'CronJob' || name === undefined) return false;
  const annotated = annotationsOf(resource)[storesAnnotation] ?? '';
  const suspended = (resource.props.spec as { suspend?: boolean } | undefined)?.suspend;
  return (
    labelsOf(resource)[componentLabel] === 'backup' &&
    annotated.split(' ').includes(name) &&
    !suspended &&
    namespaceOf(resource) === namespaceOf(store)
  );
}
