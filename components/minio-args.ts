import * as pulumi from '@pulumi/pulumi';
import { isDnsName, type PodResources, type VolumeArgs } from './pod-args';

/** Arguments of the MinIO component. */
export interface MinioArgs {
  readonly namespace: string;
  /** Name of the StatefulSet and prefix of everything else; default `minio`. */
  readonly name?: string;
  /** Image with the server at `/usr/bin/minio`; see `SourceImage`. */
  readonly image: pulumi.Input<string>;
  /** `single`: one server with one drive, no redundancy. `distributed`: erasure coding over all servers. */
  readonly mode: 'single' | 'distributed';
  /** Pods; default 1 in mode single, 4 in mode distributed, where it is the least. */
  readonly servers?: number;
  /** Volumes per server; default 1. */
  readonly drivesPerServer?: number;
  /** Each drive. */
  readonly storage: VolumeArgs;
  readonly resources: PodResources;
  /** Whether two servers may share a node when there is no other choice; default `preferred`. */
  readonly antiAffinity?: 'preferred' | 'required';
  /** Buckets whose objects applications may use; default none, and then there is no login for them. */
  readonly appBuckets?: readonly string[];
  /** Counts the rotations of the logins' keys, but not of the root user's, from 1, the default. */
  readonly rotation?: number;
  /** Secret with `tls.crt`, `tls.key` and `ca.crt` of {@link minioCertificate}; default no TLS. */
  readonly tlsSecret?: string;
  /** Changes with the certificate in `tlsSecret`, and then replaces the pods one by one. */
  readonly certificateFingerprint?: pulumi.Input<string>;
  /** PriorityClass of the pods; default the cluster's. */
  readonly priorityClass?: string;
  /**
   * Image of nginx, for a container that logs every request as a line of JSON; default no such log.
   * @see https://github.com/minio/minio/blob/master/docs/logging/README.md
   */
  readonly auditImage?: string;
  /** Whether there is the login `replica`, which another MinIO copies its `appBuckets` here with; default false. */
  readonly replicaLogin?: boolean;
  /** PEM of an authority that servers besides its own trust, such as that of another MinIO; default none. */
  readonly trustedAuthority?: string;
  /** Context in the kubeconfig; default the current one. */
  readonly context?: string;
  /** DNS domain of the cluster; default `cluster.local`. */
  readonly clusterDomain?: string;
}

type Optional =
  'context' | 'tlsSecret' | 'certificateFingerprint' | 'priorityClass' | 'auditImage' | 'trustedAuthority';

/** Arguments with every default filled in. */
export type ResolvedMinioArgs = Required<Omit<MinioArgs, Optional>> & Pick<MinioArgs, Optional>;

/**
 * Fills in the defaults and checks everything that depends on more than a type.
 * @throws Error listing every problem with the value got and what is allowed.
 */
export function resolveMinioArgs(args: MinioArgs): ResolvedMinioArgs {
  const resolved: ResolvedMinioArgs = {
    ...args,
    name: args.name ?? 'minio',
    servers: args.servers ?? (args.mode === 'distributed' ? 4 : 1),
    drivesPerServer: args.drivesPerServer ?? 1,
    antiAffinity: args.antiAffinity ?? 'preferred',
    appBuckets: args.appBuckets ?? [],
    rotation: args.rotation ?? 1,
    replicaLogin: args.replicaLogin ?? false,
    clusterDomain: args.clusterDomain ?? 'cluster.local',
  };
  const problems = [...topologyProblems(resolved), ...valueProblems(resolved)];
  if (problems.length > 0) throw new Error(`minio: ${problems.join(' ')}`);
  return resolved;
}

function topologyProblems({ mode, servers, drivesPerServer }: ResolvedMinioArgs): string[] {
  if (mode === 'single') {
    return [
      ...(servers === 1 ? [] : [`servers must be 1 in mode single, got ${servers}.`]),
      ...(drivesPerServer === 1 ? [] : [`drivesPerServer must be 1 in mode single, got ${drivesPerServer}.`]),
    ];
  }
  if (mode !== 'distributed') return [`mode must be single or distributed, got ${JSON.stringify(mode)}.`];
  if (!Number.isInteger(servers) || servers < 4) {
    return [
      `servers must be an integer of at least 4 in mode distributed, so that one may fail, got ${servers}.`,
    ];
  }
  if (!Number.isInteger(drivesPerServer) || drivesPerServer < 1) {
    return [`drivesPerServer must be an integer of at least 1, got ${drivesPerServer}.`];
  }
  const drives = servers * drivesPerServer;
  if (erasureSetSize(drives) >= 4) return [];
  return [
    `servers x drivesPerServer must be a multiple of a number between 4 and 16 (the drives of an erasure set), got ${servers} x ${drivesPerServer} = ${drives}.`,
  ];
}

function valueProblems(args: ResolvedMinioArgs): string[] {
  const { name, antiAffinity, appBuckets, clusterDomain, rotation, tlsSecret } = args;
  const problems = appBuckets
    .filter((bucket) => !/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(bucket))
    .map((bucket) => `appBuckets must hold names of buckets, got "${bucket}".`);
  if (!/^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$/.test(name))
    problems.push(`name must be a DNS label of at most 40 characters, got "${name}".`);
  if (!['preferred', 'required'].includes(antiAffinity))
    problems.push(`antiAffinity must be preferred or required, got "${antiAffinity}".`);
  if (!isDnsName(clusterDomain)) problems.push(`clusterDomain must be a DNS name, got "${clusterDomain}".`);
  if (!Number.isInteger(rotation) || rotation < 1)
    problems.push(`rotation must be an integer of at least 1, got ${rotation}.`);
  if (args.trustedAuthority && !tlsSecret)
    problems.push('trustedAuthority needs a tlsSecret: without TLS nobody is verified.');
  if (args.replicaLogin && appBuckets.length === 0) problems.push('replicaLogin needs appBuckets, got none.');
  if (tlsSecret !== undefined && !isDnsName(tlsSecret))
    problems.push(`tlsSecret must be the name of a Secret, got "${tlsSecret}".`);
  return problems;
}

/**
 * Drives per erasure set: the largest divisor of the number of drives that MinIO allows, 2 to 16; 1 when none fits.
 * @see https://github.com/minio/minio/blob/master/docs/distributed/DESIGN.md
 */
function erasureSetSize(drives: number): number {
  for (let size = 16; size >= 2; size--) if (drives % size === 0) return size;
  return 1;
}

/**
 * Servers that may be away while the others still take writes, with MinIO's default parity.
 * @see https://github.com/minio/minio/blob/master/docs/erasure/storage-class/README.md
 */
export function tolerableServers({ servers, drivesPerServer }: ResolvedMinioArgs): number {
  const size = erasureSetSize(servers * drivesPerServer);
  const parity = size >= 8 ? 4 : size >= 6 ? 3 : 2;
  // With as many parity as data drives a write needs one drive more than the data.
  const drivesAway = parity * 2 === size ? parity - 1 : parity;
  return Math.floor(drivesAway / Math.ceil(size / servers));
}
