import type { Command } from 'commander';
import { processIo } from '../../migrations/command/io';
import type { StackPlace } from '../../migrations/command/places';
import { addMigrate } from '../../migrations/command/program';
import { readStackPlace } from '../../migrations/command/stack-place';
import type { CliContext } from './cli-context';

/** Adds `migrate`. */
export function addMigrateCommand(program: Command, { finish }: CliContext): void {
  addMigrate(program, { io: processIo(), openStack, finish });
}

/** Makes the stack's cluster, which may be a local one, that of this process, and says where its stores are. */
export async function openStack(stack: string): Promise<StackPlace> {
  const place = readStackPlace(stack);
  // Not needed with --url, and slow to load beside it.
  /* eslint-disable @typescript-eslint/no-require-imports */
  const { chooseClusterOf, clusterEnvironment } =
    require('../cluster-choice') as typeof import('../cluster-choice');
  const { loadStackSettings } = require('../pulumi/project') as typeof import('../pulumi/project');
  Object.assign(process.env, clusterEnvironment(await chooseClusterOf(loadStackSettings(stack))));
  return place;
}
