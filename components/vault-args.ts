import { isDnsName, type PodResources, type VolumeArgs } from './pod-args';

/** What opens the storage of Vault after a start. */
export const vaultSeals = ['shamir', 'auto', 'dev-auto'] as const;
export type VaultSeal = (typeof vaultSeals)[number];

/** Arguments of the Vault component. */
export interface VaultArgs {
  readonly namespace: string;
  /** Name of the StatefulSet and prefix of everything else; default `vault`. */
  readonly name?: string;
  /** Image with the server at `/bin/vault`, and a shell for the seal `dev-auto`, by tag or digest. */
  readonly image: string;
  /** Servers with integrated storage, of which a majority must run; default 1; odd. */
  readonly replicas?: number;
  /** One volume per server. */
  readonly storage: VolumeArgs;
  readonly resources: PodResources;
  /**
   * `shamir`: people hold shares of the key and open each server after each start. `auto`: the seal that `sealSecret` describes.
   * `dev-auto`: the key is in a Secret beside Vault, which protects nothing; one server.
   * @see https://developer.hashicorp.com/vault/docs/concepts/seal
   */
  readonly seal: VaultSeal;
  /**
   * Secret whose key `seal.hcl` is a `seal` stanza, with everything that it needs; only with seal `auto`.
   * @see https://developer.hashicorp.com/vault/docs/configuration/seal
   */
  readonly sealSecret?: string;
  /** Secret of type kubernetes.io/tls with the servers' certificate, see {@link vaultCertificate}; default `<name>-tls`. */
  readonly tlsSecret?: string;
  /** Secret whose key `ca.crt` verifies PostgreSQL's certificate; default none. */
  readonly postgresCaSecret?: string;
  /** Whether two servers may share a node when there is no other choice; default `preferred`. */
  readonly antiAffinity?: 'preferred' | 'required';
  /** PriorityClass of the pods; default none. */
  readonly priorityClass?: string;
  /** Flows, by name, of the databases whose logins Vault makes; default none. */
  readonly databases?: readonly string[];
  /** DNS domain of the cluster; default `cluster.local`. */
  readonly clusterDomain?: string;
}

type Optional = 'sealSecret' | 'postgresCaSecret' | 'priorityClass';

/** Arguments with every default filled in. */
export type ResolvedVaultArgs = Required<Omit<VaultArgs, Optional>> & Pick<VaultArgs, Optional>;

const NAME = /^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$/;
const SECRET_NAME = /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/;

/**
 * Fills in the defaults and checks everything that depends on more than a type.
 * @throws Error listing every problem with the value got and what is allowed.
 */
export function resolveVaultArgs(args: VaultArgs): ResolvedVaultArgs {
  const name = args.name ?? 'vault';
  const resolved: ResolvedVaultArgs = {
    ...args,
    name,
    replicas: args.replicas ?? 1,
    tlsSecret: args.tlsSecret ?? `${name}-tls`,
    antiAffinity: args.antiAffinity ?? 'preferred',
    databases: args.databases ?? [],
    clusterDomain: args.clusterDomain ?? 'cluster.local',
  };
  const problems = [...sealProblems(resolved), ...valueProblems(resolved)];
  if (problems.length > 0) throw new Error(`vault: ${problems.join(' ')}`);
  return resolved;
}

function sealProblems({ seal, sealSecret, replicas }: ResolvedVaultArgs): string[] {
  if (!vaultSeals.includes(seal))
    return [`seal must be one of ${vaultSeals.join(', ')}, got ${JSON.stringify(seal)}.`];
  if (seal === 'auto' && sealSecret === undefined)
    return ['sealSecret must name a Secret with the key seal.hcl with seal auto, got nothing.'];
  if (seal !== 'auto' && sealSecret !== undefined)
    return [`sealSecret is only read with seal auto, got "${sealSecret}" with seal ${seal}; remove it.`];
  if (seal === 'dev-auto' && replicas !== 1)
    return [`replicas must be 1 with seal dev-auto, got ${replicas}.`];
  return [];
}

function valueProblems(args: ResolvedVaultArgs): string[] {
  const { name, replicas, antiAffinity, clusterDomain } = args;
  const problems: string[] = [];
  if (!NAME.test(name))
    problems.push(`name must be a DNS label of at most 40 characters, got ${JSON.stringify(name)}.`);
  if (!Number.isInteger(replicas) || replicas < 1 || replicas % 2 === 0)
    problems.push(
      `replicas must be an odd integer of at least 1, so that a majority exists, got ${replicas}.`,
    );
  for (const key of ['tlsSecret', 'sealSecret', 'postgresCaSecret'] as const) {
    const value = args[key];
    if (value !== undefined && !SECRET_NAME.test(value))
      problems.push(`${key} must be the name of a Secret, got ${JSON.stringify(value)}.`);
  }
  if (!['preferred', 'required'].includes(antiAffinity))
    problems.push(`antiAffinity must be preferred or required, got ${JSON.stringify(antiAffinity)}.`);
  if (!isDnsName(clusterDomain))
    problems.push(`clusterDomain must be a DNS name, got ${JSON.stringify(clusterDomain)}.`);
  return problems;
}
