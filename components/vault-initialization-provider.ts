import type { dynamic } from '@pulumi/pulumi';
import { connectPolicy } from '../migrations/engine/retry';
import type { KubernetesCluster } from '../migrations/kubernetes/cluster';
import type { VaultClient } from './vault-client';
import { withFirstServer } from './vault-connection';
import type { VaultInitializationInputs } from './vault-initialization';

/** Image, volume and a server that starts. */
const START_BUDGET_MS = 300_000;
const OPEN_BUDGET_MS = 60_000;
const FIELD_MANAGER = 'agent-data-platform';

/**
 * Provider method: initialises a Vault that is not, keeps its key in a Secret, and opens it; may be repeated.
 * @throws Error when the key of an initialised Vault is gone.
 */
export async function initializeVault(inputs: VaultInitializationInputs) {
  await withFirstServer(inputs, START_BUDGET_MS, async (vault, cluster) => {
    if ((await vault.health()) === 'uninitialised') await initialize(vault, cluster, inputs);
    await open(vault, cluster, inputs);
  });
  return { id: `${inputs.namespace}/${inputs.service}`, outs: inputs };
}

/** @see https://developer.hashicorp.com/vault/api-docs/system/init */
async function initialize(vault: VaultClient, cluster: KubernetesCluster, inputs: VaultInitializationInputs) {
  const { namespace, unsealSecret, bootstrapSecret } = inputs;
  const put = (name: string, stringData: Record<string, string>) =>
    cluster.apply(
      { apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace }, type: 'Opaque', stringData },
      { fieldManager: FIELD_MANAGER, force: true },
    );
  // Whoever may not write Secrets finds out before there is a key that would be lost.
  await put(unsealSecret, {});
  const { keys_base64, root_token } = await vault.write<{ keys_base64: [string]; root_token: string }>(
    'sys/init',
    { secret_shares: 1, secret_threshold: 1 },
  );
  const keep = connectPolicy(OPEN_BUDGET_MS);
  await keep.execute(() => put(unsealSecret, { unsealKey: keys_base64[0] }));
  await keep.execute(() => put(bootstrapSecret, { token: root_token }));
}

async function open(vault: VaultClient, cluster: KubernetesCluster, inputs: VaultInitializationInputs) {
  const { namespace, unsealSecret } = inputs;
  if ((await vault.health()) === 'sealed') {
    const key = (await cluster.secret(namespace, unsealSecret))?.unsealKey;
    if (!key) {
      throw new Error(
        `Vault is initialised, but Secret ${namespace}/${unsealSecret} has no unsealKey: what it holds cannot be read any more. Restore the Secret, or delete the volume of Vault to start anew.`,
      );
    }
    await vault.write('sys/unseal', { key });
  }
  // A server that is open elects itself first.
  await connectPolicy(OPEN_BUDGET_MS).execute(async () => {
    const health = await vault.health();
    if (health !== 'active') throw Object.assign(new Error(`Vault is ${health}.`), { code: 'ECONNREFUSED' });
  });
}

/** What Pulumi's provider process runs. */
export const provider: dynamic.ResourceProvider = {
  create: initializeVault,
  update: (_id, _olds, news) => initializeVault(news),
};
