/** Which statements of an `up` section lose data, by the kind of change file. */
import type { Change, Statement } from '../engine/target';

/** A statement that loses data. */
export interface DestructiveStatement {
  readonly line: number;
  /** What it does, such as `DROP TABLE`. */
  readonly what: string;
}

type Finder = (up: readonly Statement[]) => DestructiveStatement[];

/** By the extension of the store's change files. */
const finders: Readonly<Record<string, Finder>> = {
  sql: destructiveSql,
  cypher: matching(
    /\b(?:DETACH )?DELETE\b|\bREMOVE\b|\bDROP DATABASE\b/,
    /\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|`[^`]*`/g,
  ),
  sparql: matching(
    /\bDROP\b|\bCLEAR\b|\bDELETE\b|\bMOVE\b|\bCOPY\b/,
    /<[^<>"{}|^`\s]*>|"""[\s\S]*?"""|'''[\s\S]*?'''|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|#[^\n]*|[\w-]*:[\w-]*/g,
  ),
  json: matchingOperations,
};

/** The statements of a change's `up` section that lose data. */
export function destructiveStatements(extension: string, { up }: Pick<Change, 'up'>): DestructiveStatement[] {
  return finders[extension]?.(up) ?? [];
}

/** Finds a pattern outside comments, strings and names. */
function matching(pattern: RegExp, literals: RegExp): Finder {
  return (up) =>
    up.flatMap(({ text, line }) => {
      const found = pattern.exec(upperCase(text.replace(literals, ' ')));
      return found ? [{ line, what: found[0] }] : [];
    });
}

const LOSING = /^(?:delete|drop|remove|purge|flush|truncate)[A-Z]/;
/** What can be put again from an earlier change file, as it holds no data. */
const DEFINITION =
  /(?:Lifecycle|LifecyclePolicy|Policy|Alias|Role|RoleMapping|User|Template|Pipeline|Repository|Synonyms?(?:Set)?|PayloadIndex|Channel|Keys)$/;

function matchingOperations(up: readonly Statement[]): DestructiveStatement[] {
  return up
    .map(({ text, line }) => ({ line, what: (JSON.parse(text) as { operation: string }).operation }))
    .filter(({ what }) => LOSING.test(what) && !DEFINITION.test(what));
}

/** Words without which no statement is destructive: most statements need no closer look. */
const SUSPICIOUS = /\b(?:drop|truncate|delete|update|type)\b/i;
const TABLE = String.raw`(?:IF (?:NOT )?EXISTS )?(?:ONLY )?([\w."]+)`;
const CREATED = new RegExp(`^CREATE (?:(?:GLOBAL |LOCAL )?TEMP(?:ORARY)? |UNLOGGED )?TABLE ${TABLE}`);
const CHANGED = new RegExp(
  `^(?:DROP TABLE|ALTER TABLE|TRUNCATE(?: TABLE)?|DELETE FROM|UPDATE) ${TABLE}(?! ?,)`,
);
const DROP =
  /\bDROP (?:TABLE|SCHEMA|DATABASE|MATERIALIZED VIEW|SEQUENCE|EXTENSION|TYPE|DOMAIN|OWNED|FOREIGN TABLE)\b/;
const DROP_COLUMN = /\bALTER TABLE\b.*?\bDROP (?!CONSTRAINT\b|DEFAULT\b|NOT\b|IDENTITY\b|EXPRESSION\b)/;
const CHANGE_TYPE = /\bALTER TABLE\b.*?\bALTER (?:COLUMN )?[\w"]+ (?:SET DATA )?TYPE\b/;
/** Where a data-changing statement can begin: alone, in a CTE, or in the body of a DO block. */
const BEGIN = String.raw`(?:^|\( ?|\b(?:BEGIN|THEN|ELSE|LOOP) )`;
const TRUNCATE = new RegExp(`${BEGIN}TRUNCATE\\b`);
const CHANGE_ROWS = new RegExp(`${BEGIN}(DELETE FROM|UPDATE)\\b`);

function destructiveSql(up: readonly Statement[]): DestructiveStatement[] {
  const created = new Set<string>();
  return up.flatMap(({ text, line }) => {
    const table = /^\s*create\b/i.test(text) ? CREATED.exec(upperCase(text.slice(0, 500)))?.[1] : undefined;
    if (table) created.add(table);
    if (!SUSPICIOUS.test(text)) return [];
    const sql = plainSql(text);
    // The body of a function runs later, if ever; a table of this file holds nothing that was there before.
    if (/^CREATE\b/.test(sql) || created.has(CHANGED.exec(sql)?.[1] ?? '')) return [];
    const what = destructivePiece(sql);
    return what === undefined ? [] : [{ line, what }];
  });
}

/** What the first destructive statement in a text does; a DO block has several. */
function destructivePiece(sql: string): string | undefined {
  for (const piece of sql.split(';').map((text) => text.trim())) {
    const dropped = DROP.exec(piece);
    if (dropped) return dropped[0];
    if (DROP_COLUMN.test(piece)) return 'DROP COLUMN';
    if (CHANGE_TYPE.test(piece)) return 'ALTER COLUMN … TYPE';
    if (TRUNCATE.test(piece)) return 'TRUNCATE';
    const change = CHANGE_ROWS.exec(piece);
    if (change && !/\bWHERE\b/.test(piece)) return `${change[1]} without WHERE`;
  }
  return undefined;
}

/** Without comments and strings; but with the body of a DO block, which is run. */
function plainSql(text: string): string {
  const literals = /--[^\n]*|\/\*[\s\S]*?\*\/|'(?:''|[^'])*'|(\$\w*\$)([\s\S]*?)\1/g;
  const isBlock = /^\s*DO\b/i.test(text);
  const bare = text.replace(literals, (_literal, tag: string | undefined, body: string | undefined) =>
    isBlock && tag ? ` ${plainSql(body!)} ` : ' ',
  );
  return upperCase(bare);
}

function upperCase(text: string): string {
  return text.replace(/\s+/g, ' ').trim().toUpperCase();
}
