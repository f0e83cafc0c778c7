import { stringify } from 'yaml';
import { type CertificateRequest, servedNames } from './certificates/request';
import {
  configurationAnnotation,
  containerSecurityContext,
  labels,
  podSecurityContext,
  selectorLabels,
} from './metadata';
import type { PodFlows } from './network-flows';
import { spread } from './placement';
import { volumeClaimTemplate } from './pod-args';
import { HISTORY } from '../migrations/targets/qdrant/format';
import { QdrantArgs, ResolvedQdrantArgs, resolveQdrantArgs } from './qdrant-args';
import type { QdrantAccess } from './qdrant-logins';

/** User and group of the official unprivileged image; the ordinary one runs as them too. */
const QDRANT_UID = 1000;
const ports = { http: 6333, grpc: 6334, p2p: 6335 };

/** Object specifications of the Qdrant component; the component adds the API keys. */
export type QdrantSpec = ReturnType<typeof qdrantSpec>;

/**
 * Pure specification of everything the Qdrant component declares, laid out as the official Helm chart does.
 * @throws Error listing every contradiction in the arguments.
 * @see https://github.com/qdrant/qdrant-helm
 */
export function qdrantSpec(input: QdrantArgs) {
  const args = resolveQdrantArgs(input);
  const { name, namespace, tlsSecret } = args;
  const files = { 'production.yaml': stringify(configuration(args)) };
  const host = `${name}.${namespace}.svc`;
  return {
    configMap: { metadata: metadata(args, name), data: files },
    apiKeySecret: { metadata: metadata(args, `${name}-api-key`), type: 'Opaque' },
    serviceAccount: { metadata: metadata(args, name), automountServiceAccountToken: false },
    logins: loginsSpec(args),
    services: { nodes: nodesServiceSpec(args), client: clientServiceSpec(args) },
    statefulSet: statefulSetSpec(args, files),
    disruptionBudget: args.peers > 1 ? disruptionBudgetSpec(args) : undefined,
    endpoints: {
      host,
      httpPort: ports.http,
      grpcPort: ports.grpc,
      url: `${tlsSecret ? 'https' : 'http'}://${host}:${ports.http}`,
    },
  };
}

/** The certificate of the servers, for clients and for each other. */
export function qdrantCertificate(input: QdrantArgs): CertificateRequest {
  const { name, namespace, clusterDomain, tlsSecret } = resolveQdrantArgs(input);
  const dnsNames = servedNames({ namespace, clusterDomain, services: [name], nodes: [`${name}-nodes`] });
  return { secret: tlsSecret ?? `${name}-tls`, dnsNames };
}

/** Connections of the peers: Raft, and downloads of shard snapshots over HTTP. */
export function qdrantFlows(input: QdrantArgs): PodFlows[] {
  const { name, peers } = resolveQdrantArgs(input);
  const pods = { matchLabels: selectorLabels({ name }) };
  const between = peers > 1 ? { peers: { [name]: [ports.p2p, ports.http] } } : { closed: [ports.p2p] };
  return [{ name, pods, clients: [ports.http, ports.grpc], ...between, metrics: [ports.http] }];
}

function metadata(args: ResolvedQdrantArgs, name: string) {
  return { name, namespace: args.namespace, labels: labels({ name: args.name }) };
}

/** Who logs in to Qdrant with a token. */
export type QdrantLogin = 'app' | 'readonly' | 'backup' | 'monitor';

/** Rights of each login, and which generations are valid. */
function loginsSpec(args: ResolvedQdrantArgs) {
  const { name, namespace, rotation, tlsSecret, context } = args;
  const collections = [...args.appCollections].sort();
  const on = (names: readonly string[], access: 'r' | 'rw') =>
    names.map((collection) => ({ collection, access }));
  const access: Partial<Record<QdrantLogin, QdrantAccess>> = {
    ...(collections.length > 0 ? { app: on(collections, 'rw'), readonly: on(collections, 'r') } : {}),
    // Who makes snapshots of a collection may write to it.
    backup: on([...collections, HISTORY], 'rw'),
    // Who reads the metrics may read everything.
    monitor: 'r',
  };
  return {
    access,
    secret: (login: QdrantLogin) => ({ metadata: metadata(args, `${name}-${login}`), type: 'Opaque' }),
    valid: {
      namespace,
      service: name,
      port: ports.http,
      apiKeySecret: `${name}-api-key`,
      ...(tlsSecret ? { caSecret: tlsSecret } : {}),
      // In an order that no later login changes: it decides the points of each.
      logins: ['app', 'readonly', 'backup', 'monitor'],
      rotation,
      ...(context ? { context } : {}),
    },
  };
}

/**
 * The server's configuration file, over the one in the image.
 * @see https://qdrant.tech/documentation/guides/configuration/
 */
function configuration({ peers, collections, tlsSecret }: ResolvedQdrantArgs) {
  const tls = tlsSecret !== undefined;
  return {
    telemetry_disabled: true,
    storage: {
      hnsw_index: { m: collections.hnswM, ef_construct: collections.hnswEfConstruct },
      collection: {
        replication_factor: collections.replicationFactor,
        write_consistency_factor: collections.writeConsistencyFactor,
        vectors: { on_disk: collections.vectorsOnDisk },
        quantization: quantization(collections.quantization),
      },
    },
    service: { enable_cors: false, enable_tls: tls, jwt_rbac: true },
    cluster: { enabled: peers > 1, p2p: { port: ports.p2p, enable_tls: tls && peers > 1 } },
    ...(tls ? { tls: { cert: './tls/tls.crt', key: './tls/tls.key', ca_cert: './tls/ca.crt' } } : {}),
  };
}

function quantization(kind: 'none' | 'scalar' | 'binary') {
  if (kind === 'none') return null;
  return kind === 'scalar'
    ? { scalar: { type: 'int8', quantile: 0.99, always_ram: true } }
    : { binary: { always_ram: true } };
}

const servicePort = (name: keyof typeof ports) => ({ name, port: ports[name], targetPort: name });

/** Gives each peer a name of its own, ready or not: they must find each other before they can be ready. */
function nodesServiceSpec(args: ResolvedQdrantArgs) {
  return {
    metadata: metadata(args, nodesService(args)),
    spec: {
      clusterIP: 'None',
      publishNotReadyAddresses: true,
      selector: selectorLabels({ name: args.name }),
      ports: [servicePort('http'), servicePort('grpc'), servicePort('p2p')],
    },
  };
}

function nodesService({ name }: ResolvedQdrantArgs): string {
  return `${name}-nodes`;
}

function clientServiceSpec(args: ResolvedQdrantArgs) {
  return {
    metadata: metadata(args, args.name),
    spec: {
      selector: selectorLabels({ name: args.name }),
      ports: [servicePort('http'), servicePort('grpc')],
    },
  };
}

function disruptionBudgetSpec(args: ResolvedQdrantArgs) {
  return {
    metadata: metadata(args, args.name),
    spec: { maxUnavailable: 1, selector: { matchLabels: selectorLabels({ name: args.name }) } },
  };
}

function statefulSetSpec(args: ResolvedQdrantArgs, files: Record<string, string>) {
  const selector = selectorLabels({ name: args.name });
  return {
    metadata: metadata(args, args.name),
    spec: {
      serviceName: nodesService(args),
      replicas: args.peers,
      // After all were stopped, the first is ready only once a majority is back.
      podManagementPolicy: 'Parallel',
      updateStrategy: { type: 'RollingUpdate' },
      persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Retain' },
      selector: { matchLabels: selector },
      template: {
        metadata: {
          labels: labels({ name: args.name }),
          // The server reads its configuration and its keys only at its start.
          annotations: { ...configurationAnnotation(JSON.stringify(files)), ...apiKeyAnnotation(args) },
        },
        spec: podSpec(args),
      },
      volumeClaimTemplates: [
        volumeClaimTemplate('storage', args.storage, selector),
        volumeClaimTemplate('snapshots', args.snapshots, selector),
      ],
    },
  };
}

function apiKeyAnnotation({ apiKeyStep }: ResolvedQdrantArgs): Record<string, string> {
  return apiKeyStep > 1 ? { 'agent-data-platform/api-key-step': String(apiKeyStep) } : {};
}

function podSpec(args: ResolvedQdrantArgs) {
  const { name, tlsSecret } = args;
  return {
    serviceAccountName: name,
    automountServiceAccountToken: false,
    ...(args.priorityClass ? { priorityClassName: args.priorityClass } : {}),
    // Service variables such as QDRANT_PORT would only confuse.
    enableServiceLinks: false,
    terminationGracePeriodSeconds: 60,
    securityContext: podSecurityContext(QDRANT_UID),
    ...(args.peers > 1 ? spread(args.antiAffinity, selectorLabels({ name: args.name })) : {}),
    containers: [
      {
        name: 'qdrant',
        image: args.image,
        imagePullPolicy: 'IfNotPresent',
        command: ['/bin/bash', '-c', startScript(args)],
        workingDir: '/qdrant',
        env: environment(args),
        ports: [
          ...Object.entries(ports).map(([portName, containerPort]) => ({ name: portName, containerPort })),
        ],
        resources: args.resources,
        securityContext: containerSecurityContext(),
        ...probes(args),
        volumeMounts: [
          { name: 'storage', mountPath: '/qdrant/storage' },
          { name: 'snapshots', mountPath: '/qdrant/snapshots' },
          { name: 'init', mountPath: '/qdrant/init' },
          {
            name: 'config',
            mountPath: '/qdrant/config/production.yaml',
            subPath: 'production.yaml',
            readOnly: true,
          },
          ...(tlsSecret ? [{ name: 'tls', mountPath: '/qdrant/tls', readOnly: true }] : []),
        ],
      },
    ],
    volumes: [
      { name: 'init', emptyDir: { sizeLimit: '1Mi' } },
      { name: 'config', configMap: { name, defaultMode: 0o444 } },
      ...(tlsSecret ? [{ name: 'tls', secret: { secretName: tlsSecret, defaultMode: 0o440 } }] : []),
    ],
  };
}

/** The first peer starts the cluster, the others join it there; later each finds the others in its own storage. */
function startScript({ peers, name }: ResolvedQdrantArgs): string {
  if (peers === 1) return 'exec ./entrypoint.sh';
  return [
    `if [ "$POD_NAME" = "${name}-0" ]; then exec ./entrypoint.sh --uri "$PEER_URI"; fi`,
    'exec ./entrypoint.sh --bootstrap "$FIRST_PEER_URI" --uri "$PEER_URI"',
  ].join('\n');
}

function environment(args: ResolvedQdrantArgs) {
  const { name, namespace, peers, clusterDomain, tlsSecret, apiKeyStep } = args;
  const apiKey = (variable: string, key: string) => ({
    name: variable,
    valueFrom: { secretKeyRef: { name: `${name}-api-key`, key } },
  });
  const uri = (pod: string) =>
    `${tlsSecret ? 'https' : 'http'}://${pod}.${nodesService(args)}.${namespace}.svc.${clusterDomain}:${ports.p2p}`;
  return [
    apiKey('QDRANT__SERVICE__API_KEY', 'apiKey'),
    ...(apiKeyStep > 1 ? [apiKey('QDRANT__SERVICE__ALT_API_KEY', 'altApiKey')] : []),
    { name: 'QDRANT_INIT_FILE_PATH', value: '/qdrant/init/.qdrant-initialized' },
    ...(peers > 1
      ? [
          { name: 'POD_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
          { name: 'PEER_URI', value: uri('$(POD_NAME)') },
          { name: 'FIRST_PEER_URI', value: uri(`${name}-0`) },
        ]
      : []),
  ];
}

/** @see https://qdrant.tech/documentation/guides/monitoring/#kubernetes-health-endpoints */
function probes({ tlsSecret }: ResolvedQdrantArgs) {
  const probe = (path: string) => ({
    httpGet: { path, port: 'http', ...(tlsSecret ? { scheme: 'HTTPS' } : {}) },
    timeoutSeconds: 5,
  });
  return {
    // Loading large collections may take minutes.
    startupProbe: { ...probe('/livez'), periodSeconds: 2, failureThreshold: 900 },
    livenessProbe: { ...probe('/livez'), periodSeconds: 10, failureThreshold: 6 },
    readinessProbe: { ...probe('/readyz'), periodSeconds: 5, failureThreshold: 3 },
  };
}
