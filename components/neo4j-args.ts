import { LEAST_MEMORY_MIB, mebibytes } from './neo4j-memory';
import { isDnsName, type PodResources, type VolumeArgs } from './pod-args';

/** Plugins that the official image knows how to install. */
export const neo4jPlugins = ['apoc', 'graph-data-science'] as const;

/** Arguments of the Neo4j component. */
export interface Neo4jArgs {
  readonly namespace: string;
  /** Name of the StatefulSet and prefix of everything else; default `neo4j`. */
  readonly name?: string;
  /** Official image of the edition, or one with the same environment and paths. */
  readonly image: string;
  /** `community`: one server, no roles. `enterprise`: also clusters and roles, under a licence; default `community`. */
  readonly edition?: 'community' | 'enterprise';
  /**
   * Acceptance of Neo4j's licence, which edition enterprise needs: `yes` with a commercial licence, `eval` to evaluate it.
   * @see https://neo4j.com/licensing/
   */
  readonly acceptLicenseAgreement?: 'yes' | 'eval';
  /** Pods, all primaries; default 1. More than one needs edition enterprise and an odd number. */
  readonly servers?: number;
  readonly storage: VolumeArgs;
  /** The memory limit also decides heap and page cache, see `neo4jMemory`. */
  readonly resources: PodResources;
  /** Plugins to install; the official image has `apoc` and downloads `graph-data-science`; default none. */
  readonly plugins?: readonly (typeof neo4jPlugins)[number][];
  /** Whether two servers may share a node when there is no other choice; default `preferred`. */
  readonly antiAffinity?: 'preferred' | 'required';
  /** Context in the kubeconfig; default the current one. */
  readonly context?: string;
  /** DNS domain of the cluster; default `cluster.local`. */
  readonly clusterDomain?: string;
  /** Secret of type kubernetes.io/tls for Bolt and between servers, see `neo4jCertificate`; default no TLS. */
  readonly tlsSecret?: string;
  /** Counts rotations of every user's password; default 1. */
  readonly rotation?: number;
  /** PriorityClass of the pods; default none. */
  readonly priorityClass?: string;
}

type Optional = 'context' | 'acceptLicenseAgreement' | 'tlsSecret' | 'priorityClass';

/** Arguments with every default filled in. */
export type ResolvedNeo4jArgs = Required<Omit<Neo4jArgs, Optional>> & Pick<Neo4jArgs, Optional>;

/**
 * Fills in the defaults and checks everything that depends on more than a type.
 * @throws Error listing every problem with the value got and what is allowed.
 */
export function resolveNeo4jArgs(args: Neo4jArgs): ResolvedNeo4jArgs {
  const resolved: ResolvedNeo4jArgs = {
    ...args,
    name: args.name ?? 'neo4j',
    edition: args.edition ?? 'community',
    servers: args.servers ?? 1,
    plugins: args.plugins ?? [],
    antiAffinity: args.antiAffinity ?? 'preferred',
    clusterDomain: args.clusterDomain ?? 'cluster.local',
    rotation: args.rotation ?? 1,
  };
  const problems = [...editionProblems(resolved), ...valueProblems(resolved)];
  if (problems.length > 0) throw new Error(`neo4j: ${problems.join(' ')}`);
  return resolved;
}

function editionProblems(args: ResolvedNeo4jArgs): string[] {
  const { edition, servers, image, acceptLicenseAgreement: accepted } = args;
  if (edition === 'community') {
    return [
      ...(servers === 1
        ? []
        : [`servers must be 1 in edition community, got ${servers}; a cluster needs edition enterprise.`]),
      ...(/enterprise/.test(image)
        ? [`image must be of edition community, got "${image}"; set edition to enterprise to use it.`]
        : []),
    ];
  }
  if (edition !== 'enterprise')
    return [`edition must be community or enterprise, got ${JSON.stringify(edition)}.`];
  return [
    ...(accepted === 'yes' || accepted === 'eval'
      ? []
      : [
          'edition enterprise needs a licence of Neo4j: set acceptLicenseAgreement to yes (commercial licence) or eval ' +
            `(evaluation), see https://neo4j.com/licensing/; got ${JSON.stringify(accepted) ?? 'nothing'}.`,
        ]),
    ...(Number.isInteger(servers) && servers >= 1 && servers % 2 === 1
      ? []
      : [`servers must be an odd number, so that a majority can always be told, got ${servers}.`]),
  ];
}

function valueProblems(args: ResolvedNeo4jArgs): string[] {
  const { name, antiAffinity, plugins, clusterDomain, rotation } = args;
  const problems: string[] = [];
  const { memory } = args.resources.limits;
  if (!(mebibytes(memory) >= LEAST_MEMORY_MIB))
    problems.push(`resources.limits.memory must be at least ${LEAST_MEMORY_MIB}Mi, got "${memory}".`);
  for (const plugin of plugins.filter((plugin) => !neo4jPlugins.includes(plugin)))
    problems.push(`plugins must hold ${neo4jPlugins.join(' or ')}, got "${plugin}".`);
  if (!/^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$/.test(name))
    problems.push(`name must be a DNS label of at most 40 characters, got "${name}".`);
  if (!isDnsName(clusterDomain)) problems.push(`clusterDomain must be a DNS name, got "${clusterDomain}".`);
  if (!Number.isInteger(rotation) || rotation < 1)
    problems.push(`rotation must be an integer from 1, got ${rotation}.`);
  if (!['preferred', 'required'].includes(antiAffinity))
    problems.push(`antiAffinity must be preferred or required, got "${antiAffinity}".`);
  return problems;
}
