import type { dynamic } from '@pulumi/pulumi';
import { KubernetesCluster } from '../migrations/kubernetes/cluster';
import { waitForDeployment } from './manifest-bundle/wait';
import type { RolloutInputs } from './postgres-rollout';

const TIMEOUT_MS = 300_000;

/** Provider method: returns once the Deployment's newest pods are available, within 5 minutes. */
export async function awaitRollout(inputs: RolloutInputs) {
  await waitForDeployment(KubernetesCluster.load({ context: inputs.context }), inputs, {
    timeoutMs: TIMEOUT_MS,
    report: (line) => console.log(line),
  });
  return { id: `${inputs.namespace}/${inputs.name}`, outs: inputs };
}

/** What Pulumi's provider process runs. */
export const provider: dynamic.ResourceProvider = {
  create: awaitRollout,
  update: (_id, _olds, news) => awaitRollout(news),
};
