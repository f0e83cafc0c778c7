import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { projectRoot } from '../project-root';
import { changeFolder, changeFormat, type StoreName } from '../stores';
import { CommandUsageError } from './io';

const sections = (comment: string): string =>
  [
    `${comment} Why this change is made.`,
    '',
    `${comment} migrate:up`,
    '',
    '',
    `${comment} migrate:down`,
    '',
    '',
  ].join('\n');

const templates: Readonly<Record<string, string>> = {
  sql: sections('--'),
  cypher: sections('//'),
  sparql: sections('#'),
  json: '{\n  "description": "Why this change is made",\n  "up": [],\n  "down": []\n}\n',
};

/**
 * Writes an empty change file with the next free number; it is malformed until its sections are filled.
 * @param slug lower-case letters, digits and hyphens.
 * @returns its path, relative to the project where its folder is.
 */
export function newChange(
  store: StoreName,
  slug: string,
  options: { readonly database: string; readonly folder?: string },
): string {
  if (!/^[a-z0-9]+(-[a-z0-9]+)*$/.test(slug))
    throw new CommandUsageError(
      `"${slug}" cannot be part of a file name; use lower-case letters, digits and hyphens, such as add-notes.`,
    );
  const folder = options.folder ?? changeFolder(store, options.database);
  const path = isAbsolute(folder) ? folder : join(projectRoot(), folder);
  const { extension } = changeFormat(store);
  mkdirSync(path, { recursive: true });
  const file = `${nextVersion(path)}-${slug}.${extension}`;
  writeFileSync(join(path, file), templates[extension] ?? '', { flag: 'wx' });
  return join(folder, file);
}

function nextVersion(path: string): string {
  const versions = readdirSync(path).flatMap((name) => /^(\d{6})-/.exec(name)?.[1] ?? []);
  return String(Math.max(0, ...versions.map(Number)) + 1).padStart(6, '0');
}
