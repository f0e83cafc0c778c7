import type { V1PersistentVolumeClaimSpec, V1StatefulSetSpec } from '@kubernetes/client-node';
import { kindOf, objectName, Resource, ResourceRule, StackRule } from './rule';
import { isElasticsearch, isPostgres, isStatefulStore, nodeSets } from './stores';

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

/**
 * Deleting a store, or a replica of it, leaves its data: by its own settings, by the StorageClass where the stack declares
 * it, or because Pulumi refuses. What a class of the cluster itself does is not visible here; its name is configuration.
 */
export const dataRetained: StackRule = {
  name: 'data-retained',
  description: 'No store loses its volumes when it is deleted or made smaller, unless Pulumi protects it.',
  url: 'https://kubernetes.io/docs/concepts/storage/persistent-volumes/#retain',
  severity: 'critical',
  checkStack: (resources) => {
    const deleting = new Set(
      resources
        .filter(({ type, props }) => kindOf(type) === 'StorageClass' && props.reclaimPolicy !== 'Retain')
        .map(({ name, props }) => (props.metadata as { name?: string } | undefined)?.name ?? name),
    );
    return resources
      .filter(({ protect }) => !protect)
      .flatMap((resource) => lossOf(resource, deleting).map((message) => ({ resource, message })));
  },
};

function lossOf(resource: Resource, deleting: ReadonlySet<string>): string[] {
  const where = objectName(resource);
  const classes = new Set(claims(resource).flatMap(({ storageClass }) => storageClass ?? []));
  return [
    ...ownDeletion(resource).map((field) => `${where} deletes its volumes by ${field}; keep them.`),
    ...[...classes]
      .filter((name) => deleting.has(name))
      .map(
        (name) => `${where} has volumes of StorageClass ${name}, whose reclaimPolicy is not Retain; set it.`,
      ),
  ];
}

function ownDeletion(resource: Resource): string[] {
  if (isElasticsearch(resource)) {
    const policy = (resource.props.spec as { volumeClaimDeletePolicy?: string }).volumeClaimDeletePolicy;
    const kept = policy === 'DeleteOnScaledownOnly';
    return kept ? [] : [`volumeClaimDeletePolicy ${policy ?? 'DeleteOnScaledownAndClusterDeletion'}`];
  }
  if (!isStatefulStore(resource)) return [];
  const policy = (resource.props.spec as Partial<V1StatefulSetSpec>).persistentVolumeClaimRetentionPolicy;
  return (['whenDeleted', 'whenScaled'] as const)
    .filter((when) => policy?.[when] === 'Delete')
    .map((when) => `persistentVolumeClaimRetentionPolicy.${when} Delete`);
}

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
    case 'Elasticsearch':
      return elasticsearchClaims(resource);
    default:
      return [];
  }
}

/** CloudNativePG declares the data volume, and optionally a separate one for the write-ahead log. */
function postgresClaims(resource: Resource): Claim[] {
  if (!isPostgres(resource)) return [];
  const spec = resource.props.spec as
    Partial<Record<'storage' | 'walStorage', { storageClass?: string }>> | undefined;
  return (['storage', 'walStorage'] as const).flatMap((volume) =>
    volume === 'storage' || spec?.[volume]
      ? [{ path: `spec.${volume}.storageClass`, storageClass: spec?.[volume]?.storageClass }]
      : [],
  );
}

function elasticsearchClaims(resource: Resource): Claim[] {
  return nodeSets(resource).flatMap(({ volumeClaimTemplates = [] }, set) =>
    volumeClaimTemplates.map(({ spec }, index) => ({
      path: `spec.nodeSets[${set}].volumeClaimTemplates[${index}].spec.storageClassName`,
      storageClass: spec?.storageClassName,
    })),
  );
}
