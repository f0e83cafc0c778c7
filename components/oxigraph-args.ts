import type { PodResources, VolumeArgs } from './pod-args';

/** Arguments of the Oxigraph component. */
export interface OxigraphArgs {
  readonly namespace: string;
  /** Name of the StatefulSet and prefix of everything else; default `oxigraph`. */
  readonly name?: string;
  /** Image whose entry point is the `oxigraph` command of 0.5 or newer. */
  readonly image: string;
  /** nginx image of the proxy that authenticates. */
  readonly proxyImage: string;
  readonly storage: VolumeArgs;
  readonly resources: PodResources;
  /**
   * What the application's user may change; default `update`. `update`: SPARQL updates and the Graph Store protocol on
   * every graph, since Oxigraph has no rights per graph. `graph-store`: only whole graphs of projects.
   */
  readonly applicationAccess?: 'update' | 'graph-store';
  /** Seconds after which a query is stopped; default 60. */
  readonly queryTimeoutSeconds?: number;
  /** Secret of type kubernetes.io/tls for both endpoints, see `oxigraphCertificate`; default no TLS. */
  readonly tlsSecret?: string;
  /** Counts rotations of every role's password; default 1. */
  readonly rotation?: number;
  /** PriorityClass of the pod; default none. */
  readonly priorityClass?: string;
  /** Context in the kubeconfig; default the current one. */
  readonly context?: string;
}

type Optional = 'tlsSecret' | 'priorityClass' | 'context';

/** Arguments with every default filled in. */
export type ResolvedOxigraphArgs = Required<Omit<OxigraphArgs, Optional>> & Pick<OxigraphArgs, Optional>;

/**
 * Fills in the defaults and checks the values.
 * @throws Error listing every problem with the value got and what is allowed.
 */
export function resolveOxigraphArgs(args: OxigraphArgs): ResolvedOxigraphArgs {
  const resolved: ResolvedOxigraphArgs = {
    ...args,
    name: args.name ?? 'oxigraph',
    applicationAccess: args.applicationAccess ?? 'update',
    queryTimeoutSeconds: args.queryTimeoutSeconds ?? 60,
    rotation: args.rotation ?? 1,
  };
  const { name, applicationAccess, queryTimeoutSeconds, rotation } = resolved;
  const problems: string[] = [];
  if (!/^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$/.test(name))
    problems.push(`name must be a DNS label of at most 40 characters, got "${name}".`);
  if (!['update', 'graph-store'].includes(applicationAccess))
    problems.push(`applicationAccess must be update or graph-store, got "${applicationAccess}".`);
  if (!Number.isInteger(queryTimeoutSeconds) || queryTimeoutSeconds < 1 || queryTimeoutSeconds > 300)
    problems.push(`queryTimeoutSeconds must be an integer from 1 to 300, got ${queryTimeoutSeconds}.`);
  if (!Number.isInteger(rotation) || rotation < 1)
    problems.push(`rotation must be an integer from 1, got ${rotation}.`);
  if (problems.length > 0) throw new Error(`oxigraph: ${problems.join(' ')}`);
  return resolved;
}
