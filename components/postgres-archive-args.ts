/** Arguments of PostgreSQL's archive in object storage, and the checks that need more than one of them. */
import type { BackupRepository } from './backup-jobs-args';
import type { PodResources } from './pod-args';
import type { PostgresArgs } from './postgres-args';

/** Base backups and the write-ahead log in object storage. */
export interface PostgresArchiveArgs {
  /** Bucket and folder that every server's archive is a folder of. */
  readonly repository: BackupRepository;
  /** Folder of this cluster, which no other ever wrote to; default the cluster's name. */
  readonly serverName?: string;
  /** When base backups are made, in cron's notation, in UTC; the first is made at once; default Sundays at 1:00. */
  readonly schedule?: string;
  /** Days that can be gone back; default 30. */
  readonly keepDays?: number;
  /** Of the container that archives beside each instance; default 50m and 128Mi, at most 512Mi. */
  readonly resources?: PodResources;
}

/** Where a new cluster's data comes from. */
export interface PostgresRecoveryArgs {
  /** Folder in the archive of the cluster that is recovered. */
  readonly serverName: string;
  /** ISO 8601 with a time zone; what was committed later is left out; default everything that was archived. */
  readonly targetTime?: string;
}

/** A cluster that is followed. */
export interface PostgresReplicaArgs {
  /** Folder in the archive of the cluster that is followed. */
  readonly serverName: string;
  /** False makes a cluster of its own of it, for good; default true. */
  readonly enabled?: boolean;
}

/** Recovery point objective: how old the newest archived commit may be. */
const RPO_SECONDS = 15 * 60;
const SERVER_NAME = /^[a-z0-9]([-a-z0-9_.]{0,61}[a-z0-9])?$/;

/** The archive with every default filled in. */
export function resolveArchive(archive: PostgresArchiveArgs, cluster: string): Required<PostgresArchiveArgs> {
  return {
    repository: archive.repository,
    serverName: archive.serverName ?? cluster,
    schedule: archive.schedule ?? '0 1 * * 0',
    keepDays: archive.keepDays ?? 30,
    resources: archive.resources ?? {
      requests: { cpu: '50m', memory: '128Mi' },
      limits: { memory: '512Mi' },
    },
  };
}

/** What contradicts itself, each with the fix. */
export function archiveProblems(args: PostgresArgs & { readonly name: string }): string[] {
  const { archive, recovery, replicaOf } = args;
  return [
    ...(recovery && replicaOf
      ? ['recovery and replicaOf cannot both say where the data comes from; remove one of them.']
      : []),
    ...Object.entries({ recovery: recovery?.serverName, replicaOf: replicaOf?.serverName }).flatMap(
      ([key, serverName]) => (serverName === undefined ? [] : sourceProblems(key, serverName, args)),
    ),
    ...targetProblems(recovery),
    ...(archive ? ownProblems(resolveArchive(archive, args.name), args.parameters) : []),
  ];
}

function sourceProblems(
  key: string,
  serverName: string,
  { archive, name }: PostgresArgs & { readonly name: string },
): string[] {
  if (!SERVER_NAME.test(serverName))
    return [`${key}.serverName must be a name of a-z, 0-9, - and _, got ${JSON.stringify(serverName)}.`];
  if (!archive)
    return [`${key} needs the archive that "${serverName}" is in, got none; set backups.repository.`];
  const own = resolveArchive(archive, name).serverName;
  if (serverName !== own) return [];
  return [
    `${key}.serverName must be of another cluster, got "${serverName}", which this one archives under; set backups.postgres.serverName to a new name such as "${nextName(own)}".`,
  ];
}

function targetProblems(recovery: PostgresRecoveryArgs | undefined): string[] {
  const { targetTime } = recovery ?? {};
  if (targetTime === undefined || isTimestamp(targetTime)) return [];
  return [
    `recovery.targetTime must be a time with its zone such as 2030-01-31T12:00:00Z, got ${JSON.stringify(targetTime)}.`,
  ];
}

function isTimestamp(text: string): boolean {
  const form = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,6})?(Z|[+-]\d{2}:\d{2})$/;
  return form.test(text) && !Number.isNaN(Date.parse(text));
}

function ownProblems(
  { serverName, keepDays }: Required<PostgresArchiveArgs>,
  parameters: Readonly<Record<string, string>> = {},
): string[] {
  const timeout = parameters.archive_timeout;
  const seconds = timeout === undefined ? undefined : secondsOf(timeout);
  const bounded = timeout === undefined || (seconds !== undefined && seconds > 0 && seconds <= RPO_SECONDS);
  return [
    ...(SERVER_NAME.test(serverName)
      ? []
      : [`archive.serverName must be a name of a-z, 0-9, - and _, got ${JSON.stringify(serverName)}.`]),
    ...(Number.isInteger(keepDays) && keepDays >= 1
      ? []
      : [`archive.keepDays must be an integer of at least 1, got ${JSON.stringify(keepDays)}.`]),
    ...(bounded
      ? []
      : [
          `parameters.archive_timeout must be from 1s to ${RPO_SECONDS / 60}min, the most that may be lost, got "${timeout}"; remove it for 5min.`,
        ]),
  ];
}

const UNITS: Readonly<Record<string, number>> = { ms: 0.001, s: 1, min: 60, h: 3600, d: 86_400 };

/** Seconds of a duration as postgresql.conf takes it; undefined for anything else. */
function secondsOf(text: string): number | undefined {
  const [, count, unit = 's'] = /^\s*(\d+(?:\.\d+)?)\s*(ms|s|min|h|d)?\s*$/.exec(text) ?? [];
  return count === undefined ? undefined : Number(count) * UNITS[unit]!;
}

/** `postgres` becomes `postgres-2`, and that `postgres-3`. */
function nextName(name: string): string {
  const [, stem = name, number = '1'] = /^(.*?)(?:-(\d+))?$/.exec(name) ?? [];
  return `${stem}-${Number(number) + 1}`;
}
