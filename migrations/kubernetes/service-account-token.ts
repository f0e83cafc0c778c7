import type { KubernetesCluster } from './cluster';

/** What a token of a ServiceAccount is made for. */
export interface TokenWish {
  readonly namespace: string;
  readonly name: string;
  /** Who is to accept it; not the API server. */
  readonly audience: string;
  /** Its life; Kubernetes makes none of less than 600. */
  readonly seconds: number;
}

/**
 * Makes a token of a ServiceAccount, as its pods get it.
 * @see https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-request-v1/
 */
export async function serviceAccountToken(
  cluster: KubernetesCluster,
  { namespace, name, audience, seconds }: TokenWish,
): Promise<string> {
  const path = await cluster.path('v1', 'ServiceAccount', namespace, name);
  const { status } = await cluster.request<{ status: { token: string } }>('POST', `${path}/token`, {
    body: {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: { audiences: [audience], expirationSeconds: seconds },
    },
  });
  return status.token;
}
