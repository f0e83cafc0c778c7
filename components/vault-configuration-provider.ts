import { createPublicKey, type JsonWebKey } from 'node:crypto';
import type { dynamic } from '@pulumi/pulumi';
import { canonicalJson } from '../migrations/engine/canonical-json';
import { connectPolicy, isUnreachable } from '../migrations/engine/retry';
import { KubernetesCluster } from '../migrations/kubernetes/cluster';
import { reportUnder } from '../migrations/provider/diagnostics';
import { isOffline } from './manifest-bundle/engine';
import type { VaultConfigurationInputs } from './vault-configuration';
import { configure, VaultWaitsError } from './vault-configure';
import { withFirstServer, withOpenServer } from './vault-connection';

type State = VaultConfigurationInputs & { readonly state: string };

/** Image, volume and a server that starts. */
const START_BUDGET_MS = 180_000;
const OPEN_BUDGET_MS = 60_000;
const BRIEF_BUDGET_MS = 5_000;
const CONFIGURED = 'configured';

/** Provider method: asks the cluster who signs the tokens of ServiceAccounts; a preview without a cluster goes on without. */
export async function checkIssuer(inputs: VaultConfigurationInputs) {
  try {
    const cluster = KubernetesCluster.load({ context: inputs.context });
    return { inputs: { ...inputs, ...(await tokenIssuer(cluster)) }, failures: [] };
  } catch (error) {
    if (isOffline(error)) {
      console.log(`issuer of ServiceAccount tokens not asked for: ${(error as Error).message}`);
      return { inputs, failures: [] };
    }
    return { inputs, failures: [{ property: 'issuerKeys', reason: (error as Error).message }] };
  }
}

/** @see https://kubernetes.io/docs/tasks/configure-pod-container/configure-service-account/#service-account-issuer-discovery */
async function tokenIssuer(cluster: KubernetesCluster) {
  const [{ issuer }, { keys }] = await Promise.all([
    cluster.request<{ issuer: string }>('GET', '/.well-known/openid-configuration'),
    cluster.request<{ keys: JsonWebKey[] }>('GET', '/openid/v1/jwks', {
      accept: 'application/jwk-set+json',
    }),
  ]);
  const pem = (key: JsonWebKey) =>
    createPublicKey({ key, format: 'jwk' }).export({ type: 'spki', format: 'pem' }).toString();
  return { issuer, issuerKeys: keys.map(pem).sort() };
}

/** Provider method: whether Vault is to be configured, again or at last. */
export async function diff(_id: string, olds: State, news: VaultConfigurationInputs) {
  const { state, ...before } = olds;
  return { changes: state !== CONFIGURED || canonicalJson(before) !== canonicalJson(news) };
}

/**
 * Provider method: makes Vault what the inputs say, or says in a warning why it cannot yet.
 * @throws VaultError when Vault refuses.
 */
export async function configureVault(inputs: VaultConfigurationInputs, before?: VaultConfigurationInputs) {
  const id = `${inputs.namespace}/${inputs.service}`;
  const state = await configured(inputs, before).catch((error: unknown) => {
    if (error instanceof VaultWaitsError) return error.message;
    throw error;
  });
  if (state !== CONFIGURED) {
    await reportUnder(inputs.reportTo)(
      'warning',
      `Vault ${id} is not configured: ${state}. docs/vault.md says what to do; the next update goes on.`,
    );
  }
  return { id, outs: { ...inputs, state } satisfies State };
}

async function configured(inputs: VaultConfigurationInputs, before?: VaultConfigurationInputs) {
  const attempt = async (budgetMs: number) => {
    await withOpenServer(inputs, budgetMs, (vault, cluster) => configure(vault, cluster, inputs, before));
    return CONFIGURED;
  };
  try {
    return await attempt(BRIEF_BUDGET_MS);
  } catch (error) {
    if (!isUnreachable(error)) throw error;
  }
  await awaitStart(inputs);
  // Servers that are open choose the active one among them first.
  return connectPolicy(OPEN_BUDGET_MS).execute(() => attempt(BRIEF_BUDGET_MS));
}

/** Waits until the first server answers. @throws VaultWaitsError when it is not open, or does not answer. */
async function awaitStart(inputs: VaultConfigurationInputs): Promise<void> {
  const health = await withFirstServer(inputs, START_BUDGET_MS, (vault) => vault.health()).catch(
    (error: Error) => {
      if (isUnreachable(error)) throw new VaultWaitsError(`it does not answer (${error.message})`);
      throw error;
    },
  );
  if (health === 'uninitialised') throw new VaultWaitsError('it waits for somebody to initialise it');
  if (health === 'sealed') throw new VaultWaitsError('it is sealed and waits for somebody to unseal it');
}

/** What Pulumi's provider process runs. */
export const provider: dynamic.ResourceProvider = {
  check: (_olds, news) => checkIssuer(news),
  diff,
  create: (inputs) => configureVault(inputs),
  update: async (_id, olds, news) => ({ outs: (await configureVault(news, olds)).outs }),
};
