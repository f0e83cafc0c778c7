import { randomBytes } from 'node:crypto';
import { KubernetesCluster } from '../../../migrations/kubernetes/cluster';
import type { Properties } from '../marshalling';
import { PluginClient, partialState } from '../testing';
import { KubernetesProvider } from './provider';

const namespace = `plugin-wait-${randomBytes(4).toString('hex')}`;
const cluster = KubernetesCluster.load();
let plugin: PluginClient;

const urnOf = (type: string, name: string) => `urn:pulumi:test::plugins::${type}::${name}`;

beforeAll(async () => {
  plugin = await PluginClient.start((host) => new KubernetesProvider(host));
  const inputs = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } };
  await plugin.create(urnOf('kubernetes:core/v1:Namespace', 'ns'), inputs);
});

afterAll(async () => {
  plugin.stop();
  await cluster.delete('v1', 'Namespace', undefined, namespace, { propagationPolicy: 'Background' });
});

test('a rollout that does not finish keeps the object in the state, and the next update waits again', async () => {
  const urn = urnOf('kubernetes:apps/v1:Deployment', 'stuck');
  const deployment = (replicas: number): Properties => ({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'stuck', namespace },
    spec: {
      replicas,
      selector: { matchLabels: { app: 'stuck' } },
      template: {
        metadata: { labels: { app: 'stuck' } },
        spec: {
          nodeSelector: { 'example.com/missing': 'true' },
          containers: [{ name: 'main', image: 'nowhere.invalid/none' }],
        },
      },
    },
  });
  const failure = await plugin.create(urn, deployment(1), { timeout: 1 }).catch((error: unknown) => error);
  const half = partialState(urn, failure);
  expect(half.id).toBe(`${namespace}/stuck`);
  expect(half.inputs).toEqual(deployment(1));
  expect(half.outputs.metadata).toMatchObject({ name: 'stuck', uid: expect.any(String) });
  expect(half.reasons[0]).toMatch(`Deployment ${namespace}/stuck is not ready after 1 s: `);
  await expect(plugin.update(half, deployment(1), { timeout: 1 })).rejects.toThrow('is not ready after 1 s');
  await expect(plugin.read(half)).rejects.toThrow(`Deployment ${namespace}/stuck is not ready: `);
  await plugin.delete(half);
});

test('a failed Job ends the wait at once with its reason', async () => {
  const urn = urnOf('kubernetes:batch/v1:Job', 'failing');
  const inputs: Properties = {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: 'failing', namespace },
    spec: {
      suspend: true,
      template: { spec: { restartPolicy: 'Never', containers: [{ name: 'main', image: 'x' }] } },
    },
  };
  const pending = plugin.create(urn, inputs).catch((error: unknown) => error);
  const path = await waitForPath('batch/v1', 'Job', 'failing');
  const now = new Date().toISOString();
  const condition = {
    status: 'True',
    reason: 'DeadlineExceeded',
    message: 'too slow',
    lastTransitionTime: now,
  };
  await cluster.request('PATCH', `${path}/status`, {
    body: {
      status: {
        startTime: now,
        conditions: [
          { type: 'FailureTarget', ...condition },
          { type: 'Failed', ...condition },
        ],
      },
    },
    contentType: 'application/merge-patch+json',
  });
  const half = partialState(urn, await pending);
  expect(half.reasons).toEqual([`Job ${namespace}/failing: the Job failed (DeadlineExceeded: too slow)`]);
  await plugin.delete(half);
});

test('a delete that a finalizer holds up names it when the time is out', async () => {
  const inputs: Properties = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'held', namespace, finalizers: ['example.com/hold'] },
  };
  const state = await plugin.create(urnOf('kubernetes:core/v1:ConfigMap', 'held'), inputs);
  await expect(plugin.delete(state, 1)).rejects.toThrow(
    `Deleting ConfigMap ${namespace}/held was not gone after 1 s: finalizers left: `,
  );
  await cluster.request('PATCH', await cluster.path('v1', 'ConfigMap', namespace, 'held'), {
    body: { metadata: { finalizers: null } },
    contentType: 'application/merge-patch+json',
  });
  await plugin.delete(state);
});

/** Path of an object once it exists. */
async function waitForPath(apiVersion: string, kind: string, name: string): Promise<string> {
  const deadline = Date.now() + 10_000;
  while (!(await cluster.read(apiVersion, kind, namespace, name)))
    if (Date.now() > deadline) throw new Error(`${kind} ${name} did not appear`);
  return cluster.path(apiVersion, kind, namespace, name);
}
