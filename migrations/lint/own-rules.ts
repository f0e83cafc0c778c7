import type { Change } from '../engine/target';
import { destructiveStatements } from './destructive';
import type { Finding } from './finding';

/** Length that a reason has at least, so that it says more than "yes". */
const SHORTEST_REASON = 15;

/** How a reason is written into a change file, by its extension. */
const reasons: Readonly<Record<string, string>> = {
  sql: 'a line "-- destructive: <reason>"',
  cypher: 'a line "// destructive: <reason>"',
  sparql: 'a line "# destructive: <reason>"',
  json: '"destructive": "<reason>"',
};

/** Applies the rules that hold for every store: losing data needs a written reason. */
export function ownFindings(folder: string, extension: string, changes: readonly Change[]): Finding[] {
  return changes.flatMap((change) => lintChange(folder, extension, change));
}

function lintChange(folder: string, extension: string, change: Change): Finding[] {
  const { destructive = '', file } = change;
  if (destructive.trim().length >= SHORTEST_REASON) return [];
  return destructiveStatements(extension, change).map(({ line, what }) => ({
    file: `${folder}/${file}`,
    line,
    rule: 'destructive',
    severity: 'error',
    message: `${what} loses data${destructive ? `, and the reason "${destructive.trim()}" is too short` : ' without a written reason'}.`,
    fix: `Say why it is safe in ${reasons[extension]}, at least ${SHORTEST_REASON} characters.`,
  }));
}
