import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import dev from './dev.json';
import { resource, statefulSet } from './fixtures';
import prod from './prod.json';
import { isExempt, kindOf, objectName } from './rule';
import { rules } from './rules';

const levels = ['mandatory', 'advisory', 'disabled'];
const names = rules.map(({ name }) => name);

/** Rules with the level a file gives them, by name. */
function levelsOf(enforcement: object): [string, string][] {
  return Object.entries(enforcement)
    .map(([name, config]): [string, string] => [
      name,
      typeof config === 'string'
        ? config
        : ((config as { enforcementLevel?: string }).enforcementLevel ?? ''),
    ])
    .filter(([name]) => name !== 'all')
    .sort();
}

test('rule names are unique, and "all" stays free for the default level', () => {
  expect(new Set(names).size).toBe(names.length);
  expect(names).not.toContain('all');
});

test.each([
  ['dev', dev],
  ['prod', prod],
])('%s.json names only rules that exist, at levels that exist', (_stack, enforcement) => {
  expect(Object.keys(enforcement).filter((name) => name !== 'all' && !names.includes(name))).toEqual([]);
  expect(levelsOf(enforcement).filter(([, level]) => !levels.includes(level))).toEqual([]);
});

test.each([
  ['dev', dev],
  ['prod', prod],
])('what %s.json exempts has a reason', (_stack, enforcement) => {
  const reasons = Object.values(enforcement).flatMap((config) =>
    typeof config === 'object' ? Object.values(config.exempt) : [],
  );
  expect(reasons.filter((reason) => reason.length < 15)).toEqual([]);
});

test('production enforces every rule but those that README.md explains', () => {
  const weaker = levelsOf(prod).filter(([, level]) => level !== 'mandatory');
  const readme = readFileSync(join(__dirname, 'README.md'), 'utf8');
  const explained = [...readme.matchAll(/^- `([a-z-]+)` is advisory in prod: \S/gm)].map(([, name]) => name);
  expect(weaker).toEqual(explained.sort().map((name) => [name, 'advisory']));
});

test('the table of README.md has every rule with its levels', () => {
  const readme = readFileSync(join(__dirname, 'README.md'), 'utf8');
  const rows = [...readme.matchAll(/^\| `([a-z-]+)` +\| \[.*?\]\(.*?\) +\| (\w+) +\| (\w+) +\|/gm)];
  const level = (enforcement: object, name: string) =>
    Object.fromEntries(levelsOf(enforcement))[name] ?? 'mandatory';
  expect(rows.map(([, ...row]) => row)).toEqual(
    names.map((name) => [name, level(dev, name), level(prod, name)]),
  );
});

test('the reference workload satisfies every rule about single resources', () => {
  const problems = rules.flatMap((rule) => ('check' in rule ? rule.check(statefulSet({})) : []));
  expect(problems).toEqual([]);
});

test('an object is exempt by its full name, in one namespace or in any', () => {
  const deployment = resource('apps/v1:Deployment', 'manager', {});
  expect(objectName(deployment)).toBe('Deployment/data/manager');
  const exempt = (pattern: string) => isExempt(deployment, { exempt: { [pattern]: 'a written reason' } });
  expect(exempt('Deployment/data/manager')).toBe(true);
  expect(exempt('Deployment/*/manager')).toBe(true);
  expect(exempt('Deployment/manager')).toBe(false);
  expect(exempt('Deployment/other/manager')).toBe(false);
  expect(exempt('Deployment/*/man*')).toBe(false);
  expect(isExempt(deployment, {})).toBe(false);
});

test('resources of other providers have no Kubernetes kind and break no rule', () => {
  const password = { type: 'random:index/randomPassword:RandomPassword', name: 'p', props: { length: 32 } };
  expect(kindOf(password.type)).toBeUndefined();
  expect(rules.flatMap((rule) => ('check' in rule ? rule.check(password) : []))).toEqual([]);
});
