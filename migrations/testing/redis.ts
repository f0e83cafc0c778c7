import { images } from '../../components/versions';
import { aclUsers } from '../../components/redis-acl';
import { type ScratchServer, startServer } from './servers';

/** Starts an empty Redis whose user `migrations` may do what it may in the platform; `admin` (same password) may do everything. */
export function startRedis(): Promise<ScratchServer> {
  const rules = aclUsers.migrations.server.join(' ');
  return startServer({
    name: 'redis',
    image: images.redis,
    uid: 999,
    port: 6379,
    user: 'migrations',
    script: [
      'umask 077',
      `printf 'user default off\\nuser migrations on >%s ${rules}\\nuser admin on >%s ~* &* +@all\\n' "$PASSWORD" "$PASSWORD" > /data/users.acl`,
      'exec redis-server --dir /data --aclfile /data/users.acl --appendonly yes --protected-mode no',
    ].join(' && '),
    readinessProbe: { tcpSocket: { port: 6379 }, periodSeconds: 1 },
    secret: (username, password) => ({ username, password }),
  });
}
