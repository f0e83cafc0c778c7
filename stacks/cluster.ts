import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as k8s from '@pulumi/kubernetes';
import * as pulumi from '@pulumi/pulumi';
import type { PlatformConfig } from './config';

/** Whether this run renders without a cluster (`preview: offline`, set up by `npm run preview`). */
export const isOffline = (): boolean => process.env.AGENT_DATA_PLATFORM_OFFLINE === '1';

/**
 * Makes sure that a cluster was chosen; whether it answers, the provider says.
 * @throws pulumi.RunError in one sentence with the fix.
 */
export function checkCluster(config: PlatformConfig): void {
  if (isOffline() || config.kubeContext || process.env.AGENT_DATA_PLATFORM_CLUSTER) return;
  throw new pulumi.RunError(
    'No cluster is chosen: set kubeContext in the stack configuration, or use `npm run up`, which starts a local cluster.',
  );
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
