import { backupStores, drilledStores } from '../ops/stores';
import { containersOf } from '../policies/pods';
import { BackupDrill, type BackupDrillArgs } from './backup-drill';
import { backupDrillSpec, drillFlows } from './backup-drill-spec';
import { declaredBy } from './testing/mocks';
import { images } from './versions';

const args: BackupDrillArgs = {
  namespace: 'data',
  image: 'agent-data-platform/ops:test',
  images,
  stores: ['postgres', 'minio', 'chroma'],
  ...{ schedule: '0 5 * * 0', rtoMinutes: 240, rpoMinutes: 1560, size: '50Gi' },
  repository: {
    address: 's3://copies/team/',
    endpoint: 'https://elsewhere.example:9000',
    ca: '-----BEGIN CERTIFICATE-----\n…',
    credentialsSecret: 'backup-repository',
  },
  schedules: {
    some: { schedule: '0 */6 * * *', stores: ['postgres'], keepDays: 7, keepLast: 4 },
    daily: { schedule: '0 2 * * *', keepDays: 30, keepLast: 7 },
  },
};
const specOf = (change: Partial<BackupDrillArgs> = {}) => backupDrillSpec({ ...args, ...change });
const podOf = (change: Partial<BackupDrillArgs> = {}) =>
  specOf(change).cronJob.spec.jobTemplate.spec.template.spec;
const uid = { valueFrom: { fieldRef: { fieldPath: 'metadata.uid' } } };

test('the newest set of every store is drilled weekly, never beside another run, and not again when it has failed', () => {
  expect(specOf().cronJob.spec).toMatchObject({
    schedule: '0 5 * * 0',
    timeZone: 'Etc/UTC',
    concurrencyPolicy: 'Forbid',
    successfulJobsHistoryLimit: 3,
    failedJobsHistoryLimit: 3,
    jobTemplate: {
      spec: {
        backoffLimit: 1,
        activeDeadlineSeconds: 16_200,
        podFailurePolicy: {
          rules: [
            { action: 'FailJob', onExitCodes: { containerName: 'drill', operator: 'In', values: [2, 3] } },
          ],
        },
      },
    },
  });
  const [drill] = podOf().containers;
  expect(drill!.command).toEqual(['platform', 'drill', '--rto', '240', '--rpo', '1560']);
  expect(drill!.env).toEqual([
    { name: 'PLATFORM_BACKUPS', value: 's3://copies/team/daily' },
    { name: 'PLATFORM_BACKUPS_ENDPOINT', value: 'https://elsewhere.example:9000' },
    { name: 'PLATFORM_BACKUPS_CA', value: '/etc/platform/repository-ca.crt' },
    { name: 'AWS_REGION', value: 'us-east-1' },
    ...[
      ['AWS_ACCESS_KEY_ID', 'accessKeyId'],
      ['AWS_SECRET_ACCESS_KEY', 'secretAccessKey'],
    ].map(([name, key]) => ({ name, valueFrom: { secretKeyRef: { name: 'backup-repository', key } } })),
    { name: 'PLATFORM_SCRATCH_PASSWORD', ...uid },
  ]);
});

test('the servers are sidecars with the platform’s images, which listen on loopback only', () => {
  const { initContainers } = podOf({ stores: backupStores });
  expect(initContainers.map(({ name, image, restartPolicy }) => [name, image, restartPolicy])).toEqual(
    drilledStores.map((store) => [store, images[store], 'Always']),
  );
  const listens = initContainers.map((container) => JSON.stringify(container).includes('127.0.0.1'));
  expect(listens).toEqual(drilledStores.map(() => true));
  expect(JSON.stringify(initContainers)).not.toContain('0.0.0.0');
  const ports = Object.values(
    (
      JSON.parse(specOf({ stores: backupStores }).configMap.data['scratch.json']!) as {
        stores: Record<string, { host: string; port: number }>;
      }
    ).stores,
  );
  expect(new Set(ports.map(({ port }) => port)).size).toBe(drilledStores.length);
  expect(new Set(ports.map(({ host }) => host))).toEqual(new Set(['127.0.0.1']));
});

test('the password is the pod’s own and stands nowhere', () => {
  const { initContainers } = podOf();
  expect(initContainers.map(({ env }) => env.filter((one) => 'valueFrom' in one))).toEqual([
    [{ name: 'PASSWORD', ...uid }],
    [
      { name: 'PASSWORD', ...uid },
      { name: 'MINIO_ROOT_PASSWORD', ...uid },
    ],
    [{ name: 'PASSWORD', ...uid }],
  ]);
});

test('every container is confined and bounded, and the pod has no token', () => {
  const pod = podOf({ stores: backupStores });
  expect(pod.automountServiceAccountToken).toBe(false);
  for (const container of containersOf(pod as never)) {
    expect(container.securityContext).toMatchObject({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    expect(container.resources).toMatchObject({
      requests: { cpu: expect.any(String), memory: expect.any(String) },
      limits: { memory: expect.any(String) },
    });
  }
  expect(pod.initContainers.map(({ securityContext }) => securityContext.runAsUser)).not.toContain(0);
  for (const volume of pod.volumes.slice(1))
    expect(volume).toEqual({ name: expect.any(String), emptyDir: { sizeLimit: '50Gi' } });
});

test('a server gets the resources that are named for it, and Neo4j divides them', () => {
  const resources = { requests: { cpu: '2', memory: '8Gi' }, limits: { memory: '8Gi' } };
  const [server] = podOf({ stores: ['neo4j'], servers: { neo4j: resources } }).initContainers;
  expect(server!.resources).toEqual(resources);
  expect(server!.env).toContainEqual({ name: 'NEO4J_server_memory_heap_max__size', value: '3276m' });
});

test('encrypted copies need the secret key, which is a file', () => {
  const recipients = ['age1first'];
  expect(() => specOf({ recipients })).toThrow(
    'backups.drill: identitySecret must name a Secret with the secret key, since the copies are encrypted',
  );
  const pod = podOf({ recipients, identitySecret: 'backup-identity' });
  expect(pod.containers[0]!.command.slice(-2)).toEqual(['--identity', '/etc/platform/identity']);
  expect(pod.volumes[0]).toMatchObject({
    projected: {
      sources: [
        { configMap: { name: 'backup-drill' } },
        { secret: { name: 'backup-identity', items: [{ key: 'identity', path: 'identity' }] } },
      ],
    },
  });
});

test('the stores are those of the schedule whose copies are drilled', () => {
  const pod = podOf({ of: 'some' });
  expect(pod.initContainers.map(({ name }) => name)).toEqual(['postgres']);
  expect(pod.containers[0]!.env[0]!).toEqual({ name: 'PLATFORM_BACKUPS', value: 's3://copies/team/some' });
});

test.each([
  [{ of: 'weekly' }, 'of must name a schedule (some, daily), got "weekly".'],
  [
    { servers: { qdrant: { requests: { cpu: '1', memory: '1Gi' }, limits: { memory: '1Gi' } } } },
    'servers must name stores that are on (postgres, minio, chroma), got "qdrant".',
  ],
  [{ images: {} }, 'there is no image of postgres.'],
])('refuses %j', (change, problem) => {
  expect(() => specOf(change)).toThrow(`backups.drill: ${problem}`);
});

test('its pods reach the repository and no store', () => {
  expect(drillFlows()).toEqual([
    {
      name: 'backup-drill',
      pods: {
        matchLabels: {
          'app.kubernetes.io/name': 'backup-drill',
          'app.kubernetes.io/component': 'drill',
          'app.kubernetes.io/part-of': 'agent-data-platform',
        },
      },
      egressOf: 'backup',
    },
  ]);
});

test('the component declares the CronJob and what it reads', async () => {
  const declared = await declaredBy(() => new BackupDrill('backup-drill', args));
  const root = 'agent-data-platform:data:BackupDrill';
  expect(declared.map(({ path, name }) => `${path} ${name}`)).toEqual([
    `${root} backup-drill`,
    `${root}$kubernetes:batch/v1:CronJob backup-drill`,
    `${root}$kubernetes:core/v1:ConfigMap backup-drill-servers`,
    `${root}$kubernetes:core/v1:ServiceAccount backup-drill-account`,
  ]);
});
