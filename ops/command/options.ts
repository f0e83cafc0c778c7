/** What the command lines of backups share. */
import { readFileSync } from 'node:fs';
import { type Command, InvalidArgumentError } from 'commander';
import { CommandUsageError, type Io } from '../../migrations/command/io';
import type { Invariant } from '../../migrations/invariants/invariants';
import { openRepository } from '../repository/open';
import type { StartScratch } from '../scratch/scratch-store';
import { BackupSets, type Progress } from '../sets/backup-sets';
import type { BackupStore } from '../stores';
import type { Purpose } from '../stores/logins';
import type { OpenStores } from './places';
import { metered, type Terminal, TransferMeter } from './transfer-meter';

/** What the commands need of their surroundings. */
export interface CommandContext {
  readonly io: Io;
  /** Where a line can be written over; absent where there is no terminal. */
  readonly terminal?: Terminal;
  /** Opens the wanted stores of a stack, by default all, with logins for a purpose. */
  readonly openStores: (
    stack: string,
    wanted: readonly BackupStore[],
    purpose: Purpose,
  ) => Promise<OpenStores>;
  /** How empty servers are started in the cluster of a stack, or reached where they were started beside this process. */
  readonly scratchStores: (stack: string) => Promise<StartScratch>;
  /** What must hold of the platform's data. @throws ChangeFilesError listing what is wrong with the files. */
  readonly invariants: () => readonly Invariant[];
  /** Sets the exit code of the process. */
  readonly finish: (exitCode: number) => void;
}

/** Options of every command. */
export interface CommonOptions {
  readonly repository?: string;
  readonly endpoint?: string;
  readonly caFile?: string;
  readonly json?: boolean;
  readonly debug?: boolean;
}

const HELP = `
The repository is a folder or s3://bucket/prefix (credentials as the AWS SDK finds them). Everything is in docs/backups.md.

Exit codes:
  0 ok, 1 failed, 2 wrong usage, 3 found: damaged or incomplete sets (list), a missed target or a violated invariant (drill)
`;

/**
 * The sets of the repository that the options or the environment name.
 * @param meter Counts what goes to and from the repository.
 */
export function openSets(
  {
    repository = process.env.PLATFORM_BACKUPS,
    endpoint = process.env.PLATFORM_BACKUPS_ENDPOINT,
    caFile = process.env.PLATFORM_BACKUPS_CA,
  }: CommonOptions,
  meter?: TransferMeter,
): BackupSets {
  if (!repository) throw new CommandUsageError('Name the --repository, or set PLATFORM_BACKUPS.');
  const opened = usage(() => openRepository(repository, { endpoint, caFile }));
  return new BackupSets(meter ? metered(opened, meter) : opened);
}

/** The sets, and who is told of the progress: lines, or on a terminal one that counts the bytes too. */
export function watchedSets(
  { io, terminal }: Pick<CommandContext, 'io' | 'terminal'>,
  options: CommonOptions,
): { sets: BackupSets; progress: Progress; done: () => void } {
  if (!terminal || options.json) return { sets: openSets(options), progress: io.note, done: () => undefined };
  const meter = new TransferMeter(terminal);
  return { sets: openSets(options, meter), progress: meter.note, done: () => meter.clear() };
}

/** The secret keys of the files that options name. */
export function identitiesOf({ identity = [] }: { readonly identity?: readonly string[] }): string[] {
  return usage(() => identity.flatMap(secretKeys));
}

/** Lines of a file with identities, without its comments. */
function secretKeys(file: string): string[] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
}

/** What is wrong with an option is wrong usage. */
export function usage<T>(check: () => T): T {
  try {
    return check();
  } catch (error) {
    throw new CommandUsageError((error as Error).message);
  }
}

/** Adds the options of every command. */
export function commonOptions(command: Command): Command {
  return command
    .option('--repository <address>', 'folder, or s3://bucket/prefix; default PLATFORM_BACKUPS')
    .option('--endpoint <url>', 'S3-compatible server; default PLATFORM_BACKUPS_ENDPOINT, or AWS')
    .option(
      '--ca-file <path>',
      'PEM of the authority that the server is verified with; default PLATFORM_BACKUPS_CA',
    )
    .option('--json', 'print JSON')
    .option('--debug', 'print stack traces of errors')
    .addHelpText('after', HELP);
}

/** Parses a count. */
export function number(text: string): number {
  if (/^\d{1,5}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It is a number, such as 30.');
}
