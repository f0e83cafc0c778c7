import * as pulumi from '@pulumi/pulumi';
import type { KubernetesObject } from '../../migrations/kubernetes/cluster';

/** Arguments of {@link ManifestBundle}. */
export interface ManifestBundleArgs {
  /** HTTPS address of the release manifest; not asked when the cache has the file of this checksum. */
  readonly url: string;
  /** SHA-256 of the manifest, 64 hexadecimal digits. */
  readonly sha256: string;
  /** Image that replaces the manifest's own; default the manifest's. */
  readonly image?: string;
  /** Namespace that replaces the manifest's own; default the manifest's. */
  readonly namespace?: string;
  /** Context in the kubeconfig; default the current one. */
  readonly context?: string;
  /** Object whose dry-run creation shows that the admission webhooks answer. */
  readonly probe?: KubernetesObject;
}

// Module paths are relative to the folder of the program's entry point (dist/stacks), where Pulumi starts dynamic
// providers. Nothing is captured, so the closures stored in the state hold no value and no machine's path.
/* eslint-disable @typescript-eslint/no-require-imports */
export const manifestBundleProvider: pulumi.dynamic.ResourceProvider = {
  async check(olds, news) {
    return require('../components/manifest-bundle/provider').check(olds, news);
  },
  async diff(id, olds, news) {
    return require('../components/manifest-bundle/provider').diff(id, olds, news);
  },
  async create(inputs) {
    return require('../components/manifest-bundle/provider').create(inputs);
  },
  async read(id, state) {
    return require('../components/manifest-bundle/provider').read(id, state);
  },
  async update(id, olds, news) {
    return require('../components/manifest-bundle/provider').update(id, olds, news);
  },
  async delete(id, state) {
    return require('../components/manifest-bundle/provider').remove(id, state);
  },
};
/* eslint-enable @typescript-eslint/no-require-imports */

/**
 * A release manifest (YAML with many objects) applied server-side as one resource, so that the state stays small.
 * Waits until its Deployments are available; deletion keeps definitions that still have objects.
 * @see https://kubernetes.io/docs/reference/using-api/server-side-apply/
 */
export class ManifestBundle extends pulumi.dynamic.Resource {
  /** Every applied object, one per line of `apiVersion kind [namespace/]name`. */
  declare readonly objects: pulumi.Output<string[]>;

  constructor(name: string, args: ManifestBundleArgs, opts?: pulumi.CustomResourceOptions) {
    super(
      manifestBundleProvider,
      name,
      { ...args, objects: undefined, missing: undefined },
      opts,
      'kubernetes',
      'ManifestBundle',
    );
  }
}
