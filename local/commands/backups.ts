import type { Command } from 'commander';
import { vaultNames } from '../../components/vault-names';
import { CommandUsageError, processIo } from '../../migrations/command/io';
import { addBackups, type CommandContext } from '../../ops/command/program';
import { openStores } from '../../ops/command/places';
import type { BackupStore } from '../../ops/stores';
import type { CliContext } from './cli-context';
import { openStack } from './migrate';

/** Adds `backup`, `list`, `restore`, `verify` and `prune`. */
export function addBackupCommands(program: Command, { finish }: CliContext): void {
  addBackups(program, {
    io: processIo(),
    openStores: (stack, wanted, purpose) => openStores(stack, wanted, openStack, purpose),
    scratchStores,
    finish,
  });
}

/** Servers in the cluster of a stack, which must be the current one of the kubeconfig. */
async function scratchStores(stack: string): ReturnType<CommandContext['scratchStores']> {
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
  return async (store) => startScratchStore(store as BackupStore, store === 'vault' ? await vaultKey() : {});
}
