import { type ScratchVault, startVault } from '../../migrations/testing/vault';
import { initializeVault } from '../vault-initialization-provider';
import { vaultNames } from '../vault-names';

/** Three servers that another Vault, which stands for the key management service, opens. */
export interface AutoSealedVault {
  readonly keeper: ScratchVault;
  readonly server: ScratchVault;
  /** Initialises the first server; the others join it and open themselves. @returns the root token. */
  initialize(): Promise<string>;
}

/** Starts both; they are gone when the keeper is stopped. */
export async function startAutoSealedVault(): Promise<AutoSealedVault> {
  const keeper = await startVault({ seal: 'dev-auto', name: 'keeper' });
  const { namespace } = keeper;
  try {
    await keeper.apply({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'seal', namespace },
      stringData: {
        'ca.crt': keeper.authority.certificate,
        'seal.hcl': `seal "transit" {
  address     = "https://keeper.${namespace}.svc:8200"
  token       = "${await sealToken(keeper)}"
  key_name    = "seal"
  mount_path  = "transit/"
  tls_ca_cert = "/vault/seal/ca.crt"
}
`,
      },
    });
    const server = await startVault({ seal: 'auto', sealSecret: 'seal', replicas: 3 }, namespace);
    return { keeper, server, initialize: () => initialize(server) };
  } catch (error) {
    await keeper.stop();
    throw error;
  }
}

async function sealToken(keeper: ScratchVault): Promise<string> {
  const { unsealSecret, bootstrapSecret } = vaultNames({ name: 'keeper' });
  await initializeVault({ ...keeper.reference, unsealSecret, bootstrapSecret });
  const token = (await keeper.cluster.secret(keeper.namespace, bootstrapSecret))!.token!;
  await keeper.use(async (vault) => {
    await vault.write('sys/mounts/transit', { type: 'transit' });
    await vault.write('transit/keys/seal', {});
  }, token);
  return token;
}

async function initialize(server: ScratchVault): Promise<string> {
  const { root_token } = await server.use((vault) =>
    vault.write<{ root_token: string }>('sys/init', { recovery_shares: 5, recovery_threshold: 3 }),
  );
  return root_token;
}
