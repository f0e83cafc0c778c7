import { selectorLabels } from './metadata';
import type { PodFlows } from './network-flows';
import { type RedisArgs, resolveRedisArgs } from './redis-args';
import { type RedisClusterArgs, resolveRedisClusterArgs } from './redis-cluster-args';
import { ports } from './redis-config';

/** The nodes of a Cluster talk to each other on this port above their own. */
const BUS_OFFSET = 10_000;

/** Connections of servers and sentinels: each asks all others. */
export function redisFlows(input: RedisArgs): PodFlows[] {
  const { name } = resolveRedisArgs(input);
  const sentinel = `${name}-sentinel`;
  return [
    {
      name,
      pods: { matchLabels: selectorLabels({ name, component: 'server' }) },
      clients: [ports.redis],
      peers: { [name]: [ports.redis], [sentinel]: [ports.redis] },
    },
    {
      name: sentinel,
      pods: { matchLabels: selectorLabels({ name, component: 'sentinel' }) },
      clients: [ports.sentinel],
      peers: { [name]: [ports.sentinel], [sentinel]: [ports.sentinel] },
    },
  ];
}

/** Connections of the nodes of a Cluster. @see https://redis.io/docs/latest/operate/oss_and_stack/management/scaling/ */
export function redisClusterFlows(input: RedisClusterArgs): PodFlows[] {
  const { name } = resolveRedisClusterArgs(input);
  return [
    {
      name,
      pods: { matchLabels: selectorLabels({ name, component: 'cluster' }) },
      clients: [ports.redis],
      peers: { [name]: [ports.redis, ports.redis + BUS_OFFSET] },
    },
  ];
}
