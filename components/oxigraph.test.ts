import { createHash } from 'node:crypto';
import { checksum } from './metadata';
import { Oxigraph } from './oxigraph';
import { type OxigraphArgs, resolveOxigraphArgs } from './oxigraph-args';
import { oxigraphCertificate, oxigraphSpec } from './oxigraph-spec';
import { declaredBy } from './testing/mocks';

const args: OxigraphArgs = {
  namespace: 'data',
  image: 'oxigraph:test',
  proxyImage: 'nginx:test',
  storage: { size: '1Gi', className: 'retain' },
  resources: { requests: { cpu: '25m', memory: '64Mi' }, limits: { memory: '256Mi' } },
};
const selector = { 'app.kubernetes.io/name': 'oxigraph', 'app.kubernetes.io/part-of': 'agent-data-platform' };
const labels = { ...selector, 'app.kubernetes.io/managed-by': 'pulumi' };
const metadata = (name: string) => ({ name, namespace: 'data', labels });
const restricted = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ['ALL'] },
};
const health = { path: '/store', port: 7881 };

test('the pod: the server on loopback, the proxy in front, restricted', () => {
  const { spec } = oxigraphSpec(args).statefulSet.spec.template;
  expect(spec).toEqual({
    serviceAccountName: 'oxigraph',
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    shareProcessNamespace: true,
    terminationGracePeriodSeconds: 60,
    securityContext: {
      runAsNonRoot: true,
      runAsUser: 65534,
      runAsGroup: 65534,
      fsGroup: 65534,
      fsGroupChangePolicy: 'OnRootMismatch',
      seccompProfile: { type: 'RuntimeDefault' },
    },
    containers: [
      {
        name: 'oxigraph',
        image: 'oxigraph:test',
        imagePullPolicy: 'IfNotPresent',
        args: ['serve', '--location', '/data/store', '--bind', '127.0.0.1:7879', '--timeout-s', '60'],
        resources: args.resources,
        securityContext: restricted,
        startupProbe: { httpGet: health, timeoutSeconds: 5, periodSeconds: 2, failureThreshold: 150 },
        livenessProbe: { httpGet: health, timeoutSeconds: 5, periodSeconds: 10, failureThreshold: 6 },
        volumeMounts: [
          { name: 'data', mountPath: '/data' },
          { name: 'tmp', mountPath: '/tmp' },
        ],
      },
      {
        name: 'auth-proxy',
        image: 'nginx:test',
        imagePullPolicy: 'IfNotPresent',
        command: ['nginx', '-e', 'stderr', '-c', '/etc/auth-proxy/nginx.conf', '-g', 'daemon off;'],
        ports: [
          { name: 'http-7878', containerPort: 7878 },
          { name: 'http-7880', containerPort: 7880 },
        ],
        resources: { requests: { cpu: '10m', memory: '32Mi' }, limits: { memory: '64Mi' } },
        securityContext: { ...restricted, runAsUser: 101, runAsGroup: 101 },
        readinessProbe: { httpGet: health, periodSeconds: 5, timeoutSeconds: 5, failureThreshold: 3 },
        livenessProbe: {
          httpGet: { path: '/proxy', port: 7881 },
          timeoutSeconds: 3,
          periodSeconds: 10,
          failureThreshold: 3,
        },
        volumeMounts: [
          { name: 'auth-proxy', mountPath: '/etc/auth-proxy', readOnly: true },
          { name: 'auth-proxy-credentials', mountPath: '/etc/auth-proxy-credentials', readOnly: true },
          { name: 'auth-proxy-tmp', mountPath: '/tmp' },
        ],
      },
    ],
    volumes: [
      { name: 'tmp', emptyDir: { sizeLimit: '256Mi' } },
      { name: 'auth-proxy', configMap: { name: 'oxigraph' } },
      { name: 'auth-proxy-credentials', secret: { secretName: 'oxigraph-proxy', defaultMode: 0o440 } },
      { name: 'auth-proxy-tmp', emptyDir: { sizeLimit: '256Mi' } },
    ],
  });
});

test('around the pod: one volume that is kept, two endpoints, no way out', () => {
  const { statefulSet, services, networkPolicy, endpoints, serviceAccount } = oxigraphSpec(args);
  expect(serviceAccount).toEqual({ metadata: metadata('oxigraph'), automountServiceAccountToken: false });
  const { template, ...set } = statefulSet.spec;
  expect(set).toEqual({
    serviceName: 'oxigraph-nodes',
    replicas: 1,
    updateStrategy: { type: 'RollingUpdate' },
    persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Retain' },
    selector: { matchLabels: selector },
    volumeClaimTemplates: [
      {
        metadata: { name: 'data', labels: selector },
        spec: {
          accessModes: ['ReadWriteOnce'],
          resources: { requests: { storage: '1Gi' } },
          storageClassName: 'retain',
        },
      },
    ],
  });
  expect(services).toEqual({
    nodes: {
      metadata: metadata('oxigraph-nodes'),
      spec: { clusterIP: 'None', selector, ports: [{ name: 'http', port: 7878, targetPort: 7878 }] },
    },
    clients: [
      {
        metadata: metadata('oxigraph'),
        spec: { selector, ports: [{ name: 'http', port: 7878, targetPort: 7878 }] },
      },
      {
        metadata: metadata('oxigraph-readonly-endpoint'),
        spec: { selector, ports: [{ name: 'http', port: 7878, targetPort: 7880 }] },
      },
    ],
  });
  expect(networkPolicy).toEqual({
    metadata: metadata('oxigraph'),
    spec: { podSelector: { matchLabels: selector }, policyTypes: ['Egress'], egress: [] },
  });
  expect(endpoints).toEqual({
    protocol: 'http',
    host: 'oxigraph.data.svc',
    readOnlyHost: 'oxigraph-readonly-endpoint.data.svc',
    port: 7878,
  });
});

test('what each user may do follows the application’s access, and a change replaces the pod', () => {
  const rules = (applicationAccess: 'update' | 'graph-store') =>
    oxigraphSpec({ ...args, applicationAccess }).configMap.data['nginx.conf'].match(/"~\^\(.*" 1;/g);
  const readOnly = [
    '"~^(owner|app|readonly|backup) (GET|POST) /query(\\?|$)" 1;',
    '"~^(backup) (GET|HEAD) /store(\\?|$)" 1;',
  ];
  expect(rules('update')).toEqual([
    '"~^(owner|app) (GET|POST) /query(\\?|$)" 1;',
    '"~^(owner|app) (POST) /update(\\?|$)" 1;',
    '"~^(owner|app) (GET|HEAD|PUT|POST|DELETE) /store(\\?|$)" 1;',
    ...readOnly,
  ]);
  expect(rules('graph-store')).toEqual([
    '"~^(owner|app) (GET|POST) /query(\\?|$)" 1;',
    '"~^(owner) (POST) /update(\\?|$)" 1;',
    '"~^(owner) (GET|HEAD|PUT|POST|DELETE) /store(\\?|$)" 1;',
    '"~^(app) (GET|HEAD|PUT|POST|DELETE) /store\\?graph=urn(:|%3A|%3a)agent-data-platform(:|%3A|%3a)project(:|%3A|%3a)[A-Za-z0-9_-]+$" 1;',
    ...readOnly,
  ]);
  const annotations = (applicationAccess: 'update' | 'graph-store') =>
    oxigraphSpec({ ...args, applicationAccess }).statefulSet.spec.template.metadata.annotations;
  expect(annotations('update')).not.toEqual(annotations('graph-store'));
});

test('with a certificate: TLS for every name of both endpoints, and the priority of the stores', () => {
  const secured = { ...args, tlsSecret: 'oxigraph-tls', priorityClass: 'data-stores' };
  const { statefulSet, services, endpoints } = oxigraphSpec(secured);
  const pod = statefulSet.spec.template.spec;
  expect(pod.priorityClassName).toBe('data-stores');
  expect(pod.volumes).toContainEqual({
    name: 'auth-proxy-tls',
    secret: { secretName: 'oxigraph-tls', defaultMode: 0o440 },
  });
  const ports = [services.nodes, ...services.clients].map(({ spec }) => spec.ports[0]!.name);
  expect(ports).toEqual(['https', 'https', 'https']);
  expect(endpoints.protocol).toBe('https');
  const forms = (name: string) => [
    name,
    `${name}.data`,
    `${name}.data.svc`,
    `${name}.data.svc.cluster.local`,
  ];
  expect(oxigraphCertificate(secured)).toEqual({
    secret: 'oxigraph-tls',
    dnsNames: [
      ...forms('oxigraph'),
      ...forms('oxigraph-readonly-endpoint'),
      ...forms('oxigraph-nodes'),
      ...forms('*.oxigraph-nodes').slice(1),
      'localhost',
    ],
  });
});

test('contradictions are listed with the value got and what is allowed', () => {
  const bad = {
    ...args,
    name: 'Bad',
    applicationAccess: 'all' as 'update',
    queryTimeoutSeconds: 0.5,
    rotation: 0,
  };
  expect(() => resolveOxigraphArgs(bad)).toThrow(
    'oxigraph: name must be a DNS label of at most 40 characters, got "Bad". ' +
      'applicationAccess must be update or graph-store, got "all". ' +
      'queryTimeoutSeconds must be an integer from 1 to 300, got 0.5. rotation must be an integer from 1, got 0.',
  );
});

const roles = ['app', 'backup', 'monitor', 'owner', 'readonly'];
const sha = (password: string) => `{SHA}${createHash('sha1').update(password).digest('base64')}`;
type Declared = Awaited<ReturnType<typeof declaredBy>>;
const inputsOf = (declared: Declared, name: string, kind: string) =>
  declared.find((resource) => resource.name === name && resource.path.endsWith(kind))!.inputs;

test('declares a Secret per role with the password whose hash the proxy has', async () => {
  const declared = await declaredBy(() => new Oxigraph('oxigraph', args));
  for (const role of roles) {
    const secret = inputsOf(declared, `oxigraph-${role}`, 'core/v1:Secret');
    expect(secret).toMatchObject({
      metadata: metadata(`oxigraph-${role}`),
      type: 'kubernetes.io/basic-auth',
    });
    expect(secret.stringData.value).toEqual({
      username: role,
      password: `oxigraph-${role}-password-result`,
    });
  }
  expect(declared.map(({ name, path }) => `${path.split(/[:$]/).at(-1)} ${name}`).sort()).toEqual(
    [
      'ConfigMap oxigraph',
      'NetworkPolicy oxigraph',
      'Oxigraph oxigraph',
      'ProxyUsers oxigraph-users',
      ...roles.map((role) => `RandomPassword oxigraph-${role}-password`),
      ...roles.map((role) => `Secret oxigraph-${role}`),
      'Secret oxigraph-proxy',
      'Service oxigraph',
      'Service oxigraph-nodes',
      'Service oxigraph-readonly-endpoint',
      'ServiceAccount oxigraph',
      'StatefulSet oxigraph',
    ].sort(),
  );
});

test.each([
  [2, 'app-b', 'oxigraph-app-password-b', 'app', 'oxigraph-app-password'],
  [3, 'app', 'oxigraph-app-password', 'app-b', 'oxigraph-app-password-b'],
])(
  'generation %i hands out %s, and the proxy takes the one before it, too',
  async (rotation, user, password, previousUser, previous) => {
    const declared = await declaredBy(() => new Oxigraph('oxigraph', { ...args, rotation }));
    const secret = inputsOf(declared, 'oxigraph-app', 'core/v1:Secret');
    expect(secret.stringData.value).toEqual({ username: user, password: `${password}-result` });
    const { users, checksum: sum } = inputsOf(declared, 'oxigraph-proxy', 'core/v1:Secret').stringData.value;
    const lines = (users as string).split('\n').filter((line) => line.startsWith('app'));
    expect(lines).toEqual([
      `${user}:${sha(`${password}-result`)}`,
      `${previousUser}:${sha(`${previous}-result`)}`,
    ]);
    const gate = inputsOf(declared, 'oxigraph-users', 'ProxyUsers');
    expect([sum, gate.checksum]).toEqual([checksum(users), checksum(users)]);
    expect(JSON.stringify(gate)).not.toMatch(/password|SHA/);
    expect(inputsOf(declared, password, 'RandomPassword').keepers).toEqual({ generation: String(rotation) });
  },
);
