import { RedisClusterArgs, ResolvedRedisClusterArgs, resolveRedisClusterArgs } from './redis-cluster-args';
import { ports, redisClusterFiles } from './redis-config';
import {
  consumerSecretSpecs,
  disruptionBudgetSpec,
  headlessServiceSpec,
  metadata,
  podHosts,
  serviceAccountSpec,
  serviceSpec,
  statefulSetSpec,
  Workload,
} from './redis-pods';
import { consumers, DATA_GRACE_SECONDS, HANDOVER_SECONDS } from './redis-spec';

/** Object specifications of the RedisCluster component; the component adds what is secret. */
export type RedisClusterSpec = ReturnType<typeof redisClusterSpec>;

/**
 * Pure specification of everything the RedisCluster component declares.
 * @throws Error listing every contradiction in the arguments.
 */
export function redisClusterSpec(input: RedisClusterArgs) {
  const args = resolveRedisClusterArgs(input);
  const pods = clusterPods(args);
  const files = redisClusterFiles(args);
  return {
    serviceAccount: serviceAccountSpec(args),
    configMap: { metadata: metadata(args, args.name), data: files },
    secrets: {
      acl: { metadata: metadata(args, `${args.name}-acl`) },
      replication: { metadata: metadata(args, `${args.name}-replication`) },
      consumers: consumerSecretSpecs(args, consumers),
      applications: consumerSecretSpecs(args, Object.keys(args.applications)),
    },
    services: {
      nodes: headlessServiceSpec(args, pods),
      // Where clients start: any node names the others.
      client: serviceSpec(args, pods),
    },
    statefulSet: statefulSetSpec(args, pods, files),
    disruptionBudget: disruptionBudgetSpec(args, pods),
    rotation: {
      namespace: args.namespace,
      workloads: [{ name: pods.name, container: pods.component }],
      ...(args.context ? { context: args.context } : {}),
    },
    endpoints: {
      host: `${args.name}.${args.namespace}.svc`,
      port: ports.redis,
      nodesService: pods.nodesService,
    },
  };
}

function clusterPods(args: ResolvedRedisClusterArgs): Workload {
  const nodesService = `${args.name}-nodes`;
  return {
    component: 'cluster',
    name: args.name,
    identity: { name: args.name, component: 'cluster' },
    nodesService,
    replicas: args.nodes,
    port: { name: 'redis', containerPort: ports.redis },
    resources: args.resources,
    storage: args.storage,
    graceSeconds: DATA_GRACE_SECONDS,
    env: [
      { name: 'POD_IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
      { name: 'DATA_HOSTS', value: podHosts(args, args.name, nodesService, args.nodes).join(' ') },
      { name: 'MASTERS', value: String(args.nodes / 2) },
      { name: 'HANDOVER_WAIT', value: String(HANDOVER_SECONDS) },
    ],
    passwords: ['node', 'replica'],
    preStop: 'cluster-pre-stop.sh',
    sidecar: 'keeper',
  };
}
