import type { CertificateRequest } from './certificates/request';
import type { ManifestBundleArgs } from './manifest-bundle';
import { containerSecurityContext, labels, podSecurityContext, selectorLabels } from './metadata';
import type { OperatorFlows } from './network-flows';
import type { OperatorRequirement } from './operators-existing';
import { CLOUD_NATIVE_PG, OPERATOR_NAMESPACE } from './postgres-flows';

/** Name that CloudNativePG knows the plugin by. */
export const BARMAN_CLOUD = 'barman-cloud.cloudnative-pg.io';

const NAME = 'plugin-barman-cloud';
const UID = 10001;
const ports = { plugin: 9090, health: 8081 };
/** Read by the operator, and mounted by the plugin. */
const secrets = { server: 'barman-cloud-server-tls', client: 'barman-cloud-client-tls' };

/** Arguments of {@link barmanCloudSpec}. */
export interface BarmanCloudArgs {
  /** `managed` installs the plugin; `existing` only checks that the cluster has it. */
  readonly mode: 'managed' | 'existing';
  /** Namespace of the CloudNativePG operator, which looks for plugins there; default `cnpg-system`. */
  readonly namespace?: string;
  readonly image: string;
  /** Image of the container that archives beside each PostgreSQL instance. */
  readonly sidecarImage: string;
  /** The plugin's CustomResourceDefinition. */
  readonly definitions: { readonly url: string; readonly sha256: string };
  /** Days from the issue of a certificate between operator and plugin to its end; default 365. */
  readonly validDays?: number;
  /** Context in the kubeconfig; default the current one. */
  readonly context?: string;
}

/** What the `existing` mode asks for. */
export function barmanCloudRequirement(context?: string): OperatorRequirement {
  return {
    operator: 'the Barman Cloud plugin of CloudNativePG',
    definition: 'objectstores.barmancloud.cnpg.io',
    version: 'v1',
    // Labels of its Helm chart and of this project, and of its manifest.
    workload: { kind: 'Deployment', selectors: [`app.kubernetes.io/name=${NAME}`, 'app=barman-cloud'] },
    ...(context ? { context } : {}),
  };
}

/** Connections of the plugin that the stack manages: the operator calls it, and it calls the API server. */
export function barmanCloudFlows(namespace = OPERATOR_NAMESPACE): OperatorFlows {
  return {
    name: NAME,
    namespace,
    pods: { matchLabels: selectorLabels({ name: NAME }) },
    operators: { [CLOUD_NATIVE_PG]: [ports.plugin] },
  };
}

/**
 * Pure specification of the managed plugin: its definition, and the plugin with the rights it needs.
 * @see https://cloudnative-pg.io/plugin-barman-cloud/docs/installation/
 */
export function barmanCloudSpec(args: BarmanCloudArgs) {
  const namespace = args.namespace ?? OPERATOR_NAMESPACE;
  const metadata = { name: NAME, namespace, labels: labels({ name: NAME }) };
  const clusterMetadata = { name: NAME, labels: labels({ name: NAME }) };
  const context = args.context ? { context: args.context } : {};
  const definitions: ManifestBundleArgs = { ...args.definitions, ...context };
  return {
    definitions,
    certificates: { namespace, requests: certificateRequests(), ...context },
    serviceAccount: { metadata, automountServiceAccountToken: false },
    clusterRole: { metadata: clusterMetadata, rules: rules() },
    clusterRoleBinding: {
      metadata: clusterMetadata,
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: NAME },
      subjects: [{ kind: 'ServiceAccount', name: NAME, namespace }],
    },
    deployment: {
      metadata,
      spec: {
        replicas: 1,
        selector: { matchLabels: selectorLabels({ name: NAME }) },
        // One at a time, so that it needs no election of a leader.
        strategy: { type: 'Recreate' },
        template: { metadata: { labels: labels({ name: NAME }) }, spec: podSpec(args) },
      },
    },
    service: {
      metadata: {
        ...metadata,
        labels: { ...metadata.labels, 'cnpg.io/pluginName': BARMAN_CLOUD },
        annotations: {
          'cnpg.io/pluginServerSecret': secrets.server,
          'cnpg.io/pluginClientSecret': secrets.client,
          'cnpg.io/pluginPort': String(ports.plugin),
        },
      },
      spec: {
        selector: selectorLabels({ name: NAME }),
        ports: [{ name: 'plugin', port: ports.plugin, targetPort: ports.plugin }],
      },
    },
  };
}

/** The operator asks for the Service's name. */
function certificateRequests(): CertificateRequest[] {
  return [
    { secret: secrets.server, dnsNames: [NAME] },
    { secret: secrets.client, dnsNames: [CLOUD_NATIVE_PG] },
  ];
}

/** It grants each cluster the login of its object storage, so it must have as much itself. */
function rules() {
  const read = ['get', 'list', 'watch'];
  return [
    { apiGroups: [''], resources: ['secrets'], verbs: read },
    {
      apiGroups: ['barmancloud.cnpg.io'],
      resources: ['objectstores'],
      verbs: [...read, 'update', 'patch'],
    },
    { apiGroups: ['barmancloud.cnpg.io'], resources: ['objectstores/finalizers'], verbs: ['update'] },
    {
      apiGroups: ['barmancloud.cnpg.io'],
      resources: ['objectstores/status'],
      verbs: ['get', 'update', 'patch'],
    },
    { apiGroups: ['postgresql.cnpg.io'], resources: ['backups'], verbs: read },
    { apiGroups: ['postgresql.cnpg.io'], resources: ['clusters/finalizers'], verbs: ['update'] },
    {
      apiGroups: ['rbac.authorization.k8s.io'],
      resources: ['roles', 'rolebindings'],
      verbs: [...read, 'create', 'update', 'patch'],
    },
  ];
}

function podSpec({ image, sidecarImage }: BarmanCloudArgs) {
  const health = (path: string) => ({ httpGet: { path, port: ports.health } });
  return {
    serviceAccountName: NAME,
    automountServiceAccountToken: true,
    enableServiceLinks: false,
    securityContext: podSecurityContext(UID),
    containers: [
      {
        name: 'manager',
        image,
        imagePullPolicy: 'IfNotPresent',
        args: [
          'operator',
          `--server-address=:${ports.plugin}`,
          '--server-cert=/server/tls.crt',
          '--server-key=/server/tls.key',
          // Not the certificate itself, which a client would not offer to a server that names it as the authority.
          '--client-cert=/client/ca.crt',
          `--health-probe-bind-address=:${ports.health}`,
        ],
        env: [{ name: 'SIDECAR_IMAGE', value: sidecarImage }],
        ports: [{ name: 'plugin', containerPort: ports.plugin }],
        readinessProbe: { tcpSocket: { port: ports.plugin }, periodSeconds: 5 },
        livenessProbe: { ...health('/healthz'), initialDelaySeconds: 15, periodSeconds: 20 },
        resources: { requests: { cpu: '50m', memory: '64Mi' }, limits: { memory: '256Mi' } },
        securityContext: containerSecurityContext(),
        volumeMounts: [
          { name: 'server', mountPath: '/server', readOnly: true },
          { name: 'client', mountPath: '/client', readOnly: true },
        ],
      },
    ],
    volumes: [
      { name: 'server', secret: { secretName: secrets.server, defaultMode: 0o440 } },
      {
        name: 'client',
        secret: {
          secretName: secrets.client,
          defaultMode: 0o440,
          items: [{ key: 'ca.crt', path: 'ca.crt' }],
        },
      },
    ],
  };
}
