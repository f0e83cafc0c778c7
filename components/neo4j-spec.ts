import { type CertificateRequest, servedNames } from './certificates/request';
import { slotOf, slotUser } from './credential';
import { containerSecurityContext, labels, podSecurityContext, selectorLabels } from './metadata';
import { type Neo4jArgs, type ResolvedNeo4jArgs, resolveNeo4jArgs } from './neo4j-args';
import { ADMIN_USER, BOLT_PORT, clusterPorts, environment, TLS_FOLDER } from './neo4j-settings';
import type { PodFlows } from './network-flows';
import { spread } from './placement';
import { volumeClaimTemplate } from './pod-args';

const UID = 7474;
const HOME = '/var/lib/neo4j';

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
    serviceAccount: { metadata: metadata(args, name), automountServiceAccountToken: false },
    logins: { metadata: metadata(args, `${name}-logins`), type: 'Opaque' },
    users: Object.fromEntries(
      Object.entries(usersOf(args)).map(([role, { user, roles }]) => [
        role,
        userSpec(args, role, user, roles),
      ]),
    ),
    rotation: args.rotation,
    services: { servers: serversServiceSpec(args), client: clientServiceSpec(args) },
    statefulSet: statefulSetSpec(args),
    disruptionBudget: args.servers > 1 ? disruptionBudgetSpec(args) : undefined,
    endpoints: {
      host: `${name}.${namespace}.svc`,
      port: BOLT_PORT,
      uri: `${args.tlsSecret ? 'neo4j+s' : 'neo4j'}://${name}.${namespace}.svc:${BOLT_PORT}`,
    },
  };
}

/** The certificate of every server. */
export function neo4jCertificate(input: Neo4jArgs): CertificateRequest {
  const { name, namespace, clusterDomain } = resolveNeo4jArgs(input);
  const names = { namespace, clusterDomain, services: [name], nodes: [`${name}-servers`] };
  return { secret: `${name}-tls`, dnsNames: servedNames(names) };
}

interface User {
  readonly user: string;
  /** Of Enterprise. */
  readonly roles: readonly string[];
}

/**
 * Community has no roles, so that every user may do everything there: only those that are needed exist.
 * @see https://neo4j.com/docs/operations-manual/5/authentication-authorization/built-in-roles/
 */
function usersOf({ edition }: ResolvedNeo4jArgs): Record<string, User> {
  if (edition === 'community')
    return { admin: { user: ADMIN_USER, roles: [] }, app: { user: 'platform_app', roles: [] } };
  return {
    admin: { user: ADMIN_USER, roles: ['admin'] },
    // May read and write, and bring in new labels, types and properties.
    app: { user: 'platform_app', roles: ['publisher'] },
    readonly: { user: 'platform_readonly', roles: ['reader'] },
    backup: { user: 'platform_backup', roles: ['reader'] },
    // May connect, and see which databases are online.
    monitor: { user: 'platform_monitor', roles: [] },
  };
}

/** A role's Secret, and its user in each slot that is in use. */
function userSpec(args: ResolvedNeo4jArgs, role: string, user: string, roles: readonly string[]) {
  const { name, namespace, rotation, tlsSecret, context } = args;
  const current = slotUser(user, slotOf(rotation));
  const previous = rotation > 1 ? [slotUser(user, slotOf(rotation - 1))] : [];
  return {
    secret: { metadata: metadata(args, `${name}-${role}`), type: 'Opaque' },
    current,
    previous: previous[0],
    inputs: {
      namespace,
      service: name,
      port: BOLT_PORT,
      adminSecret: `${name}-admin`,
      loginsSecret: `${name}-logins`,
      users: [current, ...previous],
      roles,
      rotation,
      ...(tlsSecret ? { tlsSecret } : {}),
      ...(context ? { context } : {}),
    },
  };
}

/** Connections of the servers, in a cluster also of them among themselves. */
export function neo4jFlows(input: Neo4jArgs): PodFlows[] {
  const { name, servers } = resolveNeo4jArgs(input);
  const pods = { matchLabels: selectorLabels({ name }) };
  const peers = servers > 1 ? { peers: { [name]: Object.values(clusterPorts) } } : {};
  return [{ name, pods, clients: [BOLT_PORT], ...peers }];
}

function metadata(args: ResolvedNeo4jArgs, name: string) {
  return { name, namespace: args.namespace, labels: labels({ name: args.name }) };
}

function servicePorts(ports: Readonly<Record<string, number>>) {
  return Object.entries(ports).map(([name, port]) => ({ name, port, targetPort: name }));
}

function ports(args: ResolvedNeo4jArgs): Record<string, number> {
  return { bolt: BOLT_PORT, ...(args.servers > 1 ? clusterPorts : {}) };
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
      ports: servicePorts({ bolt: BOLT_PORT }),
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
    serviceAccountName: args.name,
    automountServiceAccountToken: false,
    ...(args.priorityClass ? { priorityClassName: args.priorityClass } : {}),
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
          ...(args.tlsSecret ? [{ name: 'tls', mountPath: TLS_FOLDER, readOnly: true }] : []),
        ],
      },
    ],
    volumes: [
      ...folders.map(({ name, sizeLimit }) => ({ name, emptyDir: { sizeLimit } })),
      ...(args.tlsSecret ? [tlsVolume(args.tlsSecret)] : []),
    ],
  };
}

function tlsVolume(secretName: string) {
  const paths = { 'tls.crt': 'tls.crt', 'tls.key': 'tls.key', 'ca.crt': 'trusted/ca.crt' };
  const items = Object.entries(paths).map(([key, path]) => ({ key, path }));
  return { name: 'tls', secret: { secretName, defaultMode: 0o440, items } };
}

/** The Bolt port opens when the databases are there. */
function probes() {
  const probe = { tcpSocket: { port: 'bolt' }, timeoutSeconds: 5 };
  return {
    startupProbe: { ...probe, periodSeconds: 2, failureThreshold: 450 },
    livenessProbe: { ...probe, periodSeconds: 10, failureThreshold: 12 },
    readinessProbe: { ...probe, periodSeconds: 5, failureThreshold: 3 },
  };
}
