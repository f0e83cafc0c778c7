import { Command, CommanderError } from 'commander';
import { exitCodes, type Io, processIo } from './io';
import type { OpenStack } from './places';
import { addMigrate, addSeed } from './program';
import { readStackPlace } from './stack-place';

/** Runs `migrate …` or `seed …` and returns its exit code; errors are printed, never thrown. */
export async function runCommand(
  argv: readonly string[],
  {
    io = processIo(),
    openStack = async (stack) => readStackPlace(stack),
  }: { io?: Io; openStack?: OpenStack } = {},
): Promise<number> {
  let exitCode: number = exitCodes.ok;
  const finish = (code: number) => {
    exitCode = code;
  };
  const program = new Command('agent-data-platform').exitOverride().configureOutput({
    writeOut: (text) => io.out(text.trimEnd()),
    writeErr: (text) => io.note(text.trimEnd()),
  });
  addMigrate(program, { io, openStack, finish });
  addSeed(program, { io, openStack, finish });
  try {
    await program.parseAsync(argv, { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
    throw error;
  }
}
