import { parse } from 'yaml';
import { Qdrant, QdrantArgs } from './qdrant';
import { loginToken } from './qdrant-logins';
import { qdrantCertificate, qdrantSpec } from './qdrant-spec';
import { declaredBy } from './testing/mocks';

const args: QdrantArgs = {
  namespace: 'data',
  image: 'qdrant:test',
  storage: { size: '1Gi', className: 'retain' },
  snapshots: { size: '2Gi', className: 'retain' },
  resources: { requests: { cpu: '25m', memory: '64Mi' }, limits: { memory: '256Mi' } },
};
const selector = { 'app.kubernetes.io/name': 'qdrant', 'app.kubernetes.io/part-of': 'agent-data-platform' };
const labels = { ...selector, 'app.kubernetes.io/managed-by': 'pulumi' };
const metadata = (name: string) => ({ name, namespace: 'data', labels });
const keys = [
  {
    name: 'QDRANT__SERVICE__API_KEY',
    valueFrom: { secretKeyRef: { name: 'qdrant-api-key', key: 'apiKey' } },
  },
  { name: 'QDRANT_INIT_FILE_PATH', value: '/qdrant/init/.qdrant-initialized' },
];
const port = (name: string, number: number) => ({ name, port: number, targetPort: name });
const volume = (name: string, storage: string) => ({
  metadata: { name, labels: selector },
  spec: {
    accessModes: ['ReadWriteOnce'],
    resources: { requests: { storage } },
    storageClassName: 'retain',
  },
});
const configuration = (more: Partial<QdrantArgs> = {}): unknown =>
  parse(qdrantSpec({ ...args, ...more }).configMap.data['production.yaml']);

test('a server alone, whole', () => {
  const { configMap, logins: _logins, ...spec } = qdrantSpec(args);
  const health = (path: string) => ({ httpGet: { path, port: 'http' }, timeoutSeconds: 5 });
  expect(configMap.metadata).toEqual(metadata('qdrant'));
  expect(spec).toEqual({
    apiKeySecret: { metadata: metadata('qdrant-api-key'), type: 'Opaque' },
    serviceAccount: { metadata: metadata('qdrant'), automountServiceAccountToken: false },
    services: {
      nodes: {
        metadata: metadata('qdrant-nodes'),
        spec: {
          clusterIP: 'None',
          publishNotReadyAddresses: true,
          selector,
          ports: [port('http', 6333), port('grpc', 6334), port('p2p', 6335)],
        },
      },
      client: {
        metadata: metadata('qdrant'),
        spec: { selector, ports: [port('http', 6333), port('grpc', 6334)] },
      },
    },
    statefulSet: {
      metadata: metadata('qdrant'),
      spec: {
        serviceName: 'qdrant-nodes',
        replicas: 1,
        podManagementPolicy: 'Parallel',
        updateStrategy: { type: 'RollingUpdate' },
        persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Retain' },
        selector: { matchLabels: selector },
        template: {
          metadata: {
            labels,
            annotations: { 'agent-data-platform/config-checksum': expect.stringMatching(/^[0-9a-f]{64}$/) },
          },
          spec: {
            serviceAccountName: 'qdrant',
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
                name: 'qdrant',
                image: 'qdrant:test',
                imagePullPolicy: 'IfNotPresent',
                command: ['/bin/bash', '-c', 'exec ./entrypoint.sh'],
                workingDir: '/qdrant',
                env: keys,
                ports: [
                  { name: 'http', containerPort: 6333 },
                  { name: 'grpc', containerPort: 6334 },
                  { name: 'p2p', containerPort: 6335 },
                ],
                resources: args.resources,
                securityContext: {
                  allowPrivilegeEscalation: false,
                  readOnlyRootFilesystem: true,
                  capabilities: { drop: ['ALL'] },
                },
                startupProbe: { ...health('/livez'), periodSeconds: 2, failureThreshold: 900 },
                livenessProbe: { ...health('/livez'), periodSeconds: 10, failureThreshold: 6 },
                readinessProbe: { ...health('/readyz'), periodSeconds: 5, failureThreshold: 3 },
                volumeMounts: [
                  { name: 'storage', mountPath: '/qdrant/storage' },
                  { name: 'snapshots', mountPath: '/qdrant/snapshots' },
                  { name: 'init', mountPath: '/qdrant/init' },
                  {
                    name: 'config',
                    mountPath: '/qdrant/config/production.yaml',
                    subPath: 'production.yaml',
                    readOnly: true,
                  },
                ],
              },
            ],
            volumes: [
              { name: 'init', emptyDir: { sizeLimit: '1Mi' } },
              { name: 'config', configMap: { name: 'qdrant', defaultMode: 0o444 } },
            ],
          },
        },
        volumeClaimTemplates: [volume('storage', '1Gi'), volume('snapshots', '2Gi')],
      },
    },
    disruptionBudget: undefined,
    endpoints: {
      host: 'qdrant.data.svc',
      httpPort: 6333,
      grpcPort: 6334,
      url: 'http://qdrant.data.svc:6333',
    },
  });
});

test('the configuration gives new collections the defaults of the environment', () => {
  expect(configuration()).toEqual({
    telemetry_disabled: true,
    storage: {
      hnsw_index: { m: 16, ef_construct: 100 },
      collection: {
        replication_factor: 1,
        write_consistency_factor: 1,
        vectors: { on_disk: false },
        quantization: null,
      },
    },
    service: { enable_cors: false, enable_tls: false, jwt_rbac: true },
    cluster: { enabled: false, p2p: { port: 6335, enable_tls: false } },
  });
  const collections = {
    quantization: 'scalar',
    vectorsOnDisk: true,
    hnswM: 32,
    hnswEfConstruct: 256,
  } as const;
  expect(configuration({ peers: 3, collections })).toMatchObject({
    storage: {
      hnsw_index: { m: 32, ef_construct: 256 },
      collection: {
        replication_factor: 3,
        write_consistency_factor: 2,
        vectors: { on_disk: true },
        quantization: { scalar: { type: 'int8', quantile: 0.99, always_ram: true } },
      },
    },
    cluster: { enabled: true },
  });
  expect(configuration({ collections: { quantization: 'binary' } })).toMatchObject({
    storage: { collection: { quantization: { binary: { always_ram: true } } } },
  });
});

test('another configuration restarts the pods', () => {
  const checksum = (more: Partial<QdrantArgs>) =>
    qdrantSpec({ ...args, ...more }).statefulSet.spec.template.metadata.annotations[
      'agent-data-platform/config-checksum'
    ];
  expect(checksum({ collections: { hnswM: 32 } })).not.toBe(checksum({}));
  expect(checksum({ image: 'other' })).toBe(checksum({}));
});

test('three peers: the first starts the cluster, the others join it; a budget and spreading', () => {
  const spec = qdrantSpec({ ...args, peers: 3, antiAffinity: 'required' });
  const pod = spec.statefulSet.spec.template.spec;
  const uri = (name: string) => `http://${name}.qdrant-nodes.data.svc.cluster.local:6335`;
  expect(spec.statefulSet.spec.replicas).toBe(3);
  expect(pod.containers[0]!.command).toEqual([
    '/bin/bash',
    '-c',
    'if [ "$POD_NAME" = "qdrant-0" ]; then exec ./entrypoint.sh --uri "$PEER_URI"; fi\n' +
      'exec ./entrypoint.sh --bootstrap "$FIRST_PEER_URI" --uri "$PEER_URI"',
  ]);
  expect(pod.containers[0]!.env).toEqual([
    ...keys,
    { name: 'POD_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
    { name: 'PEER_URI', value: uri('$(POD_NAME)') },
    { name: 'FIRST_PEER_URI', value: uri('qdrant-0') },
  ]);
  expect(spec.disruptionBudget).toEqual({
    metadata: metadata('qdrant'),
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

test('TLS between clients and peers, and among peers', () => {
  const secure = { ...args, peers: 3, tlsSecret: 'qdrant-tls', priorityClass: 'stores' };
  const spec = qdrantSpec(secure);
  const pod = spec.statefulSet.spec.template.spec;
  const container = pod.containers[0]!;
  expect(spec.endpoints.url).toBe('https://qdrant.data.svc:6333');
  expect(configuration({ peers: 3, tlsSecret: 'qdrant-tls' })).toMatchObject({
    service: { enable_tls: true },
    cluster: { enabled: true, p2p: { port: 6335, enable_tls: true } },
    tls: { cert: './tls/tls.crt', key: './tls/tls.key', ca_cert: './tls/ca.crt' },
  });
  expect(container.env.at(-1)).toEqual({
    name: 'FIRST_PEER_URI',
    value: 'https://qdrant-0.qdrant-nodes.data.svc.cluster.local:6335',
  });
  expect(container.readinessProbe.httpGet).toEqual({ path: '/readyz', port: 'http', scheme: 'HTTPS' });
  expect(container.volumeMounts.at(-1)).toEqual({ name: 'tls', mountPath: '/qdrant/tls', readOnly: true });
  expect(pod.volumes.at(-1)).toEqual({
    name: 'tls',
    secret: { secretName: 'qdrant-tls', defaultMode: 0o440 },
  });
  expect(pod).toMatchObject({ priorityClassName: 'stores' });
  expect(spec.logins.valid.caSecret).toBe('qdrant-tls');
  expect(qdrantCertificate(secure)).toEqual({
    secret: 'qdrant-tls',
    dnsNames: [
      'qdrant',
      'qdrant.data',
      'qdrant.data.svc',
      'qdrant.data.svc.cluster.local',
      'qdrant-nodes',
      'qdrant-nodes.data',
      'qdrant-nodes.data.svc',
      'qdrant-nodes.data.svc.cluster.local',
      '*.qdrant-nodes.data',
      '*.qdrant-nodes.data.svc',
      '*.qdrant-nodes.data.svc.cluster.local',
      'localhost',
    ],
  });
});

test('a new certificate replaces the pods', async () => {
  const declared = await declaredBy(() => new Qdrant('qdrant', { ...args, certificateFingerprint: 'ab12' }));
  const { inputs } = declared.find(({ path }) => path.endsWith('StatefulSet'))!;
  expect(inputs.spec.template.metadata.annotations).toMatchObject({
    'agent-data-platform/certificate': 'ab12',
  });
});

describe('logins', () => {
  const appCollections = ['tools', 'documents'];
  const on = (names: string[], access: string) => names.map((collection) => ({ collection, access }));

  test('have rights on single collections, except for the monitor, whose metrics are about all', () => {
    const { access, secret, valid } = qdrantSpec({ ...args, appCollections, context: 'here' }).logins;
    expect(access).toEqual({
      app: on(['documents', 'tools'], 'rw'),
      readonly: on(['documents', 'tools'], 'r'),
      backup: on(['documents', 'tools', 'schema_migrations'], 'rw'),
      monitor: 'r',
    });
    expect(secret('app')).toEqual({ metadata: metadata('qdrant-app'), type: 'Opaque' });
    expect(valid).toEqual({
      namespace: 'data',
      service: 'qdrant',
      port: 6333,
      apiKeySecret: 'qdrant-api-key',
      logins: ['app', 'readonly', 'backup', 'monitor'],
      rotation: 1,
      context: 'here',
    });
  });

  test('a token says whose it is, of which generation, and what it may do', () => {
    const parts = loginToken('key', 'app', 2, on(['documents'], 'rw') as never).split('.');
    const [header, claims] = parts
      .slice(0, 2)
      .map((part) => JSON.parse(Buffer.from(part, 'base64url').toString()));
    expect(header).toEqual({ alg: 'HS256', typ: 'JWT' });
    expect(claims).toEqual({
      access: [{ collection: 'documents', access: 'rw' }],
      value_exists: {
        collection: 'platform_logins',
        matches: [
          { key: 'login', value: 'app' },
          { key: 'generation', value: 2 },
        ],
      },
      subject: 'app',
    });
  });

  test.each([1, 2])('rotation %i gives applications its token', async (rotation) => {
    const declared = await declaredBy(() => new Qdrant('qdrant', { ...args, appCollections, rotation }));
    const inputs = (name: string) => declared.find((resource) => resource.name === name)!.inputs;
    expect(inputs('qdrant-logins')).toMatchObject({ rotation });
    const access = on(['documents', 'tools'], 'r') as never;
    expect(inputs('qdrant-readonly').stringData.value).toEqual({
      apiKey: loginToken('qdrant-api-key-password-result', 'readonly', rotation, access),
    });
  });
});

describe('the API key is replaced in two steps: every peer accepts the next one before one of them shows it', () => {
  // The mock gives a password the name of its resource: generations 1, 3, … are in one, 2, 4, … in the other.
  const [odd, even] = ['qdrant-api-key-password-result', 'qdrant-api-key-password-b-result'];
  test.each([
    [1, { apiKey: odd }],
    [2, { apiKey: odd, altApiKey: even }],
    [3, { apiKey: even, altApiKey: odd }],
    [4, { apiKey: even, altApiKey: odd }],
    [5, { apiKey: odd, altApiKey: even }],
  ])('step %i', async (apiKeyStep, keys) => {
    const declared = await declaredBy(() => new Qdrant('qdrant', { ...args, apiKeyStep }));
    const inputs = (name: string) => declared.find((resource) => resource.name === name)!.inputs;
    expect(inputs('qdrant-api-key').stringData.value).toEqual(keys);
    const newest = Math.floor(apiKeyStep / 2) + 1;
    const generations = ['qdrant-api-key-password', 'qdrant-api-key-password-b'].map(
      (name) => declared.find((resource) => resource.name === name)?.inputs.keepers?.generation,
    );
    const kept = [newest, newest - 1].filter((generation) => generation > 1).map(String);
    expect(generations.filter((generation) => generation !== undefined).sort()).toEqual(kept.sort());
  });

  test('a step restarts the peers, which then have both keys', () => {
    const pod = (apiKeyStep: number) => qdrantSpec({ ...args, apiKeyStep }).statefulSet.spec.template;
    const keys = (apiKeyStep: number) =>
      pod(apiKeyStep)
        .spec.containers[0]!.env.map(({ name }) => name)
        .filter((name) => name.endsWith('API_KEY'));
    expect(keys(1)).toEqual(['QDRANT__SERVICE__API_KEY']);
    expect(keys(2)).toEqual(['QDRANT__SERVICE__API_KEY', 'QDRANT__SERVICE__ALT_API_KEY']);
    expect([1, 2, 3].map((step) => pod(step).metadata.annotations)).toEqual([
      expect.not.objectContaining({ 'agent-data-platform/api-key-step': expect.anything() }),
      expect.objectContaining({ 'agent-data-platform/api-key-step': '2' }),
      expect.objectContaining({ 'agent-data-platform/api-key-step': '3' }),
    ]);
  });
});

test.each<[string, QdrantArgs, string[]]>([
  ['alone', args, []],
  ['with peers', { ...args, peers: 3 }, ['kubernetes:policy/v1:PodDisruptionBudget qdrant-budget']],
])('the component %s declares its children under itself, in stable names', async (_case, given, more) => {
  const declared = await declaredBy(() => new Qdrant('qdrant', given));
  const parent = 'agent-data-platform:data:Qdrant';
  expect(declared.map(({ path, name }) => `${path.replace(`${parent}$`, '')} ${name}`)).toEqual([
    `${parent} qdrant`,
    'kubernetes:apps/v1:StatefulSet qdrant',
    'kubernetes:core/v1:ConfigMap qdrant-config',
    'kubernetes:core/v1:Secret qdrant-api-key',
    'kubernetes:core/v1:Secret qdrant-backup',
    'kubernetes:core/v1:Secret qdrant-monitor',
    'kubernetes:core/v1:Service qdrant',
    'kubernetes:core/v1:Service qdrant-nodes',
    'kubernetes:core/v1:ServiceAccount qdrant',
    ...more,
    'pulumi-nodejs:dynamic/qdrant:Logins qdrant-logins',
    'random:index/randomPassword:RandomPassword qdrant-api-key-password',
  ]);
  const key_ = declared.find(({ name }) => name === 'qdrant-api-key');
  expect(key_?.inputs.stringData.value).toEqual({ apiKey: 'qdrant-api-key-password-result' });
});
