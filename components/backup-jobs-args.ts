import type * as pulumi from '@pulumi/pulumi';
import type { RedisMode } from '../migrations/connections';
import type { BackupStore } from '../ops/stores';
import type { PodResources } from './pod-args';

/** When which stores are copied, and how long the copies are kept. */
export interface BackupSchedule {
  /** In cron's notation, in UTC. @see https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/#schedule-syntax */
  readonly schedule: string;
  /** Default every store. */
  readonly stores?: readonly BackupStore[];
  /** Sets that are older are removed, but for the newest `keepLast`. */
  readonly keepDays: number;
  readonly keepLast: number;
}

/** What is copied, when and where to. */
export interface BackupsArgs {
  /** Namespace of the platform. */
  readonly namespace: string;
  /** Stores that the platform has. */
  readonly stores: readonly BackupStore[];
  /** Default `sentinel`. */
  readonly redisMode?: RedisMode;
  readonly repository: BackupRepository;
  /** By name; each has a folder of its own in the repository. */
  readonly schedules: Readonly<Record<string, BackupSchedule>>;
  /** Public keys of age; default none: the copies are not encrypted. */
  readonly recipients?: readonly string[];
  /** PriorityClass of the pods; default none. */
  readonly priorityClass?: string;
  /** Default 100m and 256Mi, at most 1Gi; reading Redis' copy needs as much memory as Redis. */
  readonly resources?: PodResources;
  /** Room for what is written while copying, such as Redis' copy; default `10Gi`. */
  readonly scratchSize?: string;
}

/** Arguments of the BackupJobs component. */
export interface BackupJobsArgs extends BackupsArgs {
  /** Image with the command `platform`, see ops/image. */
  readonly image: pulumi.Input<string>;
}

/** A bucket outside of the platform. */
export interface BackupRepository {
  /** Such as `s3://bucket/prefix`. */
  readonly address: string;
  /** URL of an S3-compatible server; default that of AWS. */
  readonly endpoint?: string;
  /** Default `us-east-1`. */
  readonly region?: string;
  /** PEM of the authority that the server is verified with; default those of the image. */
  readonly ca?: string;
  /** Secret with the keys `accessKeyId` and `secretAccessKey`. */
  readonly credentialsSecret: string;
}

type Defaults = Required<Pick<BackupsArgs, 'recipients' | 'resources' | 'scratchSize'>>;

/** Arguments with every default filled in. */
export type ResolvedBackupJobsArgs = BackupJobsArgs & Defaults;

/** Folder of a repository that PostgreSQL archives into. */
export const ARCHIVE_FOLDER = 'postgres';

const NAME = /^[a-z]([-a-z0-9]{0,29}[a-z0-9])?$/;

/**
 * Fills in the defaults and checks what belongs together.
 * @throws Error listing every problem with the value got and what is allowed.
 */
export function resolveBackupJobsArgs<Args extends BackupsArgs>(args: Args): Args & Defaults {
  const problems = Object.entries(args.schedules).flatMap(([name, schedule]) =>
    scheduleProblems(name, schedule, args.stores),
  );
  if (Object.keys(args.schedules).length === 0) problems.push('schedules must have at least one.');
  if (problems.length > 0) throw new Error(`backups: ${problems.join(' ')}`);
  return {
    ...args,
    recipients: args.recipients ?? [],
    resources: args.resources ?? {
      requests: { cpu: '100m', memory: '256Mi' },
      limits: { memory: '1Gi' },
    },
    scratchSize: args.scratchSize ?? '10Gi',
  };
}

function scheduleProblems(
  name: string,
  { stores = [] }: BackupSchedule,
  known: readonly BackupStore[],
): string[] {
  const unknown = stores.filter((store) => !known.includes(store));
  return [
    ...(name === ARCHIVE_FOLDER
      ? [`schedules must not be called ${name}: that folder is the archive of PostgreSQL's log.`]
      : []),
    ...(NAME.test(name) ? [] : [`schedules must have names of a-z, 0-9 and -, got "${name}".`]),
    ...unknown.map(
      (store) =>
        `schedules.${name}.stores must name stores that are on (${known.join(', ')}), got "${store}".`,
    ),
  ];
}
