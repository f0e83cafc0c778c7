import { randomBytes } from 'node:crypto';
import { images } from '../../../components/versions';
import { KubernetesCluster } from '../../../migrations/kubernetes/cluster';
import type { Properties } from '../marshalling';
import { PluginClient, partialState } from '../testing';
import { KubernetesProvider } from './provider';

const namespace = `plugin-pods-${randomBytes(4).toString('hex')}`;
const cluster = KubernetesCluster.load();
let plugin: PluginClient;

jest.setTimeout(180_000);

beforeAll(async () => {
  plugin = await PluginClient.start((host) => new KubernetesProvider(host));
  const inputs = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } };
  await plugin.create('urn:pulumi:test::plugins::kubernetes:core/v1:Namespace::ns', inputs);
});

afterAll(async () => {
  plugin.stop();
  await cluster.delete('v1', 'Namespace', undefined, namespace, { propagationPolicy: 'Background' });
});

function podTemplate(app: string, command: string, restartPolicy: string): Properties {
  return {
    metadata: { labels: { app } },
    spec: {
      restartPolicy,
      terminationGracePeriodSeconds: 0,
      containers: [
        {
          name: 'main',
          image: images.redis,
          imagePullPolicy: 'IfNotPresent',
          command: ['sh', '-c', command],
        },
      ],
    },
  };
}

function deployment(name: string, command: string): Properties {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace },
    spec: {
      replicas: 1,
      // A container that stops after a moment would otherwise count as available in that moment.
      minReadySeconds: 2,
      selector: { matchLabels: { app: name } },
      template: podTemplate(name, command, 'Always'),
    },
  };
}

const urnOf = (type: string, name: string) => `urn:pulumi:test::plugins::${type}::${name}`;

test('a Deployment is created when its pods are available, and deleted with them', async () => {
  const urn = urnOf('kubernetes:apps/v1:Deployment', 'sleeper');
  const state = await plugin.create(urn, deployment('sleeper', 'sleep 3600'));
  expect(state.outputs.status).toMatchObject({ availableReplicas: 1, updatedReplicas: 1 });

  const service: Properties = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'sleeper', namespace },
    spec: { selector: { app: 'sleeper' }, ports: [{ port: 80 }] },
  };
  await plugin.create(urnOf('kubernetes:core/v1:Service', 'sleeper'), service);

  await plugin.delete(state);
  expect(await cluster.list('v1', 'Pod', namespace, 'app=sleeper')).toEqual([]);
});

test('a Job is created when it is complete', async () => {
  const inputs: Properties = {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: 'quick', namespace },
    spec: { template: podTemplate('quick', 'true', 'Never') },
  };
  const state = await plugin.create(urnOf('kubernetes:batch/v1:Job', 'quick'), inputs);
  expect(state.outputs.status).toMatchObject({ succeeded: 1 });
});

test('a crashing container is explained with its last output', async () => {
  const urn = urnOf('kubernetes:apps/v1:Deployment', 'crasher');
  const crash = plugin.create(urn, deployment('crasher', 'echo no such database; exit 3'), { timeout: 12 });
  const { reasons } = partialState(urn, await crash.catch((error: unknown) => error));
  expect(reasons[0]).toBe(
    `Deployment ${namespace}/crasher is not ready after 12 s: 0 of 1 replicas available`,
  );
  expect(reasons[1]).toMatch(
    /^pod crasher-\S+: container main exits with code 3, last output:\nno such database$/,
  );
  expect(plugin.log.messages).toContain('0 of 1 replicas available');
});

test('a pod that fits no node is explained by the scheduler', async () => {
  const urn = urnOf('kubernetes:core/v1:Pod', 'huge');
  const { spec } = podTemplate('huge', 'true', 'Never') as { spec: Properties };
  const inputs: Properties = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'huge', namespace },
    spec: { ...spec, nodeSelector: { 'example.com/missing': 'true' } },
  };
  const failure = await plugin.create(urn, inputs, { timeout: 2 }).catch((error: unknown) => error);
  expect(partialState(urn, failure).reasons[1]).toMatch(/^pod huge: not scheduled: 0\/1 nodes are available/);
});

test('cancelling ends a wait and keeps the object in the state', async () => {
  const cancelled = await PluginClient.start((host) => new KubernetesProvider(host));
  const urn = urnOf('kubernetes:apps/v1:Deployment', 'cancelled');
  const pending = cancelled.create(urn, deployment('cancelled', 'exit 1')).catch((error: unknown) => error);
  const deadline = Date.now() + 30_000;
  while (!cancelled.log.messages.some((message) => message.startsWith('0 of 1')) && Date.now() < deadline)
    await new Promise(setImmediate);
  await cancelled.cancel();
  const half = partialState(urn, await pending);
  expect(half.id).toBe(`${namespace}/cancelled`);
  expect(half.reasons[0]).toMatch('was not ready when the update was cancelled: 0 of 1 replicas available');
  cancelled.stop();
});
