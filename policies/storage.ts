import type { V1PersistentVolumeClaimSpec, V1StatefulSetSpec } from '@kubernetes/client-node';
import { kindOf, objectName, Resource, ResourceRule } from './rule';

/** Every volume names its StorageClass: the cluster's default decides about retention and can change. */
export const storageClassExplicit: ResourceRule = {
  name: 'storage-class-explicit',
  description: 'Every volume names its StorageClass, which decides whether data outlives its claim.',
  url: 'https://kubernetes.io/docs/concepts/storage/storage-classes/',
  severity: 'medium',
  check: (resource) =>
    claims(resource)
      .filter(({ storageClass }) => !storageClass)
      .map(({ path }) => `${objectName(resource)} has no storage class at ${path}; name one.`),
};

interface Claim {
  readonly path: string;
  readonly storageClass: string | undefined;
}

function claims(resource: Resource): Claim[] {
  switch (kindOf(resource.type)) {
    case 'PersistentVolumeClaim': {
      const spec = resource.props.spec as V1PersistentVolumeClaimSpec | undefined;
      return [{ path: 'spec.storageClassName', storageClass: spec?.storageClassName }];
    }
    case 'StatefulSet': {
      const spec = resource.props.spec as Partial<V1StatefulSetSpec> | undefined;
      return (spec?.volumeClaimTemplates ?? []).map(({ spec: claim }, index) => ({
        path: `spec.volumeClaimTemplates[${index}].spec.storageClassName`,
        storageClass: claim?.storageClassName,
      }));
    }
    case 'Cluster':
      return postgresClaims(resource);
    default:
      return [];
  }
}

/** CloudNativePG declares the data volume, and optionally a separate one for the write-ahead log. */
function postgresClaims({ type, props }: Resource): Claim[] {
  if (!type.startsWith('kubernetes:postgresql.cnpg.io/')) return [];
  const spec = props.spec as Partial<Record<'storage' | 'walStorage', { storageClass?: string }>> | undefined;
  return (['storage', 'walStorage'] as const).flatMap((volume) =>
    volume === 'storage' || spec?.[volume]
      ? [{ path: `spec.${volume}.storageClass`, storageClass: spec?.[volume]?.storageClass }]
      : [],
  );
}
