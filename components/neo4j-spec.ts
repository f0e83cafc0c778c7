import { containerSecurityContext, labels, podSecurityContext, selectorLabels } from './metadata';
import { type Neo4jArgs, type ResolvedNeo4jArgs, resolveNeo4jArgs } from './neo4j-args';
import { BOLT_PORT, clusterPorts, environment, HTTP_PORT } from './neo4j-settings';
import type { PodFlows } from './network-flows';
import { spread } from './placement';
import { volumeClaimTemplate } from './pod-args';

const UID = 7474;
const HOME = '/var/lib/neo4j';
const APP_USER = 'platform_app';

/** Object specifications of the Neo4j component; the component adds the passwords. */
export type Neo4jSpec = ReturnType<typeof neo4jSpec>;

/**
 * Pure specification of everything the Neo4j component declares.
 * @throws Error listing every contradiction in the arguments.
 */
export function neo4jSpec(input: Neo4jArgs) {
  const args = resolveNeo4jArgs(input);
  const { name, namespace } = args;
  return {
    adminSecret: { metadata: metadata(args, `${name}-admin`), type: 'Opaque', username: 'neo4j' },
    appSecret: { metadata: metadata(args, `${name}-app`), type: 'Opaque', username: APP_USER },
    appUser: {
      namespace,
      service: name,
      port: BOLT_PORT,
      adminSecret: `${name}-admin`,
      userSecret: `${name}-app`,
      // May read and write, and bring in new labels, types and properties; Community has no roles.
      ...(args.edition === 'enterprise' ? { roles: ['publisher'] } : { roles: [] }),
      ...(args.context ? { context: args.context } : {}),
    },
    services: { servers: serversServiceSpec(args), client: clientServiceSpec(args) },
    statefulSet: statefulSetSpec(args),
    disruptionBudget: args.servers > 1 ? disruptionBudgetSpec(args) : undefined,
    endpoints: {
      host: `${name}.${namespace}.svc`,
      port: BOLT_PORT,
      uri: `neo4j://${name}.${namespace}.svc:${BOLT_PORT}`,
    },
  };
}

/** Connections of the servers, in a cluster also of them among themselves. */
export function neo4jFlows(input: Neo4jArgs): PodFlows[] {
  const { name, servers } = resolveNeo4jArgs(input);
  const pods = { matchLabels: selectorLabels({ name }) };
  const peers = servers > 1 ? { peers: { [name]: Object.values(clusterPorts) } } : {};
  return [{ name, pods, clients: [BOLT_PORT, HTTP_PORT], ...peers }];
}

function metadata(args: ResolvedNeo4jArgs, name: string) {
  return { name, namespace: args.namespace, labels: labels({ name: args.name }) };
}

function servicePorts(ports: Readonly<Record<string, number>>) {
  return Object.entries(ports).map(([name, port]) => ({ name, port, targetPort: name }));
}

function ports(args: ResolvedNeo4jArgs): Record<string, number> {
  return { bolt: BOLT_PORT, http: HTTP_PORT, ...(args.servers > 1 ? clusterPorts : {}) };
}

/** Gives each server a name of its own, ready or not: they must find each other before they can be ready. */
function serversServiceSpec(args: ResolvedNeo4jArgs) {
  return {
    metadata: metadata(args, `${args.name}-servers`),
    spec: {
      clusterIP: 'None',
      publishNotReadyAddresses: true,
      selector: selectorLabels({ name: args.name }),
      ports: servicePorts(ports(args)),
    },
  };
}

function clientServiceSpec(args: ResolvedNeo4jArgs) {
  return {
    metadata: metadata(args, args.name),
    spec: {
      selector: selectorLabels({ name: args.name }),
      ports: servicePorts({ bolt: BOLT_PORT, http: HTTP_PORT }),
    },
  };
}

/** A majority of the primaries must stay. */
function disruptionBudgetSpec(args: ResolvedNeo4jArgs) {
  return {
    metadata: metadata(args, args.name),
    spec: {
      maxUnavailable: (args.servers - 1) / 2,
      selector: { matchLabels: selectorLabels({ name: args.name }) },
    },
  };
}

function statefulSetSpec(args: ResolvedNeo4jArgs) {
  const selector = selectorLabels({ name: args.name });
  return {
    metadata: metadata(args, args.name),
    spec: {
      serviceName: `${args.name}-servers`,
      replicas: args.servers,
      // A server of a cluster only becomes ready once the others have joined it.
      podManagementPolicy: 'Parallel',
      updateStrategy: { type: 'RollingUpdate' },
      persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Retain' },
      selector: { matchLabels: selector },
      template: { metadata: { labels: labels({ name: args.name }) }, spec: podSpec(args) },
      volumeClaimTemplates: [volumeClaimTemplate('data', args.storage, selector)],
    },
  };
}

/** Folders that the server writes to, on a root file system that is read-only. */
function scratch(args: ResolvedNeo4jArgs): readonly { name: string; mountPath: string; sizeLimit: string }[] {
  return [
    { name: 'conf', mountPath: `${HOME}/conf`, sizeLimit: '16Mi' },
    { name: 'run', mountPath: `${HOME}/run`, sizeLimit: '16Mi' },
    { name: 'logs', mountPath: '/logs', sizeLimit: '1Gi' },
    { name: 'tmp', mountPath: '/tmp', sizeLimit: '1Gi' },
    ...(args.plugins.length > 0 ? [{ name: 'plugins', mountPath: '/plugins', sizeLimit: '1Gi' }] : []),
  ];
}

function podSpec(args: ResolvedNeo4jArgs) {
  const folders = scratch(args);
  return {
    automountServiceAccountToken: false,
    // Service variables such as NEO4J_PORT would be read as settings.
    enableServiceLinks: false,
    // The last checkpoint of a large graph takes a while.
    terminationGracePeriodSeconds: 120,
    securityContext: podSecurityContext(UID),
    ...(args.servers > 1 ? spread(args.antiAffinity, selectorLabels({ name: args.name })) : {}),
    initContainers: [
      {
        // The entrypoint adds its settings to the configuration of the image.
        name: 'conf',
        image: args.image,
        imagePullPolicy: 'IfNotPresent',
        command: ['cp', '-R', `${HOME}/conf/.`, '/writable-conf/'],
        resources: args.resources,
        securityContext: containerSecurityContext(),
        volumeMounts: [{ name: 'conf', mountPath: '/writable-conf' }],
      },
    ],
    containers: [
      {
        name: 'neo4j',
        image: args.image,
        imagePullPolicy: 'IfNotPresent',
        env: environment(args),
        ports: Object.entries(ports(args)).map(([name, containerPort]) => ({ name, containerPort })),
        resources: args.resources,
        securityContext: containerSecurityContext(),
        ...probes(),
        volumeMounts: [
          { name: 'data', mountPath: '/data' },
          ...folders.map(({ name, mountPath }) => ({ name, mountPath })),
        ],
      },
    ],
    volumes: folders.map(({ name, sizeLimit }) => ({ name, emptyDir: { sizeLimit } })),
  };
}

/** The Bolt port opens when the databases are there; its HTTP API asks for a login. */
function probes() {
  const probe = { tcpSocket: { port: 'bolt' }, timeoutSeconds: 5 };
  return {
    startupProbe: { ...probe, periodSeconds: 2, failureThreshold: 450 },
    livenessProbe: { ...probe, periodSeconds: 10, failureThreshold: 12 },
    readinessProbe: { ...probe, periodSeconds: 5, failureThreshold: 3 },
  };
}
