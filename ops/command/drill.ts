/** The command line of drills. */
import { type Command, InvalidArgumentError } from 'commander';
import { exitCodes, guarded } from '../../migrations/command/io';
import { table } from '../../migrations/command/table';
import { type DrillResult, drillSet } from '../drill/drill';
import type { DrillRecord } from '../drill/record';
import { type CommandContext, type CommonOptions, commonOptions, identitiesOf, watchedSets } from './options';

interface DrillChoice extends CommonOptions {
  readonly stack: string;
  readonly set?: string;
  readonly identity?: string[];
  /** Minutes. */
  readonly rto: number;
  readonly rpo: number;
}

/** Defines `drill`. */
export function addDrill(program: Command, context: CommandContext): void {
  commonOptions(
    program
      .command('drill')
      .description('restore a whole set into servers of its own and assert that the data is right'),
  )
    .option('--set <id>', 'which set; default the newest')
    .option('--identity <file...>', 'files with secret keys of age')
    .option('--stack <name>', 'stack in whose cluster the servers run', 'dev')
    .option('--rto <minutes>', 'how long it may take until everything is asserted', minutes, 240)
    .option('--rpo <minutes>', 'how old the copy of a store may be', minutes, 15)
    .action((options: DrillChoice) => guarded(context, options, () => drill(context, options)));
}

async function drill(context: CommandContext, options: DrillChoice): Promise<void> {
  const { io, finish } = context;
  const { sets, progress, done } = watchedSets(context, options);
  const identities = identitiesOf(options);
  const invariants = context.invariants();
  const manifest = options.set ? await sets.manifest(options.set) : await sets.newest();
  const result = await drillSet(sets, manifest, {
    ...{ identities, invariants, progress },
    startScratch: await context.scratchStores(options.stack),
    rtoSeconds: options.rto * 60,
    rpoSeconds: options.rpo * 60,
  }).finally(done);
  for (const line of examples(result)) io.note(line);
  io.out(options.json ? JSON.stringify(result.record, null, 2) : report(result.record));
  finish(result.record.problems.length === 0 ? exitCodes.ok : exitCodes.found);
}

/** What violates invariants: of a log's reader, and in no record. */
function examples({ results }: DrillResult): string[] {
  return results
    .filter(({ state }) => state === 'violated' || state === 'failed')
    .flatMap(({ name, description, examples }) => [
      `${name}: ${description}`,
      ...examples.map((example) => `  ${example}`),
    ]);
}

function report(record: DrillRecord): string {
  const stores = Object.entries(record.stores).map(([store, { restoredInSeconds, entries, ageSeconds }]) => [
    store,
    `${restoredInSeconds ?? '-'} s`,
    String(entries ?? '-'),
    `${ageSeconds} s`,
  ]);
  const count = (state: string) => record.invariants.filter((one) => one.state === state).length;
  return [
    table(['store', 'restored in', 'entries', 'age of the copy'], stores),
    `Invariants: ${count('holds')} hold, ${count('violated') + count('failed')} do not, ${count('unchecked')} are about stores that the set lacks.`,
    ...record.problems.map((problem) => `- ${problem}`),
    drillSummary(record),
  ].join('\n');
}

/** A drill in one line. */
export function drillSummary({ id, set, problems, rto, rpo }: DrillRecord): string {
  const passed = problems.length === 0 ? 'passed' : 'failed';
  const reached = rto.reachedSeconds === undefined ? 'never reached' : `${rto.reachedSeconds} s`;
  const times = `recovery time ${reached} of ${rto.targetSeconds} s, recovery point ${rpo.reachedSeconds} s of ${rpo.targetSeconds} s`;
  return `${id} of set ${set} ${passed}: ${times}.`;
}

function minutes(text: string): number {
  if (/^\d{1,6}(\.\d+)?$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It is a number of minutes, such as 240.');
}
