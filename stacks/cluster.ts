import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as k8s from '@pulumi/kubernetes';
import * as pulumi from '@pulumi/pulumi';
import { KubernetesCluster } from '../migrations/kubernetes/cluster';
import type { PlatformConfig } from './config';

/** Whether this run renders without a cluster (`preview: offline`, set up by `npm run preview`). */
export const isOffline = (): boolean => process.env.AGENT_DATA_PLATFORM_OFFLINE === '1';

/**
 * Makes sure that the cluster is the one that was meant, and that it answers, before anything is declared.
 * @throws pulumi.RunError in one sentence with the fix.
 */
export async function checkCluster(config: PlatformConfig): Promise<void> {
  if (isOffline()) return;
  if (!config.kubeContext && !process.env.AGENT_DATA_PLATFORM_CLUSTER) {
    throw new pulumi.RunError(
      'No cluster is chosen: set kubeContext in the stack configuration, or use `npm run up`, which starts a local cluster.',
    );
  }
  try {
    await KubernetesCluster.load({ context: config.kubeContext }).request('GET', '/version', {
      timeoutMs: 10_000,
    });
  } catch (error) {
    throw new pulumi.RunError(
      `${(error as Error).message} Start the cluster or correct kubeContext; to preview without one set preview: offline.`,
    );
  }
}

/** The Kubernetes provider that every resource of the stack uses. */
export function kubernetesProvider(config: PlatformConfig): k8s.Provider {
  return new k8s.Provider('kubernetes', {
    ...(config.kubeContext ? { context: config.kubeContext } : {}),
    // A changed setting or password is an update, not a moment without the object.
    enableConfigMapMutable: true,
    enableSecretMutable: true,
    ...(isOffline() ? { renderYamlToDirectory: join(tmpdir(), 'agent-data-platform-rendered') } : {}),
  });
}
