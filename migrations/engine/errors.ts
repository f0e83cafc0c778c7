/** Everything that can go wrong with change files and their application, as typed errors. */

/** What is wrong with one change file. */
export type ProblemKind = 'malformed' | 'duplicate' | 'edited' | 'missing' | 'late' | 'unreadable';

/** One fault of a change file, with its fix. */
export interface FileProblem {
  readonly kind: ProblemKind;
  /** File name inside its folder; the folder itself for `unreadable`. */
  readonly file: string;
  /** What is wrong, as the end of a sentence that starts with the file name. */
  readonly what: string;
  readonly fix: string;
  /** Version in the file's name, where it has one. */
  readonly version?: string;
}

/** Text of one problem: file, fault and fix in one line. */
export function problemText(problem: FileProblem): string {
  return `${problem.file} ${problem.what}. ${problem.fix}`;
}

/** The change files cannot be applied; lists every problem at once. */
export class ChangeFilesError extends Error {
  constructor(
    /** Folder of the files, as shown to people, such as `migrations/postgres/platform`. */
    readonly folder: string,
    readonly problems: readonly FileProblem[],
  ) {
    super(
      `${problems.length} problem${problems.length === 1 ? '' : 's'} in ${folder}:\n` +
        problems.map((problem) => `- ${problemText(problem)}`).join('\n'),
    );
    this.name = 'ChangeFilesError';
  }
}

/** Another runner holds the migration lock. */
export class LockTimeoutError extends Error {
  constructor(
    readonly store: string,
    /** Who holds the lock, as far as the store tells. */
    readonly holder: string,
    readonly waitedMs: number,
  ) {
    super(
      `The migration lock of ${store} is held by ${holder} and was not free within ${(waitedMs / 1000).toFixed(1)} s. ` +
        'Wait for that run to end, or stop it: the lock of a dead runner frees itself.',
    );
    this.name = 'LockTimeoutError';
  }
}

/** A change was refused by its store; nothing of it stays unless `statementsDone` says so. */
export class ChangeFailedError extends Error {
  constructor(
    readonly file: string,
    /** Number of the statement in its section, from 1. */
    readonly statement: number,
    /** Line and column in the file, from 1; the statement's first line where the store gives no position. */
    readonly position: { readonly line: number; readonly column?: number },
    /** The store's own words. */
    readonly reason: string,
    options: { cause?: unknown; hint?: string } = {},
  ) {
    const column = position.column === undefined ? '' : `, column ${position.column}`;
    super(
      `${file}: statement ${statement} failed at line ${position.line}${column}: ${reason}` +
        (options.hint ? ` ${options.hint}` : ''),
      { cause: options.cause },
    );
    this.name = 'ChangeFailedError';
  }
}

/** The store refuses what every migration needs, such as creating the history. */
export class StoreAccessError extends Error {
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'StoreAccessError';
  }
}
