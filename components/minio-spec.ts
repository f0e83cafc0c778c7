import { type CertificateRequest, servedNames } from './certificates/request';
import {
  auditWebhookContainer,
  auditWebhookEndpoint,
  auditWebhookFiles,
  auditWebhookVolumes,
} from './audit-webhook';
import {
  configurationAnnotation,
  containerSecurityContext,
  labels,
  podSecurityContext,
  selectorLabels,
} from './metadata';
import { MinioArgs, ResolvedMinioArgs, resolveMinioArgs, tolerableServers } from './minio-args';
import type { MinioPlace } from './minio-administrator';
import { type MinioLoginArgs, minioLoginSpec, type MinioLoginSpec } from './minio-login';
import {
  adminPolicy,
  backupPolicy,
  monitorPolicy,
  ownerPolicy,
  readOnlyPolicy,
  readWritePolicy,
  replicaPolicy,
} from './minio-policies';
import { administrators } from './minio-secrets';
import type { PodFlows } from './network-flows';
import { spread } from './placement';
import { volumeClaimTemplate } from './pod-args';

const MINIO_UID = 1000;
const PORT = 9000;
const ROOT_USER = 'platform-root';
const CERTIFICATES = '/certs';
const TRUSTED = 'trusted.crt';

/** Who logs in to MinIO; the root user makes `admin`, who makes the others. */
export type MinioRole = 'admin' | 'owner' | 'app' | 'readonly' | 'backup' | 'monitor' | 'replica';

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
    rootSecret: {
      metadata: metadata(args, administrators(name).rootSecret),
      type: 'Opaque',
      rootUser: ROOT_USER,
    },
    serviceAccount: { metadata: metadata(args, name), automountServiceAccountToken: false },
    auditConfig: args.auditImage
      ? { metadata: metadata(args, `${name}-audit`), data: auditWebhookFiles }
      : undefined,
    trustedConfig: trustedConfig(args),
    logins: loginSpecs(args),
    rootAccess: { ...minioPlace(args), rotation: args.rotation },
    services: { nodes: nodesServiceSpec(args), client: clientServiceSpec(args) },
    statefulSet: statefulSetSpec(args),
    disruptionBudget: args.mode === 'distributed' ? disruptionBudgetSpec(args) : undefined,
    endpoints: {
      host: `${name}.${namespace}.svc`,
      port: PORT,
      url: `${scheme(args)}://${name}.${namespace}.svc:${PORT}`,
    },
  };
}

/** The certificate of the servers, for clients and for each other. */
export function minioCertificate(input: MinioArgs): CertificateRequest {
  const { name, namespace, clusterDomain, tlsSecret } = resolveMinioArgs(input);
  const dnsNames = servedNames({ namespace, clusterDomain, services: [name], nodes: [`${name}-nodes`] });
  return { secret: tlsSecret ?? `${name}-tls`, dnsNames };
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

function scheme({ tlsSecret }: ResolvedMinioArgs): 'http' | 'https' {
  return tlsSecret ? 'https' : 'http';
}

function minioPlace({ name, namespace, tlsSecret, context }: ResolvedMinioArgs): MinioPlace {
  return {
    namespace,
    service: name,
    port: PORT,
    ...administrators(name),
    ...(tlsSecret ? { caSecret: tlsSecret } : {}),
    ...(context ? { context } : {}),
  };
}

type LoginSpecs = Partial<Record<MinioRole, MinioLoginSpec>> & Readonly<Record<'admin', MinioLoginSpec>>;

/** The logins that exist, each with no more rights than it needs. */
function loginSpecs(args: ResolvedMinioArgs): LoginSpecs {
  const { name, rotation } = args;
  const { namespace, context, ...minio } = minioPlace(args);
  const login = (role: MinioRole, more: Pick<MinioLoginArgs, 'policy' | 'metricsToken'>) =>
    minioLoginSpec({
      ...{ namespace, rotation, minio, context },
      ...{ secret: `${name}-${role}`, labels: labels({ name }), user: `platform-${role}` },
      ...more,
    });
  const buckets = [...args.appBuckets].sort();
  const applications = {
    app: login('app', { policy: readWritePolicy(buckets) }),
    readonly: login('readonly', { policy: readOnlyPolicy(buckets) }),
  };
  return {
    admin: login('admin', { policy: adminPolicy }),
    owner: login('owner', { policy: ownerPolicy }),
    ...(buckets.length > 0 ? applications : {}),
    ...(args.replicaLogin ? { replica: login('replica', { policy: replicaPolicy(buckets) }) } : {}),
    backup: login('backup', { policy: backupPolicy }),
    monitor: login('monitor', { policy: monitorPolicy, metricsToken: true }),
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
  const configuration = `${args.auditImage ? JSON.stringify(auditWebhookFiles) : ''}${args.trustedAuthority ?? ''}`;
  return {
    metadata: metadata(args, args.name),
    spec: {
      serviceName: `${args.name}-nodes`,
      replicas: args.servers,
      // A server only becomes ready once enough others have joined it.
      podManagementPolicy: 'Parallel',
      updateStrategy: { type: 'RollingUpdate' },
      // The other servers connect to one that came back only some seconds later; the next must not go before.
      ...(args.mode === 'distributed' ? { minReadySeconds: 15 } : {}),
      persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Retain' },
      selector: { matchLabels: selector },
      template: {
        metadata: {
          labels: labels({ name: args.name }),
          ...(configuration ? { annotations: configurationAnnotation(configuration) } : {}),
        },
        spec: podSpec(args),
      },
      volumeClaimTemplates: drives(args).map((drive) => volumeClaimTemplate(drive, args.storage, selector)),
    },
  };
}

function drives({ drivesPerServer }: ResolvedMinioArgs): string[] {
  return Array.from({ length: drivesPerServer }, (_, index) => `drive-${index}`);
}

function podSpec(args: ResolvedMinioArgs) {
  const beside = args.auditImage ? [auditWebhookContainer(args.auditImage)] : [];
  return {
    serviceAccountName: args.name,
    automountServiceAccountToken: false,
    ...(args.priorityClass ? { priorityClassName: args.priorityClass } : {}),
    // Service variables such as MINIO_PORT would be read as settings.
    enableServiceLinks: false,
    terminationGracePeriodSeconds: 60,
    securityContext: podSecurityContext(MINIO_UID),
    ...(args.mode === 'distributed' ? spread(args.antiAffinity, selectorLabels({ name: args.name })) : {}),
    containers: [server(args), ...beside] as [ReturnType<typeof server>, ...typeof beside],
    volumes: [
      { name: 'tmp', emptyDir: { sizeLimit: '64Mi' } },
      certificates(args),
      ...(args.auditImage ? auditWebhookVolumes(`${args.name}-audit`) : []),
    ],
  };
}

function server(args: ResolvedMinioArgs) {
  return {
    name: 'minio',
    image: args.image,
    imagePullPolicy: 'IfNotPresent',
    command: ['/usr/bin/minio'],
    args: ['server', '--address', `:${PORT}`, '--certs-dir', CERTIFICATES, endpoints(args)],
    env: environment(args),
    ports: [{ name: 'api', containerPort: PORT }],
    resources: args.resources,
    securityContext: containerSecurityContext(),
    ...probes(args),
    // Requests arrive until every node knows that the server is going; there is no shell in the image.
    lifecycle: { preStop: { sleep: { seconds: 5 } } },
    volumeMounts: [
      ...drives(args).map((drive) => ({ name: drive, mountPath: `/drives/${drive}` })),
      { name: 'tmp', mountPath: '/tmp' },
      { name: 'certificates', mountPath: CERTIFICATES, ...(args.tlsSecret ? { readOnly: true } : {}) },
    ],
  };
}

/** The certificate, under the names that the server looks for; an empty folder is no TLS. */
function certificates(args: ResolvedMinioArgs) {
  const { tlsSecret } = args;
  if (!tlsSecret) return { name: 'certificates', emptyDir: { sizeLimit: '1Mi' } };
  const items = [
    { key: 'tls.crt', path: 'public.crt' },
    { key: 'tls.key', path: 'private.key' },
    { key: 'ca.crt', path: 'CAs/ca.crt' },
  ];
  if (!args.trustedAuthority)
    return { name: 'certificates', secret: { secretName: tlsSecret, defaultMode: 0o440, items } };
  const trusted = [{ key: TRUSTED, path: `CAs/${TRUSTED}` }];
  const sources = [
    { secret: { name: tlsSecret, items } },
    { configMap: { name: `${args.name}-trusted`, items: trusted } },
  ];
  return { name: 'certificates', projected: { defaultMode: 0o440, sources } };
}

function trustedConfig(args: ResolvedMinioArgs) {
  if (!args.trustedAuthority) return undefined;
  return { metadata: metadata(args, `${args.name}-trusted`), data: { [TRUSTED]: args.trustedAuthority } };
}

/** The drives, all of all servers in mode distributed, in the notation of the server's command line. */
function endpoints(args: ResolvedMinioArgs): string {
  const paths = `/drives/drive-${range(args.drivesPerServer)}`;
  if (args.mode === 'single') return paths;
  const { name, namespace, clusterDomain } = args;
  return `${scheme(args)}://${name}-${range(args.servers)}.${name}-nodes.${namespace}.svc.${clusterDomain}:${PORT}${paths}`;
}

function range(count: number): string {
  return count === 1 ? '0' : `{0...${count - 1}}`;
}

function fromSecret(variable: string, name: string, key: string) {
  return { name: variable, valueFrom: { secretKeyRef: { name, key } } };
}

/** Servers of one MinIO refuse another whose variables have other values than theirs. */
function environment({ name, auditImage }: ResolvedMinioArgs) {
  const { rootSecret } = administrators(name);
  return [
    fromSecret('MINIO_ROOT_USER', rootSecret, 'rootUser'),
    fromSecret('MINIO_ROOT_PASSWORD', rootSecret, 'rootPassword'),
    { name: 'MINIO_BROWSER', value: 'off' },
    { name: 'MINIO_UPDATE', value: 'off' },
    { name: 'MINIO_PROMETHEUS_AUTH_TYPE', value: 'jwt' },
    ...(auditImage
      ? [
          { name: 'MINIO_AUDIT_WEBHOOK_ENABLE_PLATFORM', value: 'on' },
          { name: 'MINIO_AUDIT_WEBHOOK_ENDPOINT_PLATFORM', value: auditWebhookEndpoint },
        ]
      : []),
  ];
}

/** @see https://github.com/minio/minio/blob/master/docs/metrics/healthcheck/README.md */
function probes({ tlsSecret }: ResolvedMinioArgs) {
  const probe = (path: string) => ({
    httpGet: { path: `/minio/health/${path}`, port: 'api', ...(tlsSecret ? { scheme: 'HTTPS' } : {}) },
    timeoutSeconds: 5,
  });
  return {
    startupProbe: { ...probe('live'), periodSeconds: 2, failureThreshold: 300 },
    livenessProbe: { ...probe('live'), periodSeconds: 10, failureThreshold: 6 },
    // Unlike `ready`, which also answers before the drives are open, this asks for a read quorum.
    readinessProbe: { ...probe('cluster/read'), periodSeconds: 5, failureThreshold: 3 },
  };
}
