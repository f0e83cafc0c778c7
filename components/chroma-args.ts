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
}

/** Arguments with every default filled in. */
export type ResolvedChromaArgs = Required<ChromaArgs>;

/**
 * Fills in the defaults and checks the values.
 * @throws Error with the value got and what is allowed.
 */
export function resolveChromaArgs(args: ChromaArgs): ResolvedChromaArgs {
  const resolved: ResolvedChromaArgs = { ...args, name: args.name ?? 'chroma' };
  if (!/^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$/.test(resolved.name))
    throw new Error(`chroma: name must be a DNS label of at most 40 characters, got "${resolved.name}".`);
  return resolved;
}
