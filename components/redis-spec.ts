import type { AclUserName } from './redis-acl';
import { RedisArgs, ResolvedRedisArgs, resolveRedisArgs } from './redis-args';
import { masterGroup, ports, redisFiles } from './redis-config';
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

/** A Sentinel writes its configuration of a few kilobytes. */
const SENTINEL_VOLUME = '64Mi';
/** Seconds that a stopping master may spend on handing over to a replica. */
export const HANDOVER_SECONDS = 15;
/** The hand-over, the server's own 10 s for its replicas, and the last snapshot. */
export const DATA_GRACE_SECONDS = 60;

/** Secrets that applications and tools read, by ACL user. */
export const consumers = [
  'app',
  'backup',
  'migrations',
  'monitor',
  'readonly',
  'restore',
] as const satisfies readonly AclUserName[];
export type Consumer = (typeof consumers)[number];

/** Object specifications of the Redis component; the component adds what is secret. */
export type RedisSpec = ReturnType<typeof redisSpec>;

/**
 * Pure specification of everything the Redis component declares.
 * @throws Error listing every contradiction in the arguments.
 */
export function redisSpec(input: RedisArgs) {
  const args = resolveRedisArgs(input);
  const data = dataPods(args);
  const sentinel = sentinelPods(args);
  const files = redisFiles(args);
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
      data: headlessServiceSpec(args, data),
      sentinelNodes: headlessServiceSpec(args, sentinel),
      // Where clients ask for the current master.
      sentinel: serviceSpec(args, sentinel),
    },
    statefulSets: {
      data: statefulSetSpec(args, data, files),
      sentinel: statefulSetSpec(args, sentinel, files),
    },
    disruptionBudgets: {
      data: disruptionBudgetSpec(args, data),
      sentinel: disruptionBudgetSpec(args, sentinel),
    },
    rotation: {
      namespace: args.namespace,
      workloads: [data, sentinel].map(({ name, component }) => ({ name, container: component })),
      ...(args.context ? { context: args.context } : {}),
    },
    endpoints: {
      sentinelHost: `${sentinel.name}.${args.namespace}.svc`,
      sentinelPort: ports.sentinel,
      masterGroup,
      nodesService: data.nodesService,
    },
  };
}

function dataPods(args: ResolvedRedisArgs): Workload {
  const failoverSeconds = Math.ceil((args.downAfterMilliseconds + args.failoverTimeoutMilliseconds) / 1000);
  return {
    component: 'server',
    name: args.name,
    identity: { name: args.name, component: 'server' },
    nodesService: nodesService(args.name),
    replicas: args.replicas,
    port: { name: 'redis', containerPort: ports.redis },
    resources: args.resources,
    storage: args.storage,
    graceSeconds: DATA_GRACE_SECONDS,
    env: [
      ...peers(args),
      { name: 'FAILOVER_WAIT', value: String(failoverSeconds) },
      { name: 'HANDOVER_WAIT', value: String(HANDOVER_SECONDS) },
    ],
    passwords: ['node', 'replica'],
    preStop: 'pre-stop.sh',
  };
}

function sentinelPods(args: ResolvedRedisArgs): Workload {
  const name = `${args.name}-sentinel`;
  return {
    component: 'sentinel',
    name,
    identity: { name: args.name, component: 'sentinel' },
    nodesService: nodesService(name),
    replicas: args.sentinels,
    port: { name: 'sentinel', containerPort: ports.sentinel },
    resources: args.sentinelResources,
    storage: { ...args.storage, size: SENTINEL_VOLUME },
    graceSeconds: 10,
    env: [...peers(args), { name: 'QUORUM', value: String(args.quorum) }],
    passwords: ['node', 'sentinel'],
  };
}

function nodesService(name: string): string {
  return `${name}-nodes`;
}

function peers(args: ResolvedRedisArgs) {
  const sentinel = `${args.name}-sentinel`;
  const data = podHosts(args, args.name, nodesService(args.name), args.replicas);
  const sentinels = podHosts(args, sentinel, nodesService(sentinel), args.sentinels);
  return [
    { name: 'DATA_HOSTS', value: data.join(' ') },
    { name: 'SENTINEL_HOSTS', value: sentinels.join(' ') },
    { name: 'MASTER_GROUP', value: masterGroup },
  ];
}
