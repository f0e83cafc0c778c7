import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { MalformedChangeError } from '../engine/change-files';
import { counted } from '../engine/change-text';
import { PlainTextError, readPlainText } from '../engine/plain-text';
import type { MigrationTarget, Statement } from '../engine/target';
import { projectRoot } from '../project-root';
import { changeFormat, type StoreName, storeNames } from '../stores';
import type { Outcome } from './actions';
import { CommandUsageError, exitCodes, type Io } from './io';

/** A file of seed data, which can be run any number of times. */
export interface SeedFile {
  /** Path relative to the project. */
  readonly file: string;
  readonly statements: readonly Statement[];
}

const FILE = /^\d{3}-[a-z0-9]+(-[a-z0-9]+)*\.([a-z]+)$/;
const ENVIRONMENT = /^[a-z][a-z0-9-]*$/;

/** Checks the name of an environment, which becomes part of a path. @throws CommandUsageError */
export function environmentName(text: string): string {
  if (ENVIRONMENT.test(text)) return text;
  throw new CommandUsageError(`"${text}" is no environment; it has lower-case letters, digits and hyphens.`);
}

/** Stores that have seed files for an environment. */
export function seededStores(environment: string, root = projectRoot()): StoreName[] {
  return storeNames.filter((store) => existsSync(join(root, seedFolder(store, environment))));
}

/**
 * Reads a store's seed files in order; none where it has no folder for the environment.
 * @throws CommandUsageError naming a file that is no seed file, MalformedChangeError of one that cannot be split.
 */
export function readSeedFiles(store: StoreName, environment: string, root = projectRoot()): SeedFile[] {
  const folder = seedFolder(store, environment);
  if (!existsSync(join(root, folder))) return [];
  const { extension, parseSeed } = changeFormat(store);
  if (!parseSeed) throw new CommandUsageError(`${folder}: ${store} takes no seed files.`);
  const names = readdirSync(join(root, folder))
    .filter((name) => !name.startsWith('.') && !/^readme\b/i.test(name))
    .sort();
  return names.map((name) => {
    const file = `${folder}/${name}`;
    if (FILE.exec(name)?.[2] !== extension)
      throw new CommandUsageError(`${file} is no seed file; name it NNN-<slug>.${extension}.`);
    try {
      return { file, statements: parseSeed(readPlainText(join(root, file))) };
    } catch (error) {
      if (!(error instanceof MalformedChangeError || error instanceof PlainTextError)) throw error;
      throw new MalformedChangeError(`${file} ${error.what}`, error.fix);
    }
  });
}

/** Runs seed files in order, each in one transaction; stops at the first that fails. */
export async function seedAction(
  target: MigrationTarget,
  files: readonly SeedFile[],
  io: Io,
): Promise<Outcome> {
  for (const { file, statements } of files) {
    const started = performance.now();
    await target.seed!(file, statements);
    io.note(`✓ ${file} (${Math.round(performance.now() - started)} ms)`);
  }
  return {
    report: { files: files.map(({ file }) => file) },
    text: `${counted(files.length, 'seed file')} run.`,
    exitCode: exitCodes.ok,
  };
}

function seedFolder(store: StoreName, environment: string): string {
  return `migrations/${store}/seed/${environment}`;
}
