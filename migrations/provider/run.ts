/** What the dynamic provider does; loaded from the compiled project, see compiled-resource.ts. */
import { exitWithEngine } from './exit-with-engine';
import { join } from 'node:path';
import type { dynamic } from '@pulumi/pulumi';
import { canonicalJson } from '../engine/canonical-json';
import { type ChangeFolder, type FileDigest, readChangeFiles } from '../engine/change-files';
import { changeText } from '../engine/change-text';
import { ChangeFilesError, problemText } from '../engine/errors';
import { type Renewal, renewals } from '../engine/parameters';
import { plan } from '../engine/plan';
import { migrateUp, type RunResult } from '../engine/runner';
import type { AppliedChange, Change, Parameters } from '../engine/target';
import { findingText } from '../lint/finding';
import { ownFindings } from '../lint/own-rules';
import { squawk } from '../lint/squawk';
import { projectRoot } from '../project-root';
import { changeFormat, type StoreName } from '../stores';
import { whoami } from '../whoami';
import type { ConnectionReference, StoreConnection } from './connection';
import { type Report, reportUnder } from './diagnostics';

/** Inputs of the resource, as they stand in Pulumi's state. */
export interface Inputs {
  readonly store: StoreName;
  readonly database: string;
  /** Folder of the change files, relative to the project. */
  readonly folder: string;
  readonly files: readonly FileDigest[];
  /** Values of the files' parameters; absent: their own defaults. */
  readonly parameters?: Parameters;
  readonly connection: ConnectionReference;
  /** URN that diagnostics are shown under. */
  readonly reportTo: string;
}

/** One applied change, as Pulumi's state keeps it. */
export type AppliedEntry = Pick<AppliedChange, 'version' | 'description' | 'checksum' | 'parameters'>;

/** Outputs of the resource beside its inputs. */
export interface Outputs {
  readonly applied: readonly AppliedEntry[];
  readonly version: string;
  readonly appliedCount: number;
  /** Empty without TLS, since Pulumi takes a missing output for one not known yet. */
  readonly serverCa: string;
}

type State = Inputs & Outputs;

const MIGRATE_BUDGET_MS = 60_000;
const REFRESH_BUDGET_MS = 10_000;

/** Some changes were applied before one failed: Pulumi saves `properties` as the resource's state and shows `reasons`. */
class PartialMigrationError extends Error {
  constructor(
    readonly id: string,
    readonly properties: State,
    readonly reasons: readonly string[],
  ) {
    super(reasons.join('\n'));
    this.name = 'PartialMigrationError';
    // The plugin prints stacks of what it catches; the reasons say all.
    this.stack = '';
  }
}

/** Validates the change files; shows every statement where the store has no resource yet. */
export async function check(olds: Partial<Inputs>, news: Inputs): Promise<dynamic.CheckResult> {
  exitWithEngine();
  const folder = readFolder(news);
  if (wasChecked(olds, news, folder)) return { inputs: news, failures: [] };
  const reasons = [
    ...folder.problems.map(problemText),
    ...ownFindings(news.folder, changeFormat(news.store).extension, folder.changes).map(findingText),
  ];
  const failures = reasons.map((reason) => ({ property: 'files', reason }));
  if (failures.length > 0) return { inputs: news, failures };
  await showFindings(news, unseen(olds, folder.changes));
  if (olds.store === undefined) await showPending(news, folder.changes);
  return { inputs: news, failures };
}

/** The changes whose files the last update did not have. */
function unseen({ files = [] }: Partial<Inputs>, changes: readonly Change[]): Change[] {
  const seen = new Set(files.map(({ sha256 }) => sha256));
  return changes.filter(({ checksum }) => !seen.has(checksum));
}

/** Shows what the SQL linter says, which is advice: a preview that cannot ask it says so and goes on. */
async function showFindings({ store, folder, reportTo }: Inputs, changes: readonly Change[]): Promise<void> {
  if (changeFormat(store).extension !== 'sql') return;
  const report: Report = reportUnder(reportTo);
  try {
    for (const finding of await squawk(changes.map((change) => ({ folder, change }))))
      await report('warning', findingText(finding));
  } catch (error) {
    await report('warning', `The SQL in ${folder} was not linted: ${(error as Error).message}`);
  }
}

/** Whether the last update had the same files with the same values; then parsing them again shows nothing new. */
function wasChecked(olds: Partial<Inputs>, news: Inputs, { digests }: ChangeFolder): boolean {
  if (digests === undefined || olds.store !== news.store) return false;
  const before = [olds.files, olds.parameters ?? {}];
  return canonicalJson(before) === canonicalJson([digests, news.parameters ?? {}]);
}

/** Compares the files with what the state says was applied; shows the statements of what is pending. */
export async function diff(_id: string, olds: State, news: Inputs): Promise<dynamic.DiffResult> {
  const replaces = (['store', 'database'] as const).filter((property) => olds[property] !== news[property]);
  if (replaces.length > 0) return { changes: true, replaces };
  const folder = readFolder(news);
  const { pending, problems } = plan(folder, olds.applied ?? []);
  if (problems.length > 0) throw withoutStack(new ChangeFilesError(news.folder, problems));
  await showPending(news, pending);
  const renewed = renewals(folder, [...(olds.applied ?? []), ...pending]);
  await showRenewals(news, renewed);
  const moved =
    olds.folder !== news.folder || canonicalJson(olds.connection) !== canonicalJson(news.connection);
  return { changes: pending.length > 0 || renewed.length > 0 || moved };
}

/** Applies every change the store does not have yet. */
export async function create(inputs: Inputs): Promise<dynamic.CreateResult> {
  const id = `${inputs.store}/${inputs.database}`;
  return { id, outs: await migrate(id, inputs) };
}

/** Applies the changes that came since. */
export async function update(id: string, _olds: State, news: Inputs): Promise<dynamic.UpdateResult> {
  return { outs: await migrate(id, news) };
}

/** Reads the store's own history; a store that cannot be reached keeps its state, with a warning. */
export async function read(id: string, props: State): Promise<dynamic.ReadResult> {
  const report = reportUnder(props.reportTo);
  let connection: StoreConnection | undefined;
  try {
    connection = await open(props, REFRESH_BUDGET_MS);
    const history = await connection.target.applied();
    const current = { ...props, ...outputs(history, connection.serverCa) };
    if (canonicalJson(current.applied) !== canonicalJson(props.applied)) {
      await report(
        'warning',
        `The history of ${id} is not what the state says: ${difference(props, current)}.`,
      );
    }
    return { id, props: current };
  } catch (error) {
    await report('warning', `${id} keeps its state: its history cannot be read. ${(error as Error).message}`);
    return { id, props };
  } finally {
    await connection?.close();
  }
}

/** Forgets the resource; the store keeps its data and its history. */
export async function remove(id: string, props: State): Promise<void> {
  await reportUnder(props.reportTo)(
    'info',
    `The ${props.appliedCount} changes of ${id} stay applied: removing this resource never drops data.`,
  );
}

/** What Pulumi's provider process runs. */
export const provider = { check, diff, create, update, read, delete: remove };

async function migrate(id: string, inputs: Inputs): Promise<State> {
  const connection = await open(inputs, MIGRATE_BUDGET_MS);
  try {
    const report = reportUnder(inputs.reportTo);
    const result = await migrateUp({
      target: connection.target,
      folder: readFolder(inputs),
      folderName: inputs.folder,
      appliedBy: whoami(),
      onDrift: (warning) => void report('warning', warning),
      onApplied: (change) => void report('info', `applied ${entryName(change)}`, { ephemeral: true }),
    });
    const state = { ...inputs, ...outputs(result.history, connection.serverCa) };
    if (result.failed) throw new PartialMigrationError(id, state, [failureText(result)]);
    return state;
  } finally {
    await connection.close();
  }
}

function open({ store, database, connection }: Inputs, budgetMs: number): Promise<StoreConnection> {
  // The clients of stores and of Kubernetes take most of a second to load, which a preview need not pay.
  // eslint-disable-next-line @typescript-eslint/no-require-imports
  const { connect } = require('./connection') as typeof import('./connection');
  return connect({ store, database, reference: connection, holder: whoami(), budgetMs });
}

function readFolder({ folder, store, parameters }: Inputs): ChangeFolder {
  return readChangeFiles(join(projectRoot(), folder), changeFormat(store), parameters);
}

async function showPending({ folder, reportTo, store }: Inputs, pending: readonly Change[]): Promise<void> {
  if (pending.length === 0) return;
  const report: Report = reportUnder(reportTo);
  const { terminator } = changeFormat(store);
  const names = pending.map((change) => change.file).join(', ');
  await report('info', `${pending.length} pending in ${folder}: ${names}`);
  for (const change of pending) await report('info', changeText(change, terminator));
}

async function showRenewals({ reportTo, store }: Inputs, renewed: readonly Renewal[]): Promise<void> {
  const report: Report = reportUnder(reportTo);
  const { terminator } = changeFormat(store);
  for (const { change, statements, differences } of renewed) {
    await report('info', `new values in ${change.file}: ${differences.join(', ')}`);
    await report('info', changeText({ ...change, up: statements }, terminator));
  }
}

function outputs(history: readonly AppliedChange[], serverCa = ''): Outputs {
  const applied = history
    .filter((entry) => !entry.halfDone)
    .map(({ version, description, checksum, parameters }) => ({
      ...{ version, description, checksum },
      ...(parameters ? { parameters } : {}),
    }));
  return {
    applied,
    version: applied.at(-1)?.version ?? '',
    appliedCount: applied.length,
    serverCa,
  };
}

function failureText({ applied, failed }: RunResult): string {
  const kept = applied.length === 0 ? 'Nothing was applied' : `Applied: ${applied.map(entryName).join(', ')}`;
  return `${kept}; stopped at ${failed!.error.message}`;
}

function difference(before: Outputs, now: Outputs): string {
  const names = (from: Outputs, without: Outputs) =>
    from.applied.filter(
      (entry) => !without.applied.some((other) => canonicalJson(other) === canonicalJson(entry)),
    );
  const list = (entries: readonly AppliedEntry[]) => entries.map(entryName).join(', ') || 'none';
  return `only in the state: ${list(names(before, now))}; only in the store: ${list(names(now, before))}`;
}

function entryName({ version, description }: AppliedEntry): string {
  return `${version}-${description}`;
}

function withoutStack(error: Error): Error {
  error.stack = '';
  return error;
}
