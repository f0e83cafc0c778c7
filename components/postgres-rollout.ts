import type * as pulumi from '@pulumi/pulumi';
import { type CompiledProvider, CompiledResource } from '../migrations/provider/compiled-resource';

/** A Deployment that an operator makes for an object of ours. */
export interface RolloutInputs {
  readonly namespace: string;
  readonly name: string;
  /** Changes whenever the Deployment is expected to change. */
  readonly revision: string;
  /** Context in the kubeconfig; default the current one. */
  readonly context?: string;
}

const provider: CompiledProvider = {
  module: 'components/postgres-rollout-provider',
  methods: ['create', 'update'],
};

/** Waits at creation and after every change until a pooler's Deployment is available; the Pooler has no such condition. */
export class PoolerRollout extends CompiledResource {
  constructor(name: string, args: pulumi.Inputs & RolloutInputs, opts?: pulumi.CustomResourceOptions) {
    super(provider, 'kubernetes:PoolerRollout', name, { ...args }, opts);
  }
}
