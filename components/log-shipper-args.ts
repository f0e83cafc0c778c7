import type { PodSelector } from './network-flows';
import type { PodResources } from './pod-args';

/** Arguments of the LogShipper component. */
export interface LogShipperArgs {
  /** Namespace whose containers' logs are shipped; the shipper runs in `<namespace>-logs`. */
  readonly namespace: string;
  /** Images of rsyslog with its Elasticsearch output, and of nginx. */
  readonly images: { readonly rsyslog: string; readonly nginx: string };
  /** Service of Elasticsearch's HTTPS API, in the namespace above: the name that its certificate is for, port, and pods. */
  readonly elasticsearch: { readonly host: string; readonly port: number; readonly pods: PodSelector };
  /** Whether NetworkPolicies close the shipper's namespace and open Elasticsearch to it; default true. */
  readonly networkPolicies?: boolean;
  /** PriorityClass of the pods; default none. */
  readonly priorityClass?: string;
  /** Of rsyslog; default 20m and 32Mi, at most 128Mi. */
  readonly resources?: PodResources;
}

export type ResolvedLogShipperArgs = LogShipperArgs &
  Required<Pick<LogShipperArgs, 'resources' | 'networkPolicies'>>;

const defaultResources: PodResources = {
  requests: { cpu: '20m', memory: '32Mi' },
  limits: { memory: '128Mi' },
};

/**
 * Fills in the defaults and checks what is written into configuration files.
 * @throws Error listing every problem with the value got and what is allowed.
 */
export function resolveLogShipperArgs(args: LogShipperArgs): ResolvedLogShipperArgs {
  const { namespace, elasticsearch } = args;
  const problems: string[] = [];
  if (!/^[a-z0-9]([-a-z0-9]{0,56}[a-z0-9])?$/.test(namespace))
    problems.push(`namespace must be a DNS label of at most 58 characters, got "${namespace}".`);
  if (!/^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/.test(elasticsearch.host))
    problems.push(`elasticsearch.host must be a DNS name, got "${elasticsearch.host}".`);
  if (!Number.isInteger(elasticsearch.port) || elasticsearch.port < 1 || elasticsearch.port > 65_535)
    problems.push(`elasticsearch.port must be between 1 and 65535, got ${elasticsearch.port}.`);
  if (problems.length > 0) throw new Error(`log shipper: ${problems.join(' ')}`);
  return {
    ...args,
    resources: args.resources ?? defaultResources,
    networkPolicies: args.networkPolicies ?? true,
  };
}
