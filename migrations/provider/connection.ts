import { StoreAccessError } from '../engine/errors';
import { connectPolicy } from '../engine/retry';
import type { MigrationTarget } from '../engine/target';
import { KubernetesCluster, type Tunnel } from '../kubernetes/cluster';
import { openTarget, type StoreName, type TargetOptions } from '../stores';

interface SecretReferences {
  /** Namespace of the Secrets, and of the Service. */
  readonly namespace: string;
  /** Secret with the credentials; keys `username`, `password` (PostgreSQL) or `accessKey`, `secretKey` (MinIO). */
  readonly credentialsSecret: string;
  /** Secret whose key `ca.crt` verifies the server's certificate; omitted means a connection without TLS. */
  readonly caSecret?: string;
  /** kubeconfig context; default the current one. */
  readonly context?: string;
}

/** A store behind a Service. */
export interface ServiceReference extends SecretReferences {
  /** Through the API server's port-forward to a ready pod behind a Service. */
  readonly kind: 'service';
  readonly service: string;
  readonly port: number;
  /** Name the server's certificate is verified against; default the Service's name. */
  readonly serverName?: string;
  /** Whether the Service is headless and the store names its pods itself (Redis): then each of them is forwarded too. */
  readonly everyPod?: boolean;
}

/** How to find a store: never a credential, only where it is kept. */
export type ConnectionReference =
  | ServiceReference
  | (SecretReferences & {
      /** Directly, where this machine can reach the store. */
      readonly kind: 'address';
      readonly host: string;
      readonly port: number;
    });

/** An open connection to a store. */
export interface StoreConnection {
  readonly target: MigrationTarget;
  /** PEM of the CA the connection was verified with; undefined without TLS. */
  readonly serverCa?: string;
  close(): Promise<void>;
}

/** What to connect to, and as whom. */
export interface ConnectOptions {
  readonly store: StoreName;
  readonly database: string;
  readonly reference: ConnectionReference;
  /** Who connects, shown to other runners. */
  readonly holder: string;
  /** How long to keep trying while the store cannot be reached. */
  readonly budgetMs: number;
}

/**
 * Connects to a store with the credentials its Kubernetes Secret holds now.
 * @throws StoreAccessError when a Secret is missing or refused; the last connection error when the budget is spent.
 */
export function connect(options: ConnectOptions): Promise<StoreConnection> {
  return connectPolicy(options.budgetMs).execute(() => attempt(options));
}

async function attempt({ store, database, reference, holder }: ConnectOptions): Promise<StoreConnection> {
  const { close: closeTunnels, ...address } = await reach(reference);
  let target: MigrationTarget | undefined;
  const close = async () => {
    await target?.close();
    await closeTunnels();
  };
  try {
    target = await openTarget(store, { ...address, database, holder });
    await target.applied();
    return { target, serverCa: address.tls?.ca, close };
  } catch (error) {
    await close().catch(() => undefined);
    throw error;
  }
}

/** Where a store can be reached from here, and how to log in to it. */
export interface ReachedStore extends Pick<TargetOptions, 'host' | 'port' | 'nodes' | 'tls' | 'credential'> {
  close(): Promise<void>;
}

/** Where a store can be reached from here, without a login. */
export type ReachedServer = Omit<ReachedStore, 'credential'>;

/**
 * Opens the tunnels that a connection needs, and reads its Secrets.
 * @throws StoreAccessError when a Secret is missing; KubernetesError when the cluster cannot be reached.
 */
export async function reach(reference: ConnectionReference): Promise<ReachedStore> {
  const cluster = KubernetesCluster.load({ context: reference.context });
  const credentials = await secret(cluster, reference.namespace, reference.credentialsSecret);
  const server = await reachServer(cluster, reference);
  return { ...server, credential: (name) => key(credentials, name, reference.credentialsSecret) };
}

/** Opens the tunnels that a connection needs. @throws as {@link reach}. */
export async function reachServer(
  cluster: KubernetesCluster,
  reference: ConnectionReference,
): Promise<ReachedServer> {
  const ca = reference.caSecret
    ? key(await secret(cluster, reference.namespace, reference.caSecret), 'ca.crt', reference.caSecret)
    : undefined;
  const tunnel =
    reference.kind === 'service'
      ? await cluster.forwardService(reference.namespace, reference.service, reference.port)
      : undefined;
  const { host, port } = tunnel ?? (reference as Extract<ConnectionReference, { kind: 'address' }>);
  const nodes = await podTunnels(cluster, reference).catch(async (error) => {
    await tunnel?.close();
    throw error;
  });
  return {
    ...{ host, port, nodes },
    tls: ca === undefined ? undefined : { ca, serverName: serverName(reference) },
    async close() {
      for (const node of Object.values(nodes ?? {})) await node.close();
      await tunnel?.close();
    },
  };
}

/** A tunnel to each pod of the Service, by pod name: a listener, which connects when it is used. */
async function podTunnels(
  cluster: KubernetesCluster,
  reference: ConnectionReference,
): Promise<Record<string, Tunnel> | undefined> {
  if (reference.kind !== 'service' || !reference.everyPod) return undefined;
  const { namespace, service, port } = reference;
  const label = `kubernetes.io/service-name=${service}`;
  const tunnels: Record<string, Tunnel> = {};
  for (const slice of await cluster.list('discovery.k8s.io/v1', 'EndpointSlice', namespace, label)) {
    for (const { targetRef } of (slice.endpoints ?? []) as { targetRef?: { kind: string; name: string } }[]) {
      if (targetRef?.kind !== 'Pod') continue;
      tunnels[targetRef.name] ??= await cluster.forward(namespace, targetRef.name, port);
    }
  }
  return tunnels;
}

function serverName(reference: ConnectionReference): string {
  return reference.kind === 'service' ? (reference.serverName ?? reference.service) : reference.host;
}

async function secret(
  cluster: KubernetesCluster,
  namespace: string,
  name: string,
): Promise<Record<string, string>> {
  const data = await cluster.secret(namespace, name);
  if (data) return data;
  throw new StoreAccessError(
    `Secret ${namespace}/${name} does not exist. Create it, or correct its name in the connection.`,
  );
}

function key(data: Record<string, string>, name: string, secretName: string): string {
  const value = data[name];
  if (value !== undefined) return value;
  throw new StoreAccessError(
    `Secret ${secretName} has no key "${name}"; it has: ${Object.keys(data).join(', ') || 'none'}. Add the key.`,
  );
}
