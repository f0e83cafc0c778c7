/** The command `platform` of the image that CronJobs run. */
import { Command } from 'commander';
import { CommandUsageError, exitCodes, processIo } from '../migrations/command/io';
import { openMountedStores } from './command/mounted-stores';
import { addBackups } from './command/program';

const STORES_FOLDER = process.env.PLATFORM_STORES ?? '/etc/platform';

const program = new Command('platform')
  .description('Backups of the platform whose pod this runs in.')
  .configureHelp({ showGlobalOptions: true })
  .exitOverride((error) => process.exit(error.exitCode === 0 ? exitCodes.ok : exitCodes.usage));

addBackups(program, {
  io: processIo(),
  openStores: (_stack, wanted) => Promise.resolve(openMountedStores(STORES_FOLDER, wanted)),
  scratchStores: () =>
    Promise.reject(
      new CommandUsageError(
        'Scratch servers are started by the project’s `npm run platform`; here, use --quick.',
      ),
    ),
  finish: (exitCode) => (process.exitCode = exitCode),
});

void program.parseAsync();
