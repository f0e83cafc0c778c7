import { setTimeout as delay } from 'node:timers/promises';
import type { KubernetesCluster, KubernetesObject } from '../migrations/kubernetes/cluster';
import type { ElasticsearchLoginsInputs } from './elasticsearch-logins';

/** The user that the operator makes. @see https://www.elastic.co/docs/deploy-manage/users-roles/cluster-or-deployment-auth/managed-credentials-eck */
export const ELASTIC_USER = 'elastic';

/** Generation that a password was made for, so that an update that was interrupted finds it done. */
const ROTATION_ANNOTATION = 'agent-data-platform/rotation';
const PAUSE_MS = 500;

type Place = Pick<ElasticsearchLoginsInputs, 'namespace' | 'elasticUserSecret' | 'rotation'>;

/**
 * Has the operator make another password of its user, once for each rotation: it does when the Secret is deleted.
 * @throws Error when the operator has made none before the deadline (as of `performance.now()`).
 * @see https://www.elastic.co/docs/deploy-manage/users-roles/cluster-or-deployment-auth/managed-credentials-eck
 */
export async function replaceElasticPassword(cluster: KubernetesCluster, place: Place, deadline: number) {
  const { namespace, elasticUserSecret: name, rotation } = place;
  const old = await cluster.read('v1', 'Secret', namespace, name);
  if (old?.metadata.annotations?.[ROTATION_ANNOTATION] === String(rotation)) return;
  for (;;) {
    const current = await cluster.read('v1', 'Secret', namespace, name);
    const password = passwordOf(current);
    if (password && password !== passwordOf(old)) return annotate(cluster, place, current!);
    if (performance.now() > deadline) throw notMade(place);
    // An operator that had read it just before makes the deleted Secret again as it was.
    if (password) await cluster.delete('v1', 'Secret', namespace, name, { propagationPolicy: 'Background' });
    await delay(PAUSE_MS);
  }
}

/** Says which generation the user's password is of, without another one. */
export async function keepElasticPassword(cluster: KubernetesCluster, place: Place): Promise<void> {
  const current = await cluster.read('v1', 'Secret', place.namespace, place.elasticUserSecret);
  if (current) await annotate(cluster, place, current);
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

/** Base64, as the API server has it. */
function passwordOf(secret: KubernetesObject | undefined): string | undefined {
  return (secret?.data as Record<string, string> | undefined)?.[ELASTIC_USER];
}

function notMade({ namespace, elasticUserSecret }: Place): Error {
  return new Error(
    `The operator has made no other password in Secret ${namespace}/${elasticUserSecret}; the one before stays valid. Look at the operator's log, then run \`pulumi up\` again.`,
  );
}
