import type { KubernetesCluster, KubernetesObject } from '../../migrations/kubernetes/cluster';
import { authProxyCredentials, credentialsKey } from '../auth-proxy';
import type { ProxiedStoreSpec } from '../proxied-store-spec';

/** Applies a proxied store in a namespace of its own, with the credentials given by role. */
export async function applyProxiedStore(
  cluster: KubernetesCluster,
  spec: ProxiedStoreSpec,
  secrets: Readonly<Record<string, string>>,
): Promise<void> {
  const credentials = Object.entries(secrets).map(([role, secret]) => ({ role, secret }));
  const { namespace } = spec.statefulSet.metadata;
  const objects: [string, string, object][] = [
    [
      'v1',
      'Namespace',
      { metadata: { name: namespace, labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } } },
    ],
    ['v1', 'ConfigMap', spec.configMap],
    [
      'v1',
      'Secret',
      {
        ...spec.credentials,
        stringData: { [credentialsKey]: authProxyCredentials(spec.scheme, credentials) },
      },
    ],
    ['v1', 'Service', spec.services.nodes],
    ...spec.services.clients.map((service): [string, string, object] => ['v1', 'Service', service]),
    ['networking.k8s.io/v1', 'NetworkPolicy', spec.networkPolicy],
    ['apps/v1', 'StatefulSet', spec.statefulSet],
  ];
  for (const [apiVersion, kind, rest] of objects)
    await cluster.apply({ apiVersion, kind, ...rest } as KubernetesObject, {
      fieldManager: 'component-test',
    });
}

/** Whether the store's only pod is ready, and not the one with the given uid. */
export async function podReady(
  cluster: KubernetesCluster,
  spec: ProxiedStoreSpec,
  notUid?: string,
): Promise<boolean> {
  const { name, namespace } = spec.statefulSet.metadata;
  const pod = await cluster.read('v1', 'Pod', namespace, `${name}-0`);
  const conditions: { type: string; status: string }[] = pod?.status?.conditions ?? [];
  return (
    pod?.metadata.uid !== notUid &&
    conditions.some((condition) => condition.type === 'Ready' && condition.status === 'True')
  );
}
