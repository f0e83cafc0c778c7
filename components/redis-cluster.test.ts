import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { declaredBy } from './testing/mocks';
import { RedisCluster } from './redis-cluster';
import { RedisClusterArgs, resolveRedisClusterArgs } from './redis-cluster-args';
import { redisClusterSpec } from './redis-cluster-spec';

const args: RedisClusterArgs = {
  namespace: 'data',
  image: 'redis:8.0.2',
  storage: { size: '1Gi', className: 'retain' },
  resources: { requests: { cpu: '25m', memory: '64Mi' }, limits: { memory: '128Mi' } },
  maxMemory: 64,
  applications: { notes: ['~note:*', '+get'] },
};
const selector = {
  'app.kubernetes.io/name': 'redis-cluster',
  'app.kubernetes.io/component': 'cluster',
  'app.kubernetes.io/part-of': 'agent-data-platform',
};
const labels = { ...selector, 'app.kubernetes.io/managed-by': 'pulumi' };
const hosts = [0, 1, 2, 3, 4, 5]
  .map((i) => `redis-cluster-${i}.redis-cluster-nodes.data.svc.cluster.local`)
  .join(' ');

test('fills in the defaults', () => {
  expect(resolveRedisClusterArgs(args)).toEqual({
    ...args,
    name: 'redis-cluster',
    nodes: 6,
    maxMemoryPolicy: 'noeviction',
    appendFsync: 'everysec',
    nodeTimeoutMilliseconds: 5000,
    antiAffinity: 'preferred',
    clusterDomain: 'cluster.local',
    rotation: 1,
  });
});

test.each<[string, Partial<Record<keyof RedisClusterArgs, unknown>>, string]>([
  [
    'too few nodes',
    { nodes: 4 },
    'redis-cluster: nodes must be an even integer of at least 6 (3 masters, each with a replica), got 4.',
  ],
  ['an odd number of nodes', { nodes: 7 }, 'got 7.'],
  [
    'a hasty time-out',
    { nodeTimeoutMilliseconds: 100 },
    'nodeTimeoutMilliseconds must be an integer of at least 1000, got 100.',
  ],
  ['no head-room for a fork', { maxMemory: 65 }, 'maxMemory must be at most 64 with a memory limit of 128Mi'],
  ['a bad name', { name: 'Redis' }, 'name must be a DNS label of at most 40 characters, got "Redis".'],
])('refuses %s', (_name, change, message) => {
  expect(() => resolveRedisClusterArgs({ ...args, ...change } as RedisClusterArgs)).toThrow(message);
});

describe('specification', () => {
  const spec = redisClusterSpec(args);
  const [server, keeper] = spec.statefulSet.spec.template.spec.containers;

  test('settings of the servers', () => {
    expect(spec.configMap.data['redis.conf']).toBe(
      [
        'port 6379',
        'protected-mode no',
        'aclfile /etc/redis/acl/cluster.acl',
        'dir /data',
        'appendonly yes',
        'appendfsync everysec',
        'save 3600 1 300 100 60 10000',
        'maxmemory 64mb',
        'maxmemory-policy noeviction',
        'cluster-enabled yes',
        'cluster-config-file /data/nodes.conf',
        'cluster-node-timeout 5000',
        'cluster-preferred-endpoint-type hostname',
        'cluster-require-full-coverage no',
        'cluster-allow-replica-migration no',
        'repl-diskless-sync-delay 0',
        'repl-backlog-size 4mb',
        'client-output-buffer-limit replica 32mb 16mb 60',
        'latency-monitor-threshold 100',
        '',
      ].join('\n'),
    );
    expect(Object.keys(spec.configMap.data).sort()).toEqual([
      'cluster-pre-stop.sh',
      'cluster.sh',
      'common.sh',
      'health.sh',
      'keeper.sh',
      'redis.conf',
      'reload.sh',
    ]);
  });

  test('Services: a name per pod, and one address for those that are ready', () => {
    const ports = [{ name: 'redis', port: 6379, targetPort: 'redis' }];
    expect(spec.services).toEqual({
      nodes: {
        metadata: { name: 'redis-cluster-nodes', namespace: 'data', labels },
        spec: { clusterIP: 'None', publishNotReadyAddresses: true, selector, ports },
      },
      client: { metadata: { name: 'redis-cluster', namespace: 'data', labels }, spec: { selector, ports } },
    });
    expect(spec.endpoints).toEqual({
      host: 'redis-cluster.data.svc',
      port: 6379,
      nodesService: 'redis-cluster-nodes',
    });
  });

  test('one pod at a time may be taken away', () => {
    expect(spec.disruptionBudget).toEqual({
      metadata: { name: 'redis-cluster', namespace: 'data', labels },
      spec: { maxUnavailable: 1, selector: { matchLabels: selector } },
    });
  });

  test('pods: the server with its probes and hand-over, and the keeper beside it', () => {
    const env = [
      { name: 'POD_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
      { name: 'SELF_HOST', value: '$(POD_NAME).redis-cluster-nodes.data.svc.cluster.local' },
      { name: 'POD_IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
      { name: 'DATA_HOSTS', value: hosts },
      { name: 'MASTERS', value: '3' },
      { name: 'HANDOVER_WAIT', value: '15' },
    ];
    const securityContext = {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    };
    const health = (question: string) => ({
      exec: { command: ['/bin/sh', '/etc/redis/config/health.sh', 'cluster', question] },
      timeoutSeconds: 5,
    });
    expect(spec.statefulSet.spec.replicas).toBe(6);
    expect(spec.statefulSet.spec.podManagementPolicy).toBe('Parallel');
    expect(server).toEqual({
      name: 'cluster',
      image: 'redis:8.0.2',
      imagePullPolicy: 'IfNotPresent',
      command: ['/bin/sh', '/etc/redis/config/cluster.sh'],
      env,
      ports: [{ name: 'redis', containerPort: 6379 }],
      resources: args.resources,
      securityContext,
      startupProbe: { ...health('alive'), periodSeconds: 2, failureThreshold: 900 },
      livenessProbe: { ...health('alive'), periodSeconds: 10, failureThreshold: 6 },
      readinessProbe: { ...health('ready'), periodSeconds: 5, failureThreshold: 3 },
      lifecycle: { preStop: { exec: { command: ['/bin/sh', '/etc/redis/config/cluster-pre-stop.sh'] } } },
      volumeMounts: [
        { name: 'data', mountPath: '/data' },
        { name: 'config', mountPath: '/etc/redis/config', readOnly: true },
        { name: 'acl', mountPath: '/etc/redis/acl', readOnly: true },
        { name: 'passwords', mountPath: '/etc/redis/passwords', readOnly: true },
      ],
    });
    expect(keeper).toEqual({
      name: 'keeper',
      image: 'redis:8.0.2',
      imagePullPolicy: 'IfNotPresent',
      command: ['/bin/sh', '/etc/redis/config/keeper.sh'],
      env,
      resources: { requests: { cpu: '5m', memory: '24Mi' }, limits: { memory: '24Mi' } },
      securityContext,
      volumeMounts: [
        { name: 'config', mountPath: '/etc/redis/config', readOnly: true },
        { name: 'passwords', mountPath: '/etc/redis/passwords', readOnly: true },
      ],
    });
  });
});

test('the component declares its children under itself, in stable names', async () => {
  const declared = await declaredBy(() => new RedisCluster('redis-cluster', args));
  const parent = 'agent-data-platform:data:RedisCluster';
  const names = declared.map(({ path, name }) => `${path.replace(`${parent}$`, '')} ${name}`);
  expect(names.filter((name) => !name.startsWith('random:'))).toEqual([
    'agent-data-platform:data:RedisCluster redis-cluster',
    'kubernetes:apps/v1:StatefulSet redis-cluster',
    'kubernetes:core/v1:ConfigMap redis-cluster-config',
    'kubernetes:core/v1:Secret redis-cluster-acl',
    'kubernetes:core/v1:Secret redis-cluster-app',
    'kubernetes:core/v1:Secret redis-cluster-backup',
    'kubernetes:core/v1:Secret redis-cluster-migrations',
    'kubernetes:core/v1:Secret redis-cluster-monitor',
    'kubernetes:core/v1:Secret redis-cluster-notes',
    'kubernetes:core/v1:Secret redis-cluster-readonly',
    'kubernetes:core/v1:Secret redis-cluster-replication',
    'kubernetes:core/v1:Secret redis-cluster-restore',
    'kubernetes:core/v1:Service redis-cluster',
    'kubernetes:core/v1:Service redis-cluster-nodes',
    'kubernetes:core/v1:ServiceAccount redis-cluster',
    'kubernetes:policy/v1:PodDisruptionBudget redis-cluster-budget',
    'pulumi-nodejs:dynamic/redis:Reload redis-cluster-logins-accepted',
    'pulumi-nodejs:dynamic/redis:Reload redis-cluster-passwords-used',
  ]);
  const secret = declared.find(({ name }) => name === 'redis-cluster-acl')?.inputs as {
    stringData: { value: Record<string, string> };
  };
  expect(secret.stringData.value['cluster.acl']).toMatch(
    /\nuser notes on #[0-9a-f]{64} .* ~note:\* \+get .*\n$/,
  );
});

describe('the keeper of a replica', () => {
  let bin: string;

  beforeEach(() => {
    bin = mkdtempSync(join(tmpdir(), 'keeper-'));
  });
  afterEach(() => rmSync(bin, { recursive: true }));

  const command = (name: string, script: string) => {
    writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(bin, name), 0o755);
  };

  /** Commands that one round sends to a server that replicates from 10.0.0.1. */
  const sent = (master: { at: string; flags: string; link: string }): string[] => {
    const nodes = [
      `aaa ${master.at}:6379@16379,redis-cluster-0.nodes ${master.flags} - 0 0 6 ${master.link} 0-16383`,
      'bbb 10.0.0.2:6379@16379,redis-cluster-3.nodes myself,slave aaa 0 0 6 connected',
    ].join('\n');
    command(
      'redis-cli',
      `echo "$*" >>${bin}/sent
       case $* in
         *'cluster nodes') echo '${nodes}' ;;
         *'info replication') printf 'role:slave\\r\\nmaster_host:10.0.0.1\\r\\n' ;;
         *) echo OK ;;
       esac`,
    );
    // The keeper ends after its first round.
    command('sleep', 'kill $PPID');
    const SELF_HOST = 'redis-cluster-3.nodes';
    const { status } = spawnSync('/bin/sh', [join(__dirname, 'redis', 'keeper.sh')], {
      env: {
        PATH: `${bin}:${process.env.PATH}`,
        POD_NAME: 'redis-cluster-3',
        SELF_HOST,
        DATA_HOSTS: SELF_HOST,
        MASTERS: '3',
      },
      timeout: 20_000,
    });
    expect(status).toBe(143);
    const lines = readFileSync(join(bin, 'sent'), 'utf8').trim().split('\n');
    return lines.map((line) => line.replace(/^.*--no-auth-warning /, ''));
  };

  const questions = ['cluster nodes', 'info replication'];

  test('sends it after its master to the address that only the cluster bus has learnt', () => {
    expect(sent({ at: '10.0.0.9', flags: 'master', link: 'connected' })).toEqual([
      ...questions,
      'cluster replicate aaa',
    ]);
  });

  test.each([
    ['is where it was', { at: '10.0.0.1', flags: 'master', link: 'connected' }],
    ['may have failed', { at: '10.0.0.9', flags: 'master,fail?', link: 'connected' }],
    ['is not reached there', { at: '10.0.0.9', flags: 'master', link: 'disconnected' }],
  ])('leaves it alone when its master %s', (_case, master) => {
    expect(sent(master)).toEqual(questions);
  });
});
