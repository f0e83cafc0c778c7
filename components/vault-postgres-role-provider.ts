import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { dynamic } from '@pulumi/pulumi';
import { connectPolicy } from '../migrations/engine/retry';
import { KubernetesCluster } from '../migrations/kubernetes/cluster';
import { secretValue } from './vault-connection';
import { vaultPostgresStatements } from './vault-database-logins';
import type { VaultPostgresRoleInputs } from './vault-postgres-login';

/** The operator makes the roles a moment after the cluster is ready. */
const ROLES_BUDGET_MS = 120_000;
const CONTAINER = 'postgres';
/** The superuser has no password: only a process in the primary's pod is it. */
const PSQL = ['psql', '--no-psqlrc', '--quiet', '--set=ON_ERROR_STOP=1', '--dbname=postgres'];

/**
 * Provider method: makes the role what it must be, as the superuser in the pod of the primary; may be repeated.
 * @throws Error with the words of psql.
 */
export async function putVaultRole(inputs: VaultPostgresRoleInputs) {
  const { namespace, cluster: name, secret, context } = inputs;
  const cluster = KubernetesCluster.load({ context });
  const verifier = scramVerifier(await secretValue(cluster, namespace, secret, 'password'));
  const script = `${vaultPostgresStatements(verifier).join(';\n')};\n\\q\n`;
  await connectPolicy(ROLES_BUDGET_MS).execute(async () => {
    const failure = await run(cluster, namespace, await primary(cluster, namespace, name), script);
    if (failure !== undefined)
      throw notYet(`PostgreSQL ${namespace}/${name} did not make the role vault: ${failure}`);
  });
  return { id: `${namespace}/${name}`, outs: inputs };
}

async function primary(cluster: KubernetesCluster, namespace: string, name: string): Promise<string> {
  const selector = `cnpg.io/cluster=${name},cnpg.io/instanceRole=primary`;
  const [pod] = await cluster.list('v1', 'Pod', namespace, selector);
  if (!pod?.metadata.name)
    throw notYet(`PostgreSQL ${namespace}/${name} has no primary; wait until it runs.`);
  return pod.metadata.name;
}

/** What psql said when it failed; undefined when it did not. */
async function run(
  cluster: KubernetesCluster,
  namespace: string,
  pod: string,
  script: string,
): Promise<string | undefined> {
  const { Exec } = await import('@kubernetes/client-node/dist/exec.js');
  const [output, errors] = [new PassThrough(), new PassThrough()];
  output.resume();
  const said = text(errors);
  const ended = new Promise<{ status?: string; message?: string }>((resolve, reject) => {
    new Exec(cluster.config)
      .exec(namespace, pod, CONTAINER, PSQL, output, errors, Readable.from([script]), false, resolve)
      .then(
        (socket) => socket.addEventListener('close', () => reject(notYet(`pod ${pod} went away.`))),
        reject,
      );
  });
  const { status, message } = await ended;
  errors.end();
  return status === 'Success' ? undefined : (await said).trim() || message || 'it gave no reason';
}

/**
 * What PostgreSQL keeps of a password, so that it and its logs never see the password.
 * @see https://www.postgresql.org/docs/current/catalog-pg-authid.html
 */
export function scramVerifier(password: string, salt: Buffer = randomBytes(16)): string {
  const iterations = 4096;
  const salted = pbkdf2Sync(password, salt, iterations, 32, 'sha256');
  const hmac = (text: string) => createHmac('sha256', salted).update(text).digest();
  const storedKey = createHash('sha256').update(hmac('Client Key')).digest('base64');
  const serverKey = hmac('Server Key').toString('base64');
  return `SCRAM-SHA-256$${iterations}:${salt.toString('base64')}$${storedKey}:${serverKey}`;
}

/** An error that goes away with time. */
function notYet(message: string): Error {
  return Object.assign(new Error(message), { code: 'ECONNREFUSED' });
}

/** What Pulumi's provider process runs. */
export const provider: dynamic.ResourceProvider = {
  create: putVaultRole,
  update: async (_id, _olds, news) => ({ outs: (await putVaultRole(news)).outs }),
};
