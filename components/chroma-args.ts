import type { PodResources, VolumeArgs } from './pod-args';

/** Arguments of the Chroma component. */
export interface ChromaArgs {
  readonly namespace: string;
  /** Name of the StatefulSet and prefix of everything else; default `chroma`. */
  readonly name?: string;
  /** Image whose entry point is the `chroma` command of 1.0 or newer. */
  readonly image: string;
  /** nginx image of the proxy that authenticates. */
  readonly proxyImage: string;
  readonly storage: VolumeArgs;
  readonly resources: PodResources;
  /** Secret of type kubernetes.io/tls of the API, see `chromaCertificate`; default no TLS. */
  readonly tlsSecret?: string;
  /** Counts rotations of every role's token; default 1. */
  readonly rotation?: number;
  /** PriorityClass of the pod; default none. */
  readonly priorityClass?: string;
  /** Context in the kubeconfig; default the current one. */
  readonly context?: string;
}

type Optional = 'tlsSecret' | 'priorityClass' | 'context';

/** Arguments with every default filled in. */
export type ResolvedChromaArgs = Required<Omit<ChromaArgs, Optional>> & Pick<ChromaArgs, Optional>;

/**
 * Fills in the defaults and checks the values.
 * @throws Error listing every problem with the value got and what is allowed.
 */
export function resolveChromaArgs(args: ChromaArgs): ResolvedChromaArgs {
  const resolved = { ...args, name: args.name ?? 'chroma', rotation: args.rotation ?? 1 };
  const { name, rotation } = resolved;
  const problems: string[] = [];
  if (!/^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$/.test(name))
    problems.push(`name must be a DNS label of at most 40 characters, got "${name}".`);
  if (!Number.isInteger(rotation) || rotation < 1)
    problems.push(`rotation must be an integer from 1, got ${rotation}.`);
  if (problems.length > 0) throw new Error(`chroma: ${problems.join(' ')}`);
  return resolved;
}
