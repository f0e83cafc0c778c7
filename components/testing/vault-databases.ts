import { type ScratchServer, startServer } from '../../migrations/testing/servers';
import { type ScratchVault, tlsSecret } from '../../migrations/testing/vault';
import { issueCertificate } from '../certificates/x509';
import { vaultRedisRules } from '../vault-database-logins';
import { images } from '../versions';

const WRITE_CERTIFICATE =
  'umask 077; printf %s "$CERTIFICATE" > /data/tls.crt; printf %s "$KEY" > /data/tls.key';

/** Starts a PostgreSQL that only talks TLS, labelled as CloudNativePG labels the primary of the cluster `postgres`. */
export async function startPostgresWithTls(vault: ScratchVault): Promise<ScratchServer> {
  const name = 'postgres';
  const server = await startServer(
    {
      ...{ name, image: images.postgres, uid: 26, port: 5432, user: 'postgres' },
      env: { ...(await certificateOf(vault, name)), PGHOST: '/data' },
      script: [
        `${WRITE_CERTIFICATE}; printf %s "$PASSWORD" > /data/password`,
        'initdb -D /data/pg -U postgres --auth-local=peer --auth-host=scram-sha-256 --pwfile=/data/password',
        "echo 'hostssl all all all scram-sha-256' >> /data/pg/pg_hba.conf",
        "exec postgres -D /data/pg -c listen_addresses='*' -c unix_socket_directories=/data -c ssl=on -c ssl_cert_file=/data/tls.crt -c ssl_key_file=/data/tls.key",
      ].join(' && '),
      readinessProbe: { exec: { command: ['pg_isready', '-h', '127.0.0.1'] }, periodSeconds: 1 },
      secret: (username, password) => ({ username, password }),
    },
    vault.namespace,
  );
  const labels = { 'cnpg.io/cluster': name, 'cnpg.io/instanceRole': 'primary' };
  await vault.apply({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: vault.namespace, labels },
  });
  return server;
}

/** Starts a Redis that only talks TLS and whose one user is Vault's; its Secret is `redis`. */
export async function startRedisWithTls(vault: ScratchVault): Promise<ScratchServer> {
  const name = 'redis';
  const user = `user vault on >%s ${vaultRedisRules.join(' ')}`;
  const tls = '--tls-cert-file /data/tls.crt --tls-key-file /data/tls.key --tls-ca-cert-file /data/tls.crt';
  return startServer(
    {
      ...{ name, image: images.redis, uid: 999, port: 6379, user: 'vault' },
      env: await certificateOf(vault, name),
      script: [
        WRITE_CERTIFICATE,
        `printf 'user default off\\n${user}\\n' "$PASSWORD" > /data/users.acl`,
        `exec redis-server --dir /tmp --aclfile /data/users.acl --port 0 --tls-port 6379 --tls-auth-clients no ${tls}`,
      ].join(' && '),
      readinessProbe: { tcpSocket: { port: 6379 }, periodSeconds: 1 },
      secret: (username, password) => ({ username, password }),
    },
    vault.namespace,
  );
}

/** A server's certificate; the Secret `<name>-tls` has the authority that verifies it. */
async function certificateOf(vault: ScratchVault, name: string) {
  const dnsNames = [`${name}.${vault.namespace}.svc`];
  await vault.apply(await tlsSecret(vault, { secret: `${name}-tls`, dnsNames }));
  const validity = { from: new Date(), days: 2 };
  const { certificate, privateKey } = await issueCertificate(vault.authority, dnsNames, validity);
  return { CERTIFICATE: certificate, KEY: privateKey };
}
