import { StoreAccessError } from '../migrations/engine/errors';
import { connectPolicy } from '../migrations/engine/retry';
import { KubernetesCluster } from '../migrations/kubernetes/cluster';
import { VaultClient } from './vault-client';

/** Where Vault is: never a credential, only where it is kept. */
export interface VaultReference {
  readonly namespace: string;
  /** Service of the open servers, and name of their StatefulSet. */
  readonly service: string;
  readonly port: number;
  /** Secret whose key `ca.crt` verifies the servers. */
  readonly tlsSecret: string;
  /** Context in the kubeconfig; default the current one. */
  readonly context?: string;
}

/** What is done with a connected Vault. */
type Work<T> = (vault: VaultClient, cluster: KubernetesCluster) => Promise<T>;

/**
 * Connects to the first server, which may be sealed, and closes the connection afterwards.
 * @param budgetMs How long to try while it cannot be reached.
 */
export function withFirstServer<T>(reference: VaultReference, budgetMs: number, work: Work<T>): Promise<T> {
  const { namespace, service, port } = reference;
  return connected(reference, budgetMs, (cluster) => cluster.forward(namespace, `${service}-0`, port), work);
}

/**
 * Connects to any open server and closes the connection afterwards.
 * @param budgetMs How long to try while none is open.
 */
export function withOpenServer<T>(reference: VaultReference, budgetMs: number, work: Work<T>): Promise<T> {
  const { namespace, service, port } = reference;
  return connected(reference, budgetMs, (cluster) => cluster.forwardService(namespace, service, port), work);
}

async function connected<T>(
  { namespace, service, tlsSecret, context }: VaultReference,
  budgetMs: number,
  open: (cluster: KubernetesCluster) => ReturnType<KubernetesCluster['forward']>,
  work: Work<T>,
): Promise<T> {
  const cluster = KubernetesCluster.load({ context });
  const ca = await secretValue(cluster, namespace, tlsSecret, 'ca.crt');
  const { tunnel, vault } = await connectPolicy(budgetMs).execute(async () => {
    const tunnel = await open(cluster);
    const vault = new VaultClient({
      host: tunnel.host,
      port: tunnel.port,
      ca,
      serverName: `${service}.${namespace}.svc`,
    });
    try {
      await vault.health();
      return { tunnel, vault };
    } catch (error) {
      await tunnel.close();
      throw error;
    }
  });
  try {
    return await work(vault, cluster);
  } finally {
    await tunnel.close();
  }
}

/** @throws StoreAccessError naming the Secret or the key that is missing. */
export async function secretValue(
  cluster: KubernetesCluster,
  namespace: string,
  name: string,
  key: string,
): Promise<string> {
  const data = await cluster.secret(namespace, name);
  if (data?.[key]) return data[key];
  const what = data ? `has no key "${key}"` : 'does not exist';
  throw new StoreAccessError(
    `Secret ${namespace}/${name} ${what}; run \`pulumi refresh\` and \`pulumi up\` again.`,
  );
}
