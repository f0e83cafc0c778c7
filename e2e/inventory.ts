import type { KubernetesCluster } from '../migrations/kubernetes/cluster';

/** Names of what a platform adds to a cluster outside of its own namespace. */
export type Inventory = Awaited<ReturnType<typeof inventory>>;

/** Names of all objects of a kind, sorted. */
export async function names(
  cluster: KubernetesCluster,
  apiVersion: string,
  kind: string,
  namespace?: string,
): Promise<string[]> {
  const objects = await cluster.list(apiVersion, kind, namespace);
  return objects.map(({ metadata }) => metadata.name ?? '').sort();
}

/** What a cluster has; equal before `up` and after `destroy`. */
export async function inventory(cluster: KubernetesCluster) {
  return {
    namespaces: await names(cluster, 'v1', 'Namespace'),
    crds: await names(cluster, 'apiextensions.k8s.io/v1', 'CustomResourceDefinition'),
    storageClasses: await names(cluster, 'storage.k8s.io/v1', 'StorageClass'),
    priorityClasses: await names(cluster, 'scheduling.k8s.io/v1', 'PriorityClass'),
    clusterRoles: await names(cluster, 'rbac.authorization.k8s.io/v1', 'ClusterRole'),
    webhooks: await names(cluster, 'admissionregistration.k8s.io/v1', 'ValidatingWebhookConfiguration'),
  };
}
