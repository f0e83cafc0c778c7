import { KubernetesCluster } from '../migrations/kubernetes/cluster';
import { forwardWhenReady } from '../migrations/kubernetes/ready-tunnel';
import { MinioAdmin, type MinioKeys } from './minio-admin';
import { keysSecretName } from './minio-secrets';
import type { MinioService } from './minio-user';

/** Where a MinIO is and who administers it. */
export interface MinioPlace extends MinioService {
  readonly namespace: string;
  /** Context in the kubeconfig; default the current one. */
  readonly context?: string;
}

/**
 * Does something as the administrator, or as root in a MinIO that has no administrator yet.
 * @throws Error when a Secret is missing or MinIO takes neither; MinioAdminError when it refuses what is done.
 */
export async function asAdministrator<T>(
  place: MinioPlace,
  act: (admin: MinioAdmin) => Promise<T>,
  { orRoot = true } = {},
): Promise<T> {
  const { namespace, service, caSecret } = place;
  const cluster = KubernetesCluster.load({ context: place.context });
  const candidates = await administratorKeys(cluster, place);
  if (orRoot) candidates.push(await root(cluster, place));
  const authority = caSecret && (await secretOf(cluster, namespace, caSecret, ['ca.crt']))['ca.crt'];
  const tls = authority ? { ca: authority, serverName: service } : undefined;
  const { close, host, port } = await forwardWhenReady(cluster, namespace, service, place.port);
  try {
    for (const keys of candidates) {
      const admin = new MinioAdmin({ host, port, tls }, keys);
      if (await admin.mayAdminister()) return await act(admin);
    }
  } finally {
    await close();
  }
  throw new Error(
    `MinIO ${namespace}/${service} accepts no key of Secret ${namespace}/${place.adminSecret}; if its root user is switched off, let it in again as docs/security.md says.`,
  );
}

/** The administrator that is handed out first; then all that an update may have been making when it was interrupted. */
async function administratorKeys(cluster: KubernetesCluster, place: MinioPlace): Promise<MinioKeys[]> {
  const { namespace, adminSecret } = place;
  const current = await cluster.secret(namespace, adminSecret);
  const kept = await cluster.secret(namespace, keysSecretName(adminSecret));
  return [
    ...(current?.accessKey && current.secretKey
      ? [{ accessKey: current.accessKey, secretKey: current.secretKey }]
      : []),
    ...Object.entries(kept ?? {}).map(([accessKey, secretKey]) => ({ accessKey, secretKey })),
  ];
}

async function root(cluster: KubernetesCluster, { namespace, rootSecret }: MinioPlace): Promise<MinioKeys> {
  const keys = await secretOf(cluster, namespace, rootSecret, ['rootUser', 'rootPassword']);
  return { accessKey: keys.rootUser, secretKey: keys.rootPassword };
}

/** Values of a Secret. @throws Error naming what is missing. */
export async function secretOf<K extends string>(
  cluster: KubernetesCluster,
  namespace: string,
  name: string,
  keys: readonly K[],
): Promise<Record<K, string>> {
  const data = await cluster.secret(namespace, name);
  const missing = keys.filter((key) => !data?.[key]);
  if (data && missing.length === 0) return data as Record<K, string>;
  const what = data ? `has no ${missing.join(' and no ')}` : 'does not exist';
  throw new Error(`Secret ${namespace}/${name} ${what}; run \`pulumi refresh\` and \`pulumi up\` again.`);
}
