/** Loses a platform with its volumes, and executes the commands of docs/disaster-recovery.md. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { KubernetesCluster } from '../migrations/kubernetes/cluster';
import { projectRoot } from '../migrations/project-root';
import { eventually } from '../migrations/testing/servers';
import { names } from './inventory';

/** What each command of the runbook does here, by the command. */
export type RunbookSteps = Readonly<Record<string, () => Promise<unknown>>>;

const RUNBOOK = 'docs/disaster-recovery.md';
const SECTION = 'Everything is lost';

/** Commands of the section of the runbook for a platform that is lost, in their order. */
export function runbookCommands(): string[] {
  const text = readFileSync(join(projectRoot(), RUNBOOK), 'utf8');
  const section = text.split(/^## /m).find((part) => part.startsWith(`${SECTION}\n`));
  const blocks = [...(section ?? '').matchAll(/^ *```sh\n(.*?)^ *```$/gms)];
  const commands = blocks.flatMap(([, block]) => block!.split('\n').map((line) => line.trim()));
  return commands.filter((line) => line !== '');
}

/**
 * Executes the runbook.
 * @returns Seconds by command.
 * @throws AssertionError when it has a command that no step is given for, or lacks one.
 */
export async function followRunbook(steps: RunbookSteps): Promise<Record<string, number>> {
  const commands = runbookCommands();
  assert.deepEqual(commands, Object.keys(steps));
  const seconds: Record<string, number> = {};
  for (const command of commands) {
    const begun = performance.now();
    await steps[command]!();
    seconds[command] = Math.round((performance.now() - begun) / 100) / 10;
  }
  return seconds;
}

/** Deletes a platform's namespace and every volume that it had, as nobody ever should. */
export async function loseNamespace(cluster: KubernetesCluster, namespace: string): Promise<void> {
  await cluster.delete('v1', 'Namespace', undefined, namespace);
  await eventually(
    `${namespace} is gone`,
    300_000,
    async () => !(await names(cluster, 'v1', 'Namespace')).includes(namespace),
  );
  for (const { metadata, spec } of await cluster.list('v1', 'PersistentVolume'))
    if (spec.claimRef?.namespace === namespace)
      await cluster.delete('v1', 'PersistentVolume', undefined, metadata.name!);
}
