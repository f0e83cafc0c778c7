import { changes, formatPath } from './diff';
import { Unknown } from './marshalling';

function show(before: unknown, after: unknown): Record<string, string> {
  return Object.fromEntries(changes(before, after).map(({ path, kind }) => [formatPath(path), kind]));
}

test('equal trees have no changes', () => {
  expect(show({ a: [1, { b: 'c' }], d: null }, { d: null, a: [1, { b: 'c' }] })).toEqual({});
});

test('changes are the leaves that differ', () => {
  const before = { spec: { replicas: 1, containers: [{ image: 'a', env: ['x', 'y'] }], old: true } };
  const after = { spec: { replicas: 2, containers: [{ image: 'a', env: ['x'] }], new: { deep: true } } };
  expect(show(before, after)).toEqual({
    'spec.replicas': 'update',
    'spec.containers[0].env[1]': 'delete',
    'spec.old': 'delete',
    'spec.new': 'add',
  });
});

test('a value that is not known yet counts as changed', () => {
  expect(show({ a: 1 }, { a: Unknown.value, b: Unknown.value })).toEqual({ a: 'update', b: 'add' });
});

test('a member that changes its type is one update', () => {
  expect(show({ a: { b: 1 } }, { a: [1] })).toEqual({ a: 'update' });
});

test('path parts that are no identifiers are quoted', () => {
  expect(formatPath(['metadata', 'annotations', 'pulumi.com/waitFor'])).toBe(
    'metadata.annotations["pulumi.com/waitFor"]',
  );
  expect(formatPath(['data', 'a"b', 0])).toBe('data["a\\"b"][0]');
});
