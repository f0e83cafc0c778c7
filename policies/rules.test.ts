import dev from './dev.json';
import { resource, statefulSet } from './fixtures';
import prod from './prod.json';
import { isExempt, kindOf, objectName } from './rule';
import { rules } from './rules';

const levels = ['mandatory', 'advisory', 'disabled'];
const names = rules.map(({ name }) => name);

test('rule names are unique, and "all" stays free for the default level', () => {
  expect(new Set(names).size).toBe(names.length);
  expect(names).not.toContain('all');
});

test.each([
  ['dev', dev],
  ['prod', prod],
])('%s.json names only rules that exist, at levels that exist', (_stack, enforcement) => {
  expect(Object.keys(enforcement).filter((name) => name !== 'all' && !names.includes(name))).toEqual([]);
  expect(Object.values(enforcement).filter((level) => !levels.includes(level))).toEqual([]);
});

test('production enforces every rule', () => {
  expect(prod).toEqual({ all: 'mandatory' });
});

test('the reference workload satisfies every rule about single resources', () => {
  const problems = rules.flatMap((rule) => ('check' in rule ? rule.check(statefulSet({})) : []));
  expect(problems).toEqual([]);
});

test('an object is exempt by its full name only', () => {
  const deployment = resource('apps/v1:Deployment', 'manager', {});
  expect(objectName(deployment)).toBe('Deployment/data/manager');
  expect(isExempt(deployment, { exempt: ['Deployment/data/manager'] })).toBe(true);
  expect(isExempt(deployment, { exempt: ['Deployment/manager'] })).toBe(false);
  expect(isExempt(deployment, {})).toBe(false);
});

test('resources of other providers have no Kubernetes kind and break no rule', () => {
  const password = { type: 'random:index/randomPassword:RandomPassword', name: 'p', props: { length: 32 } };
  expect(kindOf(password.type)).toBeUndefined();
  expect(rules.flatMap((rule) => ('check' in rule ? rule.check(password) : []))).toEqual([]);
});
