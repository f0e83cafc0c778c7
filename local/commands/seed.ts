import type { Command } from 'commander';
import { processIo } from '../../migrations/command/io';
import { addSeed } from '../../migrations/command/program';
import type { CliContext } from './cli-context';
import { openStack } from './migrate';

/** Adds `seed`. */
export function addSeedCommand(program: Command, { finish }: CliContext): void {
  addSeed(program, { io: processIo(), openStack, finish });
}
