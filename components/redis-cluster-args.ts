import { isInteger, memoryProblems, podProblems, type RedisArgs, type WithoutDefault } from './redis-args';

/** Arguments of the RedisCluster component; those shared with {@link RedisArgs} mean the same. */
export interface RedisClusterArgs extends Pick<
  RedisArgs,
  | 'namespace'
  | 'image'
  | 'storage'
  | 'resources'
  | 'maxMemory'
  | 'maxMemoryPolicy'
  | 'appendFsync'
  | 'antiAffinity'
  | 'clusterDomain'
  | 'applications'
  | 'tlsSecret'
  | 'certificateFingerprint'
  | 'rotation'
  | 'priorityClass'
  | 'context'
> {
  /** Name of the StatefulSet and prefix of everything else; default `redis-cluster`. */
  readonly name?: string;
  /** Pods: the first half start as masters, each with one replica in the other half; default 6, even and at least 6. */
  readonly nodes?: number;
  /** Milliseconds of silence after which a node is taken for down and its replica is promoted; default 5000. */
  readonly nodeTimeoutMilliseconds?: number;
}

/** Arguments with every default filled in. */
export type ResolvedRedisClusterArgs = Required<Omit<RedisClusterArgs, WithoutDefault>> &
  Pick<RedisClusterArgs, WithoutDefault>;

/**
 * Fills in the defaults and checks everything that depends on more than a type.
 * @throws Error listing every problem with the value got and what is allowed.
 */
export function resolveRedisClusterArgs(args: RedisClusterArgs): ResolvedRedisClusterArgs {
  const resolved: ResolvedRedisClusterArgs = {
    ...args,
    name: args.name ?? 'redis-cluster',
    nodes: args.nodes ?? 6,
    maxMemoryPolicy: args.maxMemoryPolicy ?? 'noeviction',
    appendFsync: args.appendFsync ?? 'everysec',
    nodeTimeoutMilliseconds: args.nodeTimeoutMilliseconds ?? 5000,
    antiAffinity: args.antiAffinity ?? 'preferred',
    clusterDomain: args.clusterDomain ?? 'cluster.local',
    applications: args.applications ?? {},
    rotation: args.rotation ?? 1,
  };
  const { nodes, nodeTimeoutMilliseconds } = resolved;
  const problems = [...memoryProblems(resolved), ...podProblems(resolved)];
  if (!isInteger(nodes, 6) || nodes % 2 !== 0) {
    problems.push(
      `nodes must be an even integer of at least 6 (3 masters, each with a replica), got ${nodes}.`,
    );
  }
  if (!isInteger(nodeTimeoutMilliseconds, 1000)) {
    problems.push(
      `nodeTimeoutMilliseconds must be an integer of at least 1000, got ${nodeTimeoutMilliseconds}.`,
    );
  }
  if (problems.length > 0) throw new Error(`redis-cluster: ${problems.join(' ')}`);
  return resolved;
}
