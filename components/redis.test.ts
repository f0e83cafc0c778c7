import { createHash } from 'node:crypto';
import { declaredBy } from './testing/mocks';
import { Redis } from './redis';
import { RedisArgs } from './redis-args';
import { redisSpec } from './redis-spec';

const args: RedisArgs = {
  namespace: 'data',
  image: 'redis:8.0.2',
  storage: { size: '1Gi', className: 'retain' },
  resources: { requests: { cpu: '25m', memory: '64Mi' }, limits: { memory: '128Mi' } },
  sentinelResources: { requests: { cpu: '25m', memory: '32Mi' }, limits: { memory: '64Mi' } },
  maxMemory: 64,
  applications: { notes: ['~note:*', '+get'] },
};
const selector = (component: string) => ({
  'app.kubernetes.io/name': 'redis',
  'app.kubernetes.io/component': component,
  'app.kubernetes.io/part-of': 'agent-data-platform',
});
const labels = (component?: string) => ({
  'app.kubernetes.io/name': 'redis',
  ...(component ? { 'app.kubernetes.io/component': component } : {}),
  'app.kubernetes.io/part-of': 'agent-data-platform',
  'app.kubernetes.io/managed-by': 'pulumi',
});
const dataHosts = [0, 1, 2].map((i) => `redis-${i}.redis-nodes.data.svc.cluster.local`).join(' ');
const sentinelHosts = [0, 1, 2]
  .map((i) => `redis-sentinel-${i}.redis-sentinel-nodes.data.svc.cluster.local`)
  .join(' ');

describe('specification', () => {
  const spec = redisSpec(args);

  test('settings of the data pods', () => {
    expect(spec.configMap.data['redis.conf']).toBe(
      [
        'port 6379',
        'protected-mode no',
        'aclfile /etc/redis/acl/server.acl',
        'dir /data',
        'appendonly yes',
        'appendfsync everysec',
        'save 3600 1 300 100 60 10000',
        'maxmemory 64mb',
        'maxmemory-policy noeviction',
        'min-replicas-to-write 1',
        'min-replicas-max-lag 10',
        'repl-diskless-sync-max-replicas 2',
        'repl-backlog-size 4mb',
        'client-output-buffer-limit replica 32mb 16mb 60',
        'latency-monitor-threshold 100',
        '',
      ].join('\n'),
    );
  });

  test('settings of the Sentinels', () => {
    expect(spec.configMap.data['sentinel.conf']).toBe(
      [
        'port 26379',
        'protected-mode no',
        'aclfile /etc/redis/acl/sentinel.acl',
        'dir /data',
        'sentinel resolve-hostnames yes',
        'sentinel announce-hostnames yes',
        'sentinel deny-scripts-reconfig yes',
        '',
      ].join('\n'),
    );
    expect(spec.configMap.data['sentinel-master.conf']).toBe(
      'sentinel down-after-milliseconds platform 5000\nsentinel failover-timeout platform 30000\nsentinel parallel-syncs platform 1\n',
    );
  });

  test('the scripts are shipped as they are in the repository', () => {
    expect(Object.keys(spec.configMap.data).sort()).toEqual([
      'common.sh',
      'health.sh',
      'pre-stop.sh',
      'redis.conf',
      'reload.sh',
      'sentinel-master.conf',
      'sentinel.conf',
      'sentinel.sh',
      'server.sh',
    ]);
    expect(spec.configMap.data['server.sh']).toMatch(/^#!\/bin\/sh\n/);
  });

  test('Services: a name per pod, and one address for the Sentinels', () => {
    expect(spec.services).toEqual({
      data: {
        metadata: { name: 'redis-nodes', namespace: 'data', labels: labels('server') },
        spec: {
          clusterIP: 'None',
          publishNotReadyAddresses: true,
          selector: selector('server'),
          ports: [{ name: 'redis', port: 6379, targetPort: 'redis' }],
        },
      },
      sentinelNodes: {
        metadata: { name: 'redis-sentinel-nodes', namespace: 'data', labels: labels('sentinel') },
        spec: {
          clusterIP: 'None',
          publishNotReadyAddresses: true,
          selector: selector('sentinel'),
          ports: [{ name: 'sentinel', port: 26379, targetPort: 'sentinel' }],
        },
      },
      sentinel: {
        metadata: { name: 'redis-sentinel', namespace: 'data', labels: labels('sentinel') },
        spec: {
          selector: selector('sentinel'),
          ports: [{ name: 'sentinel', port: 26379, targetPort: 'sentinel' }],
        },
      },
    });
    expect(spec.endpoints).toEqual({
      sentinelHost: 'redis-sentinel.data.svc',
      sentinelPort: 26379,
      masterGroup: 'platform',
      nodesService: 'redis-nodes',
    });
  });

  test('disruption budgets: one pod of each kind at a time', () => {
    const budget = (name: string, component: string) => ({
      metadata: { name, namespace: 'data', labels: labels(component) },
      spec: { maxUnavailable: 1, selector: { matchLabels: selector(component) } },
    });
    expect(spec.disruptionBudgets).toEqual({
      data: budget('redis', 'server'),
      sentinel: budget('redis-sentinel', 'sentinel'),
    });
  });

  test('Secrets: one for each login', () => {
    const metadata = (name: string) => ({ name, namespace: 'data', labels: labels() });
    const login = (username: string) => ({
      metadata: metadata(`redis-${username}`),
      type: 'kubernetes.io/basic-auth',
      username,
    });
    expect(spec.secrets).toEqual({
      acl: { metadata: metadata('redis-acl') },
      replication: { metadata: metadata('redis-replication') },
      consumers: {
        app: login('app'),
        backup: login('backup'),
        migrations: login('migrations'),
        monitor: login('monitor'),
        readonly: login('readonly'),
        restore: login('restore'),
      },
      applications: { notes: login('notes') },
    });
  });

  test('ServiceAccount: without a token', () => {
    expect(spec.serviceAccount).toEqual({
      metadata: { name: 'redis', namespace: 'data', labels: labels() },
      automountServiceAccountToken: false,
    });
  });

  test('StatefulSet of the data pods', () => {
    const health = (question: string) => ({
      exec: { command: ['/bin/sh', '/etc/redis/config/health.sh', 'server', question] },
      timeoutSeconds: 5,
    });
    expect(spec.statefulSets.data).toEqual({
      metadata: { name: 'redis', namespace: 'data', labels: labels('server') },
      spec: {
        serviceName: 'redis-nodes',
        replicas: 3,
        podManagementPolicy: 'Parallel',
        updateStrategy: { type: 'RollingUpdate' },
        persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Retain' },
        selector: { matchLabels: selector('server') },
        template: {
          metadata: {
            labels: labels('server'),
            annotations: { 'agent-data-platform/config-checksum': expect.stringMatching(/^[0-9a-f]{64}$/) },
          },
          spec: {
            serviceAccountName: 'redis',
            automountServiceAccountToken: false,
            enableServiceLinks: false,
            terminationGracePeriodSeconds: 60,
            securityContext: {
              runAsNonRoot: true,
              runAsUser: 999,
              runAsGroup: 999,
              fsGroup: 999,
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
                      labelSelector: { matchLabels: selector('server') },
                    },
                  },
                ],
              },
            },
            topologySpreadConstraints: [
              {
                maxSkew: 1,
                topologyKey: 'topology.kubernetes.io/zone',
                whenUnsatisfiable: 'ScheduleAnyway',
                labelSelector: { matchLabels: selector('server') },
              },
            ],
            containers: [
              {
                name: 'server',
                image: 'redis:8.0.2',
                imagePullPolicy: 'IfNotPresent',
                command: ['/bin/sh', '/etc/redis/config/server.sh'],
                env: [
                  { name: 'POD_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
                  { name: 'SELF_HOST', value: '$(POD_NAME).redis-nodes.data.svc.cluster.local' },
                  { name: 'DATA_HOSTS', value: dataHosts },
                  { name: 'SENTINEL_HOSTS', value: sentinelHosts },
                  { name: 'MASTER_GROUP', value: 'platform' },
                  { name: 'FAILOVER_WAIT', value: '35' },
                  { name: 'HANDOVER_WAIT', value: '15' },
                ],
                ports: [{ name: 'redis', containerPort: 6379 }],
                resources: args.resources,
                securityContext: {
                  allowPrivilegeEscalation: false,
                  readOnlyRootFilesystem: true,
                  capabilities: { drop: ['ALL'] },
                },
                startupProbe: { ...health('alive'), periodSeconds: 2, failureThreshold: 900 },
                livenessProbe: { ...health('alive'), periodSeconds: 10, failureThreshold: 6 },
                readinessProbe: { ...health('ready'), periodSeconds: 5, failureThreshold: 3 },
                lifecycle: {
                  preStop: { exec: { command: ['/bin/sh', '/etc/redis/config/pre-stop.sh'] } },
                },
                volumeMounts: [
                  { name: 'data', mountPath: '/data' },
                  { name: 'config', mountPath: '/etc/redis/config', readOnly: true },
                  { name: 'acl', mountPath: '/etc/redis/acl', readOnly: true },
                  { name: 'passwords', mountPath: '/etc/redis/passwords', readOnly: true },
                ],
              },
            ],
            volumes: [
              { name: 'config', configMap: { name: 'redis', defaultMode: 0o444 } },
              {
                name: 'acl',
                secret: {
                  secretName: 'redis-acl',
                  defaultMode: 0o440,
                  items: [
                    { key: 'server.acl', path: 'server.acl' },
                    { key: 'revision', path: 'revision' },
                  ],
                },
              },
              {
                name: 'passwords',
                secret: {
                  secretName: 'redis-replication',
                  defaultMode: 0o440,
                  items: [
                    { key: 'node', path: 'node' },
                    { key: 'replica', path: 'replica' },
                    { key: 'revision', path: 'revision' },
                  ],
                },
              },
            ],
          },
        },
        volumeClaimTemplates: [
          {
            metadata: { name: 'data', labels: selector('server') },
            spec: {
              accessModes: ['ReadWriteOnce'],
              resources: { requests: { storage: '1Gi' } },
              storageClassName: 'retain',
            },
          },
        ],
      },
    });
  });

  test('StatefulSet of the Sentinels: own command, quorum, small volume, no hand-over', () => {
    const { metadata, spec: set } = spec.statefulSets.sentinel;
    const [container] = set.template.spec.containers;
    expect(metadata).toEqual({ name: 'redis-sentinel', namespace: 'data', labels: labels('sentinel') });
    expect(set.serviceName).toBe('redis-sentinel-nodes');
    expect(set.template.spec.terminationGracePeriodSeconds).toBe(10);
    expect(container).toMatchObject({
      name: 'sentinel',
      command: ['/bin/sh', '/etc/redis/config/sentinel.sh'],
      ports: [{ name: 'sentinel', containerPort: 26379 }],
      resources: args.sentinelResources,
    });
    expect(container).not.toHaveProperty('lifecycle');
    expect(container?.env.slice(4)).toEqual([
      { name: 'MASTER_GROUP', value: 'platform' },
      { name: 'QUORUM', value: '2' },
    ]);
    expect(set.volumeClaimTemplates[0]?.spec.resources.requests.storage).toBe('64Mi');
    expect(set.template.spec.volumes[2]?.secret?.items).toEqual([
      { key: 'node', path: 'node' },
      { key: 'sentinel', path: 'sentinel' },
      { key: 'revision', path: 'revision' },
    ]);
  });

  test('a changed setting restarts the pods, a repeated one does not', () => {
    const checksum = (change: Partial<RedisArgs>) =>
      redisSpec({ ...args, ...change }).statefulSets.data.spec.template.metadata.annotations;
    expect(checksum({})).toEqual(checksum({ appendFsync: 'everysec' }));
    expect(checksum({})).not.toEqual(checksum({ appendFsync: 'always' }));
  });

  test('changed rights of an application and new passwords restart nothing', () => {
    const changed = redisSpec({ ...args, applications: { notes: ['~task:*'] }, rotation: 2 });
    expect(changed.statefulSets).toEqual(spec.statefulSets);
  });

  test('required anti-affinity', () => {
    const spec = redisSpec({ ...args, antiAffinity: 'required' });
    expect(spec.statefulSets.data.spec.template.spec.affinity).toEqual({
      podAntiAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: [
          {
            topologyKey: 'kubernetes.io/hostname',
            labelSelector: { matchLabels: selector('server') },
          },
        ],
      },
    });
  });
});

test('the component declares its children under itself, in stable names', async () => {
  const declared = await declaredBy(() => new Redis('redis', args));
  const parent = 'agent-data-platform:data:Redis';
  expect(declared.map(({ path, name }) => `${path.replace(`${parent}$`, '')} ${name}`)).toEqual([
    'agent-data-platform:data:Redis redis',
    'kubernetes:apps/v1:StatefulSet redis',
    'kubernetes:apps/v1:StatefulSet redis-sentinel',
    'kubernetes:core/v1:ConfigMap redis-config',
    'kubernetes:core/v1:Secret redis-acl',
    'kubernetes:core/v1:Secret redis-app',
    'kubernetes:core/v1:Secret redis-backup',
    'kubernetes:core/v1:Secret redis-migrations',
    'kubernetes:core/v1:Secret redis-monitor',
    'kubernetes:core/v1:Secret redis-notes',
    'kubernetes:core/v1:Secret redis-readonly',
    'kubernetes:core/v1:Secret redis-replication',
    'kubernetes:core/v1:Secret redis-restore',
    'kubernetes:core/v1:Service redis-nodes',
    'kubernetes:core/v1:Service redis-sentinel',
    'kubernetes:core/v1:Service redis-sentinel-nodes',
    'kubernetes:core/v1:ServiceAccount redis',
    'kubernetes:policy/v1:PodDisruptionBudget redis-budget',
    'kubernetes:policy/v1:PodDisruptionBudget redis-sentinel-budget',
    'pulumi-nodejs:dynamic/redis:Reload redis-logins-accepted',
    'pulumi-nodejs:dynamic/redis:Reload redis-passwords-used',
    'random:index/randomPassword:RandomPassword redis-app-password',
    'random:index/randomPassword:RandomPassword redis-backup-password',
    'random:index/randomPassword:RandomPassword redis-migrations-password',
    'random:index/randomPassword:RandomPassword redis-monitor-password',
    'random:index/randomPassword:RandomPassword redis-node-password',
    'random:index/randomPassword:RandomPassword redis-notes-password',
    'random:index/randomPassword:RandomPassword redis-readonly-password',
    'random:index/randomPassword:RandomPassword redis-replica-password',
    'random:index/randomPassword:RandomPassword redis-restore-password',
    'random:index/randomPassword:RandomPassword redis-sentinel-password',
  ]);
  expect(declared.slice(1).every(({ path }) => path.startsWith(`${parent}$`))).toBe(true);
  const { stringData } = declared.find(({ name }) => name === 'redis-acl')?.inputs as {
    // A secret crosses to the engine in an envelope.
    stringData: { value: Record<string, string> };
  };
  const digest = createHash('sha256').update('redis-app-password-result').digest('hex');
  expect(stringData.value['server.acl']).toContain(`user app on #${digest} `);
  expect(stringData.value['sentinel.acl']).toContain(`user app on #${digest} `);
  const notes = createHash('sha256').update('redis-notes-password-result').digest('hex');
  expect(stringData.value['server.acl']).toMatch(
    new RegExp(`\nuser notes on #${notes} .* ~note:\\* \\+get .*\n`),
  );
});

test('the component refuses contradictions before it declares anything', () => {
  expect(() => new Redis('redis', { ...args, quorum: 4 })).toThrow(
    'redis: quorum must be between 2 and 3 with 3 sentinels, got 4.',
  );
});
