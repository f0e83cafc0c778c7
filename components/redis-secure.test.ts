import { createHash } from 'node:crypto';
import * as pulumi from '@pulumi/pulumi';
import { Redis } from './redis';
import type { RedisArgs } from './redis-args';
import { redisCertificate, redisClusterCertificate } from './redis-certificate';
import { RedisCluster } from './redis-cluster';
import { redisClusterSpec } from './redis-cluster-spec';
import { redisSpec } from './redis-spec';

const args: RedisArgs = {
  namespace: 'data',
  image: 'redis:8.0.2',
  storage: { size: '1Gi' },
  resources: { requests: { cpu: '25m', memory: '64Mi' }, limits: { memory: '128Mi' } },
  sentinelResources: { requests: { cpu: '25m', memory: '32Mi' }, limits: { memory: '64Mi' } },
  maxMemory: 64,
  applications: { notes: ['~note:*', '+get'] },
  tlsSecret: 'redis-tls',
};
const { sentinelResources: _sentinel, ...clusterArgs } = args;

describe('TLS', () => {
  const tlsLines = (port: number) => [
    'port 0',
    `tls-port ${port}`,
    'tls-cert-file /etc/redis/tls/tls.crt',
    'tls-key-file /etc/redis/tls/tls.key',
    'tls-ca-cert-file /etc/redis/tls/ca.crt',
    'tls-protocols "TLSv1.2 TLSv1.3"',
    'tls-auth-clients no',
    'tls-replication yes',
  ];
  const head = (text: string | undefined) => text!.split('\n').slice(0, 8);

  test('every server has its one port for TLS alone, for clients and for each other', () => {
    const { data } = redisSpec(args).configMap;
    expect(head(data['redis.conf'])).toEqual(tlsLines(6379));
    expect(head(data['sentinel.conf'])).toEqual(tlsLines(26379));
    const cluster = redisClusterSpec(clusterArgs).configMap.data['redis.conf'];
    expect(head(cluster)).toEqual(tlsLines(6379));
    expect(cluster).toContain('\ncluster-enabled yes\ntls-cluster yes\n');
  });

  test('the certificate is mounted where servers and scripts look for it', () => {
    const sets = [...Object.values(redisSpec(args).statefulSets), redisClusterSpec(clusterArgs).statefulSet];
    for (const { spec } of sets) {
      const { containers, volumes } = spec.template.spec;
      expect(volumes.at(-1)).toEqual({
        name: 'tls',
        secret: { secretName: 'redis-tls', defaultMode: 0o440 },
      });
      for (const { volumeMounts } of containers) {
        expect(volumeMounts.at(-1)).toEqual({ name: 'tls', mountPath: '/etc/redis/tls', readOnly: true });
      }
    }
    expect(sets.map(({ spec }) => spec.template.spec.containers.length)).toEqual([1, 1, 2]);
  });

  test('the certificate names every Service, every pod, and localhost', () => {
    const forms = (name: string) => [`${name}.data`, `${name}.data.svc`, `${name}.data.svc.cluster.local`];
    const nodes = (name: string) => [name, ...forms(name), ...forms(`*.${name}`)];
    expect(redisCertificate(args)).toEqual({
      secret: 'redis-tls',
      dnsNames: [
        ...['redis-sentinel', ...forms('redis-sentinel')],
        ...nodes('redis-nodes'),
        ...nodes('redis-sentinel-nodes'),
        'localhost',
      ],
    });
    expect(redisClusterCertificate({ ...clusterArgs, name: 'queue' })).toEqual({
      secret: 'queue-tls',
      dnsNames: ['queue', ...forms('queue'), ...nodes('queue-nodes'), 'localhost'],
    });
  });
});

interface Registered {
  readonly name: string;
  readonly type: string;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  readonly inputs: any;
}

/** Resources in the order in which an update makes them: those that wait for a reload come after it. */
async function inOrder(declare: () => unknown): Promise<Registered[]> {
  const order: Registered[] = [];
  await pulumi.runtime.setMocks(
    {
      newResource: async ({ type, name, inputs }) => {
        // Long enough for everything that does not wait for it.
        if (type === 'pulumi-nodejs:dynamic/redis:Reload') await settled();
        order.push({ type, name, inputs });
        const generated = type.endsWith(':RandomPassword') ? { result: `${name}-result` } : {};
        return { id: `${name}-id`, state: { ...inputs, ...generated } };
      },
      call: ({ inputs }) => inputs,
    },
    'agent-data-platform',
    'test',
  );
  declare();
  await pulumi.runtime.disconnect();
  return order;
}

async function settled(): Promise<void> {
  for (let turn = 0; turn < 100; turn++) await new Promise(setImmediate);
}

describe.each([
  [
    'Sentinel',
    'redis',
    (rotation: number) => new Redis('redis', { ...args, rotation }),
    ['redis', 'redis-sentinel'],
    ['server.acl', 'sentinel.acl'],
  ],
  [
    'Cluster',
    'redis-cluster',
    (rotation: number) => new RedisCluster('redis-cluster', { ...clusterArgs, rotation }),
    ['redis-cluster'],
    ['cluster.acl'],
  ],
] as const)('rotation, %s', (_mode, name, declare, sets, files) => {
  const users = ['app', 'backup', 'migrations', 'monitor', 'readonly', 'restore', 'notes'];
  const secretData = (all: Registered[], secret: string): Record<string, string> => {
    const { stringData } = all.find((r) => r.type.endsWith(':Secret') && r.name === secret)!.inputs;
    const clear = (value: unknown) => (value as { value?: string }).value ?? (value as string);
    return Object.fromEntries(
      Object.entries(stringData.value ?? stringData).map(([key, value]) => [key, clear(value)]),
    );
  };

  test('servers accept the new passwords before pods use them, and pods before applications', async () => {
    const all = await inOrder(() => declare(2));
    const at = (wanted: string, type: string) =>
      all.findIndex((r) => r.name === wanted && r.type.endsWith(`:${type}`));
    const steps = [
      [at(`${name}-acl`, 'Secret')],
      [at(`${name}-logins-accepted`, 'Reload')],
      [at(`${name}-replication`, 'Secret')],
      sets.map((set) => at(set, 'StatefulSet')),
      [at(`${name}-passwords-used`, 'Reload')],
      users.map((user) => at(`${name}-${user}`, 'Secret')),
    ];
    expect(steps.flat()).not.toContain(-1);
    for (const [i, step] of steps.slice(1).entries()) {
      expect(Math.min(...step)).toBeGreaterThan(Math.max(...steps[i]!));
    }
  });

  test('the first generation has one password each, the later ones the one before it too', async () => {
    const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
    const [first, second] = [await inOrder(() => declare(1)), await inOrder(() => declare(2))];
    for (const file of files) {
      const digests = (all: Registered[], user: string) =>
        secretData(all, `${name}-acl`)
          [file]!.split('\n')
          .find((line) => line.startsWith(`user ${user} `))!
          .match(/#[0-9a-f]{64}/g);
      for (const user of ['app', 'node', 'notes']) {
        const [a, b] = [`${name}-${user}-password-result`, `${name}-${user}-password-b-result`];
        expect(digests(first, user)).toEqual([`#${sha256(a)}`]);
        expect(digests(second, user)).toEqual([`#${sha256(b)}`, `#${sha256(a)}`]);
      }
    }
    expect(secretData(first, `${name}-app`)).toEqual({
      username: 'app',
      password: `${name}-app-password-result`,
    });
    expect(secretData(second, `${name}-app`).password).toBe(`${name}-app-password-b-result`);
    expect(secretData(second, `${name}-replication`).node).toBe(`${name}-node-password-b-result`);
  });

  test('both internal Secrets carry one revision, which changes with the passwords and is no secret', async () => {
    const [first, second] = [await inOrder(() => declare(1)), await inOrder(() => declare(2))];
    const revisions = [first, second].map((all) => {
      const { inputs } = all.find((r) => r.name === `${name}-passwords-used`)!;
      expect(secretData(all, `${name}-acl`).revision).toBe(inputs.revision);
      expect(secretData(all, `${name}-replication`).revision).toBe(inputs.revision);
      expect(inputs).toMatchObject({
        namespace: 'data',
        workloads: sets.map((set, i) => ({ name: set, container: files[i]!.replace('.acl', '') })),
        what: 'all',
      });
      return inputs.revision as string;
    });
    for (const revision of revisions) expect(revision).toMatch(/^[0-9a-f]{64}$/);
    expect(revisions[0]).not.toBe(revisions[1]);
  });
});

test.each([
  ['Sentinel', () => new Redis('redis', { ...args, certificateFingerprint: pulumi.output('ab12') }), 2],
  ['Cluster', () => new RedisCluster('redis-cluster', { ...clusterArgs, certificateFingerprint: 'ab12' }), 1],
])('%s: a renewed certificate replaces the pods', async (_mode, declare, count) => {
  const sets = (await inOrder(declare)).filter(({ type }) => type.endsWith(':StatefulSet'));
  const annotations = sets.map(({ inputs }) => inputs.spec.template.metadata.annotations);
  expect(annotations).toHaveLength(count);
  for (const annotation of annotations) {
    expect(annotation).toEqual({
      'agent-data-platform/config-checksum': expect.stringMatching(/^[0-9a-f]{64}$/),
      'agent-data-platform/certificate': 'ab12',
    });
  }
});
