/** Reads what must hold of the data in every store; the format is docs/invariants.md. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { z } from 'zod';
import { type FileProblem, ChangeFilesError } from '../engine/errors';
import { PlainTextError, readPlainText } from '../engine/plain-text';
import { type Check, checkFiles, crossFile, type Values } from './checks';

/** Folder beside the change files of a database. */
export const INVARIANTS_FOLDER = 'invariants';
/** Folder beside the stores', for what holds between them. */
export const CROSS_STORE = 'cross-store';

const queries = {
  postgres: { extension: 'sql', comment: '--' },
  neo4j: { extension: 'cypher', comment: '//' },
  oxigraph: { extension: 'sparql', comment: '#' },
} as const;

/** Stores whose invariants are queries. */
export type QueryStore = keyof typeof queries;
/** Stores whose invariants are requests with their answers. */
export type CheckStore = keyof typeof checkFiles;
/** Whose invariants there are. */
export type InvariantStore = QueryStore | CheckStore | typeof CROSS_STORE;

interface Common {
  /** Path such as `postgres/platform/every-project-has-a-member`. */
  readonly name: string;
  readonly description: string;
  /** SHA-256 (hex) of the file's text. */
  readonly sha256: string;
}

/** What must hold of the data, of one file. */
export type Invariant = Common &
  (
    | { readonly store: QueryStore; /** Returns what violates it. */ readonly query: string }
    | { readonly store: CheckStore; readonly checks: readonly Check[] }
    | { readonly store: typeof CROSS_STORE; readonly every: Values; readonly isIn: Values }
  );

/** Invariants of one folder, and everything that is wrong with its files. */
export interface InvariantFolder {
  readonly invariants: readonly Invariant[];
  readonly problems: readonly FileProblem[];
}

/** Every store that may have invariants, and what is between stores. */
export const invariantStores = [
  ...Object.keys(queries),
  ...Object.keys(checkFiles),
  CROSS_STORE,
] as InvariantStore[];

const NAME = /^([a-z0-9]+(?:-[a-z0-9]+)*)\.([a-z]+)$/;

/** A file whose content is wrong. */
class ContentError extends Error {
  constructor(
    readonly what: string,
    readonly fix: string,
  ) {
    super(`${what}. ${fix}`);
  }
}

/**
 * Every invariant of a database in all stores, in order of store and name.
 * @param root Folder with a folder for each store, such as `migrations`.
 * @throws ChangeFilesError listing all that is wrong with the files.
 */
export function readAllInvariants(root: string, database: string): Invariant[] {
  const problems: FileProblem[] = [];
  const all = invariantStores.flatMap((store) => {
    const folder = `${store}/${database}/${INVARIANTS_FOLDER}`;
    const found = readInvariants(join(root, folder), store, database);
    problems.push(...found.problems.map((problem) => ({ ...problem, file: `${folder}/${problem.file}` })));
    return found.invariants;
  });
  if (problems.length > 0) throw new ChangeFilesError(basename(root), problems);
  return all;
}

/** Reads the invariants of one folder, which need not exist; never throws for what is wrong in it, but lists all of it. */
export function readInvariants(folder: string, store: InvariantStore, database: string): InvariantFolder {
  const invariants: Invariant[] = [];
  const problems: FileProblem[] = [];
  const names = existsSync(folder) ? readdirSync(folder) : [];
  for (const file of names.filter((name) => !name.startsWith('.') && !/^readme\b/i.test(name)).sort()) {
    try {
      invariants.push(readFile(folder, file, store, database));
    } catch (error) {
      if (!(error instanceof ContentError) && !(error instanceof PlainTextError)) throw error;
      problems.push({ kind: 'malformed', file, what: error.what, fix: error.fix });
    }
  }
  return { invariants, problems };
}

/** Of the files of a store's invariants, without dot. */
export function invariantExtension(store: InvariantStore): string {
  return isQueryStore(store) ? queries[store].extension : 'json';
}

function readFile(folder: string, file: string, store: InvariantStore, database: string): Invariant {
  const extension = invariantExtension(store);
  const [, slug, found] = NAME.exec(file) ?? [];
  if (!slug || found !== extension)
    throw new ContentError(
      'is not named like an invariant of this store',
      `Name it <lower-case-slug>.${extension}, such as every-project-has-a-member.${extension}, or move it elsewhere.`,
    );
  const text = readPlainText(join(folder, file));
  const sha256 = createHash('sha256').update(text).digest('hex');
  const common = { name: `${store}/${database}/${slug}`, sha256 };
  if (isQueryStore(store)) return { ...common, store, ...parseQuery(text, queries[store].comment) };
  if (store === CROSS_STORE) return { ...common, store, ...parseJson(text, crossFile) };
  return {
    ...common,
    store,
    ...(parseJson(text, checkFiles[store]) as { description: string; checks: Check[] }),
  };
}

function isQueryStore(store: InvariantStore): store is QueryStore {
  return store in queries;
}

function parseQuery(text: string, comment: string): { description: string; query: string } {
  const [first = '', ...rest] = text.trimStart().split('\n');
  const description = first.startsWith(comment) ? first.slice(comment.length).trim() : '';
  if (!description)
    throw new ContentError(
      'does not begin with a comment',
      `Say on its first line, after ${comment}, what must hold.`,
    );
  const query = rest.join('\n').trim().replace(/;$/, '');
  const isEmpty = query.split('\n').every((line) => line.trim() === '' || line.trim().startsWith(comment));
  if (isEmpty) throw new ContentError('has no query', 'Write the query that returns what violates it.');
  return { description, query };
}

function parseJson<Shape extends z.ZodType>(text: string, shape: Shape): z.infer<Shape> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new ContentError(`is not JSON: ${(error as Error).message}`, 'Correct its syntax.');
  }
  const parsed = shape.safeParse(value);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map(
    ({ path, message }) => `${path.join('.') || 'the file'}: ${message}`,
  );
  throw new ContentError(`is not valid (${faults.join('; ')})`, 'See docs/invariants.md for its form.');
}
