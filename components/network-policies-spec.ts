import { labels } from './metadata';
import type { OperatorFlows, PodFlows } from './network-flows';
import {
  type AddressRange,
  checkNetworkPoliciesArgs,
  type NetworkPoliciesArgs,
  type PeerSelector,
} from './network-policies-args';

/** Label that Kubernetes itself gives every namespace. */
const NAMESPACE_NAME = 'kubernetes.io/metadata.name';

type Peer =
  | { readonly podSelector?: object; readonly namespaceSelector?: object }
  | { readonly ipBlock: { readonly cidr: string } };
interface Port {
  readonly protocol: 'TCP' | 'UDP';
  readonly port: number;
}
/** Without `from` from anywhere. */
interface IngressRule {
  readonly from?: Peer[];
  readonly ports: Port[];
}
interface EgressRule {
  readonly to: Peer[];
  readonly ports: Port[];
}

/** One NetworkPolicy, and whether its pods reach the API server, whose addresses only a cluster knows. */
export interface PolicySpec {
  readonly reachesApiServer: boolean;
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly labels: Record<string, string>;
  };
  readonly spec: {
    readonly podSelector: object;
    readonly policyTypes: string[];
    readonly ingress: IngressRule[];
    readonly egress: EgressRule[];
  };
}

/**
 * Pure specification of every NetworkPolicy: no pod connects or is connected to but as the flows say.
 * @throws Error listing every contradiction in the arguments.
 * @see https://kubernetes.io/docs/concepts/services-networking/network-policies/
 */
export function networkPoliciesSpec(args: NetworkPoliciesArgs) {
  checkNetworkPoliciesArgs(args);
  const namespaces = new Set([args.namespace, ...args.operators.map(({ namespace }) => namespace)]);
  return {
    flows: [
      ...args.flows.map((flow) => flowPolicy(args, flow)),
      ...args.operators.map((operator) => operatorPolicy(args, operator)),
      ...localClients(args).map((podLabels, index) => clientPolicy(args, podLabels, index + 1)),
    ],
    defaultDeny: [...namespaces].map(defaultDeny),
  };
}

/** The same policy with the API server's addresses, if its pods reach it. */
export function withApiServer(
  { reachesApiServer, metadata, spec }: PolicySpec,
  apiServer: readonly AddressRange[],
) {
  if (!reachesApiServer) return { metadata, spec };
  return { metadata, spec: { ...spec, egress: [...spec.egress, ...apiServer.map(addressRule)] } };
}

/** Policies add up: this one leaves what the others allow. */
function defaultDeny(namespace: string): PolicySpec {
  return policy({ namespace, name: 'default-deny', pods: {}, ingress: [], egress: [] });
}

function flowPolicy(args: NetworkPoliciesArgs, flow: PodFlows): PolicySpec {
  const { name, pods, clients = [], peers = {}, operator, metrics = [], apiServer = false } = flow;
  const users = args.flows.filter(({ uses = [] }) => uses.includes(name));
  return policy({
    namespace: args.namespace,
    name: `${name}-flows`,
    pods,
    reachesApiServer: apiServer,
    ingress: [
      ...ingressRule([...args.clients.map(selected), ...users.map(podsOf)], clients),
      ...Object.entries(peers).flatMap(([peer, ports]) => ingressRule([podsOf(flowOf(args, peer))], ports)),
      ...(operator ? ingressRule([operatorPods(args, operator.name)], operator.ports) : []),
      ...ingressRule(args.monitoring.map(selected), metrics),
    ],
    egress: egressRules(args, flow),
  });
}

function egressRules(
  args: NetworkPoliciesArgs,
  { name, egressOf, uses = [], dns = true }: PodFlows,
): EgressRule[] {
  const used = uses.map((other) => flowOf(args, other));
  return [
    ...(dns ? [dnsRule] : []),
    ...used.flatMap((other) => egressRule(podsOf(other), other.clients ?? [])),
    ...args.flows.flatMap((other) => egressRule(podsOf(other), other.peers?.[name] ?? [])),
    ...(args.egress ?? []).filter(({ from }) => from === name || from === egressOf).map(addressRule),
  ];
}

function operatorPolicy(args: NetworkPoliciesArgs, operator: OperatorFlows): PolicySpec {
  const { name, namespace, pods, webhooks = [], metrics = [], operators = {}, manages } = operator;
  const neighbours = args.operators.filter((other) => other.namespace === namespace);
  return policy({
    namespace,
    name: `${name}-flows`,
    pods,
    reachesApiServer: true,
    ingress: [
      ...(webhooks.length > 0 ? [{ ports: webhooks.map(tcp) }] : []),
      ...ingressRule(args.monitoring.map(inNamespace(args.namespace)), metrics),
      ...neighbours.flatMap((other) => ingressRule([podsOf(other)], operators[other.name] ?? [])),
    ],
    egress: [
      dnsRule,
      ...(manages ? egressRule({ namespaceSelector: {}, podSelector: manages.pods }, manages.ports) : []),
      ...neighbours.flatMap((other) => egressRule(podsOf(other), other.operators?.[name] ?? [])),
    ],
  });
}

/** Clients in the stores' own namespace, where nothing leaves a pod unless it is said. */
function localClients({ clients }: NetworkPoliciesArgs): Readonly<Record<string, string>>[] {
  return clients.flatMap(({ namespaceLabels, podLabels }) =>
    podLabels && !namespaceLabels ? [podLabels] : [],
  );
}

function clientPolicy(
  args: NetworkPoliciesArgs,
  matchLabels: Readonly<Record<string, string>>,
  number: number,
): PolicySpec {
  return policy({
    namespace: args.namespace,
    name: `clients-${number}-flows`,
    pods: { matchLabels },
    ingress: [],
    egress: [dnsRule, ...args.flows.flatMap((flow) => egressRule(podsOf(flow), flow.clients ?? []))],
  });
}

/** In any namespace where the operator is not the stack's own. */
function operatorPods({ operators }: NetworkPoliciesArgs, name: string): Peer {
  const managed = operators.find((operator) => operator.name === name);
  return {
    namespaceSelector: managed ? { matchLabels: { [NAMESPACE_NAME]: managed.namespace } } : {},
    podSelector: managed?.pods ?? { matchLabels: { 'app.kubernetes.io/name': name } },
  };
}

function flowOf({ flows }: NetworkPoliciesArgs, name: string): PodFlows {
  return flows.find((flow) => flow.name === name)!;
}

const podsOf = ({ pods }: PodFlows | OperatorFlows): Peer => ({ podSelector: pods });

function selected({ namespaceLabels, podLabels }: PeerSelector): Peer {
  return {
    ...(namespaceLabels ? { namespaceSelector: { matchLabels: namespaceLabels } } : {}),
    ...(podLabels ? { podSelector: { matchLabels: podLabels } } : {}),
  };
}

/** Seen from another namespace, pods without a namespace are those of the platform. */
function inNamespace(namespace: string): (peer: PeerSelector) => Peer {
  return (peer) => selected({ namespaceLabels: { [NAMESPACE_NAME]: namespace }, ...peer });
}

const tcp = (port: number): Port => ({ protocol: 'TCP', port });

/** Every pod that uses names needs it. */
export const dnsRule: EgressRule = {
  to: [
    {
      namespaceSelector: { matchLabels: { [NAMESPACE_NAME]: 'kube-system' } },
      podSelector: { matchLabels: { 'k8s-app': 'kube-dns' } },
    },
  ],
  ports: [{ protocol: 'UDP', port: 53 }, tcp(53)],
};

/** None where there is nobody or nothing to allow: an empty list would mean everybody. */
function ingressRule(from: Peer[], ports: readonly number[]): IngressRule[] {
  return from.length > 0 && ports.length > 0 ? [{ from, ports: ports.map(tcp) }] : [];
}

function egressRule(to: Peer, ports: readonly number[]): EgressRule[] {
  return ports.length > 0 ? [{ to: [to], ports: ports.map(tcp) }] : [];
}

function addressRule({ cidr, ports }: AddressRange): EgressRule {
  return { to: [{ ipBlock: { cidr } }], ports: ports.map(tcp) };
}

interface PolicyParts {
  readonly namespace: string;
  readonly name: string;
  readonly pods: object;
  readonly reachesApiServer?: boolean;
  readonly ingress: IngressRule[];
  readonly egress: EgressRule[];
}

function policy({
  namespace,
  name,
  pods,
  reachesApiServer = false,
  ingress,
  egress,
}: PolicyParts): PolicySpec {
  return {
    reachesApiServer,
    metadata: { name, namespace, labels: labels({ name: 'network-policies' }) },
    spec: { podSelector: pods, policyTypes: ['Ingress', 'Egress'], ingress, egress },
  };
}
