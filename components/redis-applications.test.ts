import { declaredRegistry } from '../migrations/targets/redis/declared';
import type { Registry } from '../migrations/targets/redis/registry';
import { applicationRules } from './redis-applications';

const key = {
  pattern: 'note:{id}',
  type: 'string',
  class: 'cache',
  ttl: 60,
  owner: 'notes',
  database: 0,
  description: 'd',
} as const;
const registry: Registry = {
  keys: new Map([
    ['note:{id}', { ...key, readers: ['reports', 'tools'], writers: ['tools', 'import'] }],
    ['task:list', { ...key, pattern: 'task:list', owner: 'tools' }],
  ]),
  streams: new Map(),
  channels: new Map([
    [
      'note:events:{id}',
      { channel: 'note:events:{id}', publishers: ['notes'], subscribers: ['tools'], description: 'd' },
    ],
  ]),
};

/** What is granted by name: keys and channels, and the commands of channels. */
const grants = (rules: readonly string[] = []) =>
  rules.filter((rule) => /^[~%&]|publish|subscribe/.test(rule));

test('owners have their keys, readers and writers half of them, and channels only those who are named', () => {
  const rules = applicationRules(registry);
  expect(Object.keys(rules)).toEqual(['import', 'notes', 'reports', 'tools']);
  expect(grants(rules.import)).toEqual(['%W~note:*']);
  expect(grants(rules.reports)).toEqual(['%R~note:*']);
  expect(grants(rules.notes)).toEqual(['~note:*', '&note:events:*', '+publish', '+spublish']);
  expect(grants(rules.tools)).toEqual([
    '~note:*',
    '~task:list',
    '&note:events:*',
    '+psubscribe',
    '+punsubscribe',
    '+ssubscribe',
    '+subscribe',
    '+sunsubscribe',
    '+unsubscribe',
  ]);
});

test('nothing of the platform administers, and dangerous commands are taken away after everything else was given', () => {
  for (const rules of Object.values(applicationRules(declaredRegistry('platform')))) {
    const dangerous = rules.indexOf('-@dangerous');
    expect(dangerous).toBeGreaterThan(rules.indexOf('+@write'));
    expect(rules.slice(dangerous).filter((rule) => /^\+(?!.*(publish|subscribe)$)/.test(rule))).toEqual([]);
    expect(rules).not.toContain('~*');
    expect(rules).not.toContain('&*');
    expect(rules.filter((rule) => /@all|@admin|@dangerous/.test(rule))).toEqual(['-@admin', '-@dangerous']);
  }
});

test('the applications of the platform', () => {
  expect(Object.keys(applicationRules(declaredRegistry('platform')))).toEqual([
    'a2a',
    'agents',
    'gateway',
    'observability',
    'rag',
    'tools',
    'workflow',
  ]);
});
