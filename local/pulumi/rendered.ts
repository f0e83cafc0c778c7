/** The Kubernetes objects that a preview would make. */
import type { KubernetesObject } from '../../migrations/kubernetes/cluster';

/** One step of `pulumi preview --json`. */
export interface PreviewStep {
  readonly newState?: { readonly type: string; readonly inputs?: unknown };
}

/** Every Kubernetes object of a preview, in its order; secret values are replaced. */
export function renderedObjects(steps: readonly PreviewStep[]): KubernetesObject[] {
  return steps
    .filter(({ newState }) => /^kubernetes:.*\//.test(newState?.type ?? ''))
    .map(({ newState }) => withoutSecrets(newState!.inputs as KubernetesObject));
}

/** In place of secret data, a preview has one word. */
function withoutSecrets(object: KubernetesObject): KubernetesObject {
  const { stringData, ...rest } = object as KubernetesObject & { stringData?: unknown; type?: string };
  if (typeof stringData !== 'string') return object;
  const login = { username: 'redacted', password: 'redacted' };
  return rest.type === 'kubernetes.io/basic-auth' ? { ...rest, stringData: login } : rest;
}
