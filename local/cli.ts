import { Command, CommanderError } from 'commander';
import { type CliContext, exitCodes, UsageError } from './commands/cli-context';
import { addMigrateCommand } from './commands/migrate';
import { addSeedCommand } from './commands/seed';
import { UserError } from './user-error';

const HELP = `
The stack is "dev" unless named. Options after -- go to the program that the command runs (pulumi, jest).

Examples:
  npm run up                          bring up the stack dev, on a local cluster if none is configured
  npm run preview -- prod --diff      what would change in prod
  npm run up -- dev --yes             without questions
  npm run up -- dev -- --target URN   an option of Pulumi's own
  npm run outputs -- --json           what applications need to connect
  npm run down -- dev --yes           delete the stack; volumes are retained
  npm test                            everything; npm run test:unit needs no cluster
  npm run migrate -- status           change files of the stores: --help lists all of it
  npm run seed                        seed data of the stack dev
  npm run platform -- backup --repository DIR   copy the stores; list, restore, prune: --help of each
  npm run platform -- cluster status  the local cluster
  eval "$(npm run --silent platform -- env)"   use pulumi and kubectl directly

Exit codes:
  0 ok, 1 failure, 2 wrong usage, 3 something has to be changed first (the message says what), 130 interrupted
`;

/** Commands that start at once: they load none of the modules that the others need. */
const QUICK: readonly string[] = ['migrate', 'seed'];

/** Builds the command line; of the quick commands, only as much as they need. */
export function createProgram(context: CliContext, command?: string): Command {
  const program = new Command('agent-data-platform')
    .description('The data platform for AI agents on Kubernetes, as one Pulumi program.')
    .option('--debug', 'print stack traces of errors')
    .showHelpAfterError('(--help lists commands and examples)')
    .exitOverride()
    .addHelpText('after', HELP);
  if (!QUICK.includes(command ?? '')) addSlowCommands(program, context);
  addMigrateCommand(program, context);
  addSeedCommand(program, context);
  return program;
}

/* eslint-disable @typescript-eslint/no-require-imports -- an import would be paid for by the quick commands too */
function addSlowCommands(program: Command, context: CliContext): void {
  const { addStackCommands } = require('./commands/stack') as typeof import('./commands/stack');
  const { addTestCommand } = require('./commands/test') as typeof import('./commands/test');
  const { addBenchCommand } = require('./commands/bench') as typeof import('./commands/bench');
  const { addAuditCommand } = require('./commands/audit') as typeof import('./commands/audit');
  const { addClusterCommand } = require('./commands/cluster') as typeof import('./commands/cluster');
  const { addEnvCommand } = require('./commands/env') as typeof import('./commands/env');
  addStackCommands(program, context);
  addTestCommand(program, context);
  addBenchCommand(program, context);
  addAuditCommand(program, context);
  addClusterCommand(program, context);
  addEnvCommand(program, context);
  for (const command of program.commands)
    command.option('--debug', 'print stack traces of errors').exitOverride();
  const { addBackupCommands } = require('./commands/backups') as typeof import('./commands/backups');
  addBackupCommands(program, context);
}
/* eslint-enable @typescript-eslint/no-require-imports */

/** Runs the command line and returns its exit code; errors are printed, never thrown. */
export async function main(argv: readonly string[]): Promise<number> {
  const separator = argv.indexOf('--');
  const own = separator === -1 ? argv : argv.slice(0, separator);
  let exitCode: number = exitCodes.ok;
  const context: CliContext = {
    extra: separator === -1 ? [] : argv.slice(separator + 1),
    finish: (code) => {
      exitCode = code;
    },
  };
  const program = createProgram(context, own[0]);
  try {
    await program.parseAsync(own, { from: 'user' });
    return exitCode;
  } catch (error) {
    return report(error, own.includes('--debug'));
  }
}

/** Prints an error for the person at the keyboard and returns the exit code it stands for. */
export function report(error: unknown, debug: boolean): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
  if (error instanceof UserError) {
    process.stderr.write(`error: ${error.what}\nfix: ${error.fix}\n`);
    if (debug) process.stderr.write(`${error.stack}\n`);
    return error instanceof UsageError ? exitCodes.usage : exitCodes.precondition;
  }
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  process.stderr.write(`error: ${message}\n${debug ? `${stack}\n` : ''}`);
  if (!debug) process.stderr.write('fix: Run the command again with --debug to see where it happened.\n');
  return exitCodes.failure;
}

if (require.main === module) {
  void main(process.argv.slice(2)).then((exitCode) => {
    // Not exit code alone: an answer that is no longer waited for must not keep the process alive.
    process.exit(exitCode);
  });
}
