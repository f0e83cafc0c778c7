import { Elasticsearch } from './elasticsearch';
import { type ElasticsearchArgs, resolveElasticsearchArgs } from './elasticsearch-args';
import { ElasticsearchOperator } from './elasticsearch-operator';
import { elasticsearchOperatorSpec } from './elasticsearch-operator-spec';
import { ElasticsearchSnapshotUser, snapshotUserSpec } from './elasticsearch-snapshot-user';
import { readWritePolicy } from './minio-policies';
import { elasticsearchCertificate, elasticsearchSpec } from './elasticsearch-spec';
import { declaredBy } from './testing/mocks';

const resources = { requests: { cpu: '100m', memory: '1Gi' }, limits: { memory: '1Gi' } };
const set = { name: 'default', count: 1, storage: { size: '5Gi', className: 'retained' }, resources };
const args: ElasticsearchArgs = {
  namespace: 'platform',
  version: '9.2.0',
  image: 'registry.example/elasticsearch:9.2.0',
  nodeSets: [set],
};
const labels = {
  'app.kubernetes.io/name': 'elasticsearch',
  'app.kubernetes.io/part-of': 'agent-data-platform',
  'app.kubernetes.io/managed-by': 'pulumi',
};

describe('elasticsearchSpec', () => {
  const spec = elasticsearchSpec(args);

  it('is one node in dev', () => {
    expect(spec.cluster).toEqual({
      apiVersion: 'elasticsearch.k8s.elastic.co/v1',
      kind: 'Elasticsearch',
      metadata: {
        name: 'elasticsearch',
        namespace: 'platform',
        labels,
        annotations: { 'pulumi.com/waitFor': 'jsonpath={.status.phase}=Ready' },
      },
      spec: {
        version: '9.2.0',
        image: 'registry.example/elasticsearch:9.2.0',
        auth: {
          fileRealm: ['app', 'readonly', 'migrator', 'auditor', 'backup', 'monitor', 'shipper'].map(
            (login) => ({ secretName: `elasticsearch-user-${login}` }),
          ),
          roles: [{ secretName: 'elasticsearch-roles' }],
        },
        nodeSets: [
          {
            name: 'default',
            count: 1,
            config: { 'node.store.allow_mmap': false },
            podTemplate: {
              metadata: { labels },
              spec: {
                automountServiceAccountToken: false,
                securityContext: {
                  runAsNonRoot: true,
                  runAsUser: 1000,
                  fsGroup: 1000,
                  fsGroupChangePolicy: 'OnRootMismatch',
                  seccompProfile: { type: 'RuntimeDefault' },
                },
                affinity: {
                  podAntiAffinity: {
                    preferredDuringSchedulingIgnoredDuringExecution: [
                      {
                        weight: 100,
                        podAffinityTerm: {
                          topologyKey: 'kubernetes.io/hostname',
                          labelSelector: {
                            matchLabels: {
                              'elasticsearch.k8s.elastic.co/cluster-name': 'elasticsearch',
                              'elasticsearch.k8s.elastic.co/statefulset-name': 'elasticsearch-es-default',
                            },
                          },
                        },
                      },
                    ],
                  },
                },
                containers: [
                  {
                    name: 'elasticsearch',
                    resources,
                    securityContext: {
                      allowPrivilegeEscalation: false,
                      readOnlyRootFilesystem: true,
                      capabilities: { drop: ['ALL'] },
                    },
                    env: [{ name: 'PRE_STOP_ADDITIONAL_WAIT_SECONDS', value: '0' }],
                  },
                ],
              },
            },
            volumeClaimTemplates: [
              {
                metadata: { name: 'elasticsearch-data' },
                spec: {
                  accessModes: ['ReadWriteOnce'],
                  resources: { requests: { storage: '5Gi' } },
                  storageClassName: 'retained',
                },
              },
            ],
          },
        ],
        updateStrategy: { changeBudget: { maxSurge: 0, maxUnavailable: 1 } },
        podDisruptionBudget: {},
        volumeClaimDeletePolicy: 'DeleteOnScaledownOnly',
      },
    });
  });

  it('starts its nodes quickly when asked to, and several nodes wait for their clients before they stop', () => {
    const envOf = (change: Partial<ElasticsearchArgs>) =>
      elasticsearchSpec({ ...args, ...change }).cluster.spec.nodeSets[0]!.podTemplate.spec.containers[0]!.env;
    expect(envOf({ nodeSets: [{ ...set, count: 3 }] })).toBeUndefined();
    expect(envOf({ quickStart: true })).toEqual([
      { name: 'PRE_STOP_ADDITIONAL_WAIT_SECONDS', value: '0' },
      { name: 'ES_JAVA_OPTS', value: '-XX:TieredStopAtLevel=1' },
      { name: 'CLI_JAVA_OPTS', value: '-XX:TieredStopAtLevel=1' },
    ]);
  });

  it('asks for room in bytes where others fill the disk too', () => {
    const configOf = (change: Partial<ElasticsearchArgs>) =>
      elasticsearchSpec({ ...args, ...change }).cluster.spec.nodeSets[0]!.config;
    const watermark = 'cluster.routing.allocation.disk.watermark';
    expect(configOf({ sharedDisk: true })).toEqual({
      ...configOf({}),
      [`${watermark}.low`]: '2gb',
      [`${watermark}.high`]: '1gb',
      [`${watermark}.flood_stage`]: '500mb',
    });
  });

  it('gives each login a user that the nodes know, and a Secret that is handed out', () => {
    const type = 'kubernetes.io/basic-auth';
    expect(spec.logins.app).toEqual({
      users: [
        {
          slot: 'a',
          metadata: { name: 'elasticsearch-user-app', namespace: 'platform', labels },
          type,
          username: 'platform-app',
          roles: 'platform_app',
        },
      ],
      handedOut: {
        metadata: { name: 'elasticsearch-app', namespace: 'platform', labels },
        type,
        username: 'platform-app',
      },
    });
    expect(Object.values(spec.logins).map(({ users }) => users[0]!.roles)).toEqual([
      'platform_app',
      'platform_readonly',
      'platform_owner',
      'platform_auditor',
      'platform_backup',
      'platform_monitor',
      'platform_shipper',
    ]);
    expect(Object.keys(JSON.parse(spec.roles.stringData['roles.yml']))).toEqual(['platform_owner']);
  });

  it.each([
    [2, ['platform-app-b', 'platform-app'], 'platform-app-b'],
    [3, ['platform-app', 'platform-app-b'], 'platform-app'],
  ])('knows two users of each login at rotation %d', (rotation, users, current) => {
    const rotated = elasticsearchSpec({ ...args, rotation });
    expect(rotated.logins.app.users.map(({ username }) => username)).toEqual(users);
    expect(rotated.logins.app.handedOut).toMatchObject({
      metadata: { name: 'elasticsearch-app' },
      username: current,
    });
    expect(rotated.cluster.spec.auth.fileRealm.slice(0, 2).map(({ secretName }) => secretName)).toEqual(
      users.map((user) => user.replace('platform', 'elasticsearch-user')),
    );
    expect(rotated.loginCheck).toMatchObject({
      cluster: 'elasticsearch',
      serverName: 'elasticsearch-es-http.platform.svc',
      elasticUserSecret: 'elasticsearch-es-elastic-user',
      internalUsersSecret: 'elasticsearch-es-internal-users',
      rotation,
    });
    expect(rotated.loginCheck.userSecrets).toHaveLength(14);
  });

  it('writes an audit log only where a licence for it is declared', () => {
    const configOf = (change: Partial<ElasticsearchArgs>) =>
      elasticsearchSpec({ ...args, ...change }).cluster.spec.nodeSets[0]!.config;
    expect(configOf({})).toEqual({ 'node.store.allow_mmap': false });
    expect(configOf({ audit: { licence: 'platinum' } })).toEqual({
      'node.store.allow_mmap': false,
      'xpack.security.audit.enabled': true,
    });
  });

  it('is reached over TLS', () => {
    expect(spec.cluster.spec).not.toHaveProperty('http');
    expect(elasticsearchSpec({ ...args, tlsSecret: 'own' }).cluster.spec.http).toEqual({
      tls: { certificate: { secretName: 'own' } },
    });
    const { secret, dnsNames, keyType } = elasticsearchCertificate(args);
    expect([secret, keyType]).toEqual(['elasticsearch-tls', 'rsa']);
    expect(dnsNames).toEqual(
      expect.arrayContaining([
        'elasticsearch-es-http.platform.svc',
        'elasticsearch-es-internal-http.platform.svc',
        '*.elasticsearch-es-default.platform.svc',
      ]),
    );
    expect(spec.caSecret).toBe('elasticsearch-es-http-certs-public');
    expect(spec.endpoints).toEqual({
      host: 'elasticsearch-es-http.platform.svc',
      service: 'elasticsearch-es-http',
      port: 9200,
      url: 'https://elasticsearch-es-http.platform.svc:9200',
    });
  });

  it('keeps tiers apart, and leaves the budget of disruptions to the operator', () => {
    const { cluster } = elasticsearchSpec({
      ...args,
      antiAffinity: 'required',
      memoryMap: true,
      nodeSets: [
        { ...set, name: 'masters', count: 3, roles: ['master'] },
        { ...set, name: 'hot', count: 3, roles: ['data_hot', 'data_content'] },
      ],
    });
    expect(cluster.spec).not.toHaveProperty('podDisruptionBudget');
    expect(cluster.spec.nodeSets.map(({ name, count, config }) => ({ name, count, config }))).toEqual([
      { name: 'masters', count: 3, config: { 'node.store.allow_mmap': true, 'node.roles': ['master'] } },
      {
        name: 'hot',
        count: 3,
        config: { 'node.store.allow_mmap': true, 'node.roles': ['data_hot', 'data_content'] },
      },
    ]);
    expect(cluster.spec.nodeSets[0]!.podTemplate.spec.affinity.podAntiAffinity).toHaveProperty(
      'requiredDuringSchedulingIgnoredDuringExecution.0.topologyKey',
      'kubernetes.io/hostname',
    );
  });

  it('puts the S3 keys into the keystore and the endpoint into the settings', () => {
    const { cluster } = elasticsearchSpec({
      ...args,
      snapshots: {
        endpoint: 'http://minio.platform.svc:9000',
        secret: { name: 'snapshots', accessKey: 'user', secretKey: 'password' },
      },
    });
    expect(cluster.spec.secureSettings).toEqual([
      {
        secretName: 'snapshots',
        entries: [
          { key: 'user', path: 's3.client.platform.access_key' },
          { key: 'password', path: 's3.client.platform.secret_key' },
        ],
      },
    ]);
    expect(cluster.spec.nodeSets[0]!.podTemplate.spec.initContainers).toEqual([
      {
        name: 'elastic-internal-init-keystore',
        resources: { requests: { cpu: '100m', memory: '196Mi' }, limits: { memory: '196Mi' } },
      },
    ]);
    expect(cluster.spec.nodeSets[0]!.config).toEqual({
      'node.store.allow_mmap': false,
      's3.client.platform.endpoint': 'http://minio.platform.svc:9000',
      's3.client.platform.region': 'us-east-1',
      's3.client.platform.path_style_access': true,
    });
  });
});

describe('resolveElasticsearchArgs', () => {
  const nodes = (...nodeSets: Partial<typeof set & { roles: ['master'] | ['data_hot'] }>[]) => ({
    nodeSets: nodeSets.map((given) => ({ ...set, ...given })),
  });

  it.each([
    [{ version: '8.19.0' }, 'version must be 9.x.y, got "8.19.0".'],
    [{ image: 'elasticsearch:9.1.0' }, 'image must be of version 9.2.0, got "elasticsearch:9.1.0".'],
    [{ name: 'Search' }, 'name must be a DNS label of at most 36 characters, got "Search".'],
    [nodes({ count: 0 }), 'nodeSets.default.count must be an integer of at least 1, got 0.'],
    [
      nodes({ count: 2 }),
      'nodeSets must have 1, 3 or more nodes with the role master, got 2: neither can decide alone.',
    ],
    [nodes({ roles: ['data_hot'] }), 'nodeSets must have nodes with the role master, got none.'],
    [nodes({ roles: ['master'] }), 'nodeSets must have nodes with the role data_hot, got none.'],
    [nodes({ count: 1 }, { count: 2 }), 'nodeSets must have different names, got "default" twice.'],
  ])('refuses %j', (change, message) => {
    expect(() => resolveElasticsearchArgs({ ...args, ...change })).toThrow(message);
  });
});

const logins = ['app', 'auditor', 'backup', 'migrator', 'monitor', 'readonly', 'shipper'];

test('Elasticsearch declares its logins and the cluster', async () => {
  const declared = await declaredBy(() => new Elasticsearch('elasticsearch', args));
  expect(declared.map(({ name }) => name).sort()).toEqual(
    [
      'elasticsearch',
      'elasticsearch-cluster',
      'elasticsearch-logins',
      'elasticsearch-roles',
      ...logins.flatMap((login) => [
        `elasticsearch-${login}`,
        `elasticsearch-${login}-password`,
        `elasticsearch-user-${login}`,
      ]),
    ].sort(),
  );
});

test.each([
  [1, { app: 'elasticsearch-app-password' }],
  [2, { app: 'elasticsearch-app-password', 'app-b': 'elasticsearch-app-password-b' }],
])('at rotation %d each user has the password of its slot', async (rotation, users) => {
  const declared = await declaredBy(() => new Elasticsearch('elasticsearch', { ...args, rotation }));
  const secret = (wanted: string) => declared.find(({ name }) => name === wanted)!.inputs.stringData.value;
  for (const [user, password] of Object.entries(users)) {
    expect(secret(`elasticsearch-user-${user}`).password).toBe(`${password}-result`);
  }
  expect(secret('elasticsearch-app').password).toBe(`${Object.values(users).at(-1)}-result`);
});

describe('the user of the snapshots', () => {
  const user = {
    namespace: 'platform',
    bucket: 'search-snapshots',
    minio: { service: 'minio', port: 9000, adminSecret: 'minio-admin', rootSecret: 'minio-root' },
  };

  it('has rights on its bucket and nothing else', () => {
    const metadata = (name: string) => ({
      name,
      namespace: 'platform',
      labels: { ...labels, 'app.kubernetes.io/component': 'snapshots' },
    });
    expect(snapshotUserSpec({ ...user, context: 'prod' })).toEqual({
      login: {
        secret: { metadata: metadata('elasticsearch-snapshots'), type: 'Opaque' },
        keys: { metadata: metadata('elasticsearch-snapshots-keys'), type: 'Opaque' },
        metricsToken: false,
        user: {
          namespace: 'platform',
          service: 'minio',
          port: 9000,
          adminSecret: 'minio-admin',
          rootSecret: 'minio-root',
          accessKeys: ['elasticsearch-snapshots'],
          keysSecret: 'elasticsearch-snapshots-keys',
          policyName: 'elasticsearch-snapshots',
          policy: readWritePolicy(['search-snapshots']),
          rotation: 1,
          context: 'prod',
        },
      },
      reference: { name: 'elasticsearch-snapshots', accessKey: 'accessKey', secretKey: 'secretKey' },
    });
  });

  it('declares the Secrets and the user', async () => {
    const declared = await declaredBy(() => new ElasticsearchSnapshotUser('snapshots', user));
    expect(declared.map(({ name }) => name).sort()).toEqual([
      'snapshots',
      'snapshots',
      'snapshots-keys',
      'snapshots-password',
      'snapshots-user',
    ]);
  });
});

describe('the operator', () => {
  const operator = {
    image: 'registry.example/eck:3',
    definitions: { url: 'https://example.org/crds.yaml', sha256: 'a'.repeat(64) },
  };

  it('runs in a namespace of its own, under the restricted Pod Security Standard', () => {
    const spec = elasticsearchOperatorSpec({ mode: 'managed', ...operator, context: 'prod' });
    expect(spec.definitions).toEqual({ ...operator.definitions, context: 'prod' });
    expect(spec.namespace.metadata).toMatchObject({
      name: 'elastic-system',
      labels: { 'pod-security.kubernetes.io/enforce': 'restricted' },
    });
    const [container] = spec.statefulSet.spec.template.spec.containers;
    expect(container).toMatchObject({ image: 'registry.example/eck:3', name: 'manager' });
    expect(container!.args).toContain('--operator-namespace=elastic-system');
    expect(spec.clusterRole.rules).not.toContainEqual(
      expect.objectContaining({ verbs: expect.arrayContaining(['*']) }),
    );
  });

  it.each([
    [
      'managed',
      ['', '-account', '-binding', '-definitions', '-namespace', '-role'].map(
        (suffix) => `operator${suffix}`,
      ),
    ],
    ['existing', ['operator']],
  ] as const)('%s declares what it says', async (mode, names) => {
    const declared = await declaredBy(() => new ElasticsearchOperator('operator', { mode, ...operator }));
    expect([...new Set(declared.map(({ name }) => name))].sort()).toEqual([...names].sort());
  });
});
