/** The command lines of backups; everything they do is in the modules beside this one. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { CommandUsageError, confirm, exitCodes, guarded } from '../../migrations/command/io';
import { table } from '../../migrations/command/table';
import { checkRecipients } from '../archive/encryption';
import { type DrillRecord, DrillRecords } from '../drill/record';
import { type SetSummary, storedBytes } from '../sets/backup-sets';
import { type BackupStore, backupStores, mayFollow } from '../stores';
import { followOn, type RestoredStore, RestoreError, restoreSet, verifySet } from './actions';
import { addDrill, drillSummary } from './drill';
import {
  type CommandContext,
  type CommonOptions,
  commonOptions,
  identitiesOf,
  number,
  openSets,
  usage,
  watchedSets,
} from './options';

interface StackOptions extends CommonOptions {
  readonly stack: string;
  readonly store: BackupStore[];
}

/** Defines `backup`, `list`, `restore`, `verify`, `drill` and `prune`. */
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
  addDrill(program, context);
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
  context: CommandContext,
  options: StackOptions & { recipient?: string[] },
): Promise<void> {
  const { io, openStores, finish } = context;
  const recipients = options.recipient ?? [];
  usage(() => checkRecipients(recipients));
  const { sets, progress, done } = watchedSets(context, options);
  if (recipients.length === 0) io.note('The set is not encrypted: name a --recipient to change that.');
  const stores = await openStores(options.stack, options.store, 'backup');
  try {
    const manifest = await sets.create(stores.platform, stores.drivers, { recipients, progress });
    done();
    io.out(options.json ? JSON.stringify(manifest, null, 2) : `${manifest.id} is complete.`);
    finish(exitCodes.ok);
  } finally {
    done();
    await stores.close();
  }
}

async function list({ io, finish }: CommandContext, options: CommonOptions): Promise<void> {
  const opened = openSets(options);
  const sets = await opened.list();
  const drills = await new DrillRecords(opened.repository).list();
  if (options.json)
    io.out(
      JSON.stringify(
        sets.map((set) => withDrill(set, drills)),
        null,
        2,
      ),
    );
  else if (sets.length === 0) io.out('There are no sets.');
  else io.out(table(['set', 'state', 'stores', 'MiB', 'verified'], sets.map(row)));
  const last = drills.at(-1);
  if (last && !options.json) io.out(`Last drill: ${drillSummary(last)}`);
  for (const { problem } of sets) if (problem && !options.json) io.note(problem);
  finish(sets.every(({ state }) => state === 'complete') ? exitCodes.ok : exitCodes.found);
}

/** A set with its last drill, where it had one. */
function withDrill(set: SetSummary, drills: readonly DrillRecord[]): SetSummary & { drill?: DrillRecord } {
  const drill = drills.findLast((one) => one.set === set.id);
  return drill ? { ...set, drill } : set;
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

async function restore(context: CommandContext, options: StackOptions & RestoreChoice): Promise<void> {
  const { io, openStores, finish } = context;
  if (options.set && options.at) throw new CommandUsageError('Name a --set or a time (--at), not both.');
  const { sets, progress, done } = watchedSets(context, options);
  const identities = identitiesOf(options);
  const manifest = options.set ? await sets.manifest(options.set) : await sets.newest(options.at);
  const wanted = options.store.length > 0 ? options.store : (Object.keys(manifest.stores) as BackupStore[]);
  if (options.force)
    await confirm(
      io,
      `${wanted.join(', ')} of "${options.stack}" become what ${manifest.id} holds.`,
      options.yes,
    );
  const follows = manifest.cut !== undefined && wanted.some(mayFollow);
  const opened = follows ? [...new Set([...wanted, 'postgres' as const])] : wanted;
  const stores = await openStores(options.stack, opened, 'restore');
  try {
    const drivers = Object.fromEntries(wanted.map((store) => [store, stores.drivers[store]!]));
    const restored = await restoreSet(sets, manifest, drivers, {
      identities,
      force: options.force ?? false,
      progress,
    });
    done();
    if (follows) {
      const since = await followOn(manifest, stores.drivers);
      io.note(`Stores that follow PostgreSQL's outbox go on from ${since}.`);
    }
    io.out(
      options.json
        ? JSON.stringify({ set: manifest.id, restored }, null, 2)
        : restored.map(sentence).join('\n'),
    );
    finish(exitCodes.ok);
  } finally {
    done();
    await stores.close();
  }
}

interface VerifyChoice {
  readonly stack: string;
  readonly set?: string;
  readonly identity?: string[];
  readonly quick?: boolean;
}

async function verify(context: CommandContext, options: CommonOptions & VerifyChoice): Promise<void> {
  const { io, scratchStores, finish } = context;
  const { sets, progress, done } = watchedSets(context, options);
  const identities = identitiesOf(options);
  const manifest = options.set ? await sets.manifest(options.set) : await sets.newest();
  const bytes = Object.values(manifest.stores).reduce((sum, copy) => sum + storedBytes(copy), 0);
  progress(`${manifest.id}: reading every file`, bytes);
  const damages = await sets.damages(manifest).finally(done);
  for (const { message } of damages) io.note(message);
  if (damages.length > 0)
    throw new RestoreError(`Set ${manifest.id} has ${damages.length} damaged files; take another set.`);
  const verified = options.quick
    ? []
    : await verifySet(sets, manifest, {
        ...{ identities, progress },
        startScratch: await scratchStores(options.stack),
      }).finally(done);
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
  if (!options.dryRun) await new DrillRecords(sets.repository).prune();
  const verb = options.dryRun ? 'would be removed' : 'removed';
  io.out(
    options.json
      ? JSON.stringify({ removed: removable, dryRun: options.dryRun ?? false })
      : removable.map((id) => `${id} ${verb}`).join('\n') || 'Nothing is to be removed.',
  );
  finish(exitCodes.ok);
}

function stackOptions(command: Command): Command {
  const store = new Option('--store <name...>', 'stores; default all').choices(backupStores).default([]);
  return commonOptions(command)
    .option('--stack <name>', 'stack whose stores are meant', 'dev')
    .addOption(store);
}

function time(text: string): Date {
  const parsed = new Date(text);
  if (!Number.isNaN(parsed.getTime()) && /^\d{4}-\d\d-\d\d/.test(text)) return parsed;
  throw new InvalidArgumentError('It is a time such as 2030-01-31T12:00:00Z.');
}
