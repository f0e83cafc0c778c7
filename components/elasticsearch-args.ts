import type { PodResources, VolumeArgs } from './pod-args';

/** What a node may do. @see https://www.elastic.co/docs/deploy-manage/distributed-architecture/clusters-nodes-shards/node-roles */
export const NODE_ROLES = [
  'master',
  'data_content',
  'data_hot',
  'data_warm',
  'data_cold',
  'data_frozen',
  'ingest',
  'remote_cluster_client',
] as const;

/** Nodes of one kind. */
export interface NodeSetArgs {
  /** Part of the pods' names, such as `masters`. */
  readonly name: string;
  readonly count: number;
  /** Roles of each node; default all of them, for a cluster of one. */
  readonly roles?: readonly (typeof NODE_ROLES)[number][];
  readonly storage: VolumeArgs;
  readonly resources: PodResources;
}

/** Arguments of the Elasticsearch component. */
export interface ElasticsearchArgs {
  readonly namespace: string;
  /** Name of the cluster and prefix of everything else; default `elasticsearch`. */
  readonly name?: string;
  /** Server version, such as `9.2.0`; the operator needs it beside the image. */
  readonly version: string;
  /** Image of that version. */
  readonly image: string;
  readonly nodeSets: readonly NodeSetArgs[];
  /** Whether two nodes of a set may share a Kubernetes node when there is no other choice; default `preferred`. */
  readonly antiAffinity?: 'preferred' | 'required';
  /** Whether nodes map their files into memory, which needs `vm.max_map_count` of 1048576 on every Kubernetes node; default false. */
  readonly memoryMap?: boolean;
  /** Whether Java compiles for a short life: a node starts with half of the processor time and works slower; default false. */
  readonly quickStart?: boolean;
  /** Whether volumes are folders of a disk that others fill too, so that only what is left says whether there is room; default false. */
  readonly sharedDisk?: boolean;
  /** S3 client `platform` of the nodes, for the snapshot repositories that change files put; default none. */
  readonly snapshots?: {
    /** S3 endpoint, such as `http://minio.platform.svc:9000`. */
    readonly endpoint: string;
    /** Secret in the same namespace with the S3 keys of the snapshot user. */
    readonly secret: { readonly name: string; readonly accessKey: string; readonly secretKey: string };
  };
  /** Generation of the logins' passwords, from 1: raising it by one hands out new ones while those before stay valid. */
  readonly rotation?: number;
  /** Secret of type kubernetes.io/tls with the certificate of the API, as `elasticsearchCertificate` asks for it; default: the operator makes one. */
  readonly tlsSecret?: string;
  /** PriorityClass of the nodes' pods; default none. */
  readonly priorityClass?: string;
  /** Audit log of requests, for a licence that includes it: without one the nodes ignore it; default none. */
  readonly audit?: { readonly licence: 'platinum' | 'enterprise' };
  /** Context in the kubeconfig; default the current one. */
  readonly context?: string;
}

type Optional = 'snapshots' | 'audit' | 'context' | 'tlsSecret' | 'priorityClass';

/** Arguments with every default filled in. */
export type ResolvedElasticsearchArgs = Required<Omit<ElasticsearchArgs, Optional>> &
  Pick<ElasticsearchArgs, Optional>;

/**
 * Fills in the defaults and checks everything that depends on more than a type.
 * @throws Error listing every problem with the value got and what is allowed.
 */
export function resolveElasticsearchArgs(args: ElasticsearchArgs): ResolvedElasticsearchArgs {
  const resolved: ResolvedElasticsearchArgs = {
    ...args,
    name: args.name ?? 'elasticsearch',
    antiAffinity: args.antiAffinity ?? 'preferred',
    memoryMap: args.memoryMap ?? false,
    quickStart: args.quickStart ?? false,
    sharedDisk: args.sharedDisk ?? false,
    rotation: args.rotation ?? 1,
  };
  const problems = [...nameProblems(resolved), ...topologyProblems(resolved)];
  if (problems.length > 0) throw new Error(`elasticsearch: ${problems.join(' ')}`);
  return resolved;
}

function nameProblems({ name, version, image, nodeSets, rotation }: ResolvedElasticsearchArgs): string[] {
  const problems: string[] = [];
  if (!Number.isInteger(rotation) || rotation < 1)
    problems.push(`rotation must be an integer of at least 1, got ${rotation}.`);
  if (!/^[a-z]([-a-z0-9]{0,34}[a-z0-9])?$/.test(name))
    problems.push(`name must be a DNS label of at most 36 characters, got "${name}".`);
  if (!/^9\.\d+\.\d+$/.test(version)) problems.push(`version must be 9.x.y, got "${version}".`);
  if (/:\d+\.\d+\.\d+$/.test(image) && !image.endsWith(`:${version}`))
    problems.push(`image must be of version ${version}, got "${image}".`);
  const names = nodeSets.map((set) => set.name);
  for (const set of names.filter((set) => !/^[a-z]([-a-z0-9]{0,17}[a-z0-9])?$/.test(set)))
    problems.push(`nodeSets must have DNS labels of at most 19 characters as names, got "${set}".`);
  for (const set of names.filter((set, index) => names.indexOf(set) < index))
    problems.push(`nodeSets must have different names, got "${set}" twice.`);
  return problems;
}

function topologyProblems({ nodeSets }: ResolvedElasticsearchArgs): string[] {
  const problems = nodeSets
    .filter(({ count }) => !Number.isInteger(count) || count < 1)
    .map(({ name, count }) => `nodeSets.${name}.count must be an integer of at least 1, got ${count}.`);
  const nodesWith = (wanted: (role: string) => boolean) =>
    nodeSets
      .filter(({ roles = NODE_ROLES }) => roles.some(wanted))
      .reduce((sum, { count }) => sum + count, 0);
  const masters = nodesWith((role) => role === 'master');
  if (masters === 0) problems.push('nodeSets must have nodes with the role master, got none.');
  if (masters === 2)
    problems.push(
      'nodeSets must have 1, 3 or more nodes with the role master, got 2: neither can decide alone.',
    );
  for (const role of ['data_hot', 'data_content']) {
    if (nodesWith((own) => own === role) === 0)
      problems.push(`nodeSets must have nodes with the role ${role}, got none.`);
  }
  return problems;
}
