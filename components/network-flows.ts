/** What the pods of a store serve and need, said beside their ports: network-policies-spec.ts makes policies of it. */

/** Chooses pods; see https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors */
export interface PodSelector {
  readonly matchLabels: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly { readonly key: string; readonly operator: 'Exists' }[];
}

/** Connections of one kind of pod; every port is a TCP port of the pod. Whatever is not named is closed. */
export interface PodFlows {
  /** Unique in the platform; its NetworkPolicy is `<name>-flows`. */
  readonly name: string;
  readonly pods: PodSelector;
  /** For the platform's clients; default none. */
  readonly clients?: readonly number[];
  /** For pods of the same namespace, by the `name` of their flows; default none. */
  readonly peers?: Readonly<Record<string, readonly number[]>>;
  /** For the operator that manages these pods; default none. */
  readonly operator?: { readonly name: string; readonly ports: readonly number[] };
  /** For monitoring; default none. */
  readonly metrics?: readonly number[];
  /** Flows, by name, whose clients' ports these pods use; default none. */
  readonly uses?: readonly string[];
  /** Flow, by name, whose addresses outside of the cluster these pods reach too; default only those of their own. */
  readonly egressOf?: string;
  /** Whether these pods are clients of the API server; default false. */
  readonly apiServer?: boolean;
  /** Whether these pods resolve names; default true. */
  readonly dns?: boolean;
  /** Ports that a container declares and that nobody outside of the pod may reach; default none. */
  readonly closed?: readonly number[];
}

/** Connections of an operator that a stack manages, in a namespace of its own. */
export interface OperatorFlows {
  readonly name: string;
  readonly namespace: string;
  readonly pods: PodSelector;
  /** Where the API server calls it; it comes from addresses that no selector can name. */
  readonly webhooks?: readonly number[];
  readonly metrics?: readonly number[];
  /** For other operators of the same namespace, by name; default none. */
  readonly operators?: Readonly<Record<string, readonly number[]>>;
  /** The pods that it manages, in any namespace, and their ports; default none. */
  readonly manages?: { readonly pods: PodSelector; readonly ports: readonly number[] };
}

/** Every port that flows of these pods open or name as closed. */
export function knownPorts({
  clients = [],
  peers = {},
  operator,
  metrics = [],
  closed = [],
}: PodFlows): number[] {
  const all = [...clients, ...Object.values(peers).flat(), ...(operator?.ports ?? []), ...metrics, ...closed];
  return [...new Set(all)].sort((a, b) => a - b);
}
