import { isDeepStrictEqual } from 'node:util';
import { declaredBy } from './testing/mocks';
import { Vault, type VaultArgs } from './vault';
import { resolveVaultArgs } from './vault-args';
import { vaultCertificate, vaultFlows, vaultSpec } from './vault-spec';

const args: VaultArgs = {
  namespace: 'data',
  image: 'vault:test',
  seal: 'shamir',
  storage: { size: '1Gi', className: 'retain' },
  resources: { requests: { cpu: '25m', memory: '64Mi' }, limits: { memory: '256Mi' } },
};
const selector = { 'app.kubernetes.io/name': 'vault', 'app.kubernetes.io/part-of': 'agent-data-platform' };
const labels = { ...selector, 'app.kubernetes.io/managed-by': 'pulumi' };
const metadata = (name: string) => ({ name, namespace: 'data', labels });
const notAwaited = { annotations: { 'pulumi.com/skipAwait': 'true' } };
const apiPort = { name: 'api', port: 8200, targetPort: 'api' };
const health = (query: string) => ({
  httpGet: { path: `/v1/sys/health?standbyok=true${query}`, port: 'api', scheme: 'HTTPS' },
  timeoutSeconds: 5,
});
const running = '&uninitcode=200&sealedcode=200';

const configurationFile = `{
  "cluster_name": "vault",
  "ui": false,
  "disable_mlock": true,
  "log_format": "json",
  "listener": {
    "tcp": {
      "address": "0.0.0.0:8200",
      "cluster_address": "0.0.0.0:8201",
      "tls_cert_file": "/vault/tls/tls.crt",
      "tls_key_file": "/vault/tls/tls.key",
      "tls_min_version": "tls12",
      "tls_disable_client_certs": true,
      "telemetry": {
        "unauthenticated_metrics_access": true
      }
    }
  },
  "storage": {
    "raft": {
      "path": "/vault/data"
    }
  },
  "telemetry": {
    "prometheus_retention_time": "24h",
    "disable_hostname": true
  }
}
`;

test('one server, whole', () => {
  const account = (name: string) => ({ metadata: metadata(name), automountServiceAccountToken: false });
  const host = '$(POD_NAME).vault-nodes.data.svc.cluster.local';
  expect(vaultSpec(args)).toEqual({
    serviceAccounts: { server: account('vault'), configuration: account('vault-configuration') },
    configMap: { metadata: metadata('vault'), data: { 'vault.json': configurationFile } },
    services: {
      nodes: {
        metadata: metadata('vault-nodes'),
        spec: {
          clusterIP: 'None',
          publishNotReadyAddresses: true,
          selector,
          ports: [apiPort, { name: 'cluster', port: 8201, targetPort: 'cluster' }],
        },
      },
      client: { metadata: { ...metadata('vault'), ...notAwaited }, spec: { selector, ports: [apiPort] } },
    },
    statefulSet: {
      metadata: { ...metadata('vault'), ...notAwaited },
      spec: {
        serviceName: 'vault-nodes',
        replicas: 1,
        podManagementPolicy: 'Parallel',
        updateStrategy: { type: 'RollingUpdate' },
        persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Retain' },
        selector: { matchLabels: selector },
        template: {
          metadata: {
            labels,
            annotations: {
              'agent-data-platform/config-checksum':
                '278f9240abddd1a72f06b2fa282168ec26172cf09853fea318e25b545d797e72',
            },
          },
          spec: {
            serviceAccountName: 'vault',
            automountServiceAccountToken: false,
            enableServiceLinks: false,
            terminationGracePeriodSeconds: 30,
            securityContext: {
              runAsNonRoot: true,
              runAsUser: 100,
              runAsGroup: 100,
              fsGroup: 100,
              fsGroupChangePolicy: 'OnRootMismatch',
              seccompProfile: { type: 'RuntimeDefault' },
            },
            containers: [
              {
                name: 'vault',
                image: 'vault:test',
                imagePullPolicy: 'IfNotPresent',
                command: ['/bin/vault'],
                args: ['server', '-config=/vault/config/vault.json'],
                env: [
                  { name: 'POD_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
                  { name: 'VAULT_RAFT_NODE_ID', value: '$(POD_NAME)' },
                  { name: 'VAULT_API_ADDR', value: `https://${host}:8200` },
                  { name: 'VAULT_CLUSTER_ADDR', value: `https://${host}:8201` },
                  { name: 'VAULT_ADDR', value: 'https://localhost:8200' },
                  { name: 'VAULT_CACERT', value: '/vault/tls/ca.crt' },
                ],
                ports: [
                  { name: 'api', containerPort: 8200 },
                  { name: 'cluster', containerPort: 8201 },
                ],
                resources: args.resources,
                securityContext: {
                  allowPrivilegeEscalation: false,
                  readOnlyRootFilesystem: true,
                  capabilities: { drop: ['ALL'] },
                },
                startupProbe: { ...health(running), periodSeconds: 2, failureThreshold: 150 },
                livenessProbe: { ...health(running), periodSeconds: 10, failureThreshold: 9 },
                readinessProbe: { ...health(''), periodSeconds: 5, failureThreshold: 2 },
                volumeMounts: [
                  { name: 'data', mountPath: '/vault/data' },
                  { name: 'tmp', mountPath: '/tmp' },
                  { name: 'tls', mountPath: '/vault/tls', readOnly: true },
                  { name: 'config', mountPath: '/vault/config', readOnly: true },
                ],
              },
            ],
            volumes: [
              { name: 'tmp', emptyDir: { sizeLimit: '64Mi' } },
              { name: 'tls', secret: { secretName: 'vault-tls' } },
              { name: 'config', configMap: { name: 'vault' } },
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
    endpoints: { host: 'vault.data.svc', port: 8200, address: 'https://vault.data.svc:8200' },
  });
});

test('three servers find each other over TLS, on different nodes, one away at most', () => {
  const spec = vaultSpec({ ...args, replicas: 3, antiAffinity: 'required', priorityClass: 'stores' });
  const { storage } = JSON.parse(spec.configMap.data['vault.json']);
  const peer = (ordinal: number) => ({
    leader_api_addr: `https://vault-${ordinal}.vault-nodes.data.svc.cluster.local:8200`,
    leader_ca_cert_file: '/vault/tls/ca.crt',
  });
  expect(storage).toEqual({ raft: { path: '/vault/data', retry_join: [peer(0), peer(1), peer(2)] } });
  const { replicas, template } = spec.statefulSet.spec;
  expect([replicas, template.spec.priorityClassName]).toEqual([3, 'stores']);
  expect(template.spec.affinity?.podAntiAffinity).toEqual({
    requiredDuringSchedulingIgnoredDuringExecution: [
      { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: selector } },
    ],
  });
  expect(spec.disruptionBudget).toEqual({
    metadata: metadata('vault'),
    spec: { maxUnavailable: 1, selector: { matchLabels: selector } },
  });
});

const changes = (other: Partial<VaultArgs>) => {
  const { containers, volumes } = vaultSpec({ ...args, ...other }).statefulSet.spec.template.spec;
  const plain = vaultSpec(args).statefulSet.spec.template.spec;
  const added = <T>(all: readonly T[], before: readonly T[]) =>
    all.filter((one) => !before.some((other) => isDeepStrictEqual(one, other)));
  const [container] = containers;
  return {
    args: added(container!.args, plain.containers[0]!.args),
    volumes: added<unknown>(volumes, plain.volumes),
    mounts: added(container!.volumeMounts, plain.containers[0]!.volumeMounts),
    liveness: container!.livenessProbe.httpGet.path,
    lifecycle: container!.lifecycle !== undefined,
  };
};

test('seal auto adds the stanza of the Secret; PostgreSQL’s CA is mounted, and may come later', () => {
  expect(changes({ seal: 'auto', sealSecret: 'kms', postgresCaSecret: 'postgres-ca' })).toEqual({
    args: ['-config=/vault/seal/seal.hcl'],
    volumes: [
      { name: 'seal', secret: { secretName: 'kms' } },
      {
        name: 'postgres-ca',
        secret: {
          secretName: 'postgres-ca',
          items: [{ key: 'ca.crt', path: 'ca.crt' }],
          optional: true,
        },
      },
    ],
    mounts: [
      { name: 'seal', mountPath: '/vault/seal', readOnly: true },
      { name: 'postgres-ca', mountPath: '/vault/postgres-ca', readOnly: true },
    ],
    liveness: `/v1/sys/health?standbyok=true${running}`,
    lifecycle: false,
  });
});

test('seal dev-auto opens the server when it starts; one that stays sealed is started anew', () => {
  expect(changes({ seal: 'dev-auto' })).toEqual({
    args: [],
    volumes: [{ name: 'unseal', secret: { secretName: 'vault-unseal', optional: true } }],
    mounts: [{ name: 'unseal', mountPath: '/vault/unseal', readOnly: true }],
    liveness: '/v1/sys/health?standbyok=true&uninitcode=200',
    lifecycle: true,
  });
});

test('connections and certificate', () => {
  const pods = { matchLabels: selector };
  const flow = { name: 'vault', pods, clients: [8200], metrics: [8200] };
  expect(vaultFlows(args)).toEqual([{ ...flow, closed: [8201] }]);
  expect(vaultFlows({ ...args, replicas: 3, databases: ['postgres', 'redis'] })).toEqual([
    { ...flow, peers: { vault: [8200, 8201] }, uses: ['postgres', 'redis'] },
  ]);
  expect(vaultCertificate(args)).toEqual({
    secret: 'vault-tls',
    dnsNames: [
      'vault',
      'vault.data',
      'vault.data.svc',
      'vault.data.svc.cluster.local',
      'vault-nodes',
      'vault-nodes.data',
      'vault-nodes.data.svc',
      'vault-nodes.data.svc.cluster.local',
      '*.vault-nodes.data',
      '*.vault-nodes.data.svc',
      '*.vault-nodes.data.svc.cluster.local',
      'localhost',
    ],
  });
});

test.each([
  [{ seal: 'none' }, 'seal must be one of shamir, auto, dev-auto, got "none".'],
  [{ seal: 'auto' }, 'sealSecret must name a Secret with the key seal.hcl with seal auto, got nothing.'],
  [{ sealSecret: 'kms' }, 'sealSecret is only read with seal auto, got "kms" with seal shamir; remove it.'],
  [{ seal: 'dev-auto', replicas: 3 }, 'replicas must be 1 with seal dev-auto, got 3.'],
  [{ replicas: 2 }, 'replicas must be an odd integer of at least 1, so that a majority exists, got 2.'],
  [
    { name: 'a"; path "*" {}' },
    'name must be a DNS label of at most 40 characters, got "a\\"; path \\"*\\" {}".',
  ],
  [{ tlsSecret: '../x' }, 'tlsSecret must be the name of a Secret, got "../x".'],
  [{ antiAffinity: 'no' }, 'antiAffinity must be preferred or required, got "no".'],
  [{ clusterDomain: 'a b' }, 'clusterDomain must be a DNS name, got "a b".'],
])('%j is refused', (wrong, message) => {
  expect(() => resolveVaultArgs({ ...args, ...wrong } as VaultArgs)).toThrow(`vault: ${message}`);
});

const settings = {
  keys: ['platform'],
  keyRotationHours: 2160,
  applications: { app: [], readonly: [] },
  backupAccount: { namespace: 'data', name: 'backup' },
};
const declared = async (other: Partial<VaultArgs> = {}) =>
  declaredBy(() => new Vault('vault', { ...args, ...other }, { settings, certificateFingerprint: 'abc' }));

test('declares the objects, and a configuration that names Secrets and holds none', async () => {
  const resources = await declared();
  const base = 'agent-data-platform:data:Vault';
  expect(resources.map(({ path, name }) => [path, name])).toEqual([
    [base, 'vault'],
    [`${base}$kubernetes:apps/v1:StatefulSet`, 'vault'],
    [`${base}$kubernetes:core/v1:ConfigMap`, 'vault-config'],
    [`${base}$kubernetes:core/v1:Service`, 'vault'],
    [`${base}$kubernetes:core/v1:Service`, 'vault-nodes'],
    [`${base}$kubernetes:core/v1:ServiceAccount`, 'vault'],
    [`${base}$kubernetes:core/v1:ServiceAccount`, 'vault-configuration-account'],
    [`${base}$pulumi-nodejs:dynamic/vault:Configuration`, 'vault-configuration'],
  ]);
  const { inputs } = resources.at(-1)!;
  expect(inputs).toMatchObject({
    ...{ namespace: 'data', service: 'vault', port: 8200, tlsSecret: 'vault-tls' },
    account: { namespace: 'data', name: 'vault-configuration' },
    ...{ bootstrapSecret: 'vault-bootstrap', revision: '' },
  });
  const servers = resources[1]!.inputs.spec.template.metadata;
  expect(servers.annotations['agent-data-platform/certificate']).toBe('abc');
});

test('with seal dev-auto it is initialised first', async () => {
  const resources = await declared({ seal: 'dev-auto' });
  const initialization = resources.find(({ path }) => path.endsWith('vault:Initialization'))!;
  expect(initialization.inputs).toMatchObject({
    ...{ namespace: 'data', service: 'vault', port: 8200, tlsSecret: 'vault-tls' },
    ...{ unsealSecret: 'vault-unseal', bootstrapSecret: 'vault-bootstrap' },
  });
});
