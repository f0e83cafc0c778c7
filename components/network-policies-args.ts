/** Arguments of the network policies, and the checks that need more than one of them. */
import type { OperatorFlows, PodFlows } from './network-flows';

type Labels = Readonly<Record<string, string>>;

/** Pods outside of the flows. At least one of the two, each with at least one label. */
export interface PeerSelector {
  /** Labels of their namespaces; default the platform's own namespace only. */
  readonly namespaceLabels?: Labels;
  /** Labels of the pods; default every pod of these namespaces. */
  readonly podLabels?: Labels;
}

/** Addresses outside of the cluster's pods. */
export interface AddressRange {
  /** Such as `203.0.113.0/24`. */
  readonly cidr: string;
  readonly ports: readonly number[];
}

/** Addresses outside of the cluster that the pods of one flow may reach. */
export interface ExternalEgress extends AddressRange {
  /** Name of the flow, such as `elasticsearch`. */
  readonly from: string;
}

/** What the policies are made of. */
export interface NetworkPoliciesArgs {
  /** Namespace of the stores. */
  readonly namespace: string;
  /** Every kind of pod in it. */
  readonly flows: readonly PodFlows[];
  /** Operators that the stack manages; those that the cluster already has keep the policies they have. */
  readonly operators: readonly OperatorFlows[];
  /** Pods that use the stores. */
  readonly clients: readonly PeerSelector[];
  /** Pods that scrape metrics. */
  readonly monitoring: readonly PeerSelector[];
  /** Default none. */
  readonly egress?: readonly ExternalEgress[];
}

/** Label of a namespace, or of a pod in the platform's namespace, whose pods may use the stores. */
export const CLIENT_LABEL = 'agent-data-platform/client';
/** Label of a namespace whose pods may scrape metrics. */
export const MONITORING_LABEL = 'agent-data-platform/monitoring';

/** Whom a platform lets in unless told otherwise. */
export const defaultPeers = {
  clients: [
    { namespaceLabels: { [CLIENT_LABEL]: 'true' } },
    { podLabels: { [CLIENT_LABEL]: 'true' } },
  ] as readonly PeerSelector[],
  monitoring: [{ namespaceLabels: { [MONITORING_LABEL]: 'true' } }] as readonly PeerSelector[],
};

/**
 * Checks what one flow or rule cannot know of another.
 * @throws Error listing every problem with the value got and what is allowed.
 */
export function checkNetworkPoliciesArgs(args: NetworkPoliciesArgs): void {
  const names = args.flows.map(({ name }) => name);
  const known = names.join(', ');
  const unknown = (what: string, wanted: readonly string[]) =>
    wanted
      .filter((name) => !names.includes(name))
      .map((name) => `${what} must name flows (${known}), got "${name}".`);
  const problems = [
    ...names
      .filter((name, index) => names.indexOf(name) < index)
      .map((name) => `flows must have different names, got "${name}" twice.`),
    ...args.flows.flatMap(({ name, peers = {}, uses = [], egressOf }) => [
      ...unknown(`${name}.peers`, Object.keys(peers)),
      ...unknown(`${name}.uses`, uses),
      ...unknown(`${name}.egressOf`, egressOf === undefined ? [] : [egressOf]),
    ]),
    ...unknown(
      'egress.from',
      (args.egress ?? []).map(({ from }) => from),
    ),
    ...selectorProblems('clients', args.clients),
    ...selectorProblems('monitoring', args.monitoring),
  ];
  if (problems.length > 0) throw new Error(`network: ${problems.join(' ')}`);
}

/** A selector without labels would match every pod there is. */
function selectorProblems(what: string, selectors: readonly PeerSelector[]): string[] {
  const isEmpty = (labels: Labels | undefined) => labels !== undefined && Object.keys(labels).length === 0;
  return selectors
    .filter(
      ({ namespaceLabels, podLabels }) =>
        (!namespaceLabels && !podLabels) || isEmpty(namespaceLabels) || isEmpty(podLabels),
    )
    .map(
      (selector) =>
        `${what} must select by labels of namespaces or pods, at least one each; got ${JSON.stringify(selector)}.`,
    );
}
