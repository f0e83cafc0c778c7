import type * as pulumi from '@pulumi/pulumi';
import { type CompiledProvider, CompiledResource } from '../migrations/provider/compiled-resource';

/** An operator that the cluster must already have. */
export interface OperatorRequirement {
  /** Name for people, such as `CloudNativePG`. */
  readonly operator: string;
  /** CustomResourceDefinition that must exist, such as `clusters.postgresql.cnpg.io`. */
  readonly definition: string;
  /** Version of it that must be served, such as `v1`. */
  readonly version: string;
  /** What runs the operator, in any namespace: its kind, and label selectors of which one must find it. */
  readonly workload: {
    readonly kind: 'Deployment' | 'StatefulSet';
    readonly selectors: readonly string[];
  };
  /** Context in the kubeconfig; default the current one. */
  readonly context?: string;
}

const provider: CompiledProvider = {
  module: 'components/operators-existing-provider',
  methods: ['check', 'create'],
};

/** Fails the preview and the update when the cluster lacks an operator; creates and deletes nothing. */
export class ExistingOperator extends CompiledResource {
  constructor(name: string, args: OperatorRequirement, opts?: pulumi.CustomResourceOptions) {
    super(provider, 'kubernetes:ExistingOperator', name, { ...args }, opts);
  }
}
