import type * as pulumi from '@pulumi/pulumi';
import { isDnsName, type PodResources, type VolumeArgs } from './pod-args';

/** Arguments of the Qdrant component. */
export interface QdrantArgs {
  readonly namespace: string;
  /** Name of the StatefulSet and prefix of everything else; default `qdrant`. */
  readonly name?: string;
  readonly image: pulumi.Input<string>;
  /** Pods; default 1, a server alone. From 3 on they are Raft peers, of which fewer than half may be away. */
  readonly peers?: number;
  readonly storage: VolumeArgs;
  /** Volume of each pod that snapshots are written to. */
  readonly snapshots: VolumeArgs;
  readonly resources: PodResources;
  /** Whether two peers may share a node when there is no other choice; default `preferred`. */
  readonly antiAffinity?: 'preferred' | 'required';
  /** What a new collection gets for all that its change file leaves out. */
  readonly collections?: QdrantCollectionDefaults;
  /** Collections and aliases whose points applications may use; default none, and then there is no login for them. */
  readonly appCollections?: readonly string[];
  /** Counts the rotations of the logins' tokens, but not of the key that signs them, from 1, the default. */
  readonly rotation?: number;
  /**
   * Counts the steps of the API key's rotation, from 1, the default; raised by one at a time. An even step makes every peer
   * accept the next key, and the odd one after it uses that key, for the peers show it to each other.
   */
  readonly apiKeyStep?: number;
  /** Secret with `tls.crt`, `tls.key` and `ca.crt` of `qdrantCertificate`; default no TLS. */
  readonly tlsSecret?: string;
  /** Changes with the certificate in `tlsSecret`, and then replaces the pods one by one. */
  readonly certificateFingerprint?: pulumi.Input<string>;
  /** PriorityClass of the pods; default the cluster's. */
  readonly priorityClass?: string;
  /** Context in the kubeconfig; default the current one. */
  readonly context?: string;
  /** DNS domain of the cluster; default `cluster.local`. */
  readonly clusterDomain?: string;
}

/** Defaults of new collections; see https://qdrant.tech/documentation/guides/configuration/ */
export interface QdrantCollectionDefaults {
  /** Copies of each shard; default 3, or 1 for a server alone. */
  readonly replicationFactor?: number;
  /** Copies that a write waits for; default the majority of them. */
  readonly writeConsistencyFactor?: number;
  /** Whether vectors are read from disk instead of being kept in memory; default false. */
  readonly vectorsOnDisk?: boolean;
  /** Compressed copies of the vectors in memory; default `none`. */
  readonly quantization?: 'none' | 'scalar' | 'binary';
  /** Edges per node of the HNSW graph; default 16. */
  readonly hnswM?: number;
  /** Neighbours that are considered when the HNSW graph is built; default 100. */
  readonly hnswEfConstruct?: number;
}

type Optional = 'tlsSecret' | 'certificateFingerprint' | 'priorityClass' | 'context';

/** Arguments with every default filled in. */
export type ResolvedQdrantArgs = Required<Omit<QdrantArgs, Optional | 'collections'>> &
  Pick<QdrantArgs, Optional> & { readonly collections: Required<QdrantCollectionDefaults> };

/**
 * Fills in the defaults and checks everything that depends on more than a type.
 * @throws Error listing every problem with the value got and what is allowed.
 */
export function resolveQdrantArgs(args: QdrantArgs): ResolvedQdrantArgs {
  const peers = args.peers ?? 1;
  const replicationFactor = args.collections?.replicationFactor ?? Math.min(peers, 3);
  const resolved: ResolvedQdrantArgs = {
    ...args,
    name: args.name ?? 'qdrant',
    peers,
    antiAffinity: args.antiAffinity ?? 'preferred',
    clusterDomain: args.clusterDomain ?? 'cluster.local',
    appCollections: args.appCollections ?? [],
    rotation: args.rotation ?? 1,
    apiKeyStep: args.apiKeyStep ?? 1,
    collections: {
      replicationFactor,
      writeConsistencyFactor:
        args.collections?.writeConsistencyFactor ?? Math.floor(replicationFactor / 2) + 1,
      vectorsOnDisk: args.collections?.vectorsOnDisk ?? false,
      quantization: args.collections?.quantization ?? 'none',
      hnswM: args.collections?.hnswM ?? 16,
      hnswEfConstruct: args.collections?.hnswEfConstruct ?? 100,
    },
  };
  const problems = [
    ...topologyProblems(resolved),
    ...collectionProblems(resolved),
    ...nameProblems(resolved),
  ];
  if (problems.length > 0) throw new Error(`qdrant: ${problems.join(' ')}`);
  return resolved;
}

function topologyProblems({ peers, antiAffinity }: ResolvedQdrantArgs): string[] {
  const problems: string[] = [];
  if (peers !== 1 && !isAtLeast(3, peers))
    problems.push(`peers must be 1, or an integer of at least 3 so that one may be away, got ${peers}.`);
  if (!['preferred', 'required'].includes(antiAffinity))
    problems.push(`antiAffinity must be preferred or required, got "${antiAffinity}".`);
  return problems;
}

function collectionProblems({ peers, collections }: ResolvedQdrantArgs): string[] {
  const { replicationFactor, writeConsistencyFactor, quantization, hnswM, hnswEfConstruct } = collections;
  const problems: string[] = [];
  if (!isAtLeast(1, replicationFactor) || replicationFactor > peers)
    problems.push(`replicationFactor must be 1 to ${peers}, the number of peers, got ${replicationFactor}.`);
  if (!isAtLeast(1, writeConsistencyFactor) || writeConsistencyFactor > replicationFactor)
    problems.push(
      `writeConsistencyFactor must be 1 to ${replicationFactor}, the replicationFactor, got ${writeConsistencyFactor}.`,
    );
  if (!['none', 'scalar', 'binary'].includes(quantization))
    problems.push(`quantization must be none, scalar or binary, got "${quantization}".`);
  if (!isAtLeast(4, hnswM) || hnswM > 128) problems.push(`hnswM must be 4 to 128, got ${hnswM}.`);
  if (!isAtLeast(hnswM, hnswEfConstruct))
    problems.push(`hnswEfConstruct must be at least hnswM, ${hnswM}, got ${hnswEfConstruct}.`);
  return problems;
}

function nameProblems(args: ResolvedQdrantArgs): string[] {
  const { name, tlsSecret, clusterDomain, appCollections, rotation, apiKeyStep } = args;
  const problems = appCollections
    .filter((collection) => !/^[a-z][a-z0-9_-]{0,62}$/.test(collection))
    .map((collection) => `appCollections must hold names of collections, got "${collection}".`);
  for (const [what, count] of Object.entries({ rotation, apiKeyStep }))
    if (!isAtLeast(1, count)) problems.push(`${what} must be an integer of at least 1, got ${count}.`);
  if (!/^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$/.test(name))
    problems.push(`name must be a DNS label of at most 40 characters, got "${name}".`);
  if (tlsSecret !== undefined && !/^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/.test(tlsSecret))
    problems.push(`tlsSecret must be the name of a Secret, got "${tlsSecret}".`);
  if (!isDnsName(clusterDomain)) problems.push(`clusterDomain must be a DNS name, got "${clusterDomain}".`);
  return problems;
}

function isAtLeast(least: number, value: number): boolean {
  return Number.isInteger(value) && value >= least;
}
