import { isCustom, kindOf, labelsOf, namespaceOf, objectName, Resource, StackRule } from './rule';
import { isElasticsearch, isPostgres, isStore, nodeSets } from './stores';

const nameLabel = 'app.kubernetes.io/name';
const componentLabel = 'app.kubernetes.io/component';

/**
 * Every store is copied somewhere else on a schedule. What counts: for CloudNativePG a ScheduledBackup and an archive of the
 * write-ahead log; for the others a CronJob of the same name label and the component label `backup`; for Elasticsearch also
 * an S3 client with credentials, which its snapshot lifecycle policies use.
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
        : [`${where} has no scheduled backup; declare a ScheduledBackup of its name.`]),
      ...(archivesLog(store)
        ? []
        : [`${where} archives no write-ahead log; set a plugin with isWALArchiver, or spec.backup.`]),
    ];
  }
  if (isElasticsearch(store) && snapshots(store)) return [];
  const name = labelsOf(store)[nameLabel];
  if (resources.some((resource) => backsUp(resource, store, name))) return [];
  return [
    `${where} has no backup; declare a CronJob with the labels ${componentLabel}: backup and ${nameLabel}: ${name ?? '<the store’s>'}.`,
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
  const labels = labelsOf(resource);
  const suspended = (resource.props.spec as { suspend?: boolean } | undefined)?.suspend;
  return (
    labels[componentLabel] === 'backup' &&
    labels[nameLabel] === name &&
    !suspended &&
    namespaceOf(resource) === namespaceOf(store)
  );
}
