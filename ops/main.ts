/** The command `platform` of the image that CronJobs run. */
import { join } from 'node:path';
import { Command } from 'commander';
import { exitCodes, processIo } from '../migrations/command/io';
import { readAllInvariants } from '../migrations/invariants/invariants';
import { openMountedStores } from './command/mounted-stores';
import { addBackups } from './command/program';
import { mountedScratchStores } from './scratch/mounted-scratch';
import { PLATFORM_DATABASE } from './stores/logins';

const STORES_FOLDER = process.env.PLATFORM_STORES ?? '/etc/platform';
const SCRATCH_FILE = process.env.PLATFORM_SCRATCH ?? '/etc/platform/scratch.json';
/** What bundle.mjs puts beside the program. */
const INVARIANTS = process.env.PLATFORM_INVARIANTS ?? join(__dirname, 'invariants');

const program = new Command('platform')
  .description('Backups of the platform whose pod this runs in.')
  .configureHelp({ showGlobalOptions: true })
  .exitOverride((error) => process.exit(error.exitCode === 0 ? exitCodes.ok : exitCodes.usage));

addBackups(program, {
  io: processIo(),
  ...(process.stderr.isTTY ? { terminal: process.stderr } : {}),
  openStores: (_stack, wanted) => Promise.resolve(openMountedStores(STORES_FOLDER, wanted)),
  scratchStores: async () => mountedScratchStores(SCRATCH_FILE, process.env.PLATFORM_SCRATCH_PASSWORD),
  invariants: () => readAllInvariants(INVARIANTS, PLATFORM_DATABASE),
  finish: (exitCode) => (process.exitCode = exitCode),
});

void program.parseAsync();
