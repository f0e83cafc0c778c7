import { objectName, ResourceRule } from './rule';

const minimumInstances = 3;

/** The part of a CloudNativePG `Cluster` that decides about its availability. */
interface ClusterSpec {
  readonly instances?: number;
  readonly postgresql?: {
    readonly synchronous?: { readonly number?: number; readonly dataDurability?: string };
  };
}

/**
 * A CloudNativePG cluster survives the loss of a node without losing an acknowledged commit.
 * @see https://cloudnative-pg.io/documentation/current/replication/#synchronous-replication
 */
export const postgresHighlyAvailable: ResourceRule = {
  name: 'postgres-highly-available',
  description: `PostgreSQL has at least ${minimumInstances} instances and synchronous replication that never degrades silently.`,
  url: 'https://cloudnative-pg.io/documentation/current/replication/#synchronous-replication',
  severity: 'critical',
  check: (resource) => {
    if (!/^kubernetes:postgresql\.cnpg\.io\/[^:]+:Cluster$/.test(resource.type)) return [];
    const where = objectName(resource);
    const { instances = 1, postgresql }: ClusterSpec = resource.props.spec ?? {};
    const { number = 0, dataDurability = 'required' } = postgresql?.synchronous ?? {};
    return [
      ...(instances < minimumInstances
        ? [`${where} has ${instances} instances; it needs at least ${minimumInstances}.`]
        : []),
      ...(number < 1
        ? [`${where} replicates asynchronously; set spec.postgresql.synchronous with number 1 or more.`]
        : []),
      ...(dataDurability === 'required'
        ? []
        : [
            `${where} has dataDurability "${dataDurability}"; only "required" keeps every acknowledged commit.`,
          ]),
    ];
  },
};
