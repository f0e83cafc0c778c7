import { resource, statefulSet } from './fixtures';
import { imagePinned, imagePullPolicy } from './images';

const digest = `sha256:${'a1'.repeat(32)}`;
const withImage = (image?: string) => statefulSet({ container: { image } });

test.each([
  'redis:8.0.2',
  'docker.io/library/redis:8.0.2',
  'localhost:5000/redis:8',
  `redis@${digest}`,
  `redis:latest@${digest}`,
])('%s is pinned', (image) => {
  expect(imagePinned.check(withImage(image))).toEqual([]);
});

test.each([
  ['redis', 'uses "redis" without a tag; add one, or a digest.'],
  ['localhost:5000/redis', 'uses "localhost:5000/redis" without a tag; add one, or a digest.'],
  ['redis:latest', 'uses "redis:latest"; name a version instead of latest.'],
  [undefined, 'names no image; give it a tag or a digest.'],
])('%s is not pinned', (image, problem) => {
  expect(imagePinned.check(withImage(image))).toEqual([
    `container redis of StatefulSet/data/redis ${problem}`,
  ]);
});

test('init containers of a CronJob are checked too', () => {
  const template = { spec: { initContainers: [{ name: 'wait', image: 'busybox' }], containers: [] } };
  const job = resource('batch/v1:CronJob', 'backup', { spec: { jobTemplate: { spec: { template } } } });
  expect(imagePinned.check(job)).toEqual([
    'container wait of CronJob/data/backup uses "busybox" without a tag; add one, or a digest.',
  ]);
});

test('a CloudNativePG cluster may leave its image to the operator but must not float it', () => {
  const cluster = (spec: object) => resource('postgresql.cnpg.io/v1:Cluster', 'postgres', { spec });
  expect(imagePinned.check(cluster({}))).toEqual([]);
  expect(imagePinned.check(cluster({ imageName: 'postgresql:latest' }))).toEqual([
    'Cluster/data/postgres uses "postgresql:latest"; name a version instead of latest.',
  ]);
});

describe('image-pull-policy', () => {
  const pulled = (image: string, policy?: string) =>
    imagePullPolicy.check(statefulSet({ container: { image, imagePullPolicy: policy } }));

  test.each([
    ['redis:8.0.2', 'IfNotPresent'],
    ['redis:8.0.2', undefined],
    ['agent-data-platform/minio:2026-02-12', 'IfNotPresent'],
    ['ghcr.io/cloudnative-pg/postgresql:17.12-standard-trixie', 'IfNotPresent'],
    [`redis@${digest}`, 'IfNotPresent'],
    ['redis:8', 'Always'],
  ])('%s with %s passes', (image, policy) => {
    expect(pulled(image, policy)).toEqual([]);
  });

  test.each([
    ['redis:8', 'IfNotPresent'],
    ['registry.example.com:5000/redis:stable', undefined],
  ])('%s with %s may differ between nodes', (image, policy) => {
    expect(pulled(image, policy)).toEqual([
      `container redis of StatefulSet/data/redis uses "${image}", which may move, with imagePullPolicy IfNotPresent; name a full version or a digest, or use Always.`,
    ]);
  });

  test('Never is a violation whatever the image', () => {
    expect(pulled(`redis@${digest}`, 'Never')).toEqual([
      'container redis of StatefulSet/data/redis has imagePullPolicy Never, which only runs where somebody put the image; use IfNotPresent.',
    ]);
  });
});
