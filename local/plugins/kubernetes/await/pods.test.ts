import type { PlainProperties } from '../../marshalling';
import { type PodEvidence, explainPods } from './pods';

const evidence: PodEvidence = {
  lastLog: async (_pod, container) => `log of ${container}`,
  lastWarning: async (pod) => pod.metadata.warning,
};

const pod = (status: PlainProperties, metadata: PlainProperties = {}): PlainProperties => ({
  metadata: { name: 'web', ...metadata },
  status,
});
const container = (state: PlainProperties, rest: PlainProperties = {}) => ({
  name: 'main',
  image: 'shop/web:1',
  state,
  ...rest,
});
const unscheduled = {
  type: 'PodScheduled',
  status: 'False',
  message: '0/1 nodes are available: 1 Insufficient cpu.',
};

test.each([
  [pod({ conditions: [unscheduled] }), 'not scheduled: 0/1 nodes are available: 1 Insufficient cpu.'],
  [
    pod({ containerStatuses: [container({ waiting: { reason: 'ErrImagePull', message: 'not found' } })] }),
    'container main waits (ErrImagePull): not found [image shop/web:1]',
  ],
  [
    pod({
      containerStatuses: [
        container(
          { waiting: { reason: 'CrashLoopBackOff' } },
          { lastState: { terminated: { exitCode: 2 } } },
        ),
      ],
    }),
    'container main exits with code 2, last output:\nlog of main',
  ],
  [
    pod({ initContainerStatuses: [container({ terminated: { exitCode: 1 } })] }),
    'container main exits with code 1, last output:\nlog of main',
  ],
  [
    pod(
      { phase: 'Pending', containerStatuses: [container({ waiting: { reason: 'ContainerCreating' } })] },
      { warning: 'FailedMount: secret "tls" not found' },
    ),
    'FailedMount: secret "tls" not found',
  ],
  [pod({ phase: 'Running' }), 'phase Running'],
])('a pod that is not ready: %#', async (object, expected) => {
  expect(await explainPods([object], evidence)).toEqual([`pod web: ${expected}`]);
});

test('pods that are ready, done or on their way out need no explanation, and three are enough', async () => {
  const fine = [
    pod({ conditions: [{ type: 'Ready', status: 'True' }] }),
    pod({ phase: 'Succeeded' }),
    pod({ phase: 'Running' }, { deletionTimestamp: 'now' }),
  ];
  expect(await explainPods(fine, evidence)).toEqual([]);
  expect(await explainPods(Array(5).fill(pod({ phase: 'Pending' })), evidence)).toHaveLength(3);
});
