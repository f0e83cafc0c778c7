import { elasticsearchStore } from './elasticsearch';

const platform = {
  size: 'dev',
  namespace: 'data',
  storageClass: 'retained',
  priorityClass: 'stores',
} as const;
const { dev, prod } = elasticsearchStore.sizes;

test('snapshots go to the platform’s MinIO unless the configuration names another place', () => {
  expect(elasticsearchStore.args(dev, platform).snapshots).toEqual({
    endpoint: 'https://minio.data.svc:9000',
    secret: { name: 'elasticsearch-snapshots', accessKey: 'accessKey', secretKey: 'secretKey' },
  });
  const secret = { name: 'own', accessKey: 'id', secretKey: 'key' };
  const snapshots = { endpoint: 'https://s3.example.com', bucket: 'search', secret };
  expect(elasticsearchStore.args({ ...dev, snapshots }, platform).snapshots).toEqual({
    endpoint: 'https://s3.example.com',
    secret,
  });
});

test('a retention that is set changes its own days only', () => {
  expect(elasticsearchStore.resolve(prod, { retention: { logs: 30 } })).toEqual({
    ...prod,
    retention: { ...prod.retention, logs: 30 },
  });
});

test.each([
  [{ retention: { logs: 0 } }, 'retention.logs'],
  [{ retention: { log: 1 } }, 'retention'],
  [
    {
      snapshots: {
        endpoint: 'https://s3.example.com',
        bucket: 'UPPER',
        secret: { name: 's', accessKey: 'a', secretKey: 'b' },
      },
    },
    'snapshots.bucket',
  ],
])('refuses %j', (settings, path) => {
  const { error } = elasticsearchStore.schema.safeParse(settings);
  expect(error?.issues.map((issue) => issue.path.join('.'))).toEqual([path]);
});

test.each(['dev', 'prod'] as const)('%s is a topology that can be', (size) =>
  expect(() => elasticsearchStore.check(elasticsearchStore.sizes[size], platform)).not.toThrow(),
);
