import { join } from 'node:path';
import type { Command } from 'commander';
import { vaultNames } from '../../components/vault-names';
import { CommandUsageError, processIo } from '../../migrations/command/io';
import { readAllInvariants } from '../../migrations/invariants/invariants';
import { addBackups } from '../../ops/command/program';
import { openStores } from '../../ops/command/places';
import type { StartScratch } from '../../ops/scratch/scratch-store';
import { PLATFORM_DATABASE } from '../../ops/stores/logins';
import { projectRoot } from '../paths';
import type { CliContext } from './cli-context';
import { openStack } from './migrate';

/** Adds `backup`, `list`, `restore`, `verify`, `drill` and `prune`. */
export function addBackupCommands(program: Command, { finish }: CliContext): void {
  addBackups(program, {
    io: processIo(),
    ...(process.stderr.isTTY ? { terminal: process.stderr } : {}),
    ...(process.stderr.isTTY ? { terminal: process.stderr } : {}),
    openStores: (stack, wanted, purpose) => openStores(stack, wanted, openStack, purpose),
    scratchStores,
    invariants: () => readAllInvariants(join(projectRoot(), 'migrations'), PLATFORM_DATABASE),
    finish,
  });
}

/** Servers in the cluster of a stack, which must be the current one of the kubeconfig. */
async function scratchStores(stack: string): Promise<StartScratch> {
  const { context, namespace } = await openStack(stack);
  // They load every store's tools.
  /* eslint-disable @typescript-eslint/no-require-imports */
  const { startScratchStore } =
    require('../../ops/scratch/scratch-stores') as typeof import('../../ops/scratch/scratch-stores');
  const { KubernetesCluster } =
    require('../../migrations/kubernetes/cluster') as typeof import('../../migrations/kubernetes/cluster');
  /* eslint-enable @typescript-eslint/no-require-imports */
  const cluster = KubernetesCluster.load();
  const current = cluster.config.getCurrentContext();
  if (context && context !== current)
    throw new CommandUsageError(
      `The servers would run in the context "${current}", and the stack "${stack}" is in "${context}": kubectl config use-context ${context}`,
    );
  const vaultKey = async () => cluster.secret(namespace, vaultNames({}).unsealSecret);
  return async (store) => startScratchStore(store, store === 'vault' ? await vaultKey() : {});
}
