import { basename, dirname, resolve } from 'node:path';
import {
  CROSS_STORE,
  INVARIANTS_FOLDER,
  type InvariantStore,
  readInvariants,
} from '../invariants/invariants';
import { type ChangeFolder, readChangeFiles } from '../engine/change-files';
import { projectRoot } from '../project-root';
import { changeFormat, type StoreName } from '../stores';
import type { Finding } from './finding';
import { ownFindings } from './own-rules';
import { type SqlFile, squawk } from './squawk';

/** Change files to lint. */
export interface LintTarget {
  readonly store: StoreName;
  /** Folder relative to the project, or absolute. */
  readonly folder: string;
  /** Names of the files in it; default all. */
  readonly files?: readonly string[];
}

/** What lint did. */
export interface LintResult {
  /** Number of files looked at. */
  readonly files: number;
  /** In the order of the files and their lines. */
  readonly findings: readonly Finding[];
}

/** Lints change files: their format, our own rules, and SQL by squawk with one process for all files. */
export async function lint(targets: readonly LintTarget[]): Promise<LintResult> {
  const findings: Finding[] = [];
  const sqlFiles: SqlFile[] = [];
  let files = 0;
  for (const { store, folder, files: wanted } of targets) {
    const isWanted = ({ file }: { file: string }) => !wanted || wanted.includes(file);
    const format = changeFormat(store);
    const { extension } = format;
    const { changes, problems } = readChangeFiles(resolve(projectRoot(), folder), format);
    const content = { changes: changes.filter(isWanted), problems: problems.filter(isWanted) };
    files += new Set([...content.changes, ...content.problems].map(({ file }) => file)).size;
    findings.push(...formatFindings(folder, content), ...ownFindings(folder, extension, content.changes));
    if (extension === 'sql') sqlFiles.push(...content.changes.map((change) => ({ folder, change })));
  }
  for (const [store, folder] of invariantFolders(targets)) {
    const path = resolve(projectRoot(), folder);
    const found = readInvariants(path, store, basename(dirname(folder)));
    files += found.invariants.length + found.problems.length;
    findings.push(...formatFindings(folder, found));
  }
  findings.push(...(await squawk(sqlFiles)));
  findings.sort((a, b) => (a.file < b.file ? -1 : a.file > b.file ? 1 : a.line - b.line));
  return { files, findings };
}

/** Beside change files of which all are wanted, and what is between the stores. */
function invariantFolders(targets: readonly LintTarget[]): [InvariantStore, string][] {
  const whole = targets.filter(({ files }) => !files);
  const stores = whole.map(({ store, folder }): [InvariantStore, string] => [store, folder]);
  const between = whole.map(({ folder }): [InvariantStore, string] => [
    CROSS_STORE,
    `${dirname(dirname(folder))}/${CROSS_STORE}/${basename(folder)}`,
  ]);
  const all = new Map(
    [...stores, ...between].map(([store, folder]) => [`${folder}/${INVARIANTS_FOLDER}`, store]),
  );
  return [...all].map(([folder, store]) => [store, folder]);
}

function formatFindings(folder: string, { problems }: Pick<ChangeFolder, 'problems'>): Finding[] {
  return problems.map(({ kind, file, what, fix }) => ({
    file: kind === 'unreadable' ? folder : `${folder}/${file}`,
    line: Number(/\bline (\d+)\b/.exec(what)?.[1] ?? 0),
    rule: kind,
    severity: 'error',
    message: `The file ${what}.`,
    fix,
  }));
}
