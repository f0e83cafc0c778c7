import { images } from '../../components/versions';
import { aclUsers } from '../../components/redis-acl';
import { type ScratchServer, type ServerRecipe, startServer } from './servers';

/**
 * Starts an empty Redis whose user `migrations` may do what it may in the platform; `admin` (same password) may do everything.
 * @param namespace See {@link startServer}.
 * @param servedAs Name that clients verify; default no TLS.
 */
export function startRedis(namespace?: string, servedAs?: string): Promise<ScratchServer> {
  return startServer(recipe(aclUsers.migrations.server, [], servedAs), namespace);
}

/**
 * Starts the same as a Cluster of one node with TLS, which serves once `admin` has given it its slots.
 * @param nodesService Headless Service that the node names itself after; the caller makes it.
 */
export function startRedisCluster(namespace: string, nodesService: string): Promise<ScratchServer> {
  const options = [
    '--cluster-enabled yes --tls-cluster yes --cluster-preferred-endpoint-type hostname',
    `--cluster-announce-hostname ${NAME}.${nodesService}.${namespace}.svc`,
  ];
  return startServer(recipe(aclUsers.migrations.cluster, options, nodesService), namespace);
}

const NAME = 'redis';

const tlsOptions = [
  '--port 0 --tls-port 6379 --tls-auth-clients no',
  '--tls-cert-file /tls/tls.crt --tls-key-file /tls/tls.key --tls-ca-cert-file /tls/ca.crt',
];

function recipe(rules: readonly string[], options: readonly string[] = [], servedAs?: string): ServerRecipe {
  const acl = `user default off\\nuser migrations on >%s ${rules.join(' ')}\\nuser admin on >%s ~* &* +@all\\n`;
  const fixed = '--dir /data --aclfile /data/users.acl --appendonly yes --protected-mode no';
  return {
    name: NAME,
    image: images.redis,
    uid: 999,
    port: 6379,
    user: 'migrations',
    script: [
      'umask 077',
      `printf '${acl}' "$PASSWORD" "$PASSWORD" > /data/users.acl`,
      `exec redis-server ${[fixed, ...options, ...(servedAs ? tlsOptions : [])].join(' ')}`,
    ].join(' && '),
    readinessProbe: { tcpSocket: { port: 6379 }, periodSeconds: 1 },
    secret: (username, password) => ({ username, password }),
    ...(servedAs
      ? {
          dnsNames: [servedAs],
          tls: { 'tls.crt': 'tls.crt', 'tls.key': 'tls.key', 'ca.crt': 'ca.crt' } as const,
        }
      : {}),
  };
}
