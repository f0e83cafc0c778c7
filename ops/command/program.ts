/** The command lines of backups; everything they do is in the modules beside this one. */
import { readFileSync } from 'node:fs';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { CommandUsageError, confirm, exitCodes, guarded, type Io } from '../../migrations/command/io';
import { table } from '../../migrations/command/table';
import { checkRecipients } from '../archive/encryption';
import { openRepository } from '../repository/open';
import { BackupSets, type SetSummary } from '../sets/backup-sets';
import { type BackupStore, backupStores } from '../stores';
import type { Purpose } from '../stores/logins';
import { type RestoredStore, RestoreError, restoreSet, verifySet, type VerifyOptions } from './actions';
import type { OpenStores } from './places';

/** What the commands need of their surroundings. */
export interface CommandContext {
  readonly io: Io;
  /** Opens the wanted stores of a stack, by default all, with logins for a purpose. */
  readonly openStores: (
    stack: string,
    wanted: readonly BackupStore[],
    purpose: Purpose,
  ) => Promise<OpenStores>;
  /** How empty servers are started in the cluster of a stack. */
  readonly scratchStores: (stack: string) => Promise<VerifyOptions['startScratch']>;
  /** Sets the exit code of the process. */
  readonly finish: (exitCode: number) => void;
}

interface CommonOptions {
  readonly repository?: string;
  readonly endpoint?: string;
  readonly caFile?: string;
  readonly json?: boolean;
  readonly debug?: boolean;
}

interface StackOptions extends CommonOptions {
  readonly stack: string;
  readonly store: BackupStore[];
}

const HELP = `
The repository is a folder or s3://bucket/prefix (credentials as the AWS SDK finds them). Everything is in docs/backups.md.

Exit codes:
  0 ok, 1 failed, 2 wrong usage, 3 found: damaged or incomplete sets (list)
`;

/** Defines `backup`, `list`, `restore`, `verify` and `prune`. */
export function addBackups(program: Command, context: CommandContext): void {
  stackOptions(program.command('backup').description('copy the stores of a stack into a new backup set'))
    .option('--recipient <key...>', 'public keys of age that can read it; default: not encrypted')
    .action((options: StackOptions & { recipient?: string[] }) =>
      guarded(context, options, () => backup(context, options)),
    );
  commonOptions(program.command('list').description('show the backup sets of a repository')).action(
    (options: CommonOptions) => guarded(context, options, () => list(context, options)),
  );
  stackOptions(program.command('restore').description('make the stores of a stack what a set holds'))
    .option('--set <id>', 'which set; default the newest')
    .option('--at <time>', 'the newest set that was finished by then, ISO 8601', time)
    .option('--identity <file...>', 'files with secret keys of age')
    .option('--force', 'replace what the stores hold')
    .option('-y, --yes', 'do not ask before replacing')
    .action((options: StackOptions & RestoreChoice) =>
      guarded(context, options, () => restore(context, options)),
    );
  commonOptions(
    program.command('verify').description('prove that a set can be restored, in servers of its own'),
  )
    .option('--set <id>', 'which set; default the newest')
    .option('--identity <file...>', 'files with secret keys of age')
    .option('--stack <name>', 'stack in whose cluster the servers run', 'dev')
    .option('--quick', 'only read every file and compare its checksum; proves no restore')
    .action((options: CommonOptions & VerifyChoice) =>
      guarded(context, options, () => verify(context, options)),
    );
  commonOptions(program.command('prune').description('remove sets that are too old'))
    .requiredOption('--keep-days <days>', 'how long a set stays', number)
    .option('--keep-last <sets>', 'how many of the newest stay however old they are', number, 1)
    .option('--dry-run', 'only say which would go')
    .option('-y, --yes', 'do not ask before removing')
    .action((options: CommonOptions & PruneOptions) =>
      guarded(context, options, () => prune(context, options)),
    );
}

async function backup(
  { io, openStores, finish }: CommandContext,
  options: StackOptions & { recipient?: string[] },
): Promise<void> {
  const recipients = options.recipient ?? [];
  usage(() => checkRecipients(recipients));
  const sets = openSets(options);
  if (recipients.length === 0) io.note('The set is not encrypted: name a --recipient to change that.');
  const stores = await openStores(options.stack, options.store, 'backup');
  try {
    const manifest = await sets.create(stores.platform, stores.drivers, { recipients, progress: io.note });
    io.out(options.json ? JSON.stringify(manifest, null, 2) : `${manifest.id} is complete.`);
    finish(exitCodes.ok);
  } finally {
    await stores.close();
  }
}

async function list({ io, finish }: CommandContext, options: CommonOptions): Promise<void> {
  const sets = await openSets(options).list();
  if (options.json) io.out(JSON.stringify(sets, null, 2));
  else if (sets.length === 0) io.out('There are no sets.');
  else io.out(table(['set', 'state', 'stores', 'MiB', 'verified'], sets.map(row)));
  for (const { problem } of sets) if (problem && !options.json) io.note(problem);
  finish(sets.every(({ state }) => state === 'complete') ? exitCodes.ok : exitCodes.found);
}

function row({ id, state, manifest, bytes, verifiedAt }: SetSummary): string[] {
  const stores = Object.keys(manifest?.stores ?? {}).join(', ');
  return [id, state, stores || '-', (bytes / 2 ** 20).toFixed(1), verifiedAt ?? 'never'];
}

interface RestoreChoice {
  readonly set?: string;
  readonly at?: Date;
  readonly identity?: string[];
  readonly force?: boolean;
  readonly yes?: boolean;
}

async function restore(
  { io, openStores, finish }: CommandContext,
  options: StackOptions & RestoreChoice,
): Promise<void> {
  if (options.set && options.at) throw new CommandUsageError('Name a --set or a time (--at), not both.');
  const sets = openSets(options);
  const identities = usage(() => (options.identity ?? []).flatMap(secretKeys));
  const manifest = options.set ? await sets.manifest(options.set) : await sets.newest(options.at);
  const wanted = options.store.length > 0 ? options.store : (Object.keys(manifest.stores) as BackupStore[]);
  if (options.force)
    await confirm(
      io,
      `${wanted.join(', ')} of "${options.stack}" become what ${manifest.id} holds.`,
      options.yes,
    );
  const stores = await openStores(options.stack, wanted, 'restore');
  try {
    const restored = await restoreSet(sets, manifest, stores.drivers, {
      identities,
      force: options.force ?? false,
      progress: io.note,
    });
    io.out(
      options.json
        ? JSON.stringify({ set: manifest.id, restored }, null, 2)
        : restored.map(sentence).join('\n'),
    );
    finish(exitCodes.ok);
  } finally {
    await stores.close();
  }
}

interface VerifyChoice {
  readonly stack: string;
  readonly set?: string;
  readonly identity?: string[];
  readonly quick?: boolean;
}

async function verify(
  { io, scratchStores, finish }: CommandContext,
  options: CommonOptions & VerifyChoice,
): Promise<void> {
  const sets = openSets(options);
  const identities = usage(() => (options.identity ?? []).flatMap(secretKeys));
  const manifest = options.set ? await sets.manifest(options.set) : await sets.newest();
  const damages = await sets.damages(manifest);
  for (const { message } of damages) io.note(message);
  if (damages.length > 0)
    throw new RestoreError(`Set ${manifest.id} has ${damages.length} damaged files; take another set.`);
  const verified = options.quick
    ? []
    : await verifySet(sets, manifest, {
        ...{ identities, progress: io.note },
        startScratch: await scratchStores(options.stack),
      });
  io.out(
    options.json
      ? JSON.stringify({ set: manifest.id, restored: !options.quick, verified }, null, 2)
      : [
          ...verified.map(sentence),
          `${manifest.id} is ${options.quick ? 'complete and undamaged' : 'verified'}.`,
        ].join('\n'),
  );
  finish(exitCodes.ok);
}

function sentence({ store, seconds, unproven }: RestoredStore): string {
  const time = `in ${seconds.toFixed(1)} s`;
  return unproven
    ? `${store}: restored ${time}, not compared: ${unproven}.`
    : `${store}: restored and compared ${time}`;
}

interface PruneOptions {
  readonly keepDays: number;
  readonly keepLast: number;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
}

async function prune({ io, finish }: CommandContext, options: CommonOptions & PruneOptions): Promise<void> {
  const sets = openSets(options);
  const policy = usage(() => {
    if (options.keepLast < 1) throw new Error('--keep-last is at least 1.');
    return { keepDays: options.keepDays, keepLast: options.keepLast };
  });
  const removable = await sets.prune(policy, true);
  if (!options.dryRun && removable.length > 0) {
    await confirm(io, `${removable.join(', ')} will be removed.`, options.yes);
    await sets.prune(policy, false);
  }
  const verb = options.dryRun ? 'would be removed' : 'removed';
  io.out(
    options.json
      ? JSON.stringify({ removed: removable, dryRun: options.dryRun ?? false })
      : removable.map((id) => `${id} ${verb}`).join('\n') || 'Nothing is to be removed.',
  );
  finish(exitCodes.ok);
}

function openSets({
  repository = process.env.PLATFORM_BACKUPS,
  endpoint = process.env.PLATFORM_BACKUPS_ENDPOINT,
  caFile = process.env.PLATFORM_BACKUPS_CA,
}: CommonOptions): BackupSets {
  if (!repository) throw new CommandUsageError('Name the --repository, or set PLATFORM_BACKUPS.');
  return usage(() => new BackupSets(openRepository(repository, { endpoint, caFile })));
}

/** Lines of a file with identities, without its comments. */
function secretKeys(file: string): string[] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
}

/** What is wrong with an option is wrong usage. */
function usage<T>(check: () => T): T {
  try {
    return check();
  } catch (error) {
    throw new CommandUsageError((error as Error).message);
  }
}

function commonOptions(command: Command): Command {
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

function stackOptions(command: Command): Command {
  const store = new Option('--store <name...>', 'stores; default all').choices(backupStores).default([]);
  return commonOptions(command)
    .option('--stack <name>', 'stack whose stores are meant', 'dev')
    .addOption(store);
}

function number(text: string): number {
  if (/^\d{1,5}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It is a number, such as 30.');
}

function time(text: string): Date {
  const parsed = new Date(text);
  if (!Number.isNaN(parsed.getTime()) && /^\d{4}-\d\d-\d\d/.test(text)) return parsed;
  throw new InvalidArgumentError('It is a time such as 2030-01-31T12:00:00Z.');
}
