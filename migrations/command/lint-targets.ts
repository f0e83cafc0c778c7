import { existsSync, readdirSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, relative, resolve } from 'node:path';
import type { LintTarget } from '../lint';
import { projectRoot } from '../project-root';
import { type StoreName, storeNames } from '../stores';
import { CommandUsageError } from './io';

/** Folder beside the databases that holds seed files, see seed.ts. */
const SEED_FOLDER = 'seed';

/** Every folder of change files, of one store or of all. */
export function allFolders(store?: StoreName): LintTarget[] {
  return (store ? [store] : storeNames).flatMap((name) => {
    const path = join(projectRoot(), 'migrations', name);
    if (!existsSync(path)) return [];
    return readdirSync(path, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && entry.name !== SEED_FOLDER)
      .map((entry) => ({ store: name, folder: `migrations/${name}/${entry.name}` }));
  });
}

/** The files that were named, by folder; npm runs in the project, so they are relative to where the person was. */
export function namedFiles(files: readonly string[], store?: StoreName): LintTarget[] {
  const byFolder = new Map<string, { store: StoreName; folder: string; files: string[] }>();
  for (const file of files) {
    const path = resolve(process.env.INIT_CWD ?? process.cwd(), file);
    if (!existsSync(path)) throw new CommandUsageError(`${file} does not exist.`);
    const inProject = relative(projectRoot(), dirname(path));
    const folder = inProject.startsWith('..') || isAbsolute(inProject) ? dirname(path) : inProject;
    const target = byFolder.get(folder) ?? { store: store ?? storeOf(file, folder), folder, files: [] };
    target.files.push(basename(path));
    byFolder.set(folder, target);
  }
  return [...byFolder.values()];
}

function storeOf(file: string, folder: string): StoreName {
  const name = /^migrations[\\/]([^\\/]+)[\\/][^\\/]+$/.exec(folder)?.[1];
  const store = storeNames.find((known) => known === name);
  if (!store)
    throw new CommandUsageError(`${file} is not below migrations/<store>/<database>; name its --store.`);
  return store;
}
