import { createHash } from 'node:crypto';
import { containerSecurityContext, labels, podSecurityContext, selectorLabels } from './metadata';
import { AclUserName, aclUsers } from './redis-acl';
import { RedisArgs, ResolvedRedisArgs, resolveRedisArgs } from './redis-args';
import { masterGroup, ports, redisFiles } from './redis-config';

/** User and group of the official image. */
const REDIS_UID = 999;
/** A Sentinel writes its configuration of a few kilobytes. */
const SENTINEL_VOLUME = '64Mi';
/** Seconds that a stopping master may spend on handing over to a replica. */
const HANDOVER_SECONDS = 15;
/** The hand-over, the server's own 10 s for its replicas, and the last snapshot. */
const DATA_GRACE_SECONDS = 60;

/** Secrets that applications and tools read, by ACL user. */
export const consumers = ['app', 'monitor'] as const satisfies readonly AclUserName[];
export type Consumer = (typeof consumers)[number];

/** Object specifications of the Redis component; the component adds what is secret. */
export type RedisSpec = ReturnType<typeof redisSpec>;

/**
 * Pure specification of everything the Redis component declares.
 * @throws Error listing every contradiction in the arguments.
 */
export function redisSpec(input: RedisArgs) {
  const args = resolveRedisArgs(input);
  const data = workload(args, 'server');
  const sentinel = workload(args, 'sentinel');
  const files = redisFiles(args);
  return {
    configMap: { metadata: metadata(args, args.name), data: files },
    secrets: {
      acl: { metadata: metadata(args, `${args.name}-acl`) },
      replication: { metadata: metadata(args, `${args.name}-replication`) },
      consumers: Object.fromEntries(
        consumers.map((user) => [user, consumerSecretSpec(args, user)]),
      ) as Record<Consumer, ReturnType<typeof consumerSecretSpec>>,
    },
    services: {
      data: headlessServiceSpec(args, data),
      sentinelNodes: headlessServiceSpec(args, sentinel),
      sentinel: sentinelServiceSpec(args, sentinel),
    },
    statefulSets: {
      data: statefulSetSpec(args, data, files),
      sentinel: statefulSetSpec(args, sentinel, files),
    },
    disruptionBudgets: {
      data: disruptionBudgetSpec(args, data),
      sentinel: disruptionBudgetSpec(args, sentinel),
    },
    endpoints: {
      sentinelHost: `${sentinel.name}.${args.namespace}.svc`,
      sentinelPort: ports.sentinel,
      masterGroup,
    },
  };
}

type Component = 'server' | 'sentinel';

/** What differs between the two kinds of pod. */
function workload(args: ResolvedRedisArgs, component: Component) {
  const server = component === 'server';
  const name = server ? args.name : `${args.name}-sentinel`;
  return {
    component,
    name,
    identity: { name: args.name, component },
    nodesService: `${name}-nodes`,
    replicas: server ? args.replicas : args.sentinels,
    port: server
      ? { name: 'redis', containerPort: ports.redis }
      : { name: 'sentinel', containerPort: ports.sentinel },
    resources: server ? args.resources : args.sentinelResources,
    storage: server ? args.storage : { ...args.storage, size: SENTINEL_VOLUME },
  };
}
type Workload = ReturnType<typeof workload>;

function metadata(args: ResolvedRedisArgs, name: string, component?: Component) {
  return { name, namespace: args.namespace, labels: labels({ name: args.name, component }) };
}

function consumerSecretSpec(args: ResolvedRedisArgs, user: Consumer) {
  return {
    metadata: metadata(args, `${args.name}-${user}`),
    type: 'kubernetes.io/basic-auth',
    username: user,
  };
}

/** Gives each pod a name of its own, ready or not: pods must find each other before they can be ready. */
function headlessServiceSpec(args: ResolvedRedisArgs, { nodesService, identity, port }: Workload) {
  return {
    metadata: metadata(args, nodesService, identity.component),
    spec: {
      clusterIP: 'None',
      publishNotReadyAddresses: true,
      selector: selectorLabels(identity),
      ports: [{ name: port.name, port: port.containerPort, targetPort: port.name }],
    },
  };
}

/** Where clients ask for the current master. */
function sentinelServiceSpec(args: ResolvedRedisArgs, { name, identity, port }: Workload) {
  return {
    metadata: metadata(args, name, identity.component),
    spec: {
      selector: selectorLabels(identity),
      ports: [{ name: port.name, port: port.containerPort, targetPort: port.name }],
    },
  };
}

function disruptionBudgetSpec(args: ResolvedRedisArgs, { name, identity }: Workload) {
  return {
    metadata: metadata(args, name, identity.component),
    spec: { maxUnavailable: 1, selector: { matchLabels: selectorLabels(identity) } },
  };
}

function statefulSetSpec(args: ResolvedRedisArgs, set: Workload, files: Record<string, string>) {
  const selector = selectorLabels(set.identity);
  return {
    metadata: metadata(args, set.name, set.component),
    spec: {
      serviceName: set.nodesService,
      replicas: set.replicas,
      // A master that waits for others to answer must not keep them from starting.
      podManagementPolicy: 'Parallel',
      updateStrategy: { type: 'RollingUpdate' },
      persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Retain' },
      selector: { matchLabels: selector },
      template: {
        metadata: {
          labels: labels(set.identity),
          annotations: { 'agent-data-platform/config-checksum': configChecksum(files) },
        },
        spec: podSpec(args, set),
      },
      volumeClaimTemplates: [
        {
          metadata: { name: 'data', labels: selector },
          spec: {
            accessModes: ['ReadWriteOnce'],
            resources: { requests: { storage: set.storage.size } },
            ...(set.storage.className ? { storageClassName: set.storage.className } : {}),
          },
        },
      ],
    },
  };
}

/** Changes with everything the pods read at their start, so that a change of it restarts them one by one. */
function configChecksum(files: Record<string, string>): string {
  return createHash('sha256')
    .update(JSON.stringify([files, aclUsers]))
    .digest('hex');
}

function podSpec(args: ResolvedRedisArgs, set: Workload) {
  const server = set.component === 'server';
  return {
    automountServiceAccountToken: false,
    // Service variables such as REDIS_PORT would only confuse.
    enableServiceLinks: false,
    terminationGracePeriodSeconds: server ? DATA_GRACE_SECONDS : 10,
    securityContext: podSecurityContext(REDIS_UID),
    affinity: { podAntiAffinity: antiAffinity(args, set) },
    topologySpreadConstraints: [
      {
        maxSkew: 1,
        topologyKey: 'topology.kubernetes.io/zone',
        whenUnsatisfiable: 'ScheduleAnyway',
        labelSelector: { matchLabels: selectorLabels(set.identity) },
      },
    ],
    containers: [
      {
        name: set.component,
        image: args.image,
        imagePullPolicy: 'IfNotPresent',
        command: ['/bin/sh', `/etc/redis/config/${set.component}.sh`],
        env: environment(args, set),
        ports: [set.port],
        resources: set.resources,
        securityContext: containerSecurityContext(),
        ...probes(set.component),
        ...(server
          ? { lifecycle: { preStop: { exec: { command: ['/bin/sh', '/etc/redis/config/pre-stop.sh'] } } } }
          : {}),
        volumeMounts: [
          { name: 'data', mountPath: '/data' },
          { name: 'config', mountPath: '/etc/redis/config', readOnly: true },
          { name: 'acl', mountPath: '/etc/redis/acl', readOnly: true },
          { name: 'passwords', mountPath: '/etc/redis/passwords', readOnly: true },
        ],
      },
    ],
    volumes: volumes(args, set.component),
  };
}

function antiAffinity({ antiAffinity }: ResolvedRedisArgs, { identity }: Workload) {
  const term = {
    topologyKey: 'kubernetes.io/hostname',
    labelSelector: { matchLabels: selectorLabels(identity) },
  };
  return antiAffinity === 'required'
    ? { requiredDuringSchedulingIgnoredDuringExecution: [term] }
    : { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 100, podAffinityTerm: term }] };
}

function environment(args: ResolvedRedisArgs, { component, nodesService }: Workload) {
  const failoverSeconds = Math.ceil((args.downAfterMilliseconds + args.failoverTimeoutMilliseconds) / 1000);
  return [
    { name: 'POD_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
    { name: 'SELF_HOST', value: `$(POD_NAME).${domain(args, nodesService)}` },
    { name: 'DATA_HOSTS', value: hosts(args, 'server').join(' ') },
    { name: 'SENTINEL_HOSTS', value: hosts(args, 'sentinel').join(' ') },
    { name: 'MASTER_GROUP', value: masterGroup },
    ...(component === 'server'
      ? [
          { name: 'FAILOVER_WAIT', value: String(failoverSeconds) },
          { name: 'HANDOVER_WAIT', value: String(HANDOVER_SECONDS) },
        ]
      : [{ name: 'QUORUM', value: String(args.quorum) }]),
  ];
}

function domain(args: ResolvedRedisArgs, service: string): string {
  return `${service}.${args.namespace}.svc.${args.clusterDomain}`;
}

function hosts(args: ResolvedRedisArgs, component: Component): string[] {
  const { name, nodesService, replicas } = workload(args, component);
  return Array.from({ length: replicas }, (_, ordinal) => `${name}-${ordinal}.${domain(args, nodesService)}`);
}

function probes(component: Component) {
  const probe = (question: 'alive' | 'ready') => ({
    exec: { command: ['/bin/sh', '/etc/redis/config/health.sh', component, question] },
    timeoutSeconds: 5,
  });
  return {
    // A pod may have to wait for its peers for as long as it takes to bring up nodes: half an hour.
    startupProbe: { ...probe('alive'), periodSeconds: 2, failureThreshold: 900 },
    livenessProbe: { ...probe('alive'), periodSeconds: 10, failureThreshold: 6 },
    readinessProbe: { ...probe('ready'), periodSeconds: 5, failureThreshold: 3 },
  };
}

function volumes(args: ResolvedRedisArgs, component: Component) {
  const passwords = component === 'server' ? ['node', 'replica'] : ['node', 'sentinel'];
  return [
    { name: 'config', configMap: { name: args.name, defaultMode: 0o444 } },
    {
      name: 'acl',
      secret: {
        secretName: `${args.name}-acl`,
        defaultMode: 0o440,
        items: [{ key: `${component}.acl`, path: `${component}.acl` }],
      },
    },
    {
      name: 'passwords',
      secret: {
        secretName: `${args.name}-replication`,
        defaultMode: 0o440,
        items: passwords.map((key) => ({ key, path: key })),
      },
    },
  ];
}
