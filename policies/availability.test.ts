import { disruptionBudget } from './availability';
import { resource, statefulSet } from './fixtures';

const budget = (selector: object | undefined, namespace = 'data') =>
  resource('policy/v1:PodDisruptionBudget', 'redis', { metadata: { namespace }, spec: { selector } });

const uncovered = [
  'StatefulSet/data/redis has 3 replicas and no PodDisruptionBudget selects its pods; declare one in its namespace.',
];
const messages = (...budgets: ReturnType<typeof budget>[]) =>
  disruptionBudget.checkStack([statefulSet({}), ...budgets]).map(({ message }) => message);

test.each([
  [{ matchLabels: { app: 'redis' } }],
  [{ matchExpressions: [{ key: 'tier', operator: 'In', values: ['data', 'cache'] }] }],
  [{ matchExpressions: [{ key: 'tier', operator: 'NotIn', values: ['web'] }] }],
  [{ matchExpressions: [{ key: 'app', operator: 'Exists' }] }],
  [{ matchExpressions: [{ key: 'canary', operator: 'DoesNotExist' }] }],
  [{}],
])('a budget that selects %j covers the pods', (selector) => {
  expect(messages(budget(selector))).toEqual([]);
});

test.each([
  [undefined],
  [{ matchLabels: { app: 'redis', tier: 'sentinel' } }],
  [{ matchExpressions: [{ key: 'tier', operator: 'In', values: ['sentinel'] }] }],
  [{ matchExpressions: [{ key: 'canary', operator: 'Exists' }] }],
])('a budget that selects %j does not', (selector) => {
  expect(messages(budget(selector))).toEqual(uncovered);
});

test('a budget of another namespace does not count, and none at all neither', () => {
  expect(messages(budget({ matchLabels: { app: 'redis' } }, 'other'))).toEqual(uncovered);
  expect(messages()).toEqual(uncovered);
});

test('a single replica needs no budget', () => {
  expect(disruptionBudget.checkStack([statefulSet({ spec: { replicas: 1 } })])).toEqual([]);
});
