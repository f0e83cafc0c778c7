import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KubernetesCluster } from '../migrations/kubernetes/cluster';
import { TestStack } from './pulumi';

jest.setTimeout(5 * 60_000);

const namespace = 'platform-bad-input';
const folder = mkdtempSync(join(tmpdir(), 'agent-data-platform-bad-input-'));
const good = { size: 'dev', namespace, storage: { provisioner: 'rancher.io/local-path' } };
const cluster = KubernetesCluster.load();

function unreachableKubeconfig(): string {
  const path = join(folder, 'unreachable.kubeconfig');
  const nowhere = { server: 'https://127.0.0.1:1' };
  writeFileSync(
    path,
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'nowhere', cluster: nowhere }],
      users: [{ name: 'nobody', user: {} }],
      contexts: [{ name: 'nowhere', context: { cluster: 'nowhere', user: 'nobody' } }],
      'current-context': 'nowhere',
    }),
  );
  return path;
}

async function stackWith(name: string, change: Record<string, unknown>): Promise<TestStack> {
  const stack = new TestStack(name, join(folder, name), { ...good, ...change });
  await stack.init();
  return stack;
}

afterAll(() => rmSync(folder, { recursive: true, force: true }));
afterEach(async () => {
  expect(await cluster.read('v1', 'Namespace', undefined, namespace)).toBeUndefined();
});

test('wrong keys and sizes are all named before anything is created', async () => {
  const stack = await stackWith('wrong-config', {
    size: 'medium',
    postgress: {},
    redis: { replicas: 'three' },
  });
  const { code, stdout, stderr } = await stack.run(['up', '--yes', '--skip-preview']);
  expect(code).not.toBe(0);
  const text = stdout + stderr;
  expect(text).toContain('size: must be one of dev, prod; got "medium"');
  expect(text).toContain('postgress: unknown key; known here: size, namespace');
  expect(text).toContain('redis.replicas: expected number, received string; got "three"');
  expect(text).toContain('Fix them in the Pulumi.<stack>.yaml');
  expect(text).not.toContain('    at ');
});

test('`operators: existing` on a cluster without the operator stops at preview and says what to do', async () => {
  // Which of two missing operators is named first, is chance.
  const stack = await stackWith('no-operator', { operators: 'existing', elasticsearch: { enabled: false } });
  const { code, stdout, stderr } = await stack.run(['preview']);
  expect(code).not.toBe(0);
  expect(stdout + stderr).toContain('missing operator with `existing`: CloudNativePG has no ');
  expect(stdout + stderr).toContain('set operators to "managed"');
});

test('a cluster that cannot be reached is said to be unreachable', async () => {
  const stack = await stackWith('unreachable', {});
  const { code, stdout, stderr } = await stack.run(['up', '--yes', '--skip-preview'], {
    env: { KUBECONFIG: unreachableKubeconfig() },
  });
  expect(code).not.toBe(0);
  expect(stdout + stderr).toMatch(/https:\/\/127\.0\.0\.1:1\/? cannot be reached/);
});
