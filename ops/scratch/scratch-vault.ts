/** A Vault that a copy is restored into to prove it. */
import { VaultClient } from '../../components/vault-client';
import { images } from '../../components/versions';
import { type ScratchServer, startServer } from '../../migrations/testing/servers';
import { VaultDriver } from '../stores/vault';

const CONFIGURATION = {
  disable_mlock: true,
  api_addr: 'https://127.0.0.1:8200',
  cluster_addr: 'https://127.0.0.1:8201',
  listener: {
    tcp: { address: '0.0.0.0:8200', tls_cert_file: '/tls/tls.crt', tls_key_file: '/tls/tls.key' },
  },
  storage: { raft: { path: '/data', node_id: 'scratch' } },
};

/** A scratch Vault, and the driver that reaches it. */
export interface ScratchVaultStore {
  readonly server: ScratchServer;
  readonly driver: VaultDriver;
}

/**
 * Starts a Vault that is empty and open. It reaches nothing: with the leases of a copy it would end logins of databases that the
 * Vault of the copy has renewed since.
 * @param unsealKey Of the Vault that the copy is of; empty where only people have it, and then the copy stays sealed.
 */
export async function startScratchVault(unsealKey: string): Promise<ScratchVaultStore> {
  const server = await startServer({
    ...{ name: 'vault', image: images.vault, uid: 100, port: 8200, user: 'root', isolated: true },
    script: `printf %s '${JSON.stringify(CONFIGURATION)}' >/tmp/vault.json && exec /bin/vault server -config=/tmp/vault.json`,
    env: { SKIP_SETCAP: 'true' },
    tls: { 'tls.crt': 'tls.crt', 'tls.key': 'tls.key' },
    readinessProbe: {
      httpGet: {
        path: '/v1/sys/health?standbyok=true&uninitcode=200&sealedcode=200',
        ...{ port: 8200, scheme: 'HTTPS' },
      },
      periodSeconds: 1,
    },
    secret: (username, password) => ({ username, password }),
  });
  try {
    const { host, port } = server;
    const tls = { ca: server.ca!, serverName: server.name };
    const rootToken = await initialized(new VaultClient({ host, port, ...tls }));
    const login = { rootToken };
    const driver = new VaultDriver({ host, port, tls, login, unsealKey: () => unsealKey, maySeal: true });
    return { server, driver };
  } catch (error) {
    await server.stop().catch(() => undefined);
    throw error;
  }
}

/** @returns the root token. */
async function initialized(vault: VaultClient): Promise<string> {
  const { keys_base64, root_token } = await vault.write<{ keys_base64: [string]; root_token: string }>(
    'sys/init',
    { secret_shares: 1, secret_threshold: 1 },
  );
  await vault.write('sys/unseal', { key: keys_base64[0] });
  return root_token;
}
