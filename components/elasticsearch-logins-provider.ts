import { setTimeout as delay } from 'node:timers/promises';
import { Client, errors } from '@elastic/elasticsearch';
import type { dynamic } from '@pulumi/pulumi';
import { KubernetesCluster } from '../migrations/kubernetes/cluster';
import {
  ELASTIC_USER,
  keepOperatorPasswords,
  replaceOperatorPasswords,
} from './elasticsearch-operator-users';
import type { ElasticsearchLoginsInputs } from './elasticsearch-logins';

const PORT = 9200;
/** The kubelet looks for changed Secrets every minute or so, and each node reads its files every few seconds. */
const WITHIN_MS = 300_000;
const PAUSE_MS = 2_000;

interface Login {
  readonly username: string;
  readonly password: string;
}

/**
 * Provider method: waits until every node accepts every login.
 * @throws Error when a Secret is missing, or naming the nodes and users that are not known after 5 minutes.
 */
export async function awaitLogins(inputs: ElasticsearchLoginsInputs, withinMs = WITHIN_MS) {
  const cluster = KubernetesCluster.load({ context: inputs.context });
  const ca = (await cluster.secret(inputs.namespace, inputs.caSecret))?.['ca.crt'];
  if (!ca) throw missing(inputs.namespace, inputs.caSecret, 'ca.crt');
  const logins = await Promise.all([
    ...inputs.userSecrets.map((name) => login(cluster, inputs.namespace, name)),
    elasticLogin(cluster, inputs),
  ]);
  const deadline = performance.now() + withinMs;
  for (const pod of await nodes(cluster, inputs)) {
    const tunnel = await cluster.forward(inputs.namespace, pod, PORT);
    const client = new Client({
      node: `https://${tunnel.host}:${tunnel.port}`,
      tls: { ca, servername: inputs.serverName },
      maxRetries: 0,
    });
    try {
      for (const user of logins) await accepted(client, pod, user, deadline);
    } finally {
      await client.close();
      await tunnel.close();
    }
  }
  return { id: `${inputs.namespace}/${inputs.cluster}`, outs: inputs };
}

async function nodes(cluster: KubernetesCluster, inputs: ElasticsearchLoginsInputs): Promise<string[]> {
  const selector = `elasticsearch.k8s.elastic.co/cluster-name=${inputs.cluster}`;
  const pods = await cluster.list('v1', 'Pod', inputs.namespace, selector);
  if (pods.length > 0) return pods.map(({ metadata }) => metadata.name!);
  throw new Error(
    `Elasticsearch ${inputs.namespace}/${inputs.cluster} has no pods; wait for the operator and run \`pulumi up\` again.`,
  );
}

async function accepted(client: Client, pod: string, { username, password }: Login, deadline: number) {
  for (;;) {
    try {
      await client.security.authenticate({}, { headers: { authorization: basic(username, password) } });
      return;
    } catch (error) {
      if (performance.now() < deadline) await delay(PAUSE_MS);
      else throw notAccepted(pod, username, error);
    }
  }
}

function notAccepted(pod: string, username: string, error: unknown): Error {
  const reason = error instanceof errors.ResponseError ? `answers ${error.statusCode}` : 'cannot be reached';
  return new Error(
    `Node ${pod} does not accept the user "${username}" (${reason}); the passwords that were handed out before stay valid. Look at the operator's log, then run \`pulumi up\` again.`,
  );
}

function basic(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

async function login(cluster: KubernetesCluster, namespace: string, name: string): Promise<Login> {
  const data = await cluster.secret(namespace, name);
  if (data?.username && data.password) return { username: data.username, password: data.password };
  throw missing(namespace, name, 'username and password');
}

async function elasticLogin(
  cluster: KubernetesCluster,
  { namespace, elasticUserSecret }: ElasticsearchLoginsInputs,
): Promise<Login> {
  const password = (await cluster.secret(namespace, elasticUserSecret))?.[ELASTIC_USER];
  if (password) return { username: ELASTIC_USER, password };
  throw missing(namespace, elasticUserSecret, ELASTIC_USER);
}

function missing(namespace: string, name: string, keys: string): Error {
  return new Error(
    `Secret ${namespace}/${name} with ${keys} does not exist; run \`pulumi refresh\` and \`pulumi up\` again.`,
  );
}

/** Provider method: a new cluster's logins. @throws Error as {@link awaitLogins}. */
async function createLogins(inputs: ElasticsearchLoginsInputs) {
  await keepOperatorPasswords(KubernetesCluster.load({ context: inputs.context }), inputs);
  return awaitLogins(inputs);
}

/** Provider method: a rotation replaces the operator's passwords, too. @throws Error as {@link awaitLogins}. */
async function updateLogins(olds: ElasticsearchLoginsInputs, news: ElasticsearchLoginsInputs) {
  if (olds.rotation === news.rotation) return createLogins(news);
  const cluster = KubernetesCluster.load({ context: news.context });
  await replaceOperatorPasswords(cluster, news, performance.now() + WITHIN_MS);
  return awaitLogins(news);
}

/** What Pulumi's provider process runs. */
export const provider = {
  create: (inputs: ElasticsearchLoginsInputs) => createLogins(inputs),
  update: (_id: string, olds: ElasticsearchLoginsInputs, news: ElasticsearchLoginsInputs) =>
    updateLogins(olds, news),
} satisfies dynamic.ResourceProvider;
