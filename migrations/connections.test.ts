import { redisClusterSpec } from '../components/redis-cluster-spec';
import { redisSpec } from '../components/redis-spec';
import { connectionReference } from './connections';

const common = {
  namespace: 'data',
  image: 'redis:8',
  storage: { size: '1Gi' },
  resources: { requests: { cpu: '10m', memory: '64Mi' }, limits: { memory: '256Mi' } },
  maxMemory: 64,
};

test('a platform’s Redis is found under the names that the component of its mode gives', () => {
  const sentinel = redisSpec({ ...common, sentinelResources: common.resources });
  const cluster = redisClusterSpec(common);
  const names = (redisMode?: 'sentinel' | 'cluster') => {
    const reference = connectionReference('redis', { namespace: 'data', redisMode });
    return reference.kind === 'service'
      ? [reference.service, reference.credentialsSecret, reference.everyPod]
      : [];
  };
  const ofSpec = ({ endpoints, secrets }: typeof sentinel | typeof cluster) => [
    endpoints.nodesService,
    secrets.consumers.migrations.metadata.name,
    true,
  ];
  expect(names()).toEqual(ofSpec(sentinel));
  expect(names('sentinel')).toEqual(ofSpec(sentinel));
  expect(names('cluster')).toEqual(ofSpec(cluster));
});

test('the mode of Redis changes no other store', () => {
  const place = { namespace: 'data', context: 'there' };
  expect(connectionReference('postgres', { ...place, redisMode: 'cluster' })).toEqual({
    kind: 'service',
    ...place,
    service: 'postgres-rw',
    port: 5432,
    credentialsSecret: 'postgres-owner',
    caSecret: 'postgres-ca',
  });
});
