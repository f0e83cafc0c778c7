import assert from 'node:assert/strict';
import Redis from 'ioredis';
import { Client } from 'pg';
import { serviceAccountToken } from '../components/testing/vault-configuration';
import { VaultClient } from '../components/vault-client';
import type { KubernetesCluster } from '../migrations/kubernetes/cluster';
import type { VaultOutputs } from '../stacks/vault';
import type { Clients, ContractOutputs } from './clients';

/** ServiceAccount that the stack's configuration lets in. */
export const VAULT_APPLICATION = 'e2e-agent';

export type VaultContract = ContractOutputs & {
  readonly vault: Omit<VaultOutputs, 'tls'> & { tls: { ca: string } };
};
interface DatabaseLogin {
  readonly username: string;
  readonly password: string;
}

const base64 = (text: string) => Buffer.from(text).toString('base64');

const aad = base64('platform.user_profiles.phone:42');

/** Encrypts a secret of a user as an application does. */
export async function encrypt(
  cluster: KubernetesCluster,
  outputs: VaultContract,
  secret: string,
): Promise<string> {
  const vault = await loggedIn(cluster, outputs);
  const plaintext = base64(secret);
  const { data } = await vault.write('transit/encrypt/platform', { plaintext, associated_data: aad });
  return data.ciphertext as string;
}

/** Reads what {@link encrypt} gave. */
export async function decrypt(
  cluster: KubernetesCluster,
  outputs: VaultContract,
  ciphertext: string,
): Promise<string> {
  const vault = await loggedIn(cluster, outputs);
  const { data } = await vault.write('transit/decrypt/platform', { ciphertext, associated_data: aad });
  return Buffer.from(data.plaintext as string, 'base64').toString();
}

/** Uses Vault as an application does: logs in with its pod's token, encrypts, and uses logins of both databases. */
export async function useVault(
  cluster: KubernetesCluster,
  clients: Clients,
  outputs: VaultContract,
): Promise<void> {
  const sealed = await encrypt(cluster, outputs, 'secret');
  assert.equal(await decrypt(cluster, outputs, sealed), 'secret');
  const vault = await loggedIn(cluster, outputs);
  await usePostgres((await vault.read('database/creds/postgres-app')).data, outputs);
  const pod = await clients.redisMasterPod();
  await useRedis((await vault.read(`database/creds/${pod}-app`)).data, pod, outputs);
}

async function loggedIn(
  cluster: KubernetesCluster,
  { namespace, vault }: VaultContract,
): Promise<VaultClient> {
  const metadata = { name: VAULT_APPLICATION, namespace };
  await cluster.apply({ apiVersion: 'v1', kind: 'ServiceAccount', metadata }, { fieldManager: 'e2e' });
  const { hostname: host, port } = new URL(vault.address);
  const server = new VaultClient({ host, port: Number(port), ca: vault.tls.ca, serverName: host });
  const { path, audience } = vault.login;
  const jwt = await serviceAccountToken({ cluster, namespace }, VAULT_APPLICATION, [audience]);
  const { auth } = await server.write(`auth/${path}/login`, { role: 'app', jwt });
  return server.as(auth.client_token as string);
}

async function usePostgres(
  { username, password }: DatabaseLogin,
  { postgres }: VaultContract,
): Promise<void> {
  const { primary, database, tls } = postgres;
  const ssl = { ca: tls.ca, servername: primary.host };
  const client = new Client({ ...primary, database, user: username, password, ssl });
  await client.connect();
  try {
    await client.query("INSERT INTO platform.projects (name) VALUES ('of a login that ends')");
    await assert.rejects(client.query('CREATE TABLE platform.mine (id int)'), { code: '42501' });
  } finally {
    await client.end();
  }
}

async function useRedis(
  login: DatabaseLogin,
  pod: string,
  { namespace, redis }: VaultContract,
): Promise<void> {
  const [sentinel] = redis.sentinels;
  const domain = sentinel!.host.replace(/^[^.]+\./, '');
  const host = `${pod}.redis-nodes.${domain}`;
  const client = new Redis({ host, port: 6379, ...login, tls: { ca: redis.tls.ca }, lazyConnect: true });
  await client.connect();
  try {
    assert.equal(await client.set(`vault:${namespace}`, 'x', 'EX', 60), 'OK');
    await assert.rejects(client.call('ACL', 'LIST'), /NOPERM/);
  } finally {
    client.disconnect();
  }
}
