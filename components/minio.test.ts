import { Minio, MinioArgs } from './minio';
import { minioSpec } from './minio-spec';
import { declaredBy } from './testing/mocks';

const args: MinioArgs = {
  namespace: 'data',
  image: 'minio:test',
  mode: 'single',
  storage: { size: '1Gi', className: 'retain' },
  resources: { requests: { cpu: '25m', memory: '64Mi' }, limits: { memory: '256Mi' } },
};
const selector = { 'app.kubernetes.io/name': 'minio', 'app.kubernetes.io/part-of': 'agent-data-platform' };
const labels = { ...selector, 'app.kubernetes.io/managed-by': 'pulumi' };
const metadata = (name: string) => ({ name, namespace: 'data', labels });
const fromRoot = (name: string, key: string) => ({
  name,
  valueFrom: { secretKeyRef: { name: 'minio-root', key } },
});

test('a single server, whole', () => {
  const health = (path: string) => ({
    httpGet: { path: `/minio/health/${path}`, port: 'api' },
    timeoutSeconds: 5,
  });
  expect(minioSpec(args)).toEqual({
    rootSecret: { metadata: metadata('minio-root'), type: 'Opaque', rootUser: 'platform-root' },
    appUser: undefined,
    services: {
      nodes: {
        metadata: metadata('minio-nodes'),
        spec: {
          clusterIP: 'None',
          publishNotReadyAddresses: true,
          selector,
          ports: [{ name: 'api', port: 9000, targetPort: 'api' }],
        },
      },
      client: {
        metadata: metadata('minio'),
        spec: { selector, ports: [{ name: 'api', port: 9000, targetPort: 'api' }] },
      },
    },
    statefulSet: {
      metadata: metadata('minio'),
      spec: {
        serviceName: 'minio-nodes',
        replicas: 1,
        podManagementPolicy: 'Parallel',
        updateStrategy: { type: 'RollingUpdate' },
        persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Retain' },
        selector: { matchLabels: selector },
        template: {
          metadata: { labels },
          spec: {
            automountServiceAccountToken: false,
            enableServiceLinks: false,
            terminationGracePeriodSeconds: 60,
            securityContext: {
              runAsNonRoot: true,
              runAsUser: 1000,
              runAsGroup: 1000,
              fsGroup: 1000,
              fsGroupChangePolicy: 'OnRootMismatch',
              seccompProfile: { type: 'RuntimeDefault' },
            },
            containers: [
              {
                name: 'minio',
                image: 'minio:test',
                imagePullPolicy: 'IfNotPresent',
                command: ['/usr/bin/minio'],
                args: ['server', '--address', ':9000', '--certs-dir', '/tmp/certs', '/drives/drive-0'],
                env: [
                  fromRoot('MINIO_ROOT_USER', 'rootUser'),
                  fromRoot('MINIO_ROOT_PASSWORD', 'rootPassword'),
                  { name: 'MINIO_BROWSER', value: 'off' },
                  { name: 'MINIO_UPDATE', value: 'off' },
                  { name: 'MINIO_PROMETHEUS_AUTH_TYPE', value: 'public' },
                ],
                ports: [{ name: 'api', containerPort: 9000 }],
                resources: args.resources,
                securityContext: {
                  allowPrivilegeEscalation: false,
                  readOnlyRootFilesystem: true,
                  capabilities: { drop: ['ALL'] },
                },
                startupProbe: { ...health('live'), periodSeconds: 2, failureThreshold: 300 },
                livenessProbe: { ...health('live'), periodSeconds: 10, failureThreshold: 6 },
                readinessProbe: { ...health('cluster/read'), periodSeconds: 5, failureThreshold: 3 },
                volumeMounts: [
                  { name: 'drive-0', mountPath: '/drives/drive-0' },
                  { name: 'tmp', mountPath: '/tmp' },
                ],
              },
            ],
            volumes: [{ name: 'tmp', emptyDir: { sizeLimit: '64Mi' } }],
          },
        },
        volumeClaimTemplates: [
          {
            metadata: { name: 'drive-0', labels: selector },
            spec: {
              accessModes: ['ReadWriteOnce'],
              resources: { requests: { storage: '1Gi' } },
              storageClassName: 'retain',
            },
          },
        ],
      },
    },
    disruptionBudget: undefined,
    endpoints: { host: 'minio.data.svc', port: 9000, url: 'http://minio.data.svc:9000' },
  });
});

test('four servers with two drives each: one set of names, a budget, and spreading', () => {
  const spec = minioSpec({ ...args, mode: 'distributed', drivesPerServer: 2, antiAffinity: 'required' });
  const pod = spec.statefulSet.spec.template.spec;
  expect(spec.statefulSet.spec.replicas).toBe(4);
  expect(spec.statefulSet.spec.volumeClaimTemplates.map(({ metadata }) => metadata.name)).toEqual([
    'drive-0',
    'drive-1',
  ]);
  expect(pod.containers[0]?.args.at(-1)).toBe(
    'http://minio-{0...3}.minio-nodes.data.svc.cluster.local:9000/drives/drive-{0...1}',
  );
  expect(pod.containers[0]?.volumeMounts).toEqual([
    { name: 'drive-0', mountPath: '/drives/drive-0' },
    { name: 'drive-1', mountPath: '/drives/drive-1' },
    { name: 'tmp', mountPath: '/tmp' },
  ]);
  expect(spec.disruptionBudget).toEqual({
    metadata: metadata('minio'),
    spec: { maxUnavailable: 1, selector: { matchLabels: selector } },
  });
  expect(pod).toMatchObject({
    affinity: {
      podAntiAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: [
          { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: selector } },
        ],
      },
    },
    topologySpreadConstraints: [
      {
        maxSkew: 1,
        topologyKey: 'topology.kubernetes.io/zone',
        whenUnsatisfiable: 'ScheduleAnyway',
        labelSelector: { matchLabels: selector },
      },
    ],
  });
});

test('the user of applications', async () => {
  const { appUser } = minioSpec({
    ...args,
    appBuckets: ['raw-documents', 'generated-lessons'],
    context: 'here',
  });
  expect(appUser).toEqual({
    secret: { metadata: metadata('minio-app'), type: 'Opaque', accessKey: 'platform-app' },
    user: {
      namespace: 'data',
      service: 'minio',
      port: 9000,
      rootSecret: 'minio-root',
      userSecret: 'minio-app',
      policyName: 'platform-app',
      buckets: ['generated-lessons', 'raw-documents'],
      context: 'here',
    },
  });
  const declared = await declaredBy(() => new Minio('minio', { ...args, appBuckets: ['raw-documents'] }));
  const parent = 'agent-data-platform:data:Minio$';
  expect(
    declared.filter(({ name }) => name.startsWith('minio-app')).map(({ path, name }) => `${path} ${name}`),
  ).toEqual([
    `${parent}kubernetes:core/v1:Secret minio-app`,
    `${parent}pulumi-nodejs:dynamic/minio:User minio-app-user`,
    `${parent}random:index/randomPassword:RandomPassword minio-app-password`,
  ]);
});

test.each<[string, MinioArgs, string[]]>([
  ['single', args, []],
  [
    'distributed',
    { ...args, mode: 'distributed' },
    ['kubernetes:policy/v1:PodDisruptionBudget minio-budget'],
  ],
])(
  'the component in mode %s declares its children under itself, in stable names',
  async (_mode, args, more) => {
    const declared = await declaredBy(() => new Minio('minio', args));
    const parent = 'agent-data-platform:data:Minio';
    expect(declared.map(({ path, name }) => `${path.replace(`${parent}$`, '')} ${name}`)).toEqual([
      `${parent} minio`,
      'kubernetes:apps/v1:StatefulSet minio',
      'kubernetes:core/v1:Secret minio-root',
      'kubernetes:core/v1:Service minio',
      'kubernetes:core/v1:Service minio-nodes',
      ...more,
      'random:index/randomPassword:RandomPassword minio-root-password',
    ]);
    expect(declared.find(({ name }) => name === 'minio-root')?.inputs.stringData.value).toEqual({
      rootUser: 'platform-root',
      rootPassword: 'minio-root-password-result',
    });
  },
);
