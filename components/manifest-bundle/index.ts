import type * as pulumi from '@pulumi/pulumi';
import type { KubernetesObject } from '../../migrations/kubernetes/cluster';
import { type CompiledProvider, CompiledResource } from '../../migrations/provider/compiled-resource';

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

const provider: CompiledProvider = {
  module: 'components/manifest-bundle/provider',
  methods: ['check', 'diff', 'create', 'read', 'update', 'delete'],
};

/**
 * A release manifest (YAML with many objects) applied server-side as one resource, so that the state stays small.
 * Waits until its Deployments are available; deletion keeps definitions that still have objects.
 * @see https://kubernetes.io/docs/reference/using-api/server-side-apply/
 */
export class ManifestBundle extends CompiledResource {
  /** Every applied object, one per line of `apiVersion kind [namespace/]name`. */
  declare readonly objects: pulumi.Output<string[]>;

  constructor(name: string, args: ManifestBundleArgs, opts?: pulumi.CustomResourceOptions) {
    super(
      provider,
      'kubernetes:ManifestBundle',
      name,
      { ...args, objects: undefined, missing: undefined },
      opts,
    );
  }
}
