/** What the subcommands do with one database. Each returns its report as data, as text, and its exit code. */
import { changeText, counted } from '../engine/change-text';
import { type FileProblem, problemText } from '../engine/errors';
import { plan } from '../engine/plan';
import { acceptSchema, migrateDown, migrateUp, toRevert } from '../engine/runner';
import type { AppliedChange, Change, MigrationTarget } from '../engine/target';
import {
  auditLines,
  driftLines,
  hasDrift,
  isRecorded,
  newestVersion,
  type SchemaDrift,
  schemaDrift,
} from '../engine/verify';
import { whoami } from '../whoami';
import { CommandUsageError, confirm, exitCodes, type Io } from './io';
import type { Place } from './places';
import { table } from './table';

/** Result of a subcommand for one database. */
export interface Outcome {
  /** What `--json` prints, beside store and database. */
  readonly report: object;
  readonly text: string;
  readonly exitCode: number;
}

/** A subcommand; the target is open. */
export type Action<Options> = (
  place: Place,
  target: MigrationTarget,
  options: Options,
  io: Io,
) => Promise<Outcome>;

/** Shows the statements that `up` would run. */
export const planAction: Action<{ to?: string }> = async (place, target, { to }) => {
  const { pending: all, problems } = plan(place.readChanges(), await target.applied());
  const pending = upTo(all, to);
  return {
    report: {
      pending: pending.map(({ version, description, file, transaction, up }) => ({
        ...{ version, description, file, transaction },
        statements: up,
      })),
      problems,
    },
    text: [
      ...problemLines(place, problems),
      ...(problems.length === 0 ? [pendingLine(pending)] : []),
      ...pending.map((change) => changeText(change, place.terminator)),
    ].join('\n'),
    exitCode: problems.length > 0 ? exitCodes.failed : pending.length > 0 ? exitCodes.found : exitCodes.ok,
  };
};

/** Applies what is pending. */
export const upAction: Action<{ to?: string; lockWait: number }> = async (place, target, options, io) => {
  const warnings: string[] = [];
  const folder = place.readChanges();
  if (options.to !== undefined && !folder.changes.some(({ version }) => version === options.to))
    throw new CommandUsageError(`${place.folder} has no change ${options.to} to go up to.`);
  const result = await migrateUp({
    ...run(place, target, options.lockWait),
    folder,
    to: options.to,
    onApplied: (entry) => io.note(`✓ ${name(entry)} (${duration(entry.durationMs)})`),
    onDrift: (warning) => {
      warnings.push(warning);
      io.note(`warning: ${warning}`);
    },
  });
  const version = newestVersion(result.history);
  const { failed } = result;
  return {
    report: {
      version,
      applied: result.applied.map(({ version, description, durationMs }) => ({
        ...{ version, description, durationMs },
      })),
      ...(warnings.length > 0 ? { warnings } : {}),
      ...(failed ? { failed: { file: failed.change.file, message: failed.error.message } } : {}),
    },
    text: [
      `${counted(result.applied.length, 'change')} applied; ${at(version)}.`,
      ...(failed ? [`error: ${failed.error.message}`] : []),
    ].join('\n'),
    exitCode: failed ? exitCodes.failed : exitCodes.ok,
  };
};

/** Reverts what is newer than a version, after a question. */
export const downAction: Action<{ to: string; lockWait: number; yes?: boolean }> = async (
  place,
  target,
  { to, lockWait, yes },
  io,
) => {
  const history = await target.applied();
  if (Number(to) !== 0 && !history.some(({ version }) => version === to)) {
    const known = history.map(({ version }) => version).join(', ') || 'none';
    throw new CommandUsageError(`Version ${to} is not applied. Applied are: ${known}; 0 reverts everything.`);
  }
  const options = { ...run(place, target, lockWait), folder: place.readChanges(), to };
  const changesToRevert = toRevert(options, history);
  for (const change of changesToRevert) io.note(changeText(change, place.terminator, 'down'));
  if (changesToRevert.length > 0)
    await confirm(
      io,
      `Reverting ${counted(changesToRevert.length, 'change')} of ${place.store}/${place.database} may lose data.`,
      yes,
    );
  const reverted = await migrateDown({
    ...options,
    onReverted: (change, ms) => io.note(`✓ ${name(change)} reverted (${duration(ms)})`),
  });
  const version = newestVersion(await target.applied());
  return {
    report: {
      version,
      reverted: reverted.map(({ version, description }) => ({ version, description })),
    },
    text: `${counted(reverted.length, 'change')} reverted; ${at(version)}.`,
    exitCode: exitCodes.ok,
  };
};

/** Shows the history and what is pending. */
export const statusAction: Action<object> = async (place, target) => {
  const history = await target.applied();
  const { pending, problems } = plan(place.readChanges(), history);
  const rows = [
    ...history.map((entry) => [
      name(entry),
      entry.halfDone ? 'half done' : 'applied',
      entry.appliedAt.slice(0, 19).replace('T', ' '),
      duration(entry.durationMs),
      entry.appliedBy,
    ]),
    ...pending
      .filter(({ version }) => !history.some((entry) => entry.version === version))
      .map((change) => [name(change), 'pending', '', '', '']),
  ];
  return {
    report: {
      version: newestVersion(history),
      history: history.map(({ rollback: _, ...entry }) => entry),
      pending: pending.map(({ version, description, file }) => ({ version, description, file })),
      problems,
    },
    text: [
      table(['change', 'state', 'applied at (UTC)', 'took', 'by'], rows),
      ...halfDoneLines(history),
      ...problemLines(place, problems),
      ...(problems.length === 0 ? [pendingLine(pending)] : []),
    ].join('\n'),
    exitCode: problems.length > 0 ? exitCodes.failed : pending.length > 0 ? exitCodes.found : exitCodes.ok,
  };
};

/**
 * Compares the live definitions with those of the last run, and data with the definitions where the store has data that
 * can contradict them; with `accept`, makes the live definitions the meant ones.
 */
export const verifyAction: Action<{ accept?: boolean; yes?: boolean; lockWait: number }> = async (
  place,
  target,
  { accept, yes, lockWait },
  io,
) => {
  const drift = await schemaDrift(target);
  const audit = drift.version === '' ? undefined : await target.audit?.();
  const found = hasDrift(drift);
  const accepted = found && accept === true;
  if (accepted) {
    io.note(driftText(drift));
    const question = `Recording the live definitions of ${place.store}/${place.database} as the meant ones.`;
    await confirm(io, question, yes);
    await acceptSchema(run(place, target, lockWait));
  }
  const left = (found && !accepted) || (audit !== undefined && audit.faults.length > 0);
  return {
    report: { ...drift, drift: found, ...(audit ? { audit } : {}), ...(accept ? { accepted } : {}) },
    text: [
      accepted ? 'The live definitions are recorded.' : driftText(drift),
      ...(audit ? auditLines(audit) : []),
    ].join('\n'),
    exitCode: left ? exitCodes.found : exitCodes.ok,
  };
};

/** Draws the live definitions. */
export const diagramAction: Action<object> = async ({ store }, target) => {
  if (!target.diagram) throw new CommandUsageError(`${store} has no diagram; postgres has one.`);
  const diagram = await target.diagram();
  return { report: { diagram }, text: diagram.trimEnd(), exitCode: exitCodes.ok };
};

function driftText(drift: SchemaDrift): string {
  const { version, recorded } = drift;
  const lines = driftLines(drift);
  if (!isRecorded(drift)) {
    const record = recorded === undefined ? 'no record' : `a record of ${recorded || 'the empty store'}`;
    return [
      `There is ${record}, but ${version || 'nothing'} is applied: a run ended before it could record what it left behind.`,
      'The differences may be its changes. Read them, then record the live definitions with `verify --accept`.',
      ...lines,
    ].join('\n');
  }
  if (version === '' && recorded === undefined)
    return 'Nothing was ever applied, so there is nothing to compare.';
  if (lines.length === 0) return `No drift: the definitions are those of ${version || 'the empty store'}.`;
  return [
    `${counted(lines.length, 'difference')} from the definitions of ${version || 'the empty store'} (+ only in the store, - only in the record):`,
    ...lines,
    'Undo what was changed, or put it into a change file, or accept it with `verify --accept`.',
  ].join('\n');
}

function run({ folder }: Place, target: MigrationTarget, lockWait: number) {
  return { target, folderName: folder, appliedBy: whoami(), lockWaitMs: lockWait * 1000 };
}

function upTo(pending: readonly Change[], to: string | undefined): readonly Change[] {
  return to === undefined ? pending : pending.filter(({ version }) => version <= to);
}

function problemLines({ folder }: Place, problems: readonly FileProblem[]): string[] {
  return problems.map((problem) => `error: ${folder}/${problemText(problem)}`);
}

function halfDoneLines(history: readonly AppliedChange[]): string[] {
  return history.flatMap((entry) =>
    entry.halfDone
      ? [
          `${name(entry)} stopped after ${counted(entry.halfDone.statements, 'statement')}: ${entry.halfDone.error ?? 'its runner died'}`,
        ]
      : [],
  );
}

function pendingLine(pending: readonly Change[]): string {
  return pending.length === 0 ? 'Nothing is pending.' : `${counted(pending.length, 'change')} pending.`;
}

function at(version: string): string {
  return version ? `at version ${version}` : 'nothing is applied';
}

function name({ version, description }: Pick<Change, 'version' | 'description'>): string {
  return `${version}-${description}`;
}

function duration(ms: number): string {
  return ms < 1000 ? `${ms} ms` : `${(ms / 1000).toFixed(1)} s`;
}
