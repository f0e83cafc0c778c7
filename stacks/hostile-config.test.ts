/** Configuration that was written to do harm: each value is refused with its key, and none reaches a store or a shell. */
import { ConfigError, loadConfig } from './config';

const key = (name: string) => `agent-data-platform:${name}`;
const dev = { [key('size')]: 'dev', [key('storage')]: '{"provisioner":"rancher.io/local-path"}' };

function problemsOf(values: Record<string, unknown>): readonly string[] {
  const texts = Object.entries(values).map(([name, value]) => [
    key(name),
    typeof value === 'string' ? value : JSON.stringify(value),
  ]);
  try {
    loadConfig({ ...dev, ...Object.fromEntries(texts) });
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

const dnsLabel = 'must be a DNS label (a-z, 0-9 and -)';

test.each([
  ["x'; DROP TABLE users; --"],
  ['x$(reboot)'],
  ['x`reboot`'],
  ['../kube-system'],
  ['a.b'],
  ['x\n'],
  ['x\u0000'],
  ['x}) DETACH DELETE n //'],
  ['{"a":1}'],
  ['Ａ'],
  ['a'.repeat(64)],
])('%j is no namespace', (namespace) => {
  expect(problemsOf({ namespace })).toEqual([`namespace: ${dnsLabel}; got ${JSON.stringify(namespace)}`]);
});

test('names of classes, provisioners and contexts are names too', () => {
  expect(problemsOf({ storage: { className: 'x; rm -rf /' } })).toEqual([
    `storage.className: ${dnsLabel}; got "x; rm -rf /"`,
  ]);
  expect(problemsOf({ storage: { provisioner: 'x\nreclaimPolicy: Delete' } })).toEqual([
    'storage.provisioner: must be the name of a provisioner such as rancher.io/local-path; got "x\\nreclaimPolicy: Delete"',
  ]);
  expect(problemsOf({ kubeContext: 'prod\u001b[2K' })).toEqual([
    'kubeContext: must be the name of a context, one line of at most 253 characters; got "prod\\u001b[2K"',
  ]);
});

test.each([
  ['redis:8.0.2; reboot'],
  ['redis:8.0.2\n'],
  ['$(reboot):1.0'],
  ['--privileged:1.0'],
  ["redis':8.0.2"],
  ['registry.example.com/redis:8.0.2 --network host'],
])('%j is no image', (image) => {
  expect(problemsOf({ redis: { image } })).toEqual([
    `redis.image: must carry a tag or a digest (name:tag or name@sha256:…); got ${JSON.stringify(image)}`,
  ]);
});

describe('PostgreSQL settings', () => {
  const refused = (postgres: object) => problemsOf({ postgres }).join('\n');

  test('a name cannot bring a second setting', () => {
    expect(refused({ pooler: { parameters: { 'max_client_conn = 1\nauth_type': 'any' } } })).toContain(
      'pooler.parameters must be named with a-z and _, got "max_client_conn = 1\\nauth_type".',
    );
  });

  test('a value cannot either: PgBouncer would take everyone without a password', () => {
    expect(refused({ pooler: { parameters: { max_client_conn: '100\nauth_type = any' } } })).toContain(
      'pooler.parameters.max_client_conn must be one line, got "100\\nauth_type = any".',
    );
  });
});

test('addresses hold no password and lead to a server', () => {
  const snapshots = (endpoint: string) => ({
    enabled: true,
    snapshots: { endpoint, bucket: 'backups', secret: { name: 's3', accessKey: 'a', secretKey: 'b' } },
  });
  const refused = (endpoint: string) => problemsOf({ elasticsearch: snapshots(endpoint) });
  expect(refused('https://s3.example.com')).toEqual([]);
  expect(refused('file:///etc/passwd')).toEqual([
    'elasticsearch.snapshots.endpoint: must be an address such as http://minio:9000; got "file:///etc/passwd"',
  ]);
  expect(refused('https://root:hunter2@s3.example.com')[0]).toContain('must hold no user or password');
});

describe('size', () => {
  test('an oversize value is refused without being shown', () => {
    const huge = JSON.stringify({ parameters: { work_mem: '8'.repeat(10_000_000) } });
    const [problem, ...others] = problemsOf({ postgres: huge });
    expect(problem).toBe(`postgres: must have at most 65536 characters, got ${huge.length}`);
    expect(others).toEqual([]);
  });

  test('a long value that is wrong is cut in the message', () => {
    const [problem] = problemsOf({ namespace: 'x'.repeat(60_000) });
    expect(problem).toMatch(/^namespace: must be a DNS label .*; got "x{199}… \(60002 characters\)$/);
  });
});

test.each([['{"__proto__":{"enabled":true}}'], ['{"constructor":{"prototype":{}}}']])(
  '%s is unknown keys and changes no other object',
  (text) => {
    expect(problemsOf({ chroma: text }).length).toBeLessThanOrEqual(1);
    expect(({} as { enabled?: boolean }).enabled).toBeUndefined();
    expect(loadConfig(dev).chroma.enabled).toBe(false);
  },
);

test('deep nesting is an error like any other', () => {
  const nested = `{"parameters":${'['.repeat(20_000)}${']'.repeat(20_000)}}`;
  expect(problemsOf({ postgres: nested })).toHaveLength(1);
});
