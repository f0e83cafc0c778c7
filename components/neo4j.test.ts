import { Neo4j, type Neo4jArgs } from './neo4j';
import { neo4jSpec } from './neo4j-spec';
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
  valueFrom: { secretKeyRef: { name: 'neo4j-admin', key: 'password' } },
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
];

test('a single server, whole', () => {
  const probe = { tcpSocket: { port: 'bolt' }, timeoutSeconds: 5 };
  const ports = [
    { name: 'bolt', port: 7687, targetPort: 'bolt' },
    { name: 'http', port: 7474, targetPort: 'http' },
  ];
  expect(neo4jSpec(args)).toEqual({
    adminSecret: { metadata: metadata('neo4j-admin'), type: 'Opaque', username: 'neo4j' },
    appSecret: { metadata: metadata('neo4j-app'), type: 'Opaque', username: 'platform_app' },
    appUser: {
      namespace: 'data',
      service: 'neo4j',
      port: 7687,
      adminSecret: 'neo4j-admin',
      userSecret: 'neo4j-app',
      roles: [],
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
                ports: [
                  { name: 'bolt', containerPort: 7687 },
                  { name: 'http', containerPort: 7474 },
                ],
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
  expect(spec.services.servers.spec.ports.map(({ port }) => port)).toEqual([7687, 7474, 6000, 7000, 7688]);
  expect(spec.services.client.spec.ports.map(({ port }) => port)).toEqual([7687, 7474]);
  expect(pod.volumes.at(-1)).toEqual({ name: 'plugins', emptyDir: { sizeLimit: '1Gi' } });
  expect(spec.appUser.roles).toEqual(['publisher']);
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

test.each<[string, Neo4jArgs, string[]]>([
  ['community', args, []],
  ['enterprise', cluster, ['kubernetes:policy/v1:PodDisruptionBudget neo4j-budget']],
])(
  'the component of %s declares its children under itself, in stable names',
  async (_edition, given, more) => {
    const declared = await declaredBy(() => new Neo4j('neo4j', given));
    const parent = 'agent-data-platform:data:Neo4j';
    expect(declared.map(({ path, name }) => `${path.replace(`${parent}$`, '')} ${name}`)).toEqual([
      `${parent} neo4j`,
      'kubernetes:apps/v1:StatefulSet neo4j',
      'kubernetes:core/v1:Secret neo4j-admin',
      'kubernetes:core/v1:Secret neo4j-app',
      'kubernetes:core/v1:Service neo4j',
      'kubernetes:core/v1:Service neo4j-servers',
      ...more,
      'pulumi-nodejs:dynamic/neo4j:User neo4j-app-user',
      'random:index/randomPassword:RandomPassword neo4j-admin-password',
      'random:index/randomPassword:RandomPassword neo4j-app-password',
    ]);
    expect(declared.find(({ name }) => name === 'neo4j-app')?.inputs.stringData.value).toEqual({
      username: 'platform_app',
      password: 'neo4j-app-password-result',
    });
  },
);
