import type { ManifestBundleArgs } from './manifest-bundle';
import { containerSecurityContext, labels, podSecurityContext, selectorLabels } from './metadata';
import type { OperatorRequirement } from './operators-existing';

const NAME = 'elastic-operator';
const UID = 1000;

/** Arguments of {@link elasticsearchOperatorSpec}. */
export interface ElasticsearchOperatorArgs {
  /** `managed` installs the operator; `existing` only checks that the cluster has it. */
  readonly mode: 'managed' | 'existing';
  /** Namespace of the operator; default `elastic-system`. */
  readonly namespace?: string;
  readonly image: string;
  /** The operator's CustomResourceDefinitions. */
  readonly definitions: { readonly url: string; readonly sha256: string };
  /** Context in the kubeconfig; default the current one. */
  readonly context?: string;
}

/** What the `existing` mode asks for. */
export function elasticsearchOperatorRequirement(context?: string): OperatorRequirement {
  return {
    operator: 'Elastic Cloud on Kubernetes',
    definition: 'elasticsearches.elasticsearch.k8s.elastic.co',
    version: 'v1',
    // Labels of Elastic's Helm chart, and of its manifest.
    workload: {
      kind: 'StatefulSet',
      selectors: ['app.kubernetes.io/name=elastic-operator', 'control-plane=elastic-operator'],
    },
    ...(context ? { context } : {}),
  };
}

/**
 * Pure specification of the managed operator: its definitions, and the operator with the rights it needs.
 * @see https://www.elastic.co/docs/deploy-manage/deploy/cloud-on-k8s/required-rbac-permissions
 */
export function elasticsearchOperatorSpec(args: ElasticsearchOperatorArgs) {
  const namespace = args.namespace ?? 'elastic-system';
  const metadata = { name: NAME, namespace, labels: labels({ name: NAME }) };
  const clusterMetadata = { name: NAME, labels: labels({ name: NAME }) };
  const definitions: ManifestBundleArgs = {
    ...args.definitions,
    ...(args.context ? { context: args.context } : {}),
  };
  return {
    definitions,
    namespace: {
      metadata: {
        name: namespace,
        labels: { ...labels({ name: NAME }), 'pod-security.kubernetes.io/enforce': 'restricted' },
      },
    },
    serviceAccount: { metadata },
    clusterRole: { metadata: clusterMetadata, rules: rules() },
    clusterRoleBinding: {
      metadata: clusterMetadata,
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: NAME },
      subjects: [{ kind: 'ServiceAccount', name: NAME, namespace }],
    },
    statefulSet: {
      metadata,
      spec: {
        serviceName: NAME,
        replicas: 1,
        selector: { matchLabels: selectorLabels({ name: NAME }) },
        template: { metadata: { labels: labels({ name: NAME }) }, spec: podSpec(args.image, namespace) },
      },
    },
  };
}

/** The operator watches all its kinds, used or not, so it must be able to read them all. */
function rules() {
  const all = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete'];
  const read = ['get', 'list', 'watch'];
  const kinds = (group: string, ...names: string[]) => ({
    apiGroups: [`${group}.k8s.elastic.co`],
    resources: names.flatMap((name) => [name, `${name}/status`, `${name}/finalizers`]),
    verbs: ['get', 'list', 'watch', 'create', 'update', 'patch'],
  });
  return [
    { apiGroups: ['authorization.k8s.io'], resources: ['subjectaccessreviews'], verbs: ['create'] },
    {
      apiGroups: ['coordination.k8s.io'],
      resources: ['leases'],
      verbs: ['get', 'watch', 'create', 'update'],
    },
    { apiGroups: [''], resources: ['endpoints', 'namespaces', 'nodes'], verbs: read },
    {
      apiGroups: [''],
      resources: ['pods', 'events', 'persistentvolumeclaims', 'secrets', 'services', 'configmaps'],
      verbs: all,
    },
    { apiGroups: ['events.k8s.io'], resources: ['events'], verbs: all },
    { apiGroups: ['apps'], resources: ['deployments', 'statefulsets', 'daemonsets'], verbs: all },
    { apiGroups: ['policy'], resources: ['poddisruptionbudgets'], verbs: all },
    { apiGroups: ['storage.k8s.io'], resources: ['storageclasses'], verbs: read },
    kinds('elasticsearch', 'elasticsearches'),
    kinds('autoscaling', 'elasticsearchautoscalers'),
    kinds('kibana', 'kibanas'),
    kinds('apm', 'apmservers'),
    kinds('enterprisesearch', 'enterprisesearches'),
    kinds('beat', 'beats'),
    kinds('agent', 'agents'),
    kinds('maps', 'elasticmapsservers'),
    kinds('stackconfigpolicy', 'stackconfigpolicies'),
    kinds('logstash', 'logstashes'),
    kinds('autoops', 'autoopsagentpolicies'),
    kinds('packageregistry', 'packageregistries'),
  ];
}

function podSpec(image: string, namespace: string) {
  return {
    serviceAccountName: NAME,
    terminationGracePeriodSeconds: 10,
    securityContext: podSecurityContext(UID),
    containers: [
      {
        name: 'manager',
        image,
        imagePullPolicy: 'IfNotPresent',
        args: [
          'manager',
          `--operator-namespace=${namespace}`,
          // The webhook would need certificates; the definitions' own schemas refuse most faults.
          '--enable-webhook=false',
          '--disable-telemetry=true',
          '--ca-cert-validity=8760h',
          '--cert-validity=8760h',
          '--set-default-security-context=true',
        ],
        env: [
          { name: 'OPERATOR_NAMESPACE', valueFrom: { fieldRef: { fieldPath: 'metadata.namespace' } } },
          { name: 'POD_IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
        ],
        resources: { requests: { cpu: '100m', memory: '150Mi' }, limits: { memory: '512Mi' } },
        securityContext: containerSecurityContext(),
        volumeMounts: [{ name: 'tmp', mountPath: '/tmp' }],
      },
    ],
    volumes: [{ name: 'tmp', emptyDir: { sizeLimit: '64Mi' } }],
  };
}
