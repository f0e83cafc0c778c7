import type { PlainProperties } from '../../marshalling';
import { type Surroundings, ruleFor } from './readiness';

const surroundings: Surroundings = {
  readyEndpoints: async (_namespace, service) => (service === 'served' ? 2 : 0),
  volumeBindingMode: async (storageClass) => (storageClass === 'lazy' ? 'WaitForFirstConsumer' : 'Immediate'),
};

async function verdict(apiVersion: string, kind: string, rest: PlainProperties): Promise<string> {
  const object = { apiVersion, kind, metadata: { name: 'x', namespace: 'n', generation: 2 }, ...rest };
  const { ready, failed, status } = (await ruleFor(object)?.(object, surroundings)) ?? {
    ready: true,
    status: 'no rule',
  };
  return ready ? 'ready' : failed === undefined ? status : `failed: ${failed}`;
}

test.each([
  ['not seen', {}, { observedGeneration: 1 }, 'waiting for the controller to see the change'],
  [
    'rolling',
    { replicas: 3 },
    { replicas: 4, updatedReplicas: 2, availableReplicas: 2 },
    '2 of 3 replicas available, 2 old left',
  ],
  [
    'stuck',
    {},
    {
      replicas: 1,
      updatedReplicas: 1,
      conditions: [
        { type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded' },
        { type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message: 'quota' },
      ],
    },
    '0 of 1 replicas available (ProgressDeadlineExceeded) (FailedCreate: quota)',
  ],
  ['done', { replicas: 3 }, { replicas: 3, updatedReplicas: 3, availableReplicas: 3 }, 'ready'],
  ['none wanted', { replicas: 0 }, {}, 'ready'],
  ['paused', { replicas: 3, paused: true }, {}, 'ready'],
])('Deployment %s', async (_case, spec, status, expected) => {
  const object = { spec, status: { observedGeneration: 2, ...status } };
  expect(await verdict('apps/v1', 'Deployment', object)).toBe(expected);
});

test.each([
  ['starting', {}, { readyReplicas: 1 }, '1 of 3 replicas ready'],
  [
    'updating',
    {},
    { readyReplicas: 3, updatedReplicas: 1, currentRevision: 'a', updateRevision: 'b' },
    '1 of 3 replicas updated',
  ],
  ['done', {}, { readyReplicas: 3, currentRevision: 'b', updateRevision: 'b' }, 'ready'],
  [
    'partitioned',
    { updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 2 } } },
    { readyReplicas: 3, updatedReplicas: 1, currentRevision: 'a', updateRevision: 'b' },
    'ready',
  ],
  [
    'updated by hand',
    { updateStrategy: { type: 'OnDelete' } },
    { readyReplicas: 3, currentRevision: 'a', updateRevision: 'b' },
    'ready',
  ],
])('StatefulSet %s', async (_case, spec, status, expected) => {
  const object = { spec: { replicas: 3, ...spec }, status: { observedGeneration: 2, ...status } };
  expect(await verdict('apps/v1', 'StatefulSet', object)).toBe(expected);
});

test.each([
  [
    'DaemonSet',
    { desiredNumberScheduled: 2, updatedNumberScheduled: 2, numberAvailable: 1 },
    '1 of 2 pods available',
  ],
  ['DaemonSet', { desiredNumberScheduled: 2, updatedNumberScheduled: 2, numberAvailable: 2 }, 'ready'],
])('%s %j', async (kind, status, expected) => {
  const object = { spec: {}, status: { observedGeneration: 2, ...status } };
  expect(await verdict('apps/v1', kind, object)).toBe(expected);
});

test.each([
  [{}, '0 pods running, 0 succeeded, 0 failed'],
  [{ active: 1, failed: 2 }, '1 pods running, 0 succeeded, 2 failed'],
  [{ conditions: [{ type: 'Complete', status: 'True' }] }, 'ready'],
  [
    { conditions: [{ type: 'Failed', status: 'True', reason: 'BackoffLimitExceeded' }] },
    'failed: the Job failed (BackoffLimitExceeded)',
  ],
])('Job %j', async (status, expected) => {
  expect(await verdict('batch/v1', 'Job', { spec: {}, status })).toBe(expected);
});

test.each([
  ['served', { selector: { app: 'a' } }, {}, 'ready'],
  ['idle', { selector: { app: 'a', tier: 'b' } }, {}, 'no ready pod matches its selector app=a,tier=b'],
  ['idle', { selector: { app: 'a' }, clusterIP: 'None' }, {}, 'ready'],
  ['idle', { type: 'ExternalName' }, {}, 'ready'],
  ['idle', {}, {}, 'ready'],
  ['served', { type: 'LoadBalancer', selector: { app: 'a' } }, {}, 'no address from the load balancer yet'],
  [
    'served',
    { type: 'LoadBalancer', selector: { app: 'a' } },
    { loadBalancer: { ingress: [{ ip: '10.0.0.1' }] } },
    'ready',
  ],
])('Service %s %j', async (name, spec, status, expected) => {
  const object = { metadata: { name, namespace: 'n' }, spec, status };
  expect(await verdict('v1', 'Service', object)).toBe(expected);
});

test.each([
  ['eager', 'Pending', 'phase Pending, storage class eager'],
  ['lazy', 'Pending', 'ready'],
  ['eager', 'Bound', 'ready'],
  ['eager', 'Lost', 'failed: its PersistentVolume is gone'],
])('PersistentVolumeClaim of class %s in phase %s', async (storageClassName, phase, expected) => {
  const object = { spec: { storageClassName }, status: { phase } };
  expect(await verdict('v1', 'PersistentVolumeClaim', object)).toBe(expected);
});

test('Pod, Namespace, token Secret, CustomResourceDefinition, and kinds without a rule', async () => {
  const crd = (conditions: PlainProperties[]) =>
    verdict('apiextensions.k8s.io/v1', 'CustomResourceDefinition', { status: { conditions } });
  expect(await crd([])).toBe('not established');
  expect(await crd([{ type: 'Established', status: 'True' }])).toBe('ready');
  expect(await crd([{ type: 'NamesAccepted', status: 'False', message: 'taken' }])).toBe(
    'failed: its names are not accepted (taken)',
  );
  const pod = (status: PlainProperties) => verdict('v1', 'Pod', { status });
  expect(await pod({ phase: 'Pending' })).toBe('phase Pending');
  expect(await pod({ phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] })).toBe('ready');
  expect(await pod({ phase: 'Succeeded' })).toBe('ready');
  expect(await pod({ phase: 'Failed', reason: 'Evicted' })).toBe('failed: the Pod failed: Evicted');
  expect(await verdict('v1', 'Namespace', { status: { phase: 'Active' } })).toBe('ready');
  expect(await verdict('v1', 'Secret', { type: 'kubernetes.io/service-account-token' })).toBe('no token yet');
  expect(await verdict('v1', 'Secret', { type: 'Opaque' })).toBe('ready');
  expect(await verdict('networking.k8s.io/v1', 'Ingress', {})).toBe('ready');
});
