/** Which resources keep data. */
import type { V1StatefulSetSpec } from '@kubernetes/client-node';
import { isCustom, kindOf, Resource } from './rule';

/** A CloudNativePG cluster. */
export function isPostgres(resource: Resource): boolean {
  return isCustom(resource, 'postgresql.cnpg.io', 'Cluster');
}

/** An Elasticsearch cluster run by ECK. */
export function isElasticsearch(resource: Resource): boolean {
  return isCustom(resource, 'elasticsearch.k8s.elastic.co', 'Elasticsearch');
}

/** A StatefulSet whose pods have volumes of their own. */
export function isStatefulStore(resource: Resource): boolean {
  if (kindOf(resource.type) !== 'StatefulSet') return false;
  const spec = resource.props.spec as Partial<V1StatefulSetSpec> | undefined;
  return (spec?.volumeClaimTemplates ?? []).length > 0;
}

/** Whatever keeps data on volumes. */
export function isStore(resource: Resource): boolean {
  return isStatefulStore(resource) || isPostgres(resource) || isElasticsearch(resource);
}

/** One kind of Elasticsearch node. */
export interface NodeSet {
  readonly name?: string;
  readonly count?: number;
  readonly config?: Readonly<Record<string, unknown>>;
  readonly podTemplate?: { readonly spec?: Readonly<Record<string, unknown>> };
  readonly volumeClaimTemplates?: readonly { readonly spec?: { readonly storageClassName?: string } }[];
}

/** Node sets of an Elasticsearch cluster. */
export function nodeSets({ props }: Resource): readonly NodeSet[] {
  return (props.spec as { nodeSets?: readonly NodeSet[] } | undefined)?.nodeSets ?? [];
}

/** Nodes of an Elasticsearch cluster that can be elected master. */
export function masterNodes(resource: Resource): number {
  return nodeSets(resource)
    .filter(({ config }) => (config?.['node.roles'] as string[] | undefined)?.includes('master') ?? true)
    .reduce((sum, { count = 1 }) => sum + count, 0);
}
