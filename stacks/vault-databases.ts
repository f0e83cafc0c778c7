import { aclUsers } from '../components/redis-acl';
import { resolveRedisArgs } from '../components/redis-args';
import { resolveRedisClusterArgs } from '../components/redis-cluster-args';
import { ports } from '../components/redis-config';
import { postgresSpec } from '../components/postgres-spec';
import type { RedisRules, VaultRedis } from '../components/vault-writes';
import { type StoreSettings, stores } from './stores';
import type { Platform } from './stores/store';
import type { VaultDatabases } from './vault';

/** PostgreSQL and Redis as Vault makes logins in them, with the Secrets `<name>-vault` of the ones it does so as. */
export function vaultDatabases(
  { postgres, redis }: Pick<StoreSettings, 'postgres' | 'redis'>,
  platform: Platform,
): VaultDatabases {
  return { postgres: postgresOf(postgres, platform), redis: redisOf(redis, platform) };
}

function postgresOf(settings: StoreSettings['postgres'], platform: Platform): VaultDatabases['postgres'] {
  const { cluster, endpoints, caSecret } = postgresSpec(stores.postgres.args(settings, platform));
  const { name } = cluster.metadata;
  return {
    ...{ flow: name, host: endpoints.host, port: endpoints.port, caSecret },
    ...{ cluster: name, rotation: settings.rotation },
    credentialsSecret: `${name}-vault`,
  };
}

/** A user exists on one server alone, so each of them, whoever is the master, is a database of its own. */
function redisOf(settings: StoreSettings['redis'], platform: Platform): VaultDatabases['redis'] {
  const { mode, args } = stores.redis.args(settings, platform);
  const side = mode === 'cluster' ? 'cluster' : 'server';
  const { name, namespace, clusterDomain, length } =
    mode === 'cluster' ? sized(resolveRedisClusterArgs(args)) : sized(resolveRedisArgs(args));
  const servers = Array.from({ length }, (_, ordinal): VaultRedis => ({
    name: `${name}-${ordinal}`,
    host: `${name}-${ordinal}.${name}-nodes.${namespace}.svc.${clusterDomain}`,
    port: ports.redis,
    credentialsSecret: `${name}-vault`,
    caSecret: `${name}-tls`,
  }));
  const rules: RedisRules = { app: aclUsers.app[side], readonly: aclUsers.readonly[side] };
  return { flow: name, servers, rules, rotation: settings.rotation };
}

function sized<Args extends { nodes: number } | { replicas: number }>(args: Args) {
  return { ...args, length: 'nodes' in args ? args.nodes : args.replicas };
}
