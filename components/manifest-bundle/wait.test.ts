import type { KubernetesObject } from '../../migrations/kubernetes/cluster';
import { InMemoryCluster } from './in-memory-cluster';
import { rolloutState, waitForDeployment, waitUntil } from './wait';

const deployment = (status: object, generation = 2): KubernetesObject => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'controller', namespace: 'ops', generation },
  spec: { replicas: 2, selector: { matchLabels: { app: 'controller' } } },
  status,
});

it.each([
  ['not observed yet', { observedGeneration: 1, replicas: 2, updatedReplicas: 2, availableReplicas: 2 }],
  ['1 of 2 pods are up to date', { observedGeneration: 2, updatedReplicas: 1, availableReplicas: 2 }],
  ['1 old pods are still there', { observedGeneration: 2, replicas: 3, updatedReplicas: 2 }],
  ['0 of 2 pods are available', { observedGeneration: 2, replicas: 2, updatedReplicas: 2 }],
  [undefined, { observedGeneration: 2, replicas: 2, updatedReplicas: 2, availableReplicas: 2 }],
])('a Deployment lacks: %s', (state, status) => {
  expect(rolloutState(deployment(status))).toBe(state);
});

it('a Deployment that does not exist lacks itself', () => {
  expect(rolloutState(undefined)).toBe('the Deployment does not exist yet');
});

it('reports each new state once and returns when nothing is awaited', async () => {
  const states = ['one', 'one', 'two', undefined];
  const lines: string[] = [];
  await waitUntil('thing', async () => states.shift(), {
    timeoutMs: 5000,
    intervalMs: 1,
    report: (line) => lines.push(line),
  });
  expect(lines).toEqual(['waiting for thing: one', 'waiting for thing: two']);
});

it('names what the pods of a Deployment wait for when the time is over', async () => {
  const cluster = new InMemoryCluster([
    deployment({ observedGeneration: 2, replicas: 2, updatedReplicas: 2 }),
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'controller-1', namespace: 'ops', labels: { app: 'controller' } },
      status: {
        containerStatuses: [{ image: 'nowhere/x:1', state: { waiting: { reason: 'ImagePullBackOff' } } }],
      },
    },
  ]);
  await expect(
    waitForDeployment(
      cluster.asCluster(),
      { namespace: 'ops', name: 'controller' },
      { timeoutMs: 0, report: () => undefined },
    ),
  ).rejects.toThrow(
    'Deployment ops/controller is not ready after 0 s: 0 of 2 pods are available; pod controller-1 is in ImagePullBackOff (nowhere/x:1).',
  );
});
