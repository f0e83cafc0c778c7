import { type CertificateRequest, servedNames } from './certificates/request';
import {
  type ElasticsearchArgs,
  type NodeSetArgs,
  type ResolvedElasticsearchArgs,
  resolveElasticsearchArgs,
} from './elasticsearch-args';
import {
  type ElasticsearchLogin,
  elasticsearchLogins,
  loginSpec,
  realmSecretName,
  rolesSecretSpec,
  slotsOf,
} from './elasticsearch-users';
import { containerSecurityContext, labels } from './metadata';
import { antiAffinity } from './placement';
import { volumeClaimTemplate } from './pod-args';

const UID = 1000;
const PORT = 9200;

/** Object specifications of the Elasticsearch component; the component adds the passwords. */
export type ElasticsearchSpec = ReturnType<typeof elasticsearchSpec>;

/**
 * Pure specification of everything the Elasticsearch component declares.
 * @throws Error listing every contradiction in the arguments.
 */
export function elasticsearchSpec(input: ElasticsearchArgs) {
  const args = resolveElasticsearchArgs(input);
  const { name, namespace } = args;
  return {
    logins: Object.fromEntries(elasticsearchLogins.map((login) => [login, loginSpec(args, login)])) as Record<
      ElasticsearchLogin,
      ReturnType<typeof loginSpec>
    >,
    roles: rolesSecretSpec(args),
    rotation: args.rotation,
    loginCheck: {
      namespace,
      cluster: name,
      serverName: `${name}-es-http.${namespace}.svc`,
      caSecret: `${name}-es-http-certs-public`,
      userSecrets: realmSecrets(args),
      elasticUserSecret: `${name}-es-elastic-user`,
      internalUsersSecret: `${name}-es-internal-users`,
      rotation: args.rotation,
      ...(args.context ? { context: args.context } : {}),
    },
    cluster: clusterSpec(args),
    pods: { matchLabels: { 'elasticsearch.k8s.elastic.co/cluster-name': name } },
    /** Made by the operator: the certificate authority of the HTTP interface, under `ca.crt`. */
    caSecret: `${name}-es-http-certs-public`,
    endpoints: {
      host: `${name}-es-http.${namespace}.svc`,
      service: `${name}-es-http`,
      port: PORT,
      url: `https://${name}-es-http.${namespace}.svc:${PORT}`,
    },
  };
}

/** The certificate of the API, by every name that clients and the operator use; the operator makes those between nodes. */
export function elasticsearchCertificate(input: ElasticsearchArgs): CertificateRequest {
  const { name, namespace, nodeSets, tlsSecret = `${name}-tls` } = resolveElasticsearchArgs(input);
  const services = [`${name}-es-http`, `${name}-es-internal-http`];
  const nodes = nodeSets.map((set) => `${name}-es-${set.name}`);
  // The operator takes no other kind of key.
  return { secret: tlsSecret, dnsNames: servedNames({ namespace, services, nodes }), keyType: 'rsa' };
}

function metadata(args: ResolvedElasticsearchArgs, name: string) {
  return { name, namespace: args.namespace, labels: labels({ name: args.name }) };
}

/** Secrets of every user that the nodes know. */
function realmSecrets({ name, rotation }: ResolvedElasticsearchArgs): string[] {
  return elasticsearchLogins.flatMap((login) =>
    slotsOf(rotation).map((slot) => realmSecretName(name, login, slot)),
  );
}

/** @see https://www.elastic.co/docs/reference/cloud-on-k8s/api-reference/main */
function clusterSpec(args: ResolvedElasticsearchArgs) {
  const { name, version, image, nodeSets } = args;
  const nodes = nodeSets.reduce((sum, { count }) => sum + count, 0);
  return {
    apiVersion: 'elasticsearch.k8s.elastic.co/v1',
    kind: 'Elasticsearch',
    metadata: {
      ...metadata(args, name),
      annotations: { 'pulumi.com/waitFor': 'jsonpath={.status.phase}=Ready' },
    },
    spec: {
      version,
      image,
      // https://www.elastic.co/docs/deploy-manage/security/k8s-https-settings#k8s-setting-up-your-own-certificate
      ...(args.tlsSecret ? { http: { tls: { certificate: { secretName: args.tlsSecret } } } } : {}),
      auth: {
        fileRealm: realmSecrets(args).map((secretName) => ({ secretName })),
        roles: [{ secretName: `${name}-roles` }],
      },
      nodeSets: nodeSets.map((set) => nodeSetSpec(args, set, environment(args, nodes))),
      // Node by node: a shard is never without the copies that its acknowledged writes are on.
      updateStrategy: { changeBudget: { maxSurge: 0, maxUnavailable: 1 } },
      ...(nodes > 1 ? {} : { podDisruptionBudget: {} }),
      volumeClaimDeletePolicy: 'DeleteOnScaledownOnly',
      ...(args.snapshots ? { secureSettings: [secureSettings(args.snapshots)] } : {}),
    },
  };
}

/** The operator puts these into the keystore of every node. */
function secureSettings({ secret }: NonNullable<ResolvedElasticsearchArgs['snapshots']>) {
  return {
    secretName: secret.name,
    entries: [
      { key: secret.accessKey, path: 's3.client.platform.access_key' },
      { key: secret.secretKey, path: 's3.client.platform.secret_key' },
    ],
  };
}

/** Instead of shares of the disk. @see https://www.elastic.co/docs/reference/elasticsearch/configuration-reference/cluster-level-shard-allocation-routing-settings */
const WATERMARKS = {
  'cluster.routing.allocation.disk.watermark.low': '2gb',
  'cluster.routing.allocation.disk.watermark.high': '1gb',
  'cluster.routing.allocation.disk.watermark.flood_stage': '500mb',
};

type Environment = readonly { readonly name: string; readonly value: string }[];

function nodeSetSpec(args: ResolvedElasticsearchArgs, set: NodeSetArgs, env: Environment) {
  return {
    name: set.name,
    count: set.count,
    config: {
      'node.store.allow_mmap': args.memoryMap,
      ...(set.roles ? { 'node.roles': [...set.roles] } : {}),
      ...(args.sharedDisk ? WATERMARKS : {}),
      ...(args.snapshots ? s3Client(args.snapshots.endpoint) : {}),
      // https://www.elastic.co/docs/reference/elasticsearch/configuration-reference/auding-settings
      ...(args.audit ? { 'xpack.security.audit.enabled': true } : {}),
    },
    podTemplate: {
      metadata: { labels: labels({ name: args.name }) },
      spec: {
        automountServiceAccountToken: false,
        securityContext: {
          runAsNonRoot: true,
          runAsUser: UID,
          fsGroup: UID,
          fsGroupChangePolicy: 'OnRootMismatch',
          seccompProfile: { type: 'RuntimeDefault' },
        },
        ...(args.priorityClass ? { priorityClassName: args.priorityClass } : {}),
        affinity: affinity(args, set),
        containers: [
          {
            name: 'elasticsearch',
            resources: set.resources,
            securityContext: containerSecurityContext(),
            ...(env.length > 0 ? { env } : {}),
          },
        ],
        ...(args.snapshots ? { initContainers: [keystoreContainer()] } : {}),
      },
    },
    // The name under which the operator mounts the data folder.
    volumeClaimTemplates: [volumeClaimTemplate('elasticsearch-data', set.storage)],
  };
}

function environment({ quickStart }: ResolvedElasticsearchArgs, nodes: number): Environment {
  const options = '-XX:TieredStopAtLevel=1';
  return [
    // A node waits so long before it stops, for clients to move on; the only one has nowhere to send them.
    ...(nodes === 1 ? [{ name: 'PRE_STOP_ADDITIONAL_WAIT_SECONDS', value: '0' }] : []),
    ...(quickStart ? ['ES_JAVA_OPTS', 'CLI_JAVA_OPTS'].map((name) => ({ name, value: options })) : []),
  ];
}

/** The operator's container that fills the keystore, without its limit of half a processor: Java takes long to start with it. */
function keystoreContainer() {
  const memory = '196Mi';
  return {
    name: 'elastic-internal-init-keystore',
    resources: { requests: { cpu: '100m', memory }, limits: { memory } },
  };
}

/** @see https://www.elastic.co/docs/deploy-manage/tools/snapshot-and-restore/s3-repository#repository-s3-client */
function s3Client(endpoint: string) {
  return {
    's3.client.platform.endpoint': endpoint,
    's3.client.platform.region': 'us-east-1',
    's3.client.platform.path_style_access': true,
  };
}

function affinity(args: ResolvedElasticsearchArgs, set: NodeSetArgs) {
  return antiAffinity(args.antiAffinity, {
    'elasticsearch.k8s.elastic.co/cluster-name': args.name,
    'elasticsearch.k8s.elastic.co/statefulset-name': `${args.name}-es-${set.name}`,
  });
}
