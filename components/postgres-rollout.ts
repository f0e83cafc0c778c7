import * as pulumi from '@pulumi/pulumi';
import { KubernetesCluster } from '../migrations/kubernetes/cluster';
import { waitForDeployment } from './manifest-bundle/wait';

/** A Deployment that an operator makes for an object of ours. */
export interface RolloutInputs {
  readonly namespace: string;
  readonly name: string;
  /** Changes whenever the Deployment is expected to change. */
  readonly revision: string;
  /** Context in the kubeconfig; default the current one. */
  readonly context?: string;
}

const TIMEOUT_MS = 300_000;

// Relative to dist/stacks, see manifest-bundle/index.ts.
/* eslint-disable @typescript-eslint/no-require-imports */
export const rolloutProvider: pulumi.dynamic.ResourceProvider = {
  async create(inputs) {
    return require('../components/postgres-rollout').awaitRollout(inputs);
  },
  async update(_id, _olds, news) {
    return require('../components/postgres-rollout').awaitRollout(news);
  },
};
/* eslint-enable @typescript-eslint/no-require-imports */

/** Waits at creation and after every change until a pooler's Deployment is available; the Pooler has no such condition. */
export class PoolerRollout extends pulumi.dynamic.Resource {
  constructor(name: string, args: pulumi.Inputs & RolloutInputs, opts?: pulumi.CustomResourceOptions) {
    super(rolloutProvider, name, { ...args }, opts, 'kubernetes', 'PoolerRollout');
  }
}

/** Provider method: returns once the Deployment's newest pods are available, within 5 minutes. */
export async function awaitRollout(inputs: RolloutInputs) {
  await waitForDeployment(KubernetesCluster.load({ context: inputs.context }), inputs, {
    timeoutMs: TIMEOUT_MS,
    report: (line) => console.log(line),
  });
  return { id: `${inputs.namespace}/${inputs.name}`, outs: inputs };
}
