import * as k8s from '@pulumi/kubernetes';
import * as pulumi from '@pulumi/pulumi';
import { labels } from './metadata';

/** Arguments of {@link RetainedStorageClass}. */
export interface RetainedStorageClassArgs {
  /** Provisioner that makes the volumes, such as `rancher.io/local-path` or `ebs.csi.aws.com`. */
  readonly provisioner: string;
  /** Name of the StorageClass; default `agent-data-platform-retain`. */
  readonly className?: string;
  /** Parameters that the provisioner understands; default none. */
  readonly parameters?: Readonly<Record<string, string>>;
}

/**
 * Pure specification of the StorageClass.
 * @throws Error when the provisioner is no qualified name.
 */
export function retainedStorageClassSpec(args: RetainedStorageClassArgs) {
  if (!/^[a-z0-9.-]+(\/[A-Za-z0-9._-]+)?$/.test(args.provisioner)) {
    throw new Error(
      `storage.provisioner must be a provisioner name such as rancher.io/local-path, got "${args.provisioner}".`,
    );
  }
  return {
    metadata: {
      name: args.className ?? 'agent-data-platform-retain',
      labels: labels({ name: 'storage' }),
    },
    provisioner: args.provisioner,
    ...(args.parameters ? { parameters: { ...args.parameters } } : {}),
    // Deleting a claim, or the whole stack, leaves the data on its volume.
    reclaimPolicy: 'Retain',
    volumeBindingMode: 'WaitForFirstConsumer',
    allowVolumeExpansion: true,
  };
}

/**
 * A StorageClass whose volumes outlive their claims.
 * @see https://kubernetes.io/docs/concepts/storage/storage-classes/
 */
export class RetainedStorageClass extends pulumi.ComponentResource {
  /** Name to put into `storageClassName`. */
  readonly className: pulumi.Output<string>;

  constructor(name: string, args: RetainedStorageClassArgs, opts?: pulumi.ComponentResourceOptions) {
    const spec = retainedStorageClassSpec(args);
    super('agent-data-platform:data:RetainedStorageClass', name, {}, opts);
    const storageClass = new k8s.storage.v1.StorageClass(name, spec, { parent: this });
    this.className = storageClass.metadata.name;
    this.registerOutputs({ className: this.className });
  }
}
