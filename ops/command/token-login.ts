import { KubernetesCluster } from '../../migrations/kubernetes/cluster';
import { serviceAccountToken } from '../../migrations/kubernetes/service-account-token';
import { type ReachedStore, reachServer, type ServiceReference } from '../../migrations/provider/connection';
import { type Login, TOKEN } from '../stores/logins';

/** As long as a run may take; the token is made before the first store is copied. */
const TOKEN_SECONDS = 4 * 3600;

/**
 * Reaches a store that takes tokens of ServiceAccounts: `credential` gives one, and what the Secret of the reference has, where
 * there is that Secret; anything else is empty.
 */
export async function reachWithToken(
  reference: ServiceReference,
  { serviceAccount: name, audience }: NonNullable<Login['token']>,
): Promise<ReachedStore> {
  const { namespace, context, credentialsSecret } = reference;
  const cluster = KubernetesCluster.load({ context });
  const token = await serviceAccountToken(cluster, { namespace, name, audience, seconds: TOKEN_SECONDS });
  const credentials: Record<string, string> = {
    ...(await cluster.secret(namespace, credentialsSecret)),
    [TOKEN]: token,
  };
  const server = await reachServer(cluster, reference);
  return { ...server, credential: (key) => credentials[key] ?? '' };
}
