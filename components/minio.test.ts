import {
  auditWebhookContainer,
  auditWebhookEndpoint,
  auditWebhookFiles,
  auditWebhookVolumes,
} from './audit-webhook';
import { Minio, MinioArgs } from './minio';
import { metricsToken } from './minio-login';
import {
  adminPolicy,
  backupPolicy,
  monitorPolicy,
  ownerPolicy,
  readOnlyPolicy,
  readWritePolicy,
} from './minio-policies';
import { minioCertificate, minioSpec } from './minio-spec';
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
const login = (role: string, policy: object, more: object = {}) => ({
  secret: { metadata: metadata(`minio-${role}`), type: 'Opaque' },
  keys: { metadata: metadata(`minio-${role}-keys`), type: 'Opaque' },
  metricsToken: false,
  user: {
    namespace: 'data',
    service: 'minio',
    port: 9000,
    adminSecret: 'minio-admin',
    rootSecret: 'minio-root',
    accessKeys: [`platform-${role}`],
    keysSecret: `minio-${role}-keys`,
    policyName: `platform-${role}`,
    policy,
    rotation: 1,
    ...more,
  },
});
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
    serviceAccount: { metadata: metadata('minio'), automountServiceAccountToken: false },
    auditConfig: undefined,
    trustedConfig: undefined,
    rootAccess: {
      namespace: 'data',
      service: 'minio',
      port: 9000,
      adminSecret: 'minio-admin',
      rootSecret: 'minio-root',
      rotation: 1,
    },
    logins: {
      admin: login('admin', adminPolicy),
      owner: login('owner', ownerPolicy),
      backup: login('backup', backupPolicy),
      monitor: { ...login('monitor', monitorPolicy), metricsToken: true },
    },
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
            serviceAccountName: 'minio',
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
                args: ['server', '--address', ':9000', '--certs-dir', '/certs', '/drives/drive-0'],
                env: [
                  fromRoot('MINIO_ROOT_USER', 'rootUser'),
                  fromRoot('MINIO_ROOT_PASSWORD', 'rootPassword'),
                  { name: 'MINIO_BROWSER', value: 'off' },
                  { name: 'MINIO_UPDATE', value: 'off' },
                  { name: 'MINIO_PROMETHEUS_AUTH_TYPE', value: 'jwt' },
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
                lifecycle: { preStop: { sleep: { seconds: 5 } } },
                volumeMounts: [
                  { name: 'drive-0', mountPath: '/drives/drive-0' },
                  { name: 'tmp', mountPath: '/tmp' },
                  { name: 'certificates', mountPath: '/certs' },
                ],
              },
            ],
            volumes: [
              { name: 'tmp', emptyDir: { sizeLimit: '64Mi' } },
              { name: 'certificates', emptyDir: { sizeLimit: '1Mi' } },
            ],
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
  expect(spec.statefulSet.spec.minReadySeconds).toBe(15);
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
    { name: 'certificates', mountPath: '/certs' },
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

test('with a certificate everything speaks TLS, clients, probes and servers among themselves', () => {
  const secure = { ...args, mode: 'distributed' as const, tlsSecret: 'minio-tls', priorityClass: 'stores' };
  const spec = minioSpec(secure);
  const pod = spec.statefulSet.spec.template.spec;
  const [container] = pod.containers;
  expect(spec.endpoints.url).toBe('https://minio.data.svc:9000');
  expect(container!.args.at(-1)).toBe(
    'https://minio-{0...3}.minio-nodes.data.svc.cluster.local:9000/drives/drive-0',
  );
  for (const probe of [container!.startupProbe, container!.livenessProbe, container!.readinessProbe])
    expect(probe.httpGet).toMatchObject({ port: 'api', scheme: 'HTTPS' });
  expect(container!.volumeMounts.at(-1)).toEqual({
    name: 'certificates',
    mountPath: '/certs',
    readOnly: true,
  });
  expect(pod.volumes.at(-1)).toEqual({
    name: 'certificates',
    secret: {
      secretName: 'minio-tls',
      defaultMode: 0o440,
      items: [
        { key: 'tls.crt', path: 'public.crt' },
        { key: 'tls.key', path: 'private.key' },
        { key: 'ca.crt', path: 'CAs/ca.crt' },
      ],
    },
  });
  expect(pod).toMatchObject({ priorityClassName: 'stores' });
  expect(spec.logins.owner).toEqual(login('owner', ownerPolicy, { caSecret: 'minio-tls' }));
  expect(minioCertificate(secure)).toEqual({
    secret: 'minio-tls',
    dnsNames: [
      'minio',
      'minio.data',
      'minio.data.svc',
      'minio.data.svc.cluster.local',
      'minio-nodes',
      'minio-nodes.data',
      'minio-nodes.data.svc',
      'minio-nodes.data.svc.cluster.local',
      '*.minio-nodes.data',
      '*.minio-nodes.data.svc',
      '*.minio-nodes.data.svc.cluster.local',
      'localhost',
    ],
  });
});

test('a new certificate replaces the pods', async () => {
  const declared = await declaredBy(() => new Minio('minio', { ...args, certificateFingerprint: 'ab12' }));
  const { inputs } = declared.find(({ path }) => path.endsWith('StatefulSet'))!;
  expect(inputs.spec.template.metadata.annotations).toEqual({ 'agent-data-platform/certificate': 'ab12' });
});

test('a container beside each server logs every request', async () => {
  const spec = minioSpec({ ...args, auditImage: 'nginx:test' });
  const { metadata: pod, spec: podSpec } = spec.statefulSet.spec.template;
  expect(podSpec.containers[0]!.env!.slice(-2)).toEqual([
    { name: 'MINIO_AUDIT_WEBHOOK_ENABLE_PLATFORM', value: 'on' },
    { name: 'MINIO_AUDIT_WEBHOOK_ENDPOINT_PLATFORM', value: auditWebhookEndpoint },
  ]);
  expect(podSpec.containers[1]).toEqual(auditWebhookContainer('nginx:test'));
  expect(podSpec.volumes.slice(-2)).toEqual(auditWebhookVolumes('minio-audit'));
  expect(spec.auditConfig).toEqual({ metadata: metadata('minio-audit'), data: auditWebhookFiles });
  expect(pod.annotations).toEqual({
    'agent-data-platform/config-checksum': expect.stringMatching(/^[0-9a-f]{64}$/),
  });
  const declared = await declaredBy(() => new Minio('minio', { ...args, auditImage: 'nginx:test' }));
  expect(declared.map(({ name }) => name)).toContain('minio-audit');
});

describe('the logins of applications', () => {
  const buckets = ['raw-documents', 'generated-lessons'];
  const sorted = buckets.toSorted();

  test('are for their buckets, and exist where there are some', () => {
    const { logins } = minioSpec({ ...args, appBuckets: buckets, context: 'here' });
    expect(Object.keys(logins)).toEqual(['admin', 'owner', 'app', 'readonly', 'backup', 'monitor']);
    expect(logins.app).toEqual(login('app', readWritePolicy(sorted), { context: 'here' }));
    expect(logins.readonly).toEqual(login('readonly', readOnlyPolicy(sorted), { context: 'here' }));
  });

  const app = async (rotation: number) => {
    const declared = await declaredBy(() => new Minio('minio', { ...args, appBuckets: buckets, rotation }));
    return declared.filter(({ name }) => name.startsWith('minio-app'));
  };
  const inputsOf = (declared: Awaited<ReturnType<typeof app>>, name: string) =>
    declared.find((resource) => resource.name === name && !resource.path.includes('random'))!.inputs;

  test('have one user at first', async () => {
    const declared = await app(1);
    const parent = 'agent-data-platform:data:Minio$';
    expect(declared.map(({ path, name }) => `${path} ${name}`)).toEqual([
      `${parent}kubernetes:core/v1:Secret minio-app`,
      `${parent}kubernetes:core/v1:Secret minio-app-keys`,
      `${parent}pulumi-nodejs:dynamic/minio:User minio-app-user`,
      `${parent}random:index/randomPassword:RandomPassword minio-app-password`,
    ]);
    expect(inputsOf(declared, 'minio-app').stringData.value).toEqual({
      accessKey: 'platform-app',
      secretKey: 'minio-app-password-result',
    });
    expect(inputsOf(declared, 'minio-app-keys').stringData.value).toEqual({
      'platform-app': 'minio-app-password-result',
    });
  });

  test.each([
    [2, 'platform-app-b', 'minio-app-password-b-result'],
    [3, 'platform-app', 'minio-app-password-result'],
  ])(
    'rotation %i: two users, of which applications get the new one',
    async (rotation, accessKey, secretKey) => {
      const declared = await app(rotation);
      expect(inputsOf(declared, 'minio-app-keys').stringData.value).toEqual({
        'platform-app': 'minio-app-password-result',
        'platform-app-b': 'minio-app-password-b-result',
      });
      expect(inputsOf(declared, 'minio-app-user')).toMatchObject({
        accessKeys: ['platform-app', 'platform-app-b'],
        rotation,
      });
      expect(inputsOf(declared, 'minio-app').stringData.value).toEqual({ accessKey, secretKey });
    },
  );

  test('the monitor has a token, too, that changes with its key', async () => {
    const declared = await declaredBy(() => new Minio('minio', args));
    const { token } = inputsOf(declared, 'minio-monitor').stringData.value;
    const [header, claims] = token.split('.').slice(0, 2);
    const decoded = [header, claims].map((part) => JSON.parse(Buffer.from(part, 'base64url').toString()));
    expect(decoded).toEqual([
      { alg: 'HS512', typ: 'JWT' },
      { sub: 'platform-monitor', iss: 'prometheus' },
    ]);
    expect(token).toBe(
      metricsToken({ accessKey: 'platform-monitor', secretKey: 'minio-monitor-password-result' }),
    );
    expect(token).not.toBe(metricsToken({ accessKey: 'platform-monitor', secretKey: 'another' }));
  });
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
    const logins = ['minio-admin', 'minio-backup', 'minio-monitor', 'minio-owner'];
    expect(declared.map(({ path, name }) => `${path.replace(`${parent}$`, '')} ${name}`)).toEqual([
      `${parent} minio`,
      'kubernetes:apps/v1:StatefulSet minio',
      ...logins.flatMap((name) => [
        `kubernetes:core/v1:Secret ${name}`,
        `kubernetes:core/v1:Secret ${name}-keys`,
      ]),
      'kubernetes:core/v1:Secret minio-root',
      'kubernetes:core/v1:Service minio',
      'kubernetes:core/v1:Service minio-nodes',
      'kubernetes:core/v1:ServiceAccount minio',
      ...more,
      'pulumi-nodejs:dynamic/minio:RootAccess minio-root-access',
      ...logins.map((name) => `pulumi-nodejs:dynamic/minio:User ${name}-user`),
      ...[...logins, 'minio-root'].map(
        (name) => `random:index/randomPassword:RandomPassword ${name}-password`,
      ),
    ]);
    expect(declared.find(({ name }) => name === 'minio-root')?.inputs.stringData.value).toEqual({
      rootUser: 'platform-root',
      rootPassword: 'minio-root-password-result',
    });
  },
);
