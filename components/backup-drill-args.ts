import type * as pulumi from '@pulumi/pulumi';
import { type BackupStore, drilled, type DrilledStore } from '../ops/stores';
import type { BackupRepository, BackupSchedule } from './backup-jobs-args';
import type { PodResources } from './pod-args';

/** When which copies are restored and asserted, and what must be reached. */
export interface BackupDrillSettings {
  /** In cron's notation, in UTC. */
  readonly schedule: string;
  /** Name of the schedule whose newest set is restored; default the first one of every store, else the first. */
  readonly of?: string;
  /** Recovery time objective: how long it may take until everything is asserted. */
  readonly rtoMinutes: number;
  /** Recovery point objective: how old the copies may be then. */
  readonly rpoMinutes: number;
  /** Secret whose key `identity` is a file of secret keys of age; needed when copies are encrypted. */
  readonly identitySecret?: string;
  /** Of the command; default 250m and 512Mi, at most 2Gi: reading Redis' copy needs as much memory as Redis. */
  readonly resources?: PodResources;
  /** Of each server; default enough for the copy of a small store. */
  readonly servers?: Readonly<Partial<Record<DrilledStore, PodResources>>>;
  /** Room for each server, and for the files of the set; a Kubernetes quantity. */
  readonly size: string;
}

/** Arguments of the BackupDrill component. */
export interface BackupDrillArgs extends BackupDrillSettings {
  /** Namespace of the platform. */
  readonly namespace: string;
  /** Stores that the platform has. */
  readonly stores: readonly BackupStore[];
  readonly repository: BackupRepository;
  /** Schedules of the copies, by name. */
  readonly schedules: Readonly<Record<string, BackupSchedule>>;
  /** Public keys of age; default none: the copies are not encrypted. */
  readonly recipients?: readonly string[];
  /** PriorityClass of the pods; default none. */
  readonly priorityClass?: string;
  /** Image with the command `platform`, see ops/image. */
  readonly image: pulumi.Input<string>;
  /** Of the servers, those that the platform has. */
  readonly images: Readonly<Partial<Record<DrilledStore, string>>>;
}

/** What belongs together in a drill. */
export type DrillChoice = Pick<
  BackupDrillArgs,
  'of' | 'schedules' | 'stores' | 'recipients' | 'identitySecret' | 'servers'
>;

/**
 * The schedule whose sets are drilled, and its stores that can be.
 * @throws Error listing every contradiction with the value got and what is allowed.
 */
export function drilledSchedule(args: DrillChoice): {
  readonly name: string;
  readonly stores: readonly DrilledStore[];
} {
  const known = drilled(args.stores);
  const names = Object.keys(args.schedules);
  const name = args.of ?? names.find((one) => !args.schedules[one]!.stores) ?? names[0]!;
  const schedule = args.schedules[name];
  const unknown = Object.keys(args.servers ?? {}).filter((store) => !known.includes(store as DrilledStore));
  const problems = [
    ...(schedule ? [] : [`of must name a schedule (${names.join(', ')}), got "${name}".`]),
    ...unknown.map((store) => `servers must name stores that are on (${known.join(', ')}), got "${store}".`),
    ...((args.recipients ?? []).length > 0 && !args.identitySecret
      ? [
          'identitySecret must name a Secret with the secret key, since the copies are encrypted; or set enabled to false and run `platform drill` where the key is.',
        ]
      : []),
  ];
  if (problems.length > 0) throw new Error(`backups.drill: ${problems.join(' ')}`);
  return { name, stores: drilled(schedule!.stores ?? args.stores) };
}
