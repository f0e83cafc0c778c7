/** Arguments that the components of all stores share. */

/** Compute resources of one pod; see https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/ */
export interface PodResources {
  readonly requests: { readonly cpu: string; readonly memory: string };
  readonly limits: { readonly cpu?: string; readonly memory: string };
}

/** One volume per instance. */
export interface VolumeArgs {
  /** Kubernetes quantity such as `10Gi`. */
  readonly size: string;
  /** StorageClass; default the cluster's default class. */
  readonly className?: string;
}

/** A StatefulSet's claim for one volume of each pod. */
export function volumeClaimTemplate(
  name: string,
  { size, className }: VolumeArgs,
  labels?: Readonly<Record<string, string>>,
) {
  return {
    metadata: { name, ...(labels ? { labels } : {}) },
    spec: {
      accessModes: ['ReadWriteOnce'],
      resources: { requests: { storage: size } },
      ...(className ? { storageClassName: className } : {}),
    },
  };
}

/** Whether text is a DNS name, such as `cluster.local`. */
export function isDnsName(text: string): boolean {
  return /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/.test(text);
}
