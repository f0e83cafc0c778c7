/** What JSON change files leave open: strings such as `"${retention.logs}"`, declared with a default under `parameters`. */
import { canonicalJson } from './canonical-json';
import { type ChangeFolder, MalformedChangeError } from './change-files';
import type { HistoryEntry } from './plan';
import type { Change, Parameters, Statement } from './target';

const PLACEHOLDER = /^\$\{([a-z][a-zA-Z0-9]*(?:\.[a-z][a-zA-Z0-9]*)*)\}$/;

/** Name of a parameter, such as `retention.logs`. */
export const parameterName = /^[a-z][a-zA-Z0-9]*(\.[a-z][a-zA-Z0-9]*)*$/;

/**
 * A copy of a JSON value in which every placeholder is replaced by its value.
 * @param use Called with the name of each placeholder.
 */
export function filledIn(value: unknown, values: Parameters, use: (name: string) => void): unknown {
  if (typeof value === 'string') {
    const name = PLACEHOLDER.exec(value)?.[1];
    if (name === undefined) return value;
    use(name);
    return values[name];
  }
  if (Array.isArray(value)) return value.map((item) => filledIn(item, values, use));
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, filledIn(item, values, use)]));
}

/** @throws MalformedChangeError when declared and used names differ. */
export function assertDeclared(declared: readonly string[], used: ReadonlySet<string>): void {
  const undeclared = [...used].filter((name) => !declared.includes(name));
  const unused = declared.filter((name) => !used.has(name));
  if (undeclared.length + unused.length === 0) return;
  throw new MalformedChangeError(
    [
      ...undeclared.map((name) => `uses the parameter "${name}", which it does not declare`),
      ...unused.map((name) => `declares the parameter "${name}", which it does not use`),
    ].join(' and '),
    'List under "parameters" exactly what stands in its operations as "${…}", each with a default.',
  );
}

/** An applied change whose parameters have other values now, and the statements to perform again. */
export interface Renewal {
  readonly change: Change;
  readonly statements: readonly Statement[];
  /** What differs, such as `retention.logs: 90d -> 30d`. */
  readonly differences: readonly string[];
}

/**
 * Which applied changes to renew; pure. An object that a later change defined anew keeps that definition.
 * Files that were read with their own defaults renew nothing: nobody said that the defaults are meant here.
 */
export function renewals(folder: ChangeFolder, history: readonly HistoryEntry[]): readonly Renewal[] {
  const { parameters } = folder;
  if (!parameters || history.every((entry) => hasValues(entry, parameters))) return [];
  const done = new Map(history.filter((entry) => !entry.halfDone).map((entry) => [entry.version, entry]));
  const applied = folder.changes.filter(({ version }) => done.has(version));
  const latest = new Map(
    applied.flatMap(({ up }) => up.map((statement) => [statement.defines, statement] as const)),
  );
  return applied.flatMap((change) => {
    const before = done.get(change.version)!.parameters ?? {};
    const now = change.parameters ?? {};
    if (canonicalJson(before) === canonicalJson(now)) return [];
    const statements = change.up.filter(
      (statement) => statement.parameterised && latest.get(statement.defines) === statement,
    );
    const differences = Object.entries(now)
      .filter(([name, value]) => before[name] !== value)
      .map(([name, value]) => `${name}: ${before[name] ?? 'none'} -> ${value}`);
    return [{ change, statements, differences }];
  });
}

/** Whether an entry's parameters have these values, which shows without parsing its file. */
function hasValues(entry: HistoryEntry, values: Parameters): boolean {
  return Object.entries(entry.parameters ?? {}).every(([name, value]) => values[name] === value);
}
