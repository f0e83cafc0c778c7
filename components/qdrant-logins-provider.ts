import type { dynamic } from '@pulumi/pulumi';
import type { QdrantClient } from '@qdrant/js-client-rest';
import { KubernetesCluster } from '../migrations/kubernetes/cluster';
import { forwardWhenReady } from '../migrations/kubernetes/ready-tunnel';
import { answer, ifFound, qdrantClient, type QdrantError } from '../migrations/targets/qdrant/client';
import { LOGINS } from '../migrations/targets/qdrant/format';
import { openTlsTunnel } from '../migrations/targets/qdrant/tls-tunnel';
import type { QdrantLoginsInputs } from './qdrant-logins';

/**
 * Provider method: makes the collection of the logins what the inputs say.
 * @throws Error when a Secret is missing; QdrantError when Qdrant refuses.
 */
export async function putQdrantLogins(inputs: QdrantLoginsInputs) {
  const { namespace, service, port, caSecret } = inputs;
  const cluster = KubernetesCluster.load({ context: inputs.context });
  const apiKey = await value(cluster, namespace, inputs.apiKeySecret, 'apiKey');
  const ca = caSecret && (await value(cluster, namespace, caSecret, 'ca.crt'));
  const tunnel = await forwardWhenReady(cluster, namespace, service, port);
  try {
    const secure = ca ? await openTlsTunnel({ ...tunnel, ca, serverName: service }) : undefined;
    try {
      const url = secure?.url ?? `http://${tunnel.host}:${tunnel.port}`;
      await putPoints(qdrantClient({ url, apiKey }), inputs);
    } finally {
      await secure?.close();
    }
  } finally {
    await tunnel.close();
  }
  return { id: `${namespace}/${service}`, outs: inputs };
}

/** Two points of each login in turn: a generation takes the place of the last but one. */
async function putPoints(client: QdrantClient, { logins, rotation }: QdrantLoginsInputs): Promise<void> {
  if (!(await ifFound(client.getCollection(LOGINS)))) await createCollection(client);
  const generations = rotation === 1 ? [1] : [rotation - 1, rotation];
  const points = logins.flatMap((login, index) =>
    generations.map((generation) => ({
      id: 2 * index + (generation % 2),
      vector: {},
      payload: { login, generation },
    })),
  );
  await answer(client.upsert(LOGINS, { points, wait: true, ordering: 'strong' }));
}

async function createCollection(client: QdrantClient): Promise<void> {
  try {
    await answer(client.createCollection(LOGINS, { vectors: {}, shard_number: 1 }));
  } catch (error) {
    // The client repeats a request whose answer was lost; older servers call that a bad request.
    if (![400, 409].includes((error as QdrantError).status ?? 0)) throw error;
    if (!(await ifFound(client.getCollection(LOGINS)))) throw error;
  }
}

async function value(
  cluster: KubernetesCluster,
  namespace: string,
  name: string,
  key: string,
): Promise<string> {
  const data = await cluster.secret(namespace, name);
  if (data?.[key]) return data[key];
  const what = data ? `has no ${key}` : 'does not exist';
  throw new Error(`Secret ${namespace}/${name} ${what}; run \`pulumi refresh\` and \`pulumi up\` again.`);
}

/** What Pulumi's provider process runs. */
export const provider: dynamic.ResourceProvider = {
  create: putQdrantLogins,
  update: (_id, _olds, news) => putQdrantLogins(news),
};
