import { setTimeout as delay } from 'node:timers/promises';
import type { KubernetesCluster, KubernetesObject } from '../migrations/kubernetes/cluster';
import type { ElasticsearchLoginsInputs } from './elasticsearch-logins';

/** The user that the operator makes. @see https://www.elastic.co/docs/deploy-manage/users-roles/cluster-or-deployment-auth/managed-credentials-eck */
export const ELASTIC_USER = 'elastic';

/** Generation that a password was made for, so that an update that was interrupted finds it done. */
const ROTATION_ANNOTATION = 'agent-data-platform/rotation';
const PAUSE_MS = 500;

type Place = Pick<
  ElasticsearchLoginsInputs,
  'namespace' | 'elasticUserSecret' | 'internalUsersSecret' | 'rotation'
>;

/**
 * Has the operator make other passwords of `elastic` and of the users that only it uses, once for each rotation: it does when
 * their Secrets are deleted.
 * @throws Error when the operator has made none before the deadline (as of `performance.now()`).
 * @see https://www.elastic.co/docs/deploy-manage/users-roles/cluster-or-deployment-auth/managed-credentials-eck
 */
export async function replaceOperatorPasswords(cluster: KubernetesCluster, place: Place, deadline: number) {
  for (const secret of operatorSecrets(place)) await replacePasswords(cluster, place, secret, deadline);
}

function operatorSecrets({ elasticUserSecret, internalUsersSecret }: Place): string[] {
  return [elasticUserSecret, internalUsersSecret];
}

async function replacePasswords(cluster: KubernetesCluster, place: Place, name: string, deadline: number) {
  const { namespace, rotation } = place;
  const old = await cluster.read('v1', 'Secret', namespace, name);
  if (old?.metadata.annotations?.[ROTATION_ANNOTATION] === String(rotation)) return;
  for (;;) {
    const current = await cluster.read('v1', 'Secret', namespace, name);
    const passwords = passwordsOf(current);
    if (passwords && passwords !== passwordsOf(old)) return annotate(cluster, place, current!);
    if (performance.now() > deadline) throw notMade(namespace, name);
    // An operator that had read it just before makes the deleted Secret again as it was.
    if (passwords) await cluster.delete('v1', 'Secret', namespace, name, { propagationPolicy: 'Background' });
    await delay(PAUSE_MS);
  }
}

/** Says which generation the users' passwords are of, without others. */
export async function keepOperatorPasswords(cluster: KubernetesCluster, place: Place): Promise<void> {
  for (const secret of operatorSecrets(place)) {
    const current = await cluster.read('v1', 'Secret', place.namespace, secret);
    if (current) await annotate(cluster, place, current);
  }
}

async function annotate(
  cluster: KubernetesCluster,
  { namespace, rotation }: Place,
  { metadata: { name, uid } }: KubernetesObject,
): Promise<void> {
  const annotations = { [ROTATION_ANNOTATION]: String(rotation) };
  await cluster.apply(
    { apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace, uid, annotations } },
    { fieldManager: 'agent-data-platform-elasticsearch', force: true },
  );
}

/** To compare; undefined where there are none. */
function passwordsOf(secret: KubernetesObject | undefined): string | undefined {
  const data = Object.entries((secret?.data ?? {}) as Record<string, string>).sort();
  return data.length > 0 ? JSON.stringify(data) : undefined;
}

function notMade(namespace: string, secret: string): Error {
  return new Error(
    `The operator has made no other password in Secret ${namespace}/${secret}; the one before stays valid. Look at the operator's log, then run \`pulumi up\` again.`,
  );
}
