import type { KubernetesCluster } from '../migrations/kubernetes/cluster';

/**
 * What the API server finds in the pods of a namespace when it checks them all anew against the level `restricted`.
 * @see https://kubernetes.io/docs/tasks/configure-pod-container/enforce-standards-namespace-labels/
 */
export async function restrictedWarnings(cluster: KubernetesCluster, namespace: string): Promise<string[]> {
  const warnings: string[] = [];
  const enforce = 'pod-security.kubernetes.io/enforce';
  const now = await cluster.read('v1', 'Namespace', undefined, namespace);
  // The check is only made when something changes.
  const version = now?.metadata.labels?.[`${enforce}-version`] === 'v1.33' ? 'v1.32' : 'v1.33';
  const labels = { [enforce]: 'restricted', [`${enforce}-version`]: version };
  await cluster.request('PATCH', await cluster.path('v1', 'Namespace', undefined, namespace), {
    query: { dryRun: 'All', fieldManager: 'e2e' },
    contentType: 'application/merge-patch+json',
    body: { metadata: { labels } },
    onWarning: (text) => warnings.push(text),
  });
  return warnings;
}
