/** The pack as Pulumi runs it, on both stacks: rendered without a cluster, with the CLI that this machine has. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import dev from '../../policies/dev.json';
import prod from '../../policies/prod.json';
import { onPath } from '../process';
import { policyArgs } from './policies';
import { offlinePreview } from './testing';

jest.setTimeout(300_000);

const folder = mkdtempSync(join(tmpdir(), 'policy-pack-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Previews a stack with the pack; the names of the rules that were broken, by level. */
async function previewed(stack: 'dev' | 'prod', change: Record<string, unknown> = {}) {
  const args = policyArgs({ stack, pulumi: onPath('pulumi')!, extra: [] });
  const { code, stdout, stderr } = await offlinePreview(folder, stack, { change, args });
  const broken = (level: string) => {
    const found = stdout.matchAll(new RegExp(`^ +- \\[${level}\\] .*?  ([a-z-]+)  \\(`, 'gm'));
    return [...new Set([...found].map(([, rule]) => rule!))].sort();
  };
  const outcome = code === 0 ? 'ok' : stdout + stderr;
  return { outcome, mandatory: broken('mandatory'), advisory: broken('advisory') };
}

const advisoryIn = (levels: object) =>
  Object.entries(levels)
    .filter(([, level]) => level === 'advisory')
    .map(([name]) => name);

test('the stack dev satisfies every mandatory rule', async () => {
  const { outcome, mandatory, advisory } = await previewed('dev');
  expect({ mandatory, outcome }).toEqual({ mandatory: [], outcome: 'ok' });
  expect(advisory.filter((rule) => !advisoryIn(dev).includes(rule))).toEqual([]);
});

test('the stack prod satisfies every mandatory rule, and breaks exactly those that are advisory', async () => {
  const { outcome, mandatory, advisory } = await previewed('prod');
  expect({ mandatory, outcome }).toEqual({ mandatory: [], outcome: 'ok' });
  expect(advisory).toEqual(advisoryIn(prod));
});

test('a preview that breaks a rule fails and names it', async () => {
  const elasticsearch = { retention: { metrics: 14 } };
  const { outcome, mandatory } = await previewed('prod', { redis: { replicas: 2 }, elasticsearch });
  expect(mandatory).toEqual(['retention-minimum', 'stores-replicated']);
  expect(outcome).toContain('StatefulSet/agent-data-platform/redis has 2 replicas; it needs at least 3.');
  expect(outcome).toContain('keeps indices for 14d; the minimum is 30d.');
});
