/* eslint-disable @typescript-eslint/no-require-imports -- a command loads only what it needs: starting is most of its time */
/** The command lines of `migrate` and `seed`; everything they do is in the modules beside this one. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { counted } from '../engine/change-text';
import { type StoreName, storeNames } from '../stores';
import {
  type Action,
  diagramAction,
  downAction,
  type Outcome,
  planAction,
  statusAction,
  upAction,
  verifyAction,
} from './actions';
import { CommandUsageError, confirm, exitCodes, guarded, type Io } from './io';
import { findPlaces, type OpenStack, type Place, type PlaceOptions } from './places';

/** What the commands need of their surroundings. */
export interface CommandContext {
  readonly io: Io;
  readonly openStack: OpenStack;
  /** Sets the exit code of the process. */
  readonly finish: (exitCode: number) => void;
}

interface CommonOptions extends PlaceOptions {
  readonly json?: boolean;
  readonly debug?: boolean;
}

const MIGRATE_HELP = `
Without --store, every store of the stack that has change files is taken in turn; those that its configuration or its
size switches off are skipped. Without --url, the store is reached through the Kubernetes API server, with the
credentials that the stack's Secrets hold. Everything is in docs/migrate-command.md.

Examples:
  npm run migrate -- status                                    history and pending changes of the stack dev
  npm run migrate -- plan --store postgres --stack prod        the statements that would run
  npm run migrate -- up --store postgres --to 3                apply up to 000003
  npm run migrate -- down --store postgres --to 2              revert what is newer than 000002, after a question
  npm run migrate -- verify --json                             definitions that were changed by hand, stray Redis keys
  npm run migrate -- diagram                                   tables and references of PostgreSQL, as Mermaid
  npm run migrate -- new add-notes --store postgres            an empty change file with the next number
  npm run migrate -- lint                                      all change files, as CI does
  PGPASSWORD=… npm run migrate -- status --url postgres://owner@127.0.0.1:5432/platform

Exit codes:
  0 ok, 1 failed, 2 wrong usage, 3 found: pending changes (plan, status), drift or stray data (verify), findings (lint)
`;

const SEED_HELP = `
Runs migrations/<store>/seed/<environment>/NNN-<slug>.sql in order, each file in one transaction. There is no history:
every file can be run again.

Exit codes:
  0 ok, 1 failed, 2 wrong usage
`;

/** Defines `migrate` and its subcommands. */
export function addMigrate(program: Command, context: CommandContext): void {
  const migrate = program
    .command('migrate')
    .description('plan, apply, revert and check the change files of the stores')
    .addHelpText('after', MIGRATE_HELP);
  const on = <Options extends object>(name: string, text: string, action: Action<Options>) =>
    placeOptions(migrate.command(name).description(text)).action((options: Options & CommonOptions) =>
      onPlaces(context, options, action, { stopOnFailure: name === 'up' || name === 'down' }),
    );
  on('plan', 'show the statements that `up` would run', planAction).addOption(toOption());
  on('up', 'apply what is pending', upAction).addOption(toOption()).addOption(lockWaitOption());
  on('down', 'revert what is newer than a version', downAction)
    .requiredOption('--to <version>', 'version that stays the newest; 0 reverts everything', version)
    .option('-y, --yes', 'do not ask before reverting')
    .addOption(lockWaitOption());
  on('status', 'show the history and what is pending', statusAction);
  on(
    'verify',
    'compare the live definitions with those of the last run, Redis keys with their registry',
    verifyAction,
  )
    .option('--accept', 'record the live definitions as the meant ones')
    .option('-y, --yes', 'do not ask before recording')
    .addOption(lockWaitOption());
  const diagram = migrate.command('diagram').description('draw the live tables as Markdown with Mermaid');
  placeOptions(diagram).action((options: CommonOptions) => {
    const store = options.store ?? (options.url === undefined ? 'postgres' : undefined);
    return onPlaces(context, { ...options, store }, diagramAction, { stopOnFailure: true });
  });
  addLint(migrate, context);
  addNew(migrate, context);
}

/** Defines `seed`. */
export function addSeed(program: Command, context: CommandContext): void {
  placeOptions(program.command('seed').description('fill the stores with the seed data of an environment'))
    .option('-e, --environment <name>', 'folder of the seed files; default the size of the stack')
    .option('-y, --yes', 'also where the environment or the stack is prod')
    .addHelpText('after', SEED_HELP)
    .action((options: CommonOptions & { environment?: string; yes?: boolean }) =>
      guarded(context, options, () => seed(context, options)),
    );
}

function addLint(migrate: Command, context: CommandContext): void {
  migrate
    .command('lint')
    .description('check change files: format, statements that lose data, SQL by squawk')
    .argument('[files...]', 'change files; default all')
    .addOption(storeOption())
    .option('--json', 'print JSON')
    .option('--debug', 'print stack traces of errors')
    .action((files: string[], options: { store?: StoreName; json?: boolean; debug?: boolean }) =>
      guarded(context, options, async () => {
        const { lint } = require('../lint') as typeof import('../lint');
        const { findingText } = require('../lint/finding') as typeof import('../lint/finding');
        const targets = require('./lint-targets') as typeof import('./lint-targets');
        const result = await lint(
          files.length > 0 ? targets.namedFiles(files, options.store) : targets.allFolders(options.store),
        );
        const count = counted(result.findings.length, 'finding');
        context.io.out(
          options.json
            ? JSON.stringify(result, null, 2)
            : [...result.findings.map(findingText), `${count} in ${counted(result.files, 'file')}.`].join(
                '\n',
              ),
        );
        context.finish(result.findings.length > 0 ? exitCodes.found : exitCodes.ok);
      }),
    );
}

function addNew(migrate: Command, context: CommandContext): void {
  migrate
    .command('new')
    .description('write an empty change file with the next number')
    .argument('<slug>', 'what it does, such as add-notes')
    .addOption(storeOption().makeOptionMandatory())
    .option('--database <name>', 'folder below migrations/<store>/', 'platform')
    .option('--folder <path>', 'another folder of change files')
    .option('--json', 'print JSON')
    .option('--debug', 'print stack traces of errors')
    .action(
      (
        slug: string,
        options: { store: StoreName; database: string; folder?: string; json?: boolean; debug?: boolean },
      ) =>
        guarded(context, options, async () => {
          const { newChange } = require('./new-change') as typeof import('./new-change');
          const file = newChange(options.store, slug, options);
          context.io.out(options.json ? JSON.stringify({ file }) : file);
          context.finish(exitCodes.ok);
        }),
    );
}

async function seed(
  context: CommandContext,
  options: CommonOptions & { environment?: string; yes?: boolean },
): Promise<void> {
  const { environmentName, readSeedFiles, seedAction } = require('./seed') as typeof import('./seed');
  const places = await findPlaces(options, context.openStack);
  const environment = environmentName(
    options.environment ?? places[0]!.size ?? missing('--environment is required with --url.'),
  );
  const seeded = places
    .map((place) => ({ place, files: readSeedFiles(place.store, environment) }))
    .filter(({ files }) => files.length > 0);
  if (seeded.length === 0) context.io.note(`There are no seed files for "${environment}".`);
  if (seeded.length > 0 && [environment, places[0]!.size].includes('prod'))
    await confirm(context.io, `Seed data of "${environment}" goes into a prod stack.`, options.yes);
  const filesOf = new Map(seeded.map(({ place, files }) => [place, files]));
  await onGivenPlaces(
    context,
    options,
    [...filesOf.keys()],
    (place, target, _options, io) => seedAction(target, filesOf.get(place)!, io),
    { stopOnFailure: true },
  );
}

function onPlaces<Options extends object>(
  context: CommandContext,
  options: Options & CommonOptions,
  action: Action<Options>,
  run: { stopOnFailure: boolean },
): Promise<void> {
  return guarded(context, options, async () => {
    const places = await findPlaces(options, context.openStack, (store) =>
      context.io.note(
        `${store}: skipped, the stack "${options.stack}" has it switched off (${store}.enabled).`,
      ),
    );
    if (places.length > 1 && 'to' in options && options.to !== undefined)
      throw new CommandUsageError('--to is a version of one store: name its --store.');
    await onGivenPlaces(context, options, places, action, run);
  });
}

/** Works on one database after the other, prints the reports and sets the gravest exit code. */
async function onGivenPlaces<Options extends object>(
  { io, finish }: CommandContext,
  options: Options & CommonOptions,
  places: readonly Place[],
  action: Action<Options>,
  { stopOnFailure }: { stopOnFailure: boolean },
): Promise<void> {
  const reports: object[] = [];
  const codes: number[] = [exitCodes.ok];
  for (const place of places) {
    const { report, text, exitCode } = await onPlace(place, options, action, io);
    reports.push({ store: place.store, database: place.database, ...report });
    codes.push(exitCode);
    if (!options.json)
      io.out(places.length > 1 ? `${place.store}/${place.database}\n${indented(text)}` : text);
    if (stopOnFailure && exitCode === exitCodes.failed) break;
  }
  if (options.json) io.out(JSON.stringify(reports, null, 2));
  finish(gravest(codes));
}

async function onPlace<Options extends object>(
  place: Place,
  options: Options & CommonOptions,
  action: Action<Options>,
  io: Io,
): Promise<Outcome> {
  try {
    const opening = place.open();
    // Its failure is reported below, not as one that nobody waited for.
    opening.catch(() => undefined);
    // The files are read while the store answers.
    place.readChanges();
    const { target, close } = await opening;
    try {
      return await action(place, target, options, io);
    } finally {
      await close();
    }
  } catch (error) {
    if (error instanceof CommandUsageError) throw error;
    if (options.debug) io.note(String((error as Error).stack));
    const { message } = error as Error;
    return { report: { error: message }, text: `error: ${message}`, exitCode: exitCodes.failed };
  }
}

/** Failures and wrong usage come before what was found. */
function gravest(codes: readonly number[]): number {
  return (
    [exitCodes.usage, exitCodes.failed, exitCodes.found].find((code) => codes.includes(code)) ?? exitCodes.ok
  );
}

function placeOptions(command: Command): Command {
  return command
    .option('--stack <name>', 'stack whose stores are meant', 'dev')
    .addOption(storeOption())
    .option('--database <name>', 'folder below migrations/<store>/', databaseName, 'platform')
    .option('--folder <path>', 'another folder of change files; the project is its base')
    .option('--url <address>', 'one store: <store>://<user>@<host>:<port>/<database>')
    .option(
      '--password-env <name>',
      'variable with the password for --url; default PGPASSWORD, <STORE>_PASSWORD',
    )
    .option('--ca-file <path>', 'PEM of the CA that --url is verified with; default no TLS')
    .option('--json', 'print JSON')
    .option('--debug', 'print stack traces of errors');
}

function storeOption(): Option {
  return new Option('--store <name>', 'store').choices(storeNames);
}

function toOption(): Option {
  return new Option('--to <version>', 'newest version to apply; default all').argParser(version);
}

function lockWaitOption(): Option {
  return new Option('--lock-wait <seconds>', 'how long to wait for another runner')
    .default(60)
    .argParser((text) => {
      if (/^\d{1,4}$/.test(text)) return Number(text);
      throw new InvalidArgumentError('It is a number of seconds, such as 60.');
    });
}

/** A version as people write it: with or without the leading zeros. */
function version(text: string): string {
  if (/^\d{1,6}$/.test(text)) return text.padStart(6, '0');
  throw new InvalidArgumentError('A version is a number of up to six digits, such as 3 or 000003.');
}

function databaseName(text: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9_-]*$/.test(text)) return text;
  throw new InvalidArgumentError('A database name has letters, digits, "_" and "-".');
}

function indented(text: string): string {
  return text.replace(/^(?=.)/gm, '  ');
}

function missing(message: string): never {
  throw new CommandUsageError(message);
}
