import type { CertificateRequest } from './certificates/request';
import { servedNames } from './certificates/request';
import { type RedisArgs, resolveRedisArgs } from './redis-args';
import { type RedisClusterArgs, resolveRedisClusterArgs } from './redis-cluster-args';

/** The certificate of data pods and Sentinels, for `tlsSecret`: clients verify the names that Sentinels tell them. */
export function redisCertificate(input: RedisArgs): CertificateRequest {
  const { name, namespace, clusterDomain } = resolveRedisArgs(input);
  const [services, nodes] = [[`${name}-sentinel`], [`${name}-nodes`, `${name}-sentinel-nodes`]];
  return { secret: `${name}-tls`, dnsNames: servedNames({ namespace, clusterDomain, services, nodes }) };
}

/** The certificate of the nodes of a Cluster, for `tlsSecret`; each node shows it to the others, too. */
export function redisClusterCertificate(input: RedisClusterArgs): CertificateRequest {
  const { name, namespace, clusterDomain } = resolveRedisClusterArgs(input);
  const [services, nodes] = [[name], [`${name}-nodes`]];
  return { secret: `${name}-tls`, dnsNames: servedNames({ namespace, clusterDomain, services, nodes }) };
}
