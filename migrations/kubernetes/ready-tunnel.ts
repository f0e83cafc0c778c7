import { connectPolicy } from '../engine/retry';
import type { KubernetesCluster, Tunnel } from './cluster';

/**
 * Opens a tunnel to a Service whose pods may just have become ready: endpoints follow readiness with a delay.
 * @param budgetMs How long to wait for one, in milliseconds.
 * @throws KubernetesError as {@link KubernetesCluster.forwardService}, once the time is over.
 */
export function forwardWhenReady(
  cluster: KubernetesCluster,
  namespace: string,
  service: string,
  port: number,
  budgetMs = 30_000,
): Promise<Tunnel> {
  return connectPolicy(budgetMs).execute(() => cluster.forwardService(namespace, service, port));
}
