import { images } from '../../components/versions';
import { aclUsers } from '../../components/redis-acl';
import { type ScratchServer, type ServerRecipe, startServer } from './servers';

/**
 * Starts an empty Redis whose user `migrations` may do what it may in the platform; `admin` (same password) may do everything.
 * @param namespace See {@link startServer}.
 */
export function startRedis(namespace?: string): Promise<ScratchServer> {
  return startServer(recipe(aclUsers.migrations.server), namespace);
}

/**
 * Starts the same as a Cluster of one node, which serves once `admin` has given it its slots.
 * @param nodesService Headless Service that the node names itself after; the caller makes it.
 */
export function startRedisCluster(namespace: string, nodesService: string): Promise<ScratchServer> {
  const options = [
    '--cluster-enabled yes --cluster-preferred-endpoint-type hostname',
    `--cluster-announce-hostname ${NAME}.${nodesService}.${namespace}.svc`,
  ];
  return startServer(recipe(aclUsers.migrations.cluster, options), namespace);
}

const NAME = 'redis';

function recipe(rules: readonly string[], options: readonly string[] = []): ServerRecipe {
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
      `exec redis-server ${[fixed, ...options].join(' ')}`,
    ].join(' && '),
    readinessProbe: { tcpSocket: { port: 6379 }, periodSeconds: 1 },
    secret: (username, password) => ({ username, password }),
  };
}
