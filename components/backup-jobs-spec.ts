import { CA_FILE, type MountedStore, type MountedStores, STORES_FILE } from '../ops/command/mounted-stores';
import type { BackupStore } from '../ops/stores';
import { loginOf, partsOfLogin, TOKEN } from '../ops/stores/logins';
import {
  type BackupJobsArgs,
  type BackupsArgs,
  type BackupSchedule,
  type ResolvedBackupJobsArgs,
  resolveBackupJobsArgs,
} from './backup-jobs-args';
import { REPOSITORY_CA, repositoryEnvironment } from './backup-repository';
import { containerSecurityContext, labels, podSecurityContext, selectorLabels } from './metadata';
import type { PodFlows } from './network-flows';

/** Annotation of a CronJob that names the stores it copies, which a policy looks for. */
const BACKED_UP_STORES = 'agent-data-platform/backed-up-stores';

const NAME = 'backup';
/** ServiceAccount of the pods. */
export const BACKUP_ACCOUNT = NAME;
const identity = { name: NAME, component: 'backup' } as const;
const UID = 65534;
/** Life of a token of the ServiceAccount, which is for one store alone. */
const TOKEN_SECONDS = 3600;
const PLATFORM_FOLDER = '/etc/platform';
/** A copy that is not done by then never will be; the recovery time objective of the whole platform. */
const DEADLINE_SECONDS = 4 * 3600;

/**
 * Pure specification of everything the BackupJobs component declares.
 * @throws Error listing every contradiction in the arguments.
 */
export function backupJobsSpec(input: BackupJobsArgs) {
  const args = resolveBackupJobsArgs(input);
  const { ca } = args.repository;
  return {
    serviceAccount: { metadata: metadata(args, NAME), automountServiceAccountToken: false },
    configMap: {
      metadata: metadata(args, NAME),
      data: {
        [STORES_FILE]: JSON.stringify(mountedStores(args), null, 2),
        ...(ca ? { [REPOSITORY_CA]: ca } : {}),
      },
    },
    cronJobs: Object.fromEntries(
      Object.entries(args.schedules).map(([name, schedule]) => [name, cronJob(args, name, schedule)]),
    ),
  };
}

/** Name of a schedule's CronJob. */
export function cronJobName(schedule: string): string {
  return `${NAME}-${schedule}`;
}

/** Connections of the pods; the repository is outside, see `network.egress`. */
export function backupFlows(input: BackupsArgs): PodFlows[] {
  const args = resolveBackupJobsArgs(input);
  const uses = args.stores.map((store) => workload(store, args));
  return [{ name: NAME, pods: { matchLabels: selectorLabels(identity) }, uses }];
}

/** Name of a store's pods, which their flow and their name label have. */
function workload(store: BackupStore, { redisMode }: BackupsArgs): string {
  return store === 'redis' && redisMode === 'cluster' ? 'redis-cluster' : store;
}

function metadata({ namespace }: BackupJobsArgs, name: string) {
  return { name, namespace, labels: labels(identity) };
}

function login(store: BackupStore, { namespace, redisMode }: BackupJobsArgs) {
  return loginOf(store, { namespace, redisMode }, 'backup');
}

function mountedStores(args: ResolvedBackupJobsArgs): MountedStores {
  const { namespace, stores } = args;
  const where = (store: BackupStore): MountedStore => {
    const { service, port, serverName = service } = login(store, args).reference;
    return { host: `${service}.${namespace}.svc`, port, serverName };
  };
  return { platform: namespace, stores: Object.fromEntries(stores.map((store) => [store, where(store)])) };
}

function cronJob(args: ResolvedBackupJobsArgs, name: string, schedule: BackupSchedule) {
  const stores = schedule.stores ?? args.stores;
  return {
    metadata: {
      ...metadata(args, cronJobName(name)),
      annotations: { [BACKED_UP_STORES]: stores.map((store) => workload(store, args)).join(' ') },
    },
    spec: {
      schedule: schedule.schedule,
      timeZone: 'Etc/UTC',
      concurrencyPolicy: 'Forbid',
      startingDeadlineSeconds: 3600,
      successfulJobsHistoryLimit: 3,
      failedJobsHistoryLimit: 3,
      jobTemplate: {
        metadata: { labels: labels(identity) },
        spec: {
          backoffLimit: 2,
          activeDeadlineSeconds: DEADLINE_SECONDS,
          template: { metadata: { labels: labels(identity) }, spec: podSpec(args, name, schedule) },
        },
      },
    },
  };
}

function podSpec(args: ResolvedBackupJobsArgs, name: string, schedule: BackupSchedule) {
  return {
    restartPolicy: 'Never',
    serviceAccountName: NAME,
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    ...(args.priorityClass ? { priorityClassName: args.priorityClass } : {}),
    securityContext: podSecurityContext(UID),
    containers: [
      {
        name: NAME,
        image: args.image,
        imagePullPolicy: 'IfNotPresent',
        command: ['/bin/sh', '-euc', script(args, schedule)],
        env: repositoryEnvironment(args.repository, name, PLATFORM_FOLDER),
        resources: args.resources,
        securityContext: containerSecurityContext(),
        volumeMounts: [
          { name: 'platform', mountPath: PLATFORM_FOLDER, readOnly: true },
          { name: 'tmp', mountPath: '/tmp' },
        ],
      },
    ],
    volumes: [
      { name: 'platform', projected: { defaultMode: 0o440, sources: sources(args) } },
      { name: 'tmp', emptyDir: { sizeLimit: args.scratchSize } },
    ],
  };
}

/** What was written is read back before anything older is removed. */
function script({ recipients }: ResolvedBackupJobsArgs, { stores = [], keepDays, keepLast }: BackupSchedule) {
  return [
    ['platform backup', ...list('--store', stores), ...list('--recipient', recipients)].join(' '),
    'platform verify --quick',
    `platform prune --yes --keep-days ${keepDays} --keep-last ${keepLast}`,
  ].join('\n');
}

function list(option: string, values: readonly string[]): string[] {
  return values.length > 0 ? [option, ...values] : [];
}

/** Of each Secret only what the command asks for, where it looks for it. */
function sources(args: ResolvedBackupJobsArgs) {
  const items = [STORES_FILE, ...(args.repository.ca ? [REPOSITORY_CA] : [])];
  return [
    { configMap: { name: NAME, items: items.map((key) => ({ key, path: key })) } },
    ...args.stores.flatMap((store) => {
      const { reference, keys = {}, token } = login(store, args);
      const ca = { key: 'ca.crt', path: `${store}/${CA_FILE}` };
      const authority = { secret: { name: reference.caSecret!, items: [ca] } };
      if (token) {
        const { audience } = token;
        // The kubelet replaces it before it ends.
        const projected = { audience, path: `${store}/${TOKEN}`, expirationSeconds: TOKEN_SECONDS };
        return [{ serviceAccountToken: projected }, authority];
      }
      const parts = partsOfLogin(store).map((part) => ({
        key: keys[part] ?? part,
        path: `${store}/${part}`,
      }));
      return [{ secret: { name: reference.credentialsSecret, items: parts } }, authority];
    }),
  ];
}
