import { Neo4j, type Neo4jArgs } from './neo4j';
import { neo4jCertificate, neo4jSpec } from './neo4j-spec';
import { declaredBy } from './testing/mocks';

const args: Neo4jArgs = {
  namespace: 'data',
  image: 'neo4j:test',
  storage: { size: '1Gi', className: 'retain' },
  resources: { requests: { cpu: '100m', memory: '1Gi' }, limits: { memory: '1Gi' } },
};
const cluster: Neo4jArgs = {
  ...args,
  image: 'neo4j:test-enterprise',
  edition: 'enterprise',
  acceptLicenseAgreement: 'eval',
  servers: 3,
  plugins: ['apoc'],
  antiAffinity: 'required',
};
const selector = { 'app.kubernetes.io/name': 'neo4j', 'app.kubernetes.io/part-of': 'agent-data-platform' };
const labels = { ...selector, 'app.kubernetes.io/managed-by': 'pulumi' };
const metadata = (name: string) => ({ name, namespace: 'data', labels });
const security = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ['ALL'] },
};
const password = {
  name: 'ADMIN_PASSWORD',
  valueFrom: { secretKeyRef: { name: 'neo4j-logins', key: 'neo4j' } },
};
const podName = { name: 'POD_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } };
const memory = [
  { name: 'NEO4J_server_memory_heap_initial__size', value: '288m' },
  { name: 'NEO4J_server_memory_heap_max__size', value: '288m' },
  { name: 'NEO4J_server_memory_pagecache_size', value: '288m' },
  { name: 'NEO4J_server_jvm_additional', value: '-XX:+ExitOnOutOfMemoryError' },
];
const silent = [
  { name: 'NEO4J_dbms_usage__report_enabled', value: 'false' },
  { name: 'NEO4J_client_allow__telemetry', value: 'false' },
  { name: 'NEO4J_server_http_enabled', value: 'false' },
];

const user = (role: string, users: string[], roles: string[], rotation = 1) => ({
  secret: { metadata: metadata(`neo4j-${role}`), type: 'Opaque' },
  current: users[0],
  previous: users[1],
  inputs: {
    namespace: 'data',
    service: 'neo4j',
    port: 7687,
    adminSecret: 'neo4j-admin',
    loginsSecret: 'neo4j-logins',
    users,
    roles,
    rotation,
  },
});

test('a single server, whole', () => {
  const probe = { tcpSocket: { port: 'bolt' }, timeoutSeconds: 5 };
  const ports = [{ name: 'bolt', port: 7687, targetPort: 'bolt' }];
  expect(neo4jSpec(args)).toEqual({
    serviceAccount: { metadata: metadata('neo4j'), automountServiceAccountToken: false },
    logins: { metadata: metadata('neo4j-logins'), type: 'Opaque' },
    rotation: 1,
    users: {
      admin: user('admin', ['neo4j'], []),
      app: user('app', ['platform_app'], []),
    },
    services: {
      servers: {
        metadata: metadata('neo4j-servers'),
        spec: { clusterIP: 'None', publishNotReadyAddresses: true, selector, ports },
      },
      client: { metadata: metadata('neo4j'), spec: { selector, ports } },
    },
    statefulSet: {
      metadata: metadata('neo4j'),
      spec: {
        serviceName: 'neo4j-servers',
        replicas: 1,
        podManagementPolicy: 'Parallel',
        updateStrategy: { type: 'RollingUpdate' },
        persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Retain' },
        selector: { matchLabels: selector },
        template: {
          metadata: { labels },
          spec: {
            serviceAccountName: 'neo4j',
            automountServiceAccountToken: false,
            enableServiceLinks: false,
            terminationGracePeriodSeconds: 120,
            securityContext: {
              runAsNonRoot: true,
              runAsUser: 7474,
              runAsGroup: 7474,
              fsGroup: 7474,
              fsGroupChangePolicy: 'OnRootMismatch',
              seccompProfile: { type: 'RuntimeDefault' },
            },
            initContainers: [
              {
                name: 'conf',
                image: 'neo4j:test',
                imagePullPolicy: 'IfNotPresent',
                command: ['cp', '-R', '/var/lib/neo4j/conf/.', '/writable-conf/'],
                resources: args.resources,
                securityContext: security,
                volumeMounts: [{ name: 'conf', mountPath: '/writable-conf' }],
              },
            ],
            containers: [
              {
                name: 'neo4j',
                image: 'neo4j:test',
                imagePullPolicy: 'IfNotPresent',
                env: [
                  password,
                  { name: 'NEO4J_AUTH', value: 'neo4j/$(ADMIN_PASSWORD)' },
                  podName,
                  ...memory,
                  { name: 'NEO4J_server_default__advertised__address', value: 'neo4j.data.svc' },
                  ...silent,
                ],
                ports: [{ name: 'bolt', containerPort: 7687 }],
                resources: args.resources,
                securityContext: security,
                startupProbe: { ...probe, periodSeconds: 2, failureThreshold: 450 },
                livenessProbe: { ...probe, periodSeconds: 10, failureThreshold: 12 },
                readinessProbe: { ...probe, periodSeconds: 5, failureThreshold: 3 },
                volumeMounts: [
                  { name: 'data', mountPath: '/data' },
                  { name: 'conf', mountPath: '/var/lib/neo4j/conf' },
                  { name: 'run', mountPath: '/var/lib/neo4j/run' },
                  { name: 'logs', mountPath: '/logs' },
                  { name: 'tmp', mountPath: '/tmp' },
                ],
              },
            ],
            volumes: [
              { name: 'conf', emptyDir: { sizeLimit: '16Mi' } },
              { name: 'run', emptyDir: { sizeLimit: '16Mi' } },
              { name: 'logs', emptyDir: { sizeLimit: '1Gi' } },
              { name: 'tmp', emptyDir: { sizeLimit: '1Gi' } },
            ],
          },
        },
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
      },
    },
    disruptionBudget: undefined,
    endpoints: { host: 'neo4j.data.svc', port: 7687, uri: 'neo4j://neo4j.data.svc:7687' },
  });
});

test('three primaries under an accepted licence: one list of members, their own names, routing, a budget', () => {
  const spec = neo4jSpec(cluster);
  const pod = spec.statefulSet.spec.template.spec;
  const self = '$(POD_NAME).neo4j-servers.data.svc.cluster.local';
  const members = [0, 1, 2].map((index) => `neo4j-${index}.neo4j-servers.data.svc.cluster.local:6000`);
  expect(spec.statefulSet.spec.replicas).toBe(3);
  expect(pod.containers[0]?.env).toEqual([
    password,
    { name: 'NEO4J_AUTH', value: 'neo4j/$(ADMIN_PASSWORD)' },
    { name: 'NEO4J_ACCEPT_LICENSE_AGREEMENT', value: 'eval' },
    { name: 'NEO4J_PLUGINS', value: '["apoc"]' },
    podName,
    ...memory,
    { name: 'NEO4J_server_default__advertised__address', value: self },
    ...silent,
    { name: 'NEO4J_initial_server_mode__constraint', value: 'PRIMARY' },
    { name: 'NEO4J_initial_dbms_default__primaries__count', value: '3' },
    { name: 'NEO4J_dbms_cluster_minimum__initial__system__primaries__count', value: '3' },
    { name: 'NEO4J_dbms_cluster_discovery_version', value: 'V2_ONLY' },
    { name: 'NEO4J_dbms_cluster_discovery_resolver__type', value: 'LIST' },
    { name: 'NEO4J_dbms_cluster_discovery_v2_endpoints', value: members.join(',') },
    { name: 'NEO4J_server_cluster_advertised__address', value: `${self}:6000` },
    { name: 'NEO4J_server_cluster_raft_advertised__address', value: `${self}:7000` },
    { name: 'NEO4J_server_routing_advertised__address', value: `${self}:7688` },
    { name: 'NEO4J_dbms_routing_enabled', value: 'true' },
    { name: 'NEO4J_dbms_routing_default__router', value: 'SERVER' },
  ]);
  expect(spec.services.servers.spec.ports.map(({ port }) => port)).toEqual([7687, 6000, 7000, 7688]);
  expect(spec.services.client.spec.ports.map(({ port }) => port)).toEqual([7687]);
  expect(pod.volumes.at(-1)).toEqual({ name: 'plugins', emptyDir: { sizeLimit: '1Gi' } });
  expect(spec.users).toEqual({
    admin: user('admin', ['neo4j'], ['admin']),
    app: user('app', ['platform_app'], ['publisher']),
    readonly: user('readonly', ['platform_readonly'], ['reader']),
    backup: user('backup', ['platform_backup'], ['reader']),
    monitor: user('monitor', ['platform_monitor'], []),
  });
  expect(spec.disruptionBudget).toEqual({
    metadata: metadata('neo4j'),
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

const policy = (scope: string, clientAuth: string) =>
  Object.entries({
    enabled: 'true',
    base__directory: '/tls',
    private__key: 'tls.key',
    public__certificate: 'tls.crt',
    client__auth: clientAuth,
    tls__versions: 'TLSv1.3,TLSv1.2',
  }).map(([name, value]) => ({ name: `NEO4J_dbms_ssl_policy_${scope}_${name}`, value }));

test('with a certificate: Bolt takes TLS only, servers verify each other, and every name is covered', () => {
  const secured = { ...cluster, tlsSecret: 'neo4j-tls', priorityClass: 'data-stores' };
  const spec = neo4jSpec(secured);
  const pod = spec.statefulSet.spec.template.spec;
  const { env, volumeMounts } = pod.containers[0]!;
  const tlsOnly = [{ name: 'NEO4J_server_bolt_tls__level', value: 'REQUIRED' }, ...policy('bolt', 'NONE')];
  expect(env.filter(({ name }) => /ssl|tls/.test(name))).toEqual([
    ...tlsOnly,
    ...policy('cluster', 'REQUIRE'),
  ]);
  const { env: alone } = neo4jSpec({ ...args, tlsSecret: 'neo4j-tls' }).statefulSet.spec.template.spec
    .containers[0]!;
  expect(alone.filter(({ name }) => /ssl|tls/.test(name))).toEqual(tlsOnly);
  expect(volumeMounts.at(-1)).toEqual({ name: 'tls', mountPath: '/tls', readOnly: true });
  expect(pod.volumes.at(-1)).toEqual({
    name: 'tls',
    secret: {
      secretName: 'neo4j-tls',
      defaultMode: 0o440,
      items: [
        { key: 'tls.crt', path: 'tls.crt' },
        { key: 'tls.key', path: 'tls.key' },
        { key: 'ca.crt', path: 'trusted/ca.crt' },
      ],
    },
  });
  expect(pod.priorityClassName).toBe('data-stores');
  expect(spec.endpoints.uri).toBe('neo4j+s://neo4j.data.svc:7687');
  expect(spec.users.app!.inputs).toMatchObject({ tlsSecret: 'neo4j-tls' });
  const forms = (name: string) => [`${name}.data`, `${name}.data.svc`, `${name}.data.svc.cluster.local`];
  expect(neo4jCertificate(secured)).toEqual({
    secret: 'neo4j-tls',
    dnsNames: [
      'neo4j',
      ...forms('neo4j'),
      'neo4j-servers',
      ...forms('neo4j-servers'),
      ...forms('*.neo4j-servers'),
      'localhost',
    ],
  });
});

const kinds = (roles: string[]) => [
  ...roles.map((role) => `kubernetes:core/v1:Secret neo4j-${role}`),
  ...roles.map((role) => `pulumi-nodejs:dynamic/neo4j:User neo4j-${role}-user`),
  ...roles.map((role) => `random:index/randomPassword:RandomPassword neo4j-${role}-password`),
];
type Declared = Awaited<ReturnType<typeof declaredBy>>;
const inputsOf = (declared: Declared, name: string, kind: string) =>
  declared.find((resource) => resource.name === name && resource.path.endsWith(kind))!.inputs;

test.each<[string, Neo4jArgs, string[]]>([
  ['community', args, kinds(['admin', 'app'])],
  [
    'enterprise',
    cluster,
    [
      ...kinds(['admin', 'app', 'readonly', 'backup', 'monitor']),
      'kubernetes:policy/v1:PodDisruptionBudget neo4j-budget',
    ],
  ],
])(
  'the component of %s declares its children under itself, in stable names',
  async (_edition, given, more) => {
    const declared = await declaredBy(() => new Neo4j('neo4j', given));
    const parent = 'agent-data-platform:data:Neo4j';
    expect(declared.map(({ path, name }) => `${path.replace(`${parent}$`, '')} ${name}`).sort()).toEqual(
      [
        `${parent} neo4j`,
        'kubernetes:apps/v1:StatefulSet neo4j',
        'kubernetes:core/v1:Secret neo4j-logins',
        'kubernetes:core/v1:Service neo4j',
        'kubernetes:core/v1:Service neo4j-servers',
        'kubernetes:core/v1:ServiceAccount neo4j',
        ...more,
      ].sort(),
    );
    expect(inputsOf(declared, 'neo4j-app', 'Secret').stringData.value).toEqual({
      username: 'platform_app',
      password: 'neo4j-app-password-result',
    });
    expect(inputsOf(declared, 'neo4j-logins', 'Secret').stringData.value).toMatchObject({
      neo4j: 'neo4j-admin-password-result',
      platform_app: 'neo4j-app-password-result',
    });
  },
);

test('a rotation hands out the other user of each login, and keeps the one before; a certificate restarts the servers', async () => {
  const declared = await declaredBy(
    () => new Neo4j('neo4j', { ...args, rotation: 2, tlsSecret: 'neo4j-tls', certificateFingerprint: 'f00' }),
  );
  expect(inputsOf(declared, 'neo4j-logins', 'Secret').stringData.value).toEqual({
    neo4j: 'neo4j-admin-password-result',
    'neo4j-b': 'neo4j-admin-password-b-result',
    platform_app: 'neo4j-app-password-result',
    'platform_app-b': 'neo4j-app-password-b-result',
  });
  expect(inputsOf(declared, 'neo4j-app', 'Secret').stringData.value).toEqual({
    username: 'platform_app-b',
    password: 'neo4j-app-password-b-result',
  });
  const { __provider, ...inputs } = inputsOf(declared, 'neo4j-app-user', 'User');
  const expected = user('app', ['platform_app-b', 'platform_app'], [], 2).inputs;
  expect(inputs).toEqual({ ...expected, tlsSecret: 'neo4j-tls' });
  expect(inputsOf(declared, 'neo4j', 'StatefulSet').spec.template.metadata.annotations).toEqual({
    'agent-data-platform/certificate': 'f00',
  });
});
