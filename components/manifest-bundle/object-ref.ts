import type { KubernetesObject } from '../../migrations/kubernetes/cluster';

/** What identifies one Kubernetes object. */
export interface ObjectRef {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace?: string;
  readonly name: string;
}

/** The reference to an object. */
export function refOf(object: KubernetesObject): ObjectRef {
  const { apiVersion, kind, metadata } = object;
  return {
    apiVersion,
    kind,
    ...(metadata.namespace ? { namespace: metadata.namespace } : {}),
    name: metadata.name ?? '',
  };
}

/** Writes a reference as one line, such as `apps/v1 Deployment cnpg-system/cnpg-controller-manager`. */
export function formatRef({ apiVersion, kind, namespace, name }: ObjectRef): string {
  return `${apiVersion} ${kind} ${namespace ? `${namespace}/` : ''}${name}`;
}

/** Reads what {@link formatRef} wrote. */
export function parseRef(text: string): ObjectRef {
  const [apiVersion = '', kind = '', path = ''] = text.split(' ');
  const slash = path.indexOf('/');
  return slash < 0
    ? { apiVersion, kind, name: path }
    : { apiVersion, kind, namespace: path.slice(0, slash), name: path.slice(slash + 1) };
}

const CUSTOM_RESOURCE_DEFINITION = 'CustomResourceDefinition';

/** Whether a reference is to a CustomResourceDefinition, whose deletion would delete every object of its kind. */
export function isDefinition(ref: { readonly kind: string }): boolean {
  return ref.kind === CUSTOM_RESOURCE_DEFINITION;
}

/** Sorts into the order of creation: what others need comes first, webhooks (which need a running server) last. */
export function inOrder<T extends { readonly kind: string }>(items: readonly T[]): T[] {
  const rank = ({ kind }: T) => {
    if (kind === 'Namespace') return 0;
    if (kind === CUSTOM_RESOURCE_DEFINITION) return 1;
    return kind.endsWith('WebhookConfiguration') ? 3 : 2;
  };
  return [...items].sort((a, b) => rank(a) - rank(b));
}

/** Groups references by kind for people: `Namespace cnpg-system`, `ClusterRole a, b, c`. */
export function describeRefs(refs: readonly ObjectRef[]): string[] {
  const byKind = new Map<string, string[]>();
  for (const { kind, namespace, name } of refs) {
    const names = byKind.get(kind) ?? [];
    names.push(namespace ? `${namespace}/${name}` : name);
    byKind.set(kind, names);
  }
  return [...byKind].map(([kind, names]) => `${kind} ${names.join(', ')}`);
}
