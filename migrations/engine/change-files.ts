/** Reads and validates a folder of change files; the format is docs/migration-format.md. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FileProblem } from './errors';
import type { Change, Statement } from './target';

/** What a format's parser takes out of one file. */
export type ParsedChange = Pick<Change, 'transaction' | 'up' | 'down' | 'rollback' | 'destructive'>;

/** How the change files of a store are written. */
export interface ChangeFormat {
  /** File extension without dot, such as `sql`. */
  readonly extension: string;
  /** What ends a statement when statements are shown, such as `;`. */
  readonly terminator: string;
  /** @throws MalformedChangeError */
  parse(text: string): ParsedChange;
  /** Faults that show only over all files together, such as a name that no earlier file makes. */
  check?(changes: readonly Change[]): FileProblem[];
  /** Splits a seed file, which has no sections; absent where a store takes no seed files. @throws MalformedChangeError */
  parseSeed?(text: string): readonly Statement[];
}

/** A change file's text that its format's parser refuses. */
export class MalformedChangeError extends Error {
  constructor(
    /** What is wrong, as the end of a sentence that starts with the file name. */
    readonly what: string,
    readonly fix: string,
  ) {
    super(`${what}. ${fix}`);
    this.name = 'MalformedChangeError';
  }
}

/** The changes of one folder in version order, and everything that is wrong with its files. */
export interface ChangeFolder {
  readonly changes: readonly Change[];
  readonly problems: readonly FileProblem[];
}

/** Name and checksum of one change file. */
export interface FileDigest {
  readonly file: string;
  /** SHA-256 (hex) of the file's text with line endings normalised to LF. */
  readonly sha256: string;
}

const NAME = /^(\d{6})-([a-z0-9]+(?:-[a-z0-9]+)*)\.([a-z]+)$/;

/** Text as every later step sees it: UTF-8 without byte order mark, line endings LF. */
function normalise(bytes: Buffer): string {
  return new TextDecoder('utf-8', { fatal: true }).decode(bytes).replace(/\r\n?/g, '\n');
}

function sha256(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex');
}

/** Names in a folder that are meant to be change files: not hidden, not a README. */
function candidates(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => !name.startsWith('.') && !/^readme\b/i.test(name))
    .sort();
}

/**
 * Names and checksums of a folder's change files, in version order and without validation; what a Pulumi program declares.
 * @throws Error of node:fs when the folder cannot be read.
 */
export function changeFileDigests(folder: string): FileDigest[] {
  return candidates(folder)
    .filter((name) => NAME.test(name))
    .map((file) => ({
      file,
      sha256: sha256(new TextDecoder().decode(readFileSync(join(folder, file))).replace(/\r\n?/g, '\n')),
    }));
}

/** Reads every change file of a folder; never throws for what is wrong in it, but lists all of it. */
export function readChangeFiles(folder: string, format: ChangeFormat): ChangeFolder {
  let names: string[];
  try {
    names = candidates(folder);
  } catch (error) {
    const what = `cannot be read: ${(error as Error).message}`;
    return { changes: [], problems: [{ kind: 'unreadable', file: folder, what, fix: 'Create the folder.' }] };
  }
  const changes: Change[] = [];
  const problems: FileProblem[] = [];
  for (const file of names) {
    try {
      changes.push(readChangeFile(folder, file, format));
    } catch (error) {
      if (!(error instanceof MalformedChangeError)) throw error;
      problems.push({
        kind: 'malformed',
        file,
        what: error.what,
        fix: error.fix,
        version: NAME.exec(file)?.[1],
      });
    }
  }
  problems.push(...duplicates(names));
  if (problems.length === 0) problems.push(...(format.check?.(changes) ?? []));
  return { changes, problems };
}

function readChangeFile(folder: string, file: string, format: ChangeFormat): Change {
  const name = NAME.exec(file);
  if (!name || name[3] !== format.extension) {
    throw new MalformedChangeError(
      'is not named like a change file of this store',
      `Name it <six digits>-<lower-case-slug>.${format.extension}, such as 000001-users.${format.extension}, or move it elsewhere.`,
    );
  }
  let text: string;
  try {
    text = normalise(readFileSync(join(folder, file)));
  } catch (error) {
    throw new MalformedChangeError(
      `cannot be read as UTF-8 text: ${(error as Error).message}`,
      'Save it as a UTF-8 file.',
    );
  }
  return {
    version: name[1]!,
    description: name[2]!,
    file,
    checksum: sha256(text),
    ...format.parse(text),
  };
}

function duplicates(names: readonly string[]): FileProblem[] {
  const first = new Map<string, string>();
  const problems: FileProblem[] = [];
  for (const file of names) {
    const version = NAME.exec(file)?.[1];
    if (!version) continue;
    const earlier = first.get(version);
    if (earlier === undefined) first.set(version, file);
    else {
      problems.push({
        kind: 'duplicate',
        file,
        what: `has the same number as ${earlier}`,
        fix: 'Give the one that is not merged yet the next free number.',
        version,
      });
    }
  }
  return problems;
}
