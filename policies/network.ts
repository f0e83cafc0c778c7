import type {
  V1IngressSpec,
  V1NetworkPolicySpec,
  V1ObjectMeta,
  V1ServiceSpec,
} from '@kubernetes/client-node';
import { podTemplate } from './pods';
import { isCustom, kindOf, namespaceOf, objectName, Resource, ResourceRule, StackRule } from './rule';

/** Annotation whose value says why a Service may be reached from outside the cluster. */
export const exposeAnnotation = 'agent-data-platform/expose';

/** A store leaves the cluster only on purpose: a Service of an outside type says why in an annotation. */
export const noUnexplainedExposure: ResourceRule = {
  name: 'no-unexplained-exposure',
  description: `A Service of type LoadBalancer or NodePort, or with external addresses, carries the annotation ${exposeAnnotation} that says why.`,
  url: 'https://kubernetes.io/docs/concepts/services-networking/service/#publishing-services-service-types',
  severity: 'critical',
  check: (resource) => {
    if (kindOf(resource.type) !== 'Service') return [];
    const spec = resource.props.spec as V1ServiceSpec | undefined;
    const outside = spec?.type === 'LoadBalancer' || spec?.type === 'NodePort';
    const got = outside ? `is of type ${spec.type}` : 'has externalIPs';
    if (!outside && !spec?.externalIPs?.length) return [];
    const annotations = (resource.props.metadata as V1ObjectMeta | undefined)?.annotations;
    if (annotations?.[exposeAnnotation]?.trim()) return [];
    return [
      `${objectName(resource)} ${got}; use ClusterIP, or say why in the annotation ${exposeAnnotation}.`,
    ];
  },
};

/** What comes in through an Ingress is encrypted, for every host that it takes. */
export const ingressTls: ResourceRule = {
  name: 'ingress-tls',
  description: 'Every Ingress has TLS for each of its hosts.',
  url: 'https://kubernetes.io/docs/concepts/services-networking/ingress/#tls',
  severity: 'critical',
  check: (resource) => {
    if (kindOf(resource.type) !== 'Ingress') return [];
    const { tls = [], rules = [] } = (resource.props.spec ?? {}) as Partial<V1IngressSpec>;
    if (tls.length === 0) return [`${objectName(resource)} has no TLS; set spec.tls with its hosts.`];
    const covered = tls.flatMap(({ hosts = [] }) => hosts);
    // Without hosts a certificate holds for all of them.
    if (tls.some(({ hosts = [] }) => hosts.length === 0)) return [];
    return rules
      .filter(({ host }) => host === undefined || !covered.includes(host))
      .map(
        ({ host = 'all other hosts' }) =>
          `${objectName(resource)} has no TLS for ${host}; list it in spec.tls.`,
      );
  },
};

/** Nothing reaches a pod, and a pod reaches nothing, unless a policy allows it. */
export const networkDefaultDeny: StackRule = {
  name: 'network-default-deny',
  description: 'Every namespace with pods has a NetworkPolicy that denies all of them everything.',
  url: 'https://kubernetes.io/docs/concepts/services-networking/network-policies/#default-deny-all-ingress-and-all-egress-traffic',
  severity: 'high',
  checkStack: (resources) => {
    const denied = resources.filter(({ type }) => kindOf(type) === 'NetworkPolicy');
    const first = new Map<string, Resource>();
    for (const resource of resources.filter(hasPods)) {
      const namespace = namespaceOf(resource);
      if (!first.has(namespace)) first.set(namespace, resource);
    }
    return [...first].flatMap(([namespace, resource]) => {
      const own = denied.filter((policy) => namespaceOf(policy) === namespace);
      const open = (['Ingress', 'Egress'] as const).filter((type) => !own.some((p) => denies(p, type)));
      if (open.length === 0) return [];
      const message = `Namespace ${namespace}, where ${objectName(resource)} runs, has no NetworkPolicy that denies all ${open.join(' and ')}; declare one with an empty podSelector.`;
      return [{ resource, message }];
    });
  },
};

const operatorKinds = [
  ['postgresql.cnpg.io', 'Cluster'],
  ['postgresql.cnpg.io', 'Pooler'],
  ['elasticsearch.k8s.elastic.co', 'Elasticsearch'],
] as const;

function hasPods(resource: Resource): boolean {
  if (podTemplate(resource)) return true;
  return operatorKinds.some(([group, kind]) => isCustom(resource, group, kind));
}

function denies({ props }: Resource, type: 'Ingress' | 'Egress'): boolean {
  const spec = props.spec as Partial<V1NetworkPolicySpec> | undefined;
  const { matchLabels = {}, matchExpressions = [] } = spec?.podSelector ?? {};
  const selectsAll = Object.keys(matchLabels).length === 0 && matchExpressions.length === 0;
  const rules = type === 'Ingress' ? spec?.ingress : spec?.egress;
  return selectsAll && (spec?.policyTypes ?? []).includes(type) && (rules ?? []).length === 0;
}
