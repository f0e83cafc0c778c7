import type * as pulumi from '@pulumi/pulumi';
import { isDnsName, type PodResources, type VolumeArgs } from './pod-args';
import { type ApplicationRules, isReservedUser } from './redis-acl';

/** Arguments of the Redis component. */
export interface RedisArgs {
  readonly namespace: string;
  /** Name of the data pods' StatefulSet and prefix of everything else; default `redis`. */
  readonly name?: string;
  /** Image with `redis-server` and `redis-cli` of Redis 7.2 or newer, a shell and coreutils, by tag or digest. */
  readonly image: string;
  /** Data pods: one master, the others replicas; default 3, at least 2. */
  readonly replicas?: number;
  /** Sentinel pods; default 3, odd and at least 3. */
  readonly sentinels?: number;
  /** Sentinels that must agree that the master is down; default a majority of them. */
  readonly quorum?: number;
  /** One volume per data pod. */
  readonly storage: VolumeArgs;
  readonly resources: PodResources;
  readonly sentinelResources: PodResources;
  /** MiB that keys may take; the container's memory limit must be at least 1.5 times this plus 32 MiB. */
  readonly maxMemory: number;
  /**
   * What happens when the memory is full; default `noeviction`: writes are refused, nothing is dropped.
   * @see https://redis.io/docs/latest/develop/reference/eviction/
   */
  readonly maxMemoryPolicy?: MaxMemoryPolicy;
  /**
   * When the append-only file reaches the disk; default `everysec`.
   * @see https://redis.io/docs/latest/operate/oss_and_stack/management/persistence/
   */
  readonly appendFsync?: AppendFsync;
  /** A master with fewer connected replicas refuses writes; default 1, 0 switches it off. */
  readonly minReplicasToWrite?: number;
  /** Seconds after which a silent replica no longer counts for the above; default 10. */
  readonly minReplicasMaxLag?: number;
  /** Milliseconds of silence after which a Sentinel takes the master for down; default 5000. */
  readonly downAfterMilliseconds?: number;
  /** Milliseconds after which a failover is given up and may be tried again; default 30000. */
  readonly failoverTimeoutMilliseconds?: number;
  /** Whether two pods of a kind may share a node when there is no other choice; default `preferred`. */
  readonly antiAffinity?: 'preferred' | 'required';
  /** DNS domain of the cluster; default `cluster.local`. */
  readonly clusterDomain?: string;
  /** An ACL user per application, by its rules beyond those every client needs; default none. */
  readonly applications?: ApplicationRules;
  /**
   * Secret of type kubernetes.io/tls, as `redisCertificate` asks for it; with it every connection is encrypted, and plain text
   * is refused. Default none.
   * @see https://redis.io/docs/latest/operate/oss_and_stack/management/security/encryption/
   */
  readonly tlsSecret?: string;
  /** Changes with that certificate: the pods are replaced one by one. */
  readonly certificateFingerprint?: pulumi.Input<string>;
  /** Counts rotations of all passwords, from 1; the passwords before the last rotation stay valid. Default 1. */
  readonly rotation?: number;
  /** PriorityClass of the pods; default the cluster's default. */
  readonly priorityClass?: string;
  /** Context in the kubeconfig, for the rotation; default the current one. */
  readonly context?: string;
}

const MAX_MEMORY_POLICIES = [
  'noeviction',
  'allkeys-lru',
  'allkeys-lfu',
  'allkeys-random',
  'volatile-lru',
  'volatile-lfu',
  'volatile-random',
  'volatile-ttl',
] as const;
export type MaxMemoryPolicy = (typeof MAX_MEMORY_POLICIES)[number];

const APPEND_FSYNC = ['always', 'everysec', 'no'] as const;
export type AppendFsync = (typeof APPEND_FSYNC)[number];

/** Arguments that may be absent. */
export type WithoutDefault = 'tlsSecret' | 'certificateFingerprint' | 'priorityClass' | 'context';

/** Arguments with every default filled in. */
export type ResolvedRedisArgs = Required<Omit<RedisArgs, WithoutDefault>> & Pick<RedisArgs, WithoutDefault>;

/**
 * Fills in the defaults and checks everything that depends on more than a type.
 * @throws Error listing every problem with the value got and what is allowed.
 */
export function resolveRedisArgs(args: RedisArgs): ResolvedRedisArgs {
  const sentinels = args.sentinels ?? 3;
  const resolved: ResolvedRedisArgs = {
    ...args,
    name: args.name ?? 'redis',
    replicas: args.replicas ?? 3,
    sentinels,
    quorum: args.quorum ?? majority(sentinels),
    maxMemoryPolicy: args.maxMemoryPolicy ?? 'noeviction',
    appendFsync: args.appendFsync ?? 'everysec',
    minReplicasToWrite: args.minReplicasToWrite ?? 1,
    minReplicasMaxLag: args.minReplicasMaxLag ?? 10,
    downAfterMilliseconds: args.downAfterMilliseconds ?? 5000,
    failoverTimeoutMilliseconds: args.failoverTimeoutMilliseconds ?? 30_000,
    antiAffinity: args.antiAffinity ?? 'preferred',
    clusterDomain: args.clusterDomain ?? 'cluster.local',
    applications: args.applications ?? {},
    rotation: args.rotation ?? 1,
  };
  const problems = [...quorumProblems(resolved), ...memoryProblems(resolved), ...valueProblems(resolved)];
  if (problems.length > 0) throw new Error(`redis: ${problems.join(' ')}`);
  return resolved;
}

function majority(members: number): number {
  return Math.floor(members / 2) + 1;
}

function quorumProblems({ replicas, sentinels, quorum, minReplicasToWrite }: ResolvedRedisArgs): string[] {
  const problems: string[] = [];
  if (!isInteger(replicas, 2)) {
    problems.push(
      `replicas must be an integer of at least 2 (a master and one to take over), got ${replicas}.`,
    );
  } else if (!isInteger(minReplicasToWrite, 0) || minReplicasToWrite >= replicas) {
    problems.push(
      `minReplicasToWrite must be between 0 and ${replicas - 1} with ${replicas} data pods, got ${minReplicasToWrite}.`,
    );
  }
  if (!isInteger(sentinels, 3) || sentinels % 2 === 0) {
    problems.push(`sentinels must be an odd integer of at least 3, got ${sentinels}.`);
  } else if (!isInteger(quorum, majority(sentinels)) || quorum > sentinels) {
    problems.push(
      `quorum must be between ${majority(sentinels)} and ${sentinels} with ${sentinels} sentinels, got ${quorum}.`,
    );
  }
  return problems;
}

/** What the keys may take, against the limit of the container. */
export function memoryProblems({
  maxMemory,
  resources,
}: Pick<ResolvedRedisArgs, 'maxMemory' | 'resources'>): string[] {
  const limit = mebibytes(resources.limits.memory);
  if (limit === undefined) {
    return [
      `resources.limits.memory must be a quantity such as 512Mi or 2Gi, got "${resources.limits.memory}".`,
    ];
  }
  if (!isInteger(maxMemory, 16)) {
    return [`maxMemory must be an integer of at least 16 (MiB), got ${maxMemory}.`];
  }
  // A fork for a snapshot copies the pages written meanwhile; the append-only buffers come on top.
  const allowed = Math.floor((limit - 32) / 1.5);
  if (maxMemory <= allowed) return [];
  const needed = Math.ceil(maxMemory * 1.5 + 32);
  return [
    `maxMemory must be at most ${allowed} with a memory limit of ${resources.limits.memory}, got ${maxMemory}; lower it or raise the limit to ${needed}Mi.`,
  ];
}

function valueProblems(args: ResolvedRedisArgs): string[] {
  const problems = [...podProblems(args)];
  for (const key of ['minReplicasMaxLag', 'downAfterMilliseconds', 'failoverTimeoutMilliseconds'] as const) {
    if (!isInteger(args[key], 1)) problems.push(`${key} must be a positive integer, got ${args[key]}.`);
  }
  return problems;
}

/** Settings that data pods have however they are run. */
export type PodSettings = Pick<
  ResolvedRedisArgs,
  | 'name'
  | 'maxMemoryPolicy'
  | 'appendFsync'
  | 'antiAffinity'
  | 'applications'
  | 'clusterDomain'
  | 'rotation'
  | 'tlsSecret'
>;

export function podProblems(args: PodSettings): string[] {
  const problems: string[] = [];
  const expect = (ok: boolean, key: keyof PodSettings, allowed: string) => {
    if (!ok) problems.push(`${key} must be ${allowed}, got ${JSON.stringify(args[key])}.`);
  };
  const { name, maxMemoryPolicy, appendFsync, antiAffinity, applications } = args;
  expect(/^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$/.test(name), 'name', 'a DNS label of at most 40 characters');
  expect(
    MAX_MEMORY_POLICIES.includes(maxMemoryPolicy),
    'maxMemoryPolicy',
    `one of ${MAX_MEMORY_POLICIES.join(', ')}`,
  );
  expect(APPEND_FSYNC.includes(appendFsync), 'appendFsync', `one of ${APPEND_FSYNC.join(', ')}`);
  expect(['preferred', 'required'].includes(antiAffinity), 'antiAffinity', 'preferred or required');
  expect(isDnsName(args.clusterDomain), 'clusterDomain', 'a DNS name');
  expect(isInteger(args.rotation, 1), 'rotation', 'an integer of at least 1');
  expect(args.tlsSecret === undefined || isDnsName(args.tlsSecret), 'tlsSecret', 'the name of a Secret');
  for (const user of Object.keys(applications)) {
    if (/^[a-z]([-a-z0-9]{0,28}[a-z0-9])?$/.test(user) && !isReservedUser(user)) continue;
    problems.push(
      `applications must be named with a-z, 0-9 and -, and not like a user of the platform, got "${user}".`,
    );
  }
  return problems;
}

/** Whether a setting is a whole number of at least so much. */
export function isInteger(value: number, least: number): boolean {
  return Number.isInteger(value) && value >= least;
}

const UNIT_BYTES: Readonly<Record<string, number>> = {
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
};

/** MiB of a Kubernetes memory quantity; undefined when it is none. */
function mebibytes(quantity: string): number | undefined {
  const [, amount, unit] = /^(\d+(?:\.\d+)?)([kMGT]|[KMGT]i)?$/.exec(quantity) ?? [];
  return amount === undefined ? undefined : (Number(amount) * UNIT_BYTES[unit ?? '']!) / 2 ** 20;
}
