/** Arguments of the PostgreSQL component, and the checks that need more than one of them. */
import type { PodResources, VolumeArgs } from './pod-args';
import {
  archiveProblems,
  type PostgresArchiveArgs,
  type PostgresRecoveryArgs,
  type PostgresReplicaArgs,
} from './postgres-archive-args';
import { isOneLine } from './postgres-parameters';

/** PgBouncer in front of the cluster. */
export interface PoolerArgs {
  /** Pods per pooler. */
  readonly instances: number;
  /** When a server connection goes back to the pool. */
  readonly poolMode: 'session' | 'transaction';
  /** PgBouncer settings; default TLS required from clients, 200 prepared statements, reconnection within 1 s. */
  readonly parameters?: Readonly<Record<string, string>>;
  readonly image: string;
  readonly resources: PodResources;
}

/** Arguments of the PostgreSQL component. */
export interface PostgresArgs {
  readonly namespace: string;
  /** Name of the cluster and prefix of everything that belongs to it; default `postgres`. */
  readonly name?: string;
  /** Image with PostgreSQL 17, pgaudit and psql, by tag or digest. */
  readonly image: string;
  /** Pods: one primary, the others hot standbys. */
  readonly instances: number;
  readonly storage: VolumeArgs;
  /** Separate volume for the write-ahead log; default none. */
  readonly walStorage?: VolumeArgs;
  readonly resources: PodResources;
  /**
   * Commits wait for this many standbys; default asynchronous.
   * `required` stops writes rather than lose one; `preferred` goes on with the standbys that are left.
   * @see https://cloudnative-pg.io/documentation/current/replication/#synchronous-replication
   */
  readonly synchronous?: {
    readonly method: 'any' | 'first';
    readonly number: number;
    readonly dataDurability: 'required' | 'preferred';
  };
  /** PostgreSQL settings on top of the platform's; those that the operator manages are refused. */
  readonly parameters?: Readonly<Record<string, string>>;
  /** Database made at bootstrap; default `platform`. */
  readonly database?: string;
  /** Role that owns the database and its schema; default `platform_owner`. */
  readonly owner?: string;
  /** Default none. */
  readonly pooler?: PoolerArgs;
  /** Declares PodMonitors, which needs the Prometheus operator's definitions; default false. */
  readonly podMonitor?: boolean;
  /** Counts the rotations of the passwords, from 1, the default; see `credential`. */
  readonly rotation?: number;
  /** PriorityClass of every pod; default none. */
  readonly priorityClass?: string;
  /** Whether two instances may share a node when there is no other choice; default `preferred`. */
  readonly antiAffinity?: 'preferred' | 'required';
  /** Extensions made in the database, besides pgaudit and pg_stat_statements; default none. */
  readonly extensions?: readonly string[];
  /** When partitions are created ahead and expired ones dropped; default daily at 03:17 UTC. */
  readonly partitionMaintenance?: { readonly schedule: string };
  /** Base backups and the write-ahead log in object storage, which needs the Barman Cloud plugin; default none. */
  readonly archive?: PostgresArchiveArgs;
  /** Makes the cluster of another one's archive, and counts only when it is made; default empty. */
  readonly recovery?: PostgresRecoveryArgs;
  /**
   * Makes a cluster that follows another one's archive, takes no writes, and has the roles and passwords of that one.
   * @see https://cloudnative-pg.io/documentation/current/replica_cluster/
   */
  readonly replicaOf?: PostgresReplicaArgs;
  /** Context in the kubeconfig; default the current one. */
  readonly context?: string;
}

/** Arguments with every default filled in. */
export type ResolvedPostgresArgs = PostgresArgs &
  Required<Pick<PostgresArgs, 'name' | 'database' | 'owner' | 'antiAffinity' | 'extensions' | 'rotation'>> & {
    readonly partitionMaintenance: { readonly schedule: string };
  };

const QUANTITY = /^[1-9]\d*(\.\d+)?(Ki|Mi|Gi|Ti|k|M|G|T)?$/;
const IDENTIFIER = /^[a-z_][a-z0-9_]{0,62}$/;
const DNS_LABEL = /^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$/;
const EXTENSION = /^[a-z][a-z0-9_-]{0,62}$/;
const CRON = /^(@(hourly|daily|weekly|monthly)|\S+( \S+){4})$/;

/**
 * Fills in the defaults and checks everything that depends on more than a type.
 * @throws Error listing every problem with the value got and what is allowed.
 */
export function resolvePostgresArgs(args: PostgresArgs): ResolvedPostgresArgs {
  const resolved = {
    ...args,
    name: args.name ?? 'postgres',
    database: args.database ?? 'platform',
    owner: args.owner ?? 'platform_owner',
    antiAffinity: args.antiAffinity ?? 'preferred',
    extensions: args.extensions ?? [],
    rotation: args.rotation ?? 1,
    partitionMaintenance: args.partitionMaintenance ?? { schedule: '17 3 * * *' },
  };
  const problems = [
    ...shapeProblems(resolved),
    ...durabilityProblems(resolved),
    ...poolerProblems(resolved),
    ...archiveProblems(resolved),
  ];
  if (problems.length > 0) throw new Error(`postgres: ${problems.join(' ')}`);
  return resolved;
}

function shapeProblems(args: ResolvedPostgresArgs): string[] {
  const problems: string[] = [];
  const expect = (ok: boolean, key: string, got: unknown, allowed: string) => {
    if (!ok) problems.push(`${key} must be ${allowed}, got ${JSON.stringify(got)}.`);
  };
  expect(isCount(args.instances), 'instances', args.instances, 'an integer of at least 1');
  expect(isCount(args.rotation), 'rotation', args.rotation, 'an integer of at least 1');
  expect(DNS_LABEL.test(args.name), 'name', args.name, 'a DNS label of at most 40 characters');
  expect(IDENTIFIER.test(args.database), 'database', args.database, 'an identifier of a-z, 0-9 and _');
  expect(IDENTIFIER.test(args.owner), 'owner', args.owner, 'an identifier of a-z, 0-9 and _');
  for (const key of ['storage', 'walStorage'] as const) {
    const volume = args[key];
    if (volume)
      expect(QUANTITY.test(volume.size), `${key}.size`, volume.size, 'a Kubernetes quantity such as 10Gi');
  }
  for (const extension of args.extensions)
    expect(EXTENSION.test(extension), 'extensions', extension, 'names of extensions such as vector');
  const { schedule } = args.partitionMaintenance;
  expect(
    CRON.test(schedule),
    'partitionMaintenance.schedule',
    schedule,
    'a cron expression such as 17 3 * * *',
  );
  expect(
    ['preferred', 'required'].includes(args.antiAffinity),
    'antiAffinity',
    args.antiAffinity,
    'preferred or required',
  );
  return problems;
}

function durabilityProblems({ synchronous, instances }: ResolvedPostgresArgs): string[] {
  if (!synchronous) return [];
  const { method, number, dataDurability } = synchronous;
  const problems: string[] = [];
  if (!['any', 'first'].includes(method))
    problems.push(`synchronous.method must be any or first, got "${method}".`);
  if (!isCount(number))
    problems.push(`synchronous.number must be an integer of at least 1, got ${JSON.stringify(number)}.`);
  else if (number >= instances) {
    problems.push(
      `synchronous.number must be less than instances (${instances}), got ${number}: there are only ${instances - 1} standbys.`,
    );
  } else if (dataDurability === 'required' && instances < number + 2) {
    problems.push(
      `synchronous.dataDurability "required" with number ${number} needs at least ${number + 2} instances, got ${instances}: the loss of one standby would stop all writes; raise instances or use "preferred".`,
    );
  }
  if (!['required', 'preferred'].includes(dataDurability)) {
    problems.push(`synchronous.dataDurability must be required or preferred, got "${dataDurability}".`);
  }
  return problems;
}

function poolerProblems({ pooler }: ResolvedPostgresArgs): string[] {
  if (!pooler) return [];
  const problems: string[] = [];
  if (!isCount(pooler.instances))
    problems.push(
      `pooler.instances must be an integer of at least 1, got ${JSON.stringify(pooler.instances)}.`,
    );
  if (!['session', 'transaction'].includes(pooler.poolMode))
    problems.push(`pooler.poolMode must be session or transaction, got "${pooler.poolMode}".`);
  for (const [name, value] of Object.entries(pooler.parameters ?? {})) {
    // The operator writes them as lines of pgbouncer.ini.
    if (!/^[a-z_]+$/.test(name))
      problems.push(`pooler.parameters must be named with a-z and _, got ${JSON.stringify(name)}.`);
    if (!isOneLine(value))
      problems.push(`pooler.parameters.${name} must be one line, got ${JSON.stringify(value)}.`);
  }
  return problems;
}

function isCount(value: number): boolean {
  return Number.isInteger(value) && value >= 1;
}
