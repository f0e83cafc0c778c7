import { readFileSync } from 'node:fs';
import * as path from 'node:path';
import { projectRoot } from '../migrations/project-root';
import type { AclSide } from './redis-acl';
import type { ResolvedRedisArgs } from './redis-args';
import type { ResolvedRedisClusterArgs } from './redis-cluster-args';

/** Name under which Sentinel knows the one master and its replicas. */
export const masterGroup = 'platform';
export const ports = { redis: 6379, sentinel: 26379 } as const;
/** Where the pods mount the certificate. */
export const TLS_FOLDER = '/etc/redis/tls';

/** Files of the pods' ConfigMap: the scripts of components/redis and the settings they start from. */
export function redisFiles(args: ResolvedRedisArgs): Record<string, string> {
  return {
    ...scripts('common.sh', 'health.sh', 'pre-stop.sh', 'reload.sh', 'sentinel.sh', 'server.sh'),
    'redis.conf': serverSettings(args),
    'sentinel.conf': sentinelSettings(args),
    'sentinel-master.conf': masterSettings(args),
  };
}

/** The same for the pods of a Cluster. */
export function redisClusterFiles(args: ResolvedRedisClusterArgs): Record<string, string> {
  return {
    ...scripts('cluster.sh', 'cluster-pre-stop.sh', 'common.sh', 'health.sh', 'keeper.sh', 'reload.sh'),
    'redis.conf': clusterSettings(args),
  };
}

function scripts(...names: string[]): Record<string, string> {
  const folder = path.join(projectRoot(), 'components', 'redis');
  return Object.fromEntries(names.map((name) => [name, readFileSync(path.join(folder, name), 'utf8')]));
}

/** @see https://github.com/redis/redis/blob/8.0/redis.conf */
function serverSettings(args: ResolvedRedisArgs): string {
  return lines(
    ...dataSettings('server', args),
    `min-replicas-to-write ${args.minReplicasToWrite}`,
    `min-replicas-max-lag ${args.minReplicasMaxLag}`,
    // The first synchronisation starts as soon as all replicas are there, instead of after a fixed delay.
    `repl-diskless-sync-max-replicas ${args.replicas - 1}`,
    ...replicationSettings(args),
  );
}

/** @see https://redis.io/docs/latest/operate/oss_and_stack/management/scaling/ */
function clusterSettings(args: ResolvedRedisClusterArgs): string {
  return lines(
    ...dataSettings('cluster', args),
    'cluster-enabled yes',
    ...(args.tlsSecret ? ['tls-cluster yes'] : []),
    'cluster-config-file /data/nodes.conf',
    `cluster-node-timeout ${args.nodeTimeoutMilliseconds}`,
    // Clients get names, which certificates and tunnels can follow.
    'cluster-preferred-endpoint-type hostname',
    // Slots whose servers are all away must not stop the others.
    'cluster-require-full-coverage no',
    // Pairs of master and replica stay those that the keeper makes.
    'cluster-allow-replica-migration no',
    'repl-diskless-sync-delay 0',
    ...replicationSettings(args),
  );
}

/**
 * Where a server listens; with a certificate it speaks TLS alone, to everybody: clients, replicas, Sentinels, nodes.
 * @see https://redis.io/docs/latest/operate/oss_and_stack/management/security/encryption/
 */
function listening(port: number, tlsSecret: string | undefined): string[] {
  if (!tlsSecret) return [`port ${port}`];
  return [
    'port 0',
    `tls-port ${port}`,
    `tls-cert-file ${TLS_FOLDER}/tls.crt`,
    `tls-key-file ${TLS_FOLDER}/tls.key`,
    `tls-ca-cert-file ${TLS_FOLDER}/ca.crt`,
    'tls-protocols "TLSv1.2 TLSv1.3"',
    // Passwords decide who may do what, not certificates.
    'tls-auth-clients no',
    'tls-replication yes',
  ];
}

type DataSettings = Pick<ResolvedRedisArgs, 'appendFsync' | 'maxMemory' | 'maxMemoryPolicy' | 'tlsSecret'>;

function dataSettings(side: AclSide, args: DataSettings): string[] {
  return [
    ...listening(ports.redis, args.tlsSecret),
    // Access is decided by the ACL, whose default user is off.
    'protected-mode no',
    `aclfile /etc/redis/acl/${side}.acl`,
    'dir /data',
    'appendonly yes',
    `appendfsync ${args.appendFsync}`,
    'save 3600 1 300 100 60 10000',
    `maxmemory ${args.maxMemory}mb`,
    `maxmemory-policy ${args.maxMemoryPolicy}`,
  ];
}

function replicationSettings({ maxMemory }: DataSettings): string[] {
  // Room for replicas that catch up, from the part of the limit that keys may not take.
  const replicaBuffer = Math.max(32, Math.floor(maxMemory / 4));
  return [
    `repl-backlog-size ${Math.max(1, Math.floor(maxMemory / 16))}mb`,
    `client-output-buffer-limit replica ${replicaBuffer}mb ${replicaBuffer / 2}mb 60`,
    'latency-monitor-threshold 100',
  ];
}

/** @see https://redis.io/docs/latest/operate/oss_and_stack/management/sentinel/ */
function sentinelSettings({ tlsSecret }: ResolvedRedisArgs): string {
  return lines(
    ...listening(ports.sentinel, tlsSecret),
    'protected-mode no',
    'aclfile /etc/redis/acl/sentinel.acl',
    'dir /data',
    // Pods keep their names and change their addresses.
    'sentinel resolve-hostnames yes',
    'sentinel announce-hostnames yes',
    'sentinel deny-scripts-reconfig yes',
  );
}

function masterSettings(args: ResolvedRedisArgs): string {
  return lines(
    `sentinel down-after-milliseconds ${masterGroup} ${args.downAfterMilliseconds}`,
    `sentinel failover-timeout ${masterGroup} ${args.failoverTimeoutMilliseconds}`,
    `sentinel parallel-syncs ${masterGroup} 1`,
  );
}

function lines(...settings: string[]): string {
  return `${settings.join('\n')}\n`;
}
