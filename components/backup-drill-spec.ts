import type { MountedScratch } from '../ops/scratch/mounted-scratch';
import type { DrilledStore } from '../ops/stores';
import { type BackupDrillArgs, drilledSchedule } from './backup-drill-args';
import { REPOSITORY_CA, repositoryEnvironment } from './backup-repository';
import { containerSecurityContext, labels, podSecurityContext, selectorLabels } from './metadata';
import type { PodFlows } from './network-flows';
import { scratchServer } from './scratch-servers';

/** Name of the CronJob and of its pods' flow. */
export const DRILL_NAME = 'backup-drill';

const identity = { name: DRILL_NAME, component: 'drill' } as const;
const UID = 65534;
const FOLDER = '/etc/platform';
const SCRATCH_FILE = 'scratch.json';
const IDENTITY_FILE = 'identity';
/** For images that are pulled and servers that start, beside the time that the drill may take. */
const START_SECONDS = 1800;
/** What platform says of a missed target or a violated invariant, and of wrong usage: running it again gives the same. */
const FINAL_EXIT_CODES = [2, 3];
/** Known to the pod alone, and enough for servers that only it reaches. */
const password = { valueFrom: { fieldRef: { fieldPath: 'metadata.uid' } } } as const;

/**
 * Pure specification of everything the BackupDrill component declares.
 * @throws Error listing every contradiction in the arguments.
 */
export function backupDrillSpec(args: BackupDrillArgs) {
  const { name, stores } = drilledSchedule(args);
  const { ca } = args.repository;
  return {
    serviceAccount: { metadata: metadata(args), automountServiceAccountToken: false },
    configMap: {
      metadata: metadata(args),
      data: {
        [SCRATCH_FILE]: JSON.stringify(mountedScratch(stores), null, 2),
        ...(ca ? { [REPOSITORY_CA]: ca } : {}),
      },
    },
    cronJob: cronJob(args, name, stores),
  };
}

/** Connections of the pods: none but to the repository, as the jobs that copy. */
export function drillFlows(): PodFlows[] {
  return [{ name: DRILL_NAME, pods: { matchLabels: selectorLabels(identity) }, egressOf: 'backup' }];
}

function metadata({ namespace }: BackupDrillArgs) {
  return { name: DRILL_NAME, namespace, labels: labels(identity) };
}

function mountedScratch(stores: readonly DrilledStore[]): MountedScratch {
  const where = (store: DrilledStore) => {
    const { port, username } = scratchServer(store);
    return { host: '127.0.0.1', port, username };
  };
  return { stores: Object.fromEntries(stores.map((store) => [store, where(store)])) };
}

function cronJob(args: BackupDrillArgs, schedule: string, stores: readonly DrilledStore[]) {
  const failJob = {
    action: 'FailJob',
    onExitCodes: { containerName: 'drill', operator: 'In', values: FINAL_EXIT_CODES },
  };
  return {
    metadata: metadata(args),
    spec: {
      schedule: args.schedule,
      timeZone: 'Etc/UTC',
      concurrencyPolicy: 'Forbid',
      startingDeadlineSeconds: 3600,
      successfulJobsHistoryLimit: 3,
      failedJobsHistoryLimit: 3,
      jobTemplate: {
        metadata: { labels: labels(identity) },
        spec: {
          backoffLimit: 1,
          podFailurePolicy: { rules: [failJob] },
          activeDeadlineSeconds: args.rtoMinutes * 60 + START_SECONDS,
          template: { metadata: { labels: labels(identity) }, spec: podSpec(args, schedule, stores) },
        },
      },
    },
  };
}

function podSpec(args: BackupDrillArgs, schedule: string, stores: readonly DrilledStore[]) {
  return {
    restartPolicy: 'Never',
    serviceAccountName: DRILL_NAME,
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    ...(args.priorityClass ? { priorityClassName: args.priorityClass } : {}),
    securityContext: podSecurityContext(UID),
    // They end when the drill does: https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/
    initContainers: stores.map((store) => serverContainer(args, store)),
    containers: [drillContainer(args, schedule)],
    volumes: [
      { name: 'platform', projected: { defaultMode: 0o440, sources: sources(args) } },
      ...['drill', ...stores].flatMap((name) =>
        folders(name).map((folder) => ({ name: folder, emptyDir: { sizeLimit: args.size } })),
      ),
    ],
  };
}

function serverContainer(args: BackupDrillArgs, store: DrilledStore) {
  const server = scratchServer(store, args.servers?.[store]);
  const { uid, command, args: given, env = {}, passwordVariable, resources } = server;
  const image = args.images[store];
  if (!image) throw new Error(`backups.drill: there is no image of ${store}.`);
  return {
    name: store,
    image,
    imagePullPolicy: 'IfNotPresent',
    restartPolicy: 'Always',
    ...(command ? { command: [...command] } : {}),
    ...(given ? { args: [...given] } : {}),
    env: [
      ...['PASSWORD', ...(passwordVariable ? [passwordVariable] : [])].map((name) => ({ name, ...password })),
      ...Object.entries(env).map(([name, value]) => ({ name, value })),
    ],
    resources,
    securityContext: { ...containerSecurityContext(), runAsUser: uid, runAsGroup: uid },
    volumeMounts: [
      { name: `${store}-data`, mountPath: '/data' },
      { name: `${store}-tmp`, mountPath: '/tmp' },
    ],
  };
}

function folders(name: string): string[] {
  return name === 'drill' ? ['drill-tmp'] : [`${name}-data`, `${name}-tmp`];
}

function drillContainer(args: BackupDrillArgs, schedule: string) {
  const { rtoMinutes, rpoMinutes, identitySecret, resources, image } = args;
  const targets = ['--rto', String(rtoMinutes), '--rpo', String(rpoMinutes)];
  return {
    name: 'drill',
    image,
    imagePullPolicy: 'IfNotPresent',
    command: [
      ...['platform', 'drill', ...targets],
      ...(identitySecret ? ['--identity', `${FOLDER}/${IDENTITY_FILE}`] : []),
    ],
    env: [
      ...repositoryEnvironment(args.repository, schedule, FOLDER),
      { name: 'PLATFORM_SCRATCH_PASSWORD', ...password },
    ],
    resources: resources ?? { requests: { cpu: '250m', memory: '512Mi' }, limits: { memory: '2Gi' } },
    securityContext: containerSecurityContext(),
    volumeMounts: [
      { name: 'platform', mountPath: FOLDER, readOnly: true },
      { name: 'drill-tmp', mountPath: '/tmp' },
    ],
  };
}

function sources({ repository, identitySecret }: BackupDrillArgs) {
  const items = [SCRATCH_FILE, ...(repository.ca ? [REPOSITORY_CA] : [])];
  return [
    { configMap: { name: DRILL_NAME, items: items.map((key) => ({ key, path: key })) } },
    ...(identitySecret
      ? [{ secret: { name: identitySecret, items: [{ key: 'identity', path: IDENTITY_FILE }] } }]
      : []),
  ];
}
