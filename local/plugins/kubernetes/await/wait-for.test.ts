import type { PlainProperties } from '../../marshalling';
import { parseWaitFor } from './wait-for';

function statuses(text: string, object: PlainProperties): string[] {
  const full = { metadata: { generation: 2 }, ...object };
  return parseWaitFor(text).map((expect) => {
    const { ready, status } = expect(full);
    return ready ? 'ready' : status;
  });
}

const conditions = (...list: PlainProperties[]) => ({ status: { conditions: list } });

test.each([
  ['condition=Ready', conditions({ type: 'Ready', status: 'True' }), 'ready'],
  ['condition=ready', conditions({ type: 'Ready', status: 'True' }), 'ready'],
  ['condition=Ready=False', conditions({ type: 'Ready', status: 'False' }), 'ready'],
  ['condition=Ready', conditions(), 'no condition Ready yet'],
  [
    'condition=Ready',
    {
      status: {
        phase: 'Setting up primary',
        conditions: [{ type: 'Ready', status: 'False', message: 'no quorum' }],
      },
    },
    'condition Ready is False, not True (no quorum); phase: Setting up primary',
  ],
  [
    'condition=Ready',
    conditions({ type: 'Ready', status: 'True', observedGeneration: 1 }),
    'condition Ready is not reported for the latest change yet',
  ],
  ['jsonpath={.status.phase}=Running', { status: { phase: 'Running' } }, 'ready'],
  [
    'jsonpath={.status.phase}=Running',
    { status: { phase: 'Pending' } },
    '.status.phase is Pending, not Running',
  ],
  ['jsonpath={.status.phase}=In healthy state', { status: { phase: 'In healthy state' } }, 'ready'],
  ['jsonpath={.data.token}', { data: { token: 'x' } }, 'ready'],
  ['jsonpath={.data.token}', {}, '.data.token is missing'],
  ['jsonpath={.status.replicas}=3', { status: { replicas: 3 } }, 'ready'],
  ['jsonpath={.items[*].ip}', { items: [{}, { ip: '10.0.0.1' }] }, 'ready'],
])('%s of %j', (text, object, expected) => {
  expect(statuses(text, object)).toEqual([expected]);
});

test('a list must hold as a whole', () => {
  const list = '["condition=Ready", "jsonpath={.status.phase}=Running"]';
  const object = { status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'Unknown' }] } };
  expect(statuses(list, object)).toEqual(['condition Ready is Unknown, not True; phase: Running', 'ready']);
});

test.each(['ready', 'jsonpath=.status.phase', '[]', '["condition=Ready", 1]'])('%s is refused', (text) => {
  expect(() => parseWaitFor(text)).toThrow('The annotation pulumi.com/waitFor is "');
});
