import { ConstantBackoff, handleWhen, retry } from 'cockatiel';
import { AUDIENCE, CONFIGURATION_ROLE } from './vault-names';
import { KubernetesCluster } from '../migrations/kubernetes/cluster';
import { serviceAccountToken } from '../migrations/kubernetes/service-account-token';
import { type VaultClient, VaultError } from './vault-client';
import type { VaultConfigurationInputs } from './vault-configuration';
import { secretValue } from './vault-connection';
import { type VaultWrite } from './vault-writes';

/** Vault cannot be configured before somebody does something; the message says what it waits for. */
export class VaultWaitsError extends Error {
  constructor(what: string) {
    super(what);
    this.name = 'VaultWaitsError';
  }
}

/** What may be deleted when it is no longer wanted; never an engine or a key, with which secrets would be lost. */
const REMOVABLE = /^(database\/(config|roles)|auth\/kubernetes\/role|sys\/policies\/acl)\//;
/** Seconds that the token of the ServiceAccount lives, the least that Kubernetes makes. */
const TOKEN_SECONDS = 600;
const MOUNTED_WITHIN_S = 180;
const MOUNT_POLL_S = 3;

/**
 * Sends every request, and deletes what requests of before made that are no longer there.
 * @throws VaultWaitsError when a root token is needed first; VaultError when Vault refuses.
 */
export async function configure(
  vault: VaultClient,
  cluster: KubernetesCluster,
  inputs: VaultConfigurationInputs,
  before?: VaultConfigurationInputs,
): Promise<void> {
  const { namespace, bootstrapSecret, writes } = inputs;
  const bootstrap = await bootstrapToken(vault, cluster, inputs);
  const token = bootstrap ?? (await login(vault, cluster, inputs));
  if (!token) {
    throw new VaultWaitsError(
      `it waits for a root token under the key \`token\` of Secret ${namespace}/${bootstrapSecret}`,
    );
  }
  const session = vault.as(token);
  for (const request of withIssuer(inputs)) await send(session, cluster, namespace, request);
  const paths = new Set(writes.map(({ path }) => path));
  for (const { path } of before?.writes ?? [])
    if (REMOVABLE.test(path) && !paths.has(path)) await session.delete(path);
  if (bootstrap) await assertLogin(vault, cluster, inputs);
  await session.write('auth/token/revoke-self', {});
  await cluster.delete('v1', 'Secret', namespace, bootstrapSecret, { propagationPolicy: 'Background' });
}

/** The token of the first time; undefined where there is none, or it has been revoked. */
async function bootstrapToken(
  vault: VaultClient,
  cluster: KubernetesCluster,
  { namespace, bootstrapSecret }: VaultConfigurationInputs,
): Promise<string | undefined> {
  const token = (await cluster.secret(namespace, bootstrapSecret))?.token?.trim();
  if (!token) return undefined;
  try {
    await vault.as(token).read('auth/token/lookup-self');
    return token;
  } catch (error) {
    if (error instanceof VaultError && error.statusCode === 403) return undefined;
    throw error;
  }
}

/** The requests, and the public keys that logins are verified with before the first role that uses them. */
function withIssuer({ writes, issuer, issuerKeys }: VaultConfigurationInputs): VaultWrite[] {
  const keys: VaultWrite = {
    path: 'auth/kubernetes/config',
    body: { bound_issuer: issuer, jwt_validation_pubkeys: issuerKeys },
  };
  const first = writes.findIndex(({ path }) => path.startsWith('auth/kubernetes/role/'));
  return [...writes.slice(0, first), keys, ...writes.slice(first)];
}

async function send(
  vault: VaultClient,
  cluster: KubernetesCluster,
  namespace: string,
  { path, body, kind, secrets = {} }: VaultWrite,
): Promise<void> {
  if (kind === 'enable' && (await enabledType(vault, path)) === body.type) return;
  const filled: Record<string, unknown> = { ...body };
  for (const [field, { secret, key }] of Object.entries(secrets))
    filled[field] = await secretValue(cluster, namespace, secret, key);
  await untilMounted().execute(() => vault.write(path, filled));
}

/** A pod that is older than a Secret it mounts gets the Secret's files within a minute or two. */
function untilMounted() {
  const isMissing = (error: unknown) =>
    error instanceof VaultError && /\bopen \/vault\/\S+: no such file or directory/.test(error.message);
  return retry(handleWhen(isMissing), {
    maxAttempts: MOUNTED_WITHIN_S / MOUNT_POLL_S,
    backoff: new ConstantBackoff(MOUNT_POLL_S * 1000),
  });
}

/** Type of what is enabled at a path, such as `sys/mounts/transit`; undefined when there is nothing. */
async function enabledType(vault: VaultClient, path: string): Promise<string | undefined> {
  const [, list, name] = path.split('/');
  const { data } = await vault.read<{ data: Record<string, { type: string }> }>(`sys/${list}`);
  return data[`${name}/`]?.type;
}

/** A token of Vault for a token of the ServiceAccount; undefined where Vault does not know it yet. */
async function login(
  vault: VaultClient,
  cluster: KubernetesCluster,
  { account }: VaultConfigurationInputs,
): Promise<string | undefined> {
  const jwt = await serviceAccountToken(cluster, {
    ...account,
    audience: AUDIENCE,
    seconds: TOKEN_SECONDS,
  });
  try {
    const { auth } = await vault.write<{ auth: { client_token: string } }>('auth/kubernetes/login', {
      role: CONFIGURATION_ROLE,
      jwt,
    });
    return auth.client_token;
  } catch (error) {
    if (error instanceof VaultError && [400, 403, 404].includes(error.statusCode)) return undefined;
    throw error;
  }
}

/** Makes sure that the ServiceAccount can log in before the root token ends. */
async function assertLogin(
  vault: VaultClient,
  cluster: KubernetesCluster,
  inputs: VaultConfigurationInputs,
): Promise<void> {
  const token = await login(vault, cluster, inputs);
  if (!token) {
    throw new Error(
      'Vault does not accept the tokens that the cluster makes for ServiceAccounts, so the root token was not revoked; compare auth/kubernetes/config with the issuer of the cluster.',
    );
  }
  await vault.as(token).write('auth/token/revoke-self', {});
}
