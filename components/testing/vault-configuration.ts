import type { ScratchVault } from '../../migrations/testing/vault';
import { AUDIENCE, vaultNames } from '../vault-names';
import type { VaultConfigurationInputs } from '../vault-configuration';
import { checkIssuer } from '../vault-configuration-provider';
import { type VaultSettings, vaultWrites } from '../vault-writes';

/** The inputs that the component gives its configuration, as the provider's check completes them. */
export async function configurationInputs(
  { reference, namespace }: ScratchVault,
  settings: Partial<VaultSettings> = {},
): Promise<VaultConfigurationInputs> {
  const { configurationAccount, bootstrapSecret } = vaultNames({});
  const account = { namespace, name: configurationAccount };
  const { inputs, failures } = await checkIssuer({
    ...reference,
    account,
    bootstrapSecret,
    revision: '',
    writes: vaultWrites({
      configurationAccount: account,
      backupAccount: { namespace, name: 'backup' },
      keys: ['platform'],
      keyRotationHours: 2160,
      applications: { app: [], readonly: [] },
      ...settings,
    }),
    reportTo: 'urn:pulumi:test::test::x::y',
  });
  expect(failures).toEqual([]);
  return inputs;
}

/** A token of a ServiceAccount, as a pod gets it. @param audiences None: for the API server. */
export async function serviceAccountToken(
  { cluster, namespace }: Pick<ScratchVault, 'cluster' | 'namespace'>,
  account: string,
  audiences: readonly string[] = [AUDIENCE],
): Promise<string> {
  const path = await cluster.path('v1', 'ServiceAccount', namespace, account);
  const { status } = await cluster.request<{ status: { token: string } }>('POST', `${path}/token`, {
    body: {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: { audiences, expirationSeconds: 600 },
    },
  });
  return status.token;
}

/** Logs a ServiceAccount in to Vault, as its pod does. */
export async function logIn(vault: ScratchVault, account: string, role: string) {
  const jwt = await serviceAccountToken(vault, account);
  const { auth } = await vault.use((client) => client.write('auth/kubernetes/login', { role, jwt }));
  return { jwt, token: auth.client_token as string };
}
