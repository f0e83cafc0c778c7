import { containerSecurityContext, labels, podSecurityContext, selectorLabels } from './metadata';
import { MinioArgs, ResolvedMinioArgs, resolveMinioArgs, tolerableServers } from './minio-args';
import type { PodFlows } from './network-flows';
import { spread } from './placement';
import { volumeClaimTemplate } from './pod-args';

const MINIO_UID = 1000;
const PORT = 9000;
const ROOT_USER = 'platform-root';
const APP_USER = 'platform-app';

/** Object specifications of the MinIO component; the component adds the root password. */
export type MinioSpec = ReturnType<typeof minioSpec>;

/**
 * Pure specification of everything the MinIO component declares.
 * @throws Error listing every contradiction in the arguments.
 */
export function minioSpec(input: MinioArgs) {
  const args = resolveMinioArgs(input);
  const { name, namespace } = args;
  return {
    rootSecret: { metadata: metadata(args, `${name}-root`), type: 'Opaque', rootUser: ROOT_USER },
    appUser: args.appBuckets.length > 0 ? appUserSpec(args) : undefined,
    services: { nodes: nodesServiceSpec(args), client: clientServiceSpec(args) },
    statefulSet: statefulSetSpec(args),
    disruptionBudget: args.mode === 'distributed' ? disruptionBudgetSpec(args) : undefined,
    endpoints: {
      host: `${name}.${namespace}.svc`,
      port: PORT,
      url: `http://${name}.${namespace}.svc:${PORT}`,
    },
  };
}

/** Connections of the servers: those of a distributed MinIO read and write each other's drives. */
export function minioFlows(input: MinioArgs): PodFlows[] {
  const { name, mode } = resolveMinioArgs(input);
  const pods = { matchLabels: selectorLabels({ name }) };
  const peers = mode === 'distributed' ? { peers: { [name]: [PORT] } } : {};
  return [{ name, pods, clients: [PORT], ...peers, metrics: [PORT] }];
}

function metadata(args: ResolvedMinioArgs, name: string) {
  return { name, namespace: args.namespace, labels: labels({ name: args.name }) };
}

/** The applications' user: the Secret with its keys, and what MinIO must know about it. */
function appUserSpec(args: ResolvedMinioArgs) {
  const secretName = `${args.name}-app`;
  return {
    secret: { metadata: metadata(args, secretName), type: 'Opaque', accessKey: APP_USER },
    user: {
      namespace: args.namespace,
      service: args.name,
      port: PORT,
      rootSecret: `${args.name}-root`,
      userSecret: secretName,
      policyName: APP_USER,
      buckets: [...args.appBuckets].sort(),
      ...(args.context ? { context: args.context } : {}),
    },
  };
}

/** Gives each server a name of its own, ready or not: they must find each other before they can be ready. */
function nodesServiceSpec(args: ResolvedMinioArgs) {
  return {
    metadata: metadata(args, `${args.name}-nodes`),
    spec: {
      clusterIP: 'None',
      publishNotReadyAddresses: true,
      selector: selectorLabels({ name: args.name }),
      ports: [{ name: 'api', port: PORT, targetPort: 'api' }],
    },
  };
}

function clientServiceSpec(args: ResolvedMinioArgs) {
  return {
    metadata: metadata(args, args.name),
    spec: {
      selector: selectorLabels({ name: args.name }),
      ports: [{ name: 'api', port: PORT, targetPort: 'api' }],
    },
  };
}

/** Never more servers away on purpose than the write quorum can spare. */
function disruptionBudgetSpec(args: ResolvedMinioArgs) {
  return {
    metadata: metadata(args, args.name),
    spec: {
      maxUnavailable: tolerableServers(args),
      selector: { matchLabels: selectorLabels({ name: args.name }) },
    },
  };
}

function statefulSetSpec(args: ResolvedMinioArgs) {
  const selector = selectorLabels({ name: args.name });
  return {
    metadata: metadata(args, args.name),
    spec: {
      serviceName: `${args.name}-nodes`,
      replicas: args.servers,
      // A server only becomes ready once enough others have joined it.
      podManagementPolicy: 'Parallel',
      updateStrategy: { type: 'RollingUpdate' },
      persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Retain' },
      selector: { matchLabels: selector },
      template: { metadata: { labels: labels({ name: args.name }) }, spec: podSpec(args) },
      volumeClaimTemplates: drives(args).map((drive) => volumeClaimTemplate(drive, args.storage, selector)),
    },
  };
}

function drives({ drivesPerServer }: ResolvedMinioArgs): string[] {
  return Array.from({ length: drivesPerServer }, (_, index) => `drive-${index}`);
}

function podSpec(args: ResolvedMinioArgs) {
  return {
    automountServiceAccountToken: false,
    // Service variables such as MINIO_PORT would be read as settings.
    enableServiceLinks: false,
    terminationGracePeriodSeconds: 60,
    securityContext: podSecurityContext(MINIO_UID),
    ...(args.mode === 'distributed' ? spread(args.antiAffinity, selectorLabels({ name: args.name })) : {}),
    containers: [
      {
        name: 'minio',
        image: args.image,
        imagePullPolicy: 'IfNotPresent',
        command: ['/usr/bin/minio'],
        args: ['server', '--address', `:${PORT}`, '--certs-dir', '/tmp/certs', endpoints(args)],
        env: environment(args),
        ports: [{ name: 'api', containerPort: PORT }],
        resources: args.resources,
        securityContext: containerSecurityContext(),
        ...probes(),
        volumeMounts: [
          ...drives(args).map((drive) => ({ name: drive, mountPath: `/drives/${drive}` })),
          { name: 'tmp', mountPath: '/tmp' },
        ],
      },
    ],
    volumes: [{ name: 'tmp', emptyDir: { sizeLimit: '64Mi' } }],
  };
}

/** The drives, all of all servers in mode distributed, in the notation of the server's command line. */
function endpoints(args: ResolvedMinioArgs): string {
  const paths = `/drives/drive-${range(args.drivesPerServer)}`;
  if (args.mode === 'single') return paths;
  const { name, namespace, clusterDomain } = args;
  return `http://${name}-${range(args.servers)}.${name}-nodes.${namespace}.svc.${clusterDomain}:${PORT}${paths}`;
}

function range(count: number): string {
  return count === 1 ? '0' : `{0...${count - 1}}`;
}

function environment({ name }: ResolvedMinioArgs) {
  const fromSecret = (variable: string, key: string) => ({
    name: variable,
    valueFrom: { secretKeyRef: { name: `${name}-root`, key } },
  });
  return [
    fromSecret('MINIO_ROOT_USER', 'rootUser'),
    fromSecret('MINIO_ROOT_PASSWORD', 'rootPassword'),
    { name: 'MINIO_BROWSER', value: 'off' },
    { name: 'MINIO_UPDATE', value: 'off' },
    // The alternative is a token that only MinIO's own tool can make; metrics hold no object's content.
    { name: 'MINIO_PROMETHEUS_AUTH_TYPE', value: 'public' },
  ];
}

/** @see https://github.com/minio/minio/blob/master/docs/metrics/healthcheck/README.md */
function probes() {
  const probe = (path: string) => ({
    httpGet: { path: `/minio/health/${path}`, port: 'api' },
    timeoutSeconds: 5,
  });
  return {
    startupProbe: { ...probe('live'), periodSeconds: 2, failureThreshold: 300 },
    livenessProbe: { ...probe('live'), periodSeconds: 10, failureThreshold: 6 },
    // Unlike `ready`, which also answers before the drives are open, this asks for a read quorum.
    readinessProbe: { ...probe('cluster/read'), periodSeconds: 5, failureThreshold: 3 },
  };
}
