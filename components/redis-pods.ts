/** Kubernetes objects that every kind of Redis pod has; what differs between the kinds is a {@link Workload}. */
import {
  configurationAnnotation,
  containerSecurityContext,
  labels,
  podSecurityContext,
  selectorLabels,
} from './metadata';
import { spread } from './placement';
import { type PodResources, type VolumeArgs, volumeClaimTemplate } from './pod-args';
import type { AclSide } from './redis-acl';
import type { ResolvedRedisArgs } from './redis-args';
import { TLS_FOLDER } from './redis-config';

/** User and group of the official image. */
const REDIS_UID = 999;
/** A shell that asks a few questions every other second. */
const SIDECAR_RESOURCES: PodResources = {
  requests: { cpu: '5m', memory: '24Mi' },
  limits: { memory: '24Mi' },
};

/** Key of both internal Secrets, by which reload.sh sees that a pod has their newest content. */
export const REVISION_KEY = 'revision';

/** What every object is named and labelled after. */
type Owner = Pick<ResolvedRedisArgs, 'name' | 'namespace'>;

/** What all pods of one Redis have in common. */
export type PodArgs = Pick<
  ResolvedRedisArgs,
  'name' | 'namespace' | 'image' | 'antiAffinity' | 'clusterDomain' | 'tlsSecret' | 'priorityClass'
>;

/** A value, or a field of the pod. */
interface EnvironmentVariable {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: { readonly fieldRef: { readonly fieldPath: string } };
}

/** What differs between the kinds of pod. */
export interface Workload {
  /** Name of its main container, start script and ACL file. */
  readonly component: AclSide;
  readonly name: string;
  readonly identity: { readonly name: string; readonly component: string };
  /** Headless Service. */
  readonly nodesService: string;
  readonly replicas: number;
  readonly port: { readonly name: string; readonly containerPort: number };
  readonly resources: PodResources;
  readonly storage: VolumeArgs;
  /** Seconds from the wish to stop to the end. */
  readonly graceSeconds: number;
  readonly env: readonly EnvironmentVariable[];
  /** Users whose passwords the scripts need. */
  readonly passwords: readonly string[];
  /** Script that runs before the pod stops. */
  readonly preStop?: string;
  /** Script, without `.sh`, that runs in a container beside the server. */
  readonly sidecar?: string;
}

/** Metadata of one object of a Redis. */
export function metadata(args: Owner, name: string, component?: string) {
  return { name, namespace: args.namespace, labels: labels({ name: args.name, component }) };
}

/** The identity of all pods of one Redis: none of them talks to the API server. */
export function serviceAccountSpec(args: Owner) {
  return { metadata: metadata(args, args.name), automountServiceAccountToken: false };
}

/** One Secret per user that someone logs in as. */
export function consumerSecretSpecs<User extends string>(args: Owner, users: readonly User[]) {
  const spec = (user: User) => ({
    metadata: metadata(args, `${args.name}-${user}`),
    type: 'kubernetes.io/basic-auth',
    username: user,
  });
  return Object.fromEntries(users.map((user) => [user, spec(user)])) as Record<User, ReturnType<typeof spec>>;
}

/** Gives each pod a name of its own, ready or not: pods must find each other before they can be ready. */
export function headlessServiceSpec(args: Owner, { nodesService, identity, port }: Workload) {
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

/** One address for those pods that are ready. */
export function serviceSpec(args: Owner, { name, identity, port }: Workload) {
  return {
    metadata: metadata(args, name, identity.component),
    spec: {
      selector: selectorLabels(identity),
      ports: [{ name: port.name, port: port.containerPort, targetPort: port.name }],
    },
  };
}

/** One pod of a kind may be taken away at a time. */
export function disruptionBudgetSpec(args: Owner, { name, identity }: Workload) {
  return {
    metadata: metadata(args, name, identity.component),
    spec: { maxUnavailable: 1, selector: { matchLabels: selectorLabels(identity) } },
  };
}

/** DNS names of the pods of a StatefulSet, ordinal 0 first. */
export function podHosts(args: PodArgs, name: string, service: string, replicas: number): string[] {
  return Array.from({ length: replicas }, (_, ordinal) => `${name}-${ordinal}.${domain(args, service)}`);
}

/** The StatefulSet of one kind of pod. */
export function statefulSetSpec(args: PodArgs, set: Workload, files: Record<string, string>) {
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
          annotations: configurationAnnotation(JSON.stringify(files)),
        },
        spec: podSpec(args, set),
      },
      volumeClaimTemplates: [volumeClaimTemplate('data', set.storage, selector)],
    },
  };
}

function podSpec(args: PodArgs, set: Workload) {
  const env = [...identityOf(args, set), ...set.env];
  return {
    serviceAccountName: args.name,
    automountServiceAccountToken: false,
    ...(args.priorityClass ? { priorityClassName: args.priorityClass } : {}),
    // Service variables such as REDIS_PORT would only confuse.
    enableServiceLinks: false,
    terminationGracePeriodSeconds: set.graceSeconds,
    securityContext: podSecurityContext(REDIS_UID),
    ...spread(args.antiAffinity, selectorLabels(set.identity)),
    containers: [
      {
        name: set.component,
        image: args.image,
        imagePullPolicy: 'IfNotPresent',
        command: ['/bin/sh', `/etc/redis/config/${set.component}.sh`],
        env,
        ports: [set.port],
        resources: set.resources,
        securityContext: containerSecurityContext(),
        ...probes(set.component),
        ...(set.preStop
          ? { lifecycle: { preStop: { exec: { command: ['/bin/sh', `/etc/redis/config/${set.preStop}`] } } } }
          : {}),
        volumeMounts: [
          { name: 'data', mountPath: '/data' },
          configMount,
          { name: 'acl', mountPath: '/etc/redis/acl', readOnly: true },
          passwordsMount,
          ...certificateMounts(args),
        ],
      },
      ...(set.sidecar ? [sidecar(args, set.sidecar, env)] : []),
    ],
    volumes: volumes(args, set),
  };
}

const configMount = { name: 'config', mountPath: '/etc/redis/config', readOnly: true };
const passwordsMount = { name: 'passwords', mountPath: '/etc/redis/passwords', readOnly: true };
const certificateMounts = ({ tlsSecret }: PodArgs) =>
  tlsSecret ? [{ name: 'tls', mountPath: TLS_FOLDER, readOnly: true }] : [];

/** A script that runs beside the server, with a liveness of its own: it ends when it fails. */
function sidecar(args: PodArgs, name: string, env: EnvironmentVariable[]) {
  return {
    name,
    image: args.image,
    imagePullPolicy: 'IfNotPresent',
    command: ['/bin/sh', `/etc/redis/config/${name}.sh`],
    env,
    resources: SIDECAR_RESOURCES,
    securityContext: containerSecurityContext(),
    volumeMounts: [configMount, passwordsMount, ...certificateMounts(args)],
  };
}

function identityOf(args: PodArgs, { nodesService }: Workload) {
  return [
    { name: 'POD_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
    { name: 'SELF_HOST', value: `$(POD_NAME).${domain(args, nodesService)}` },
  ];
}

function domain(args: PodArgs, service: string): string {
  return `${service}.${args.namespace}.svc.${args.clusterDomain}`;
}

function probes(component: Workload['component']) {
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

function volumes(args: PodArgs, { component, passwords }: Workload) {
  const revision = { key: REVISION_KEY, path: REVISION_KEY };
  return [
    { name: 'config', configMap: { name: args.name, defaultMode: 0o444 } },
    {
      name: 'acl',
      secret: {
        secretName: `${args.name}-acl`,
        defaultMode: 0o440,
        items: [{ key: `${component}.acl`, path: `${component}.acl` }, revision],
      },
    },
    {
      name: 'passwords',
      secret: {
        secretName: `${args.name}-replication`,
        defaultMode: 0o440,
        items: [...passwords.map((key) => ({ key, path: key })), revision],
      },
    },
    ...(args.tlsSecret ? [{ name: 'tls', secret: { secretName: args.tlsSecret, defaultMode: 0o440 } }] : []),
  ];
}
