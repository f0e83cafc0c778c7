import { setTimeout as delay } from 'node:timers/promises';
import type { dynamic } from '@pulumi/pulumi';
import { KubernetesCluster } from '../migrations/kubernetes/cluster';
import { http, type ServerIdentity } from '../migrations/targets/http-client';
import { CREDENTIALS_PATH } from './auth-proxy';
import type { ProxyUsersInputs } from './proxied-store-users';

/** The kubelet looks at a pod's Secrets about once a minute. */
const DEADLINE_MS = 180_000;
const POLL_MS = 500;

/**
 * Waits until the proxy takes the users with the inputs' checksum.
 * @throws Error when it does not within three minutes.
 */
export async function awaitUsers(inputs: ProxyUsersInputs): Promise<void> {
  const cluster = KubernetesCluster.load({ context: inputs.context });
  const tls = await serverIdentity(cluster, inputs);
  const deadline = Date.now() + DEADLINE_MS;
  let problem: string;
  do {
    try {
      const taken = await takenUsers(cluster, inputs, tls);
      if (taken === inputs.checksum) return;
      problem = 'still takes the ones before';
      await hasten(cluster, inputs);
    } catch (error) {
      problem = `could not be asked: ${(error as Error).message}`;
    }
    await delay(POLL_MS);
  } while (Date.now() < deadline);
  throw new Error(
    `Pod ${inputs.namespace}/${inputs.pod} does not take the new users: its proxy ${problem}. ` +
      'Applications keep the ones they have. Correct the cause, and run `pulumi up` again.',
  );
}

async function serverIdentity(
  cluster: KubernetesCluster,
  { namespace, tlsSecret, serverName }: ProxyUsersInputs,
): Promise<ServerIdentity | undefined> {
  if (tlsSecret === undefined) return undefined;
  const ca = (await cluster.secret(namespace, tlsSecret))?.['ca.crt'];
  if (ca === undefined)
    throw new Error(`Secret ${namespace}/${tlsSecret} has no ca.crt; run \`pulumi up --refresh\`.`);
  return { ca, serverName };
}

async function takenUsers(
  cluster: KubernetesCluster,
  { namespace, pod, port }: ProxyUsersInputs,
  tls: ServerIdentity | undefined,
): Promise<string> {
  const tunnel = await cluster.forward(namespace, pod, port);
  try {
    const url = `${tls ? 'https' : 'http'}://${tunnel.host}:${tunnel.port}${CREDENTIALS_PATH}`;
    return await http({ method: 'GET', url, tls, timeoutMs: 5_000 });
  } finally {
    await tunnel.close();
  }
}

/** A change of a pod has the kubelet look at its Secrets at once. */
async function hasten(
  cluster: KubernetesCluster,
  { namespace, pod, checksum }: ProxyUsersInputs,
): Promise<void> {
  const annotations = { 'agent-data-platform/credentials-checksum': checksum };
  await cluster.apply(
    { apiVersion: 'v1', kind: 'Pod', metadata: { name: pod, namespace, annotations } },
    { fieldManager: 'agent-data-platform-credentials', force: true },
  );
}

async function put(inputs: ProxyUsersInputs) {
  await awaitUsers(inputs);
  return { id: `${inputs.namespace}/${inputs.pod}`, outs: inputs };
}

/** What Pulumi's provider process runs. */
export const provider: dynamic.ResourceProvider = {
  create: put,
  update: (_id, _olds, news) => put(news),
};
