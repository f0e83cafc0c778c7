import { counted } from './change-text';
import type { AppliedChange, DataAudit, MigrationTarget } from './target';

/** How a store's live definitions differ from those that the last run left behind. */
export interface SchemaDrift {
  /** Newest applied version; empty before the first. */
  readonly version: string;
  /** Newest applied version when the definitions were recorded; undefined when no run recorded any. */
  readonly recorded?: string;
  /** Lines of {@link MigrationTarget.schema} that are only in the store. */
  readonly added: readonly string[];
  /** Lines that are only in the record. */
  readonly removed: readonly string[];
}

/** Lines of a drift that a sentence about it shows. */
const SHOWN_LINES = 3;
const SHOWN_CHARACTERS = 120;

/** Compares the live definitions with the record; asks the store for the definitions only where there is a record. */
export async function schemaDrift(
  target: MigrationTarget,
  /** The store's history, where it was read already. */
  history?: readonly AppliedChange[],
): Promise<SchemaDrift> {
  const version = newestVersion(history ?? (await target.applied()));
  const snapshot = await target.snapshot();
  if (!snapshot) return { version, added: [], removed: [] };
  return { version, recorded: snapshot.version, ...difference(snapshot.schema, await target.schema()) };
}

/** Number of the newest change that is wholly applied; empty before the first. */
export function newestVersion(history: readonly AppliedChange[]): string {
  return history.filter((entry) => !entry.halfDone).at(-1)?.version ?? '';
}

/** Whether the record is of the version that is applied, so that every difference is drift. */
export function isRecorded({ version, recorded }: SchemaDrift): boolean {
  return (recorded ?? '') === version;
}

/** Whether anything differs, or nothing can be said because the record is of another version. */
export function hasDrift(drift: SchemaDrift): boolean {
  return !isRecorded(drift) || drift.added.length + drift.removed.length > 0;
}

/** One sentence and the first differences, for a warning. */
export function driftWarning(drift: SchemaDrift): string {
  const lines = driftLines(drift);
  const more = lines.length > SHOWN_LINES ? [`… and ${lines.length - SHOWN_LINES} more`] : [];
  return [
    `The definitions were changed outside the change files since ${drift.version || 'the last run'} (${counted(lines.length, 'difference')}); \`npm run migrate -- verify\` lists them:`,
    ...lines
      .slice(0, SHOWN_LINES)
      .map((line) => (line.length > SHOWN_CHARACTERS ? `${line.slice(0, SHOWN_CHARACTERS)}…` : line)),
    ...more,
  ].join('\n');
}

/** The differences, `+` for what only the store has and `-` for what only the record has, each on one line. */
export function driftLines({ added, removed }: Pick<SchemaDrift, 'added' | 'removed'>): string[] {
  const marked = [
    ...removed.map((line) => ({ mark: '-', line })),
    ...added.map((line) => ({ mark: '+', line })),
  ];
  return marked
    .sort((a, b) => (a.line < b.line ? -1 : a.line > b.line ? 1 : 0))
    .map(({ mark, line }) => `${mark} ${line.replace(/\s*\n\s*/g, ' ')}`);
}

/** What an audit of the data found, `!` before each kind of fault. */
export function auditLines({ scanned, complete, faults }: DataAudit): string[] {
  const looked = `${scanned} ${scanned === 1 ? 'entry' : 'entries'} looked at${complete ? '' : ', there are more'}`;
  if (faults.length === 0) return [`No fault in the data: ${looked}.`];
  return [
    `${counted(faults.length, 'kind')} of fault in the data (${looked}):`,
    ...faults.map(({ text }) => `! ${text}`),
    'Correct what writes such data, or put what is meant into a change file.',
  ];
}

/** Lines of each side that the other has not, counting repeated ones. */
function difference(
  before: readonly string[],
  now: readonly string[],
): Pick<SchemaDrift, 'added' | 'removed'> {
  const counts = new Map<string, number>();
  for (const line of before) counts.set(line, (counts.get(line) ?? 0) + 1);
  const added = now.filter((line) => {
    const left = counts.get(line) ?? 0;
    counts.set(line, left - 1);
    return left <= 0;
  });
  const removed = [...counts].flatMap(([line, left]) => Array<string>(Math.max(0, left)).fill(line));
  return { added, removed };
}
