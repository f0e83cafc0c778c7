import type { dynamic } from '@pulumi/pulumi';
import { Client } from 'pg';
import { KubernetesCluster, type KubernetesObject, type Tunnel } from '../migrations/kubernetes/cluster';
import { waitUntil } from './manifest-bundle/wait';
import type { LoginsInputs } from './postgres-logins';

const TIMEOUT_MS = 300_000;
const CONNECT_TIMEOUT_MS = 10_000;
const PORT = 5432;
/** A database that every role may connect to, whatever the change files grant. */
const DATABASE = 'postgres';

/**
 * Provider method: returns once every ready instance accepts every login, within 5 minutes.
 * @throws WaitTimeoutError naming the instance, the login and the operator's reason.
 */
export async function awaitLogins(inputs: LoginsInputs) {
  const { namespace, cluster: name } = inputs;
  const cluster = KubernetesCluster.load({ context: inputs.context });
  await waitUntil(`PostgreSQL ${namespace}/${name}`, () => refusal(cluster, inputs), {
    timeoutMs: TIMEOUT_MS,
    report: (line) => console.log(line),
  });
  return { id: `${namespace}/${name}`, outs: inputs };
}

/** Which login is refused where and why; undefined when none is. */
async function refusal(cluster: KubernetesCluster, inputs: LoginsInputs): Promise<string | undefined> {
  const { namespace, secrets, caSecret } = inputs;
  const ca = (await cluster.secret(namespace, caSecret))?.['ca.crt'];
  if (!ca) return `Secret ${caSecret} has no ca.crt yet`;
  const pods = await readyInstances(cluster, inputs);
  if (pods.length === 0) return 'no instance is ready';
  for (const pod of pods) {
    const tunnel = await cluster.forward(namespace, pod, PORT);
    try {
      for (const secret of secrets) {
        const login = await cluster.secret(namespace, secret);
        const why = await failedLogin(tunnel, { ca, servername: `${inputs.cluster}-rw` }, login);
        if (why)
          return `${pod} refuses the login of Secret ${secret} (${why})${await reasons(cluster, inputs)}`;
      }
    } finally {
      await tunnel.close();
    }
  }
  return undefined;
}

async function readyInstances(
  cluster: KubernetesCluster,
  { namespace, cluster: name }: LoginsInputs,
): Promise<string[]> {
  const selector = `cnpg.io/cluster=${name},cnpg.io/podRole=instance`;
  const pods = await cluster.list('v1', 'Pod', namespace, selector);
  return pods.filter(isReady).map((pod) => pod.metadata.name!);
}

function isReady({ metadata, status }: KubernetesObject): boolean {
  const conditions: { type: string; status: string }[] = status?.conditions ?? [];
  return (
    metadata.deletionTimestamp === undefined &&
    conditions.some(({ type, status }) => type === 'Ready' && status === 'True')
  );
}

async function failedLogin(
  { host, port }: Tunnel,
  tls: { readonly ca: string; readonly servername: string },
  login: Record<string, string> | undefined,
): Promise<string | undefined> {
  const { username: user, password } = login ?? {};
  if (!user || !password) return 'it has no username and password';
  const client = new Client({
    ...{ host, port, user, password, database: DATABASE },
    ssl: { ...tls, rejectUnauthorized: true },
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    application_name: 'agent-data-platform logins',
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.end();
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

/** What the operator says about roles that it cannot make. */
async function reasons(
  cluster: KubernetesCluster,
  { namespace, cluster: name }: LoginsInputs,
): Promise<string> {
  const found = await cluster.read('postgresql.cnpg.io/v1', 'Cluster', namespace, name);
  const failed: Record<string, string[]> = found?.status?.managedRolesStatus?.cannotReconcile ?? {};
  const lines = Object.entries(failed).map(([role, why]) => `${role}: ${why.join(', ')}`);
  return lines.length > 0 ? `; the operator says ${lines.join('; ')}` : '';
}

/** What Pulumi's provider process runs. */
export const provider: dynamic.ResourceProvider = {
  create: awaitLogins,
  update: (_id, _olds, news) => awaitLogins(news),
};
