import type { ChangeFolder } from './change-files';
import type { FileProblem } from './errors';
import type { AppliedChange, Change } from './target';

/** What a run would do: changes to apply in order, or the problems that forbid it. */
export interface Plan {
  /** Empty when there are problems. */
  readonly pending: readonly Change[];
  readonly problems: readonly FileProblem[];
}

/** A history's entry as far as planning needs it. */
export type HistoryEntry = Pick<
  AppliedChange,
  'version' | 'description' | 'checksum' | 'halfDone' | 'parameters'
>;

/** Compares a folder's files with a store's history; pure. */
export function plan(folder: ChangeFolder, history: readonly HistoryEntry[]): Plan {
  if (isWhollyApplied(folder, history)) return { pending: [], problems: [] };
  const done = new Map(history.filter((entry) => !entry.halfDone).map((entry) => [entry.version, entry]));
  const newest = [...done.keys()].sort().at(-1);
  const problems: FileProblem[] = [...folder.problems];
  const pending: Change[] = [];
  for (const change of folder.changes) {
    const entry = done.get(change.version);
    if (entry === undefined) {
      if (newest !== undefined && change.version < newest) problems.push(late(change, newest));
      else pending.push(change);
    } else if (entry.checksum !== change.checksum) problems.push(edited(change));
  }
  problems.push(...missing(folder, history));
  problems.sort((a, b) => (a.file < b.file ? -1 : a.file > b.file ? 1 : 0));
  return problems.length > 0 ? { pending: [], problems } : { pending, problems };
}

/** Whether the files are those of the history, so that none needs to be parsed again. */
function isWhollyApplied({ digests }: ChangeFolder, history: readonly HistoryEntry[]): boolean {
  if (digests?.length !== history.length) return false;
  return history.every(({ version, checksum, halfDone }, index) => {
    const { file, sha256 } = digests[index]!;
    return !halfDone && file.startsWith(`${version}-`) && sha256 === checksum;
  });
}

function late({ version, file }: Change, newest: string): FileProblem {
  return {
    kind: 'late',
    file,
    version,
    what: `comes late: ${newest} is applied already`,
    fix: `Give it a number above ${newest}.`,
  };
}

function edited({ version, file }: Change): FileProblem {
  return {
    kind: 'edited',
    file,
    version,
    what: 'was edited after it was applied',
    fix: 'Restore its text from version control and put the edit into a new change file.',
  };
}

function missing(folder: ChangeFolder, history: readonly HistoryEntry[]): FileProblem[] {
  const present = new Set([
    ...folder.changes.map((change) => change.version),
    ...folder.problems.map((problem) => problem.version),
  ]);
  return history
    .filter((entry) => !present.has(entry.version))
    .map(({ version, description }) => ({
      kind: 'missing',
      file: `${version}-${description}`,
      version,
      what: 'is in the history, but its file is missing',
      fix: 'Restore the file from version control.',
    }));
}
