import { type LogShipperArgs, type ResolvedLogShipperArgs, resolveLogShipperArgs } from './log-shipper-args';
import {
  FRONT,
  frontConfiguration,
  HEALTH_PORT,
  LOGS,
  rsyslogConfiguration,
  STATE,
} from './log-shipper-config';
import { dnsRule } from './network-policies-spec';
import { configurationAnnotation, containerSecurityContext, labels, selectorLabels } from './metadata';

const NAME = 'log-shipper';
const CONFIGURATION = '/etc/log-shipper';
/** Of both containers; the group is root, which log files are readable for. */
const UID = 65534;
const ROOT_GROUP = 0;

/** Object specifications of the LogShipper component; the component adds the login and the authority. */
export type LogShipperSpec = ReturnType<typeof logShipperSpec>;

/** Namespace of the shipper of another namespace's logs: hostPath is not admitted beside the stores. */
export function logShipperNamespace(namespace: string): string {
  return `${namespace}-logs`;
}

/**
 * Pure specification of everything the LogShipper component declares.
 * @throws Error listing every contradiction in the arguments.
 */
export function logShipperSpec(input: LogShipperArgs) {
  const args = resolveLogShipperArgs(input);
  const namespace = logShipperNamespace(args.namespace);
  const metadata = (name: string) => ({ name, namespace, labels: labels({ name: NAME }) });
  const files = {
    'rsyslog.conf': rsyslogConfiguration(args.namespace),
    'nginx.conf': frontConfiguration(args.elasticsearch),
  };
  return {
    namespace: {
      metadata: {
        name: namespace,
        labels: {
          ...labels({ name: NAME }),
          // For hostPath: baseline and restricted admit none.
          'pod-security.kubernetes.io/enforce': 'privileged',
        },
      },
    },
    serviceAccount: { metadata: metadata(NAME), automountServiceAccountToken: false },
    configMap: { metadata: metadata(NAME), data: files },
    front: { metadata: metadata(NAME), type: 'Opaque' },
    networkPolicies: args.networkPolicies ? networkPolicies(args) : [],
    daemonSet: {
      metadata: metadata(NAME),
      spec: {
        selector: { matchLabels: selectorLabels({ name: NAME }) },
        template: {
          metadata: {
            labels: labels({ name: NAME }),
            annotations: configurationAnnotation(Object.values(files).join('')),
          },
          spec: podSpec(args),
        },
      },
    },
  };
}

/** Out of the shipper's namespace to Elasticsearch and to names, and nothing else in either direction. */
function networkPolicies({ namespace, elasticsearch }: ResolvedLogShipperArgs) {
  const own = logShipperNamespace(namespace);
  const inNamespace = (name: string) => ({ matchLabels: { 'kubernetes.io/metadata.name': name } });
  const pods = { matchLabels: selectorLabels({ name: NAME }) };
  const nodes: object = elasticsearch.pods;
  const ports = [{ protocol: 'TCP', port: elasticsearch.port }];
  const to = [{ namespaceSelector: inNamespace(namespace), podSelector: nodes }];
  const from = [{ namespaceSelector: inNamespace(own), podSelector: pods }];
  const policyTypes = ['Ingress', 'Egress'];
  const policy = <Spec extends object>(name: string, where: string, spec: Spec) => ({
    metadata: { name, namespace: where, labels: labels({ name: NAME }) },
    spec,
  });
  return [
    policy('default-deny', own, { podSelector: {}, policyTypes, ingress: [], egress: [] }),
    policy(NAME, own, {
      podSelector: pods,
      policyTypes,
      ingress: [],
      egress: [dnsRule, { to, ports }],
    }),
    policy(NAME, namespace, {
      podSelector: nodes,
      policyTypes: ['Ingress'],
      ingress: [{ from, ports }],
    }),
  ];
}

function podSpec(args: ResolvedLogShipperArgs) {
  return {
    serviceAccountName: NAME,
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    ...(args.priorityClass ? { priorityClassName: args.priorityClass } : {}),
    // Wherever a store may run.
    tolerations: [{ operator: 'Exists' }],
    terminationGracePeriodSeconds: 30,
    securityContext: {
      runAsNonRoot: true,
      runAsUser: UID,
      runAsGroup: UID,
      seccompProfile: { type: 'RuntimeDefault' },
    },
    initContainers: [stateContainer(args)],
    containers: [readerContainer(args), frontContainer(args)],
    volumes: [
      { name: 'logs', hostPath: { path: LOGS, type: 'Directory' } },
      {
        name: 'state',
        hostPath: { path: `/var/lib/agent-data-platform/logs/${args.namespace}`, type: 'DirectoryOrCreate' },
      },
      { name: 'configuration', configMap: { name: NAME } },
      { name: 'front', secret: { secretName: NAME, defaultMode: 0o444 } },
      { name: 'tmp', emptyDir: { sizeLimit: '64Mi' } },
    ],
  };
}

/** The kubelet makes the folder of the offsets for root alone; its owner may change that without any capability. */
function stateContainer({ images, resources }: ResolvedLogShipperArgs) {
  return {
    name: 'state',
    image: images.rsyslog,
    imagePullPolicy: 'IfNotPresent',
    command: ['chmod', '0770', STATE],
    resources,
    securityContext: { ...containerSecurityContext(), runAsNonRoot: false, runAsUser: 0, runAsGroup: 0 },
    volumeMounts: [{ name: 'state', mountPath: STATE }],
  };
}

/** @see https://www.rsyslog.com/doc/containers/collector.html */
function readerContainer({ images, resources }: ResolvedLogShipperArgs) {
  return {
    name: 'rsyslog',
    image: images.rsyslog,
    imagePullPolicy: 'IfNotPresent',
    command: ['rsyslogd', '-n', '-i', 'NONE', '-f', `${CONFIGURATION}/rsyslog.conf`],
    resources,
    securityContext: { ...containerSecurityContext(), runAsGroup: ROOT_GROUP },
    volumeMounts: [
      { name: 'configuration', mountPath: CONFIGURATION, readOnly: true },
      { name: 'logs', mountPath: LOGS, readOnly: true },
      { name: 'state', mountPath: STATE },
    ],
  };
}

function frontContainer({ images }: ResolvedLogShipperArgs) {
  const probe = { httpGet: { path: '/health', port: HEALTH_PORT } };
  return {
    name: 'nginx',
    image: images.nginx,
    imagePullPolicy: 'IfNotPresent',
    command: ['nginx', '-g', 'daemon off;', '-e', 'stderr', '-c', `${CONFIGURATION}/nginx.conf`],
    resources: { requests: { cpu: '10m', memory: '16Mi' }, limits: { memory: '48Mi' } },
    securityContext: containerSecurityContext(),
    ports: [{ name: 'health', containerPort: HEALTH_PORT }],
    readinessProbe: { ...probe, periodSeconds: 10 },
    livenessProbe: { ...probe, periodSeconds: 20 },
    volumeMounts: [
      { name: 'configuration', mountPath: CONFIGURATION, readOnly: true },
      { name: 'front', mountPath: FRONT, readOnly: true },
      { name: 'tmp', mountPath: '/tmp' },
    ],
  };
}
