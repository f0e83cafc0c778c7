/** Reads and validates a folder of change files; the format is docs/migration-format.md. */
import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { FileProblem } from './errors';
import { PlainTextError, readPlainText } from './plain-text';
import type { Change, Parameters, Statement } from './target';

/** What a format's parser takes out of one file. */
export type ParsedChange = Pick<
  Change,
  'transaction' | 'up' | 'down' | 'rollback' | 'destructive' | 'parameters'
>;

/** How the change files of a store are written. */
export interface ChangeFormat {
  /** File extension without dot, such as `sql`. */
  readonly extension: string;
  /** What ends a statement when statements are shown, such as `;`. */
  readonly terminator: string;
  /** @param values Replace the file's own defaults of its parameters. @throws MalformedChangeError */
  parse(text: string, values?: Parameters): ParsedChange;
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

/** The changes of one folder in version order, and everything that is wrong with its files; parsed when they are first asked for. */
export interface ChangeFolder {
  readonly changes: readonly Change[];
  readonly problems: readonly FileProblem[];
  /** The values that the files were read with; absent: their own defaults. */
  readonly parameters?: Parameters;
  /** Known without parsing; absent where a file cannot be read or is named wrongly. */
  readonly digests?: readonly FileDigest[];
}

/** Name and checksum of one change file. */
export interface FileDigest {
  readonly file: string;
  /** SHA-256 (hex) of the file's text with line endings normalised to LF. */
  readonly sha256: string;
}

const NAME = /^(\d{6})-([a-z0-9]+(?:-[a-z0-9]+)*)\.([a-z]+)$/;

function sha256(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex');
}

/** Folder of the invariants beside the change files, see invariants/. */
const INVARIANTS = 'invariants';

/** Names in a folder that are meant to be change files: not hidden, not a README. */
function candidates(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => !(entry.isDirectory() && entry.name === INVARIANTS))
    .map(({ name }) => name)
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
    .map((file) => ({ file, sha256: sha256(textOrNothing(join(folder, file))) }));
}

/** A file that is refused has no text; what is wrong with it says {@link readChangeFiles}. */
function textOrNothing(path: string): string {
  try {
    return readPlainText(path);
  } catch (error) {
    if (error instanceof PlainTextError) return '';
    throw error;
  }
}

/** Reads every change file of a folder; never throws for what is wrong in it, but lists all of it. */
export function readChangeFiles(folder: string, format: ChangeFormat, parameters?: Parameters): ChangeFolder {
  let names: string[];
  try {
    names = candidates(folder);
  } catch (error) {
    const what = `cannot be read: ${(error as Error).message}`;
    return { changes: [], problems: [{ kind: 'unreadable', file: folder, what, fix: 'Create the folder.' }] };
  }
  const files = names.map((file) => readFile(folder, file, format));
  let parsed: ReturnType<typeof parseFiles> | undefined;
  const parse = () => (parsed ??= parseFiles(files, format, parameters));
  const digests = files.flatMap((file) =>
    'text' in file ? [{ file: file.file, sha256: file.checksum }] : [],
  );
  return {
    get changes() {
      return parse().changes;
    },
    get problems() {
      return parse().problems;
    },
    ...(parameters ? { parameters } : {}),
    ...(digests.length === files.length ? { digests } : {}),
  };
}

/** A file before it is parsed. */
type UnparsedChange = Pick<Change, 'version' | 'description' | 'file' | 'checksum'> & {
  readonly text: string;
};

function readFile(folder: string, file: string, format: ChangeFormat): UnparsedChange | FileProblem {
  const name = NAME.exec(file);
  if (!name || name[3] !== format.extension) {
    const what = 'is not named like a change file of this store';
    const fix = `Name it <six digits>-<lower-case-slug>.${format.extension}, such as 000001-users.${format.extension}, or move it elsewhere.`;
    return malformed(file, { what, fix });
  }
  try {
    const text = readPlainText(join(folder, file));
    return { version: name[1]!, description: name[2]!, file, checksum: sha256(text), text };
  } catch (error) {
    if (!(error instanceof PlainTextError)) throw error;
    return malformed(file, error);
  }
}

function parseFiles(
  files: readonly (UnparsedChange | FileProblem)[],
  format: ChangeFormat,
  parameters: Parameters | undefined,
): { changes: Change[]; problems: FileProblem[] } {
  const changes: Change[] = [];
  const problems: FileProblem[] = [];
  for (const file of files) {
    if (!('text' in file)) {
      problems.push(file);
      continue;
    }
    const { text, ...rest } = file;
    try {
      changes.push({ ...rest, ...format.parse(text, parameters) });
    } catch (error) {
      if (!(error instanceof MalformedChangeError)) throw error;
      problems.push(malformed(file.file, error));
    }
  }
  problems.push(...duplicates(files.map(({ file }) => file)));
  if (problems.length === 0) problems.push(...(format.check?.(changes) ?? []));
  return { changes, problems };
}

function malformed(file: string, { what, fix }: Pick<FileProblem, 'what' | 'fix'>): FileProblem {
  return { kind: 'malformed', file, what, fix, version: NAME.exec(file)?.[1] };
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
