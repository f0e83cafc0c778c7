import { type ChangeFormat, MalformedChangeError, type ParsedChange } from './change-files';
import { type SqlItem, splitSql, SqlSyntaxError } from './sql';
import type { Statement } from './target';

const MARKER = /^-- *migrate:(\S*)(.*)$/;
const TRANSACTION_CONTROL =
  /^(begin|start transaction|commit|end|abort|rollback(?! to\b)|prepare transaction)\b/;
const NO_TRANSACTION =
  /^(create( unique)? index concurrently|drop index concurrently|reindex\b.*\bconcurrently|vacuum|(create|drop) database|(create|drop) tablespace|alter system)\b/;

/** The PostgreSQL change format: `-- migrate:up` and `-- migrate:down` sections in one `.sql` file. */
export const sqlFormat: ChangeFormat = { extension: 'sql', terminator: ';', parse: parseSqlChange };

function parseSqlChange(text: string): ParsedChange {
  const items = split(text);
  const sections: Partial<Record<'up' | 'down', Statement[]>> = {};
  let current: Statement[] | undefined;
  let transaction = true;
  for (const item of items) {
    const marker = item.kind === 'comment' ? MARKER.exec(item.text) : null;
    if (marker) {
      const direction = sectionName(item, marker[1]!, sections);
      if (direction === 'up') transaction = transactionOption(item, marker[2]!.trim());
      else if (marker[2]!.trim()) throw optionsOnDown(item);
      current = sections[direction] = [];
    } else if (item.kind === 'statement') {
      if (!current) {
        throw new MalformedChangeError(
          `has a statement on line ${item.line} before any section`,
          'Start the file with a line "-- migrate:up".',
        );
      }
      checkStatement(item, transaction);
      current.push({ text: item.text, line: item.line });
    }
  }
  const up = filled('up', sections.up);
  const down = filled('down', sections.down);
  return { transaction, up, down, rollback: down.map((statement) => `${statement.text};`).join('\n') };
}

function split(text: string): SqlItem[] {
  try {
    return splitSql(text);
  } catch (error) {
    if (!(error instanceof SqlSyntaxError)) throw error;
    throw new MalformedChangeError(`${error.what} (line ${error.line})`, 'Correct that line.');
  }
}

function sectionName(item: SqlItem, name: string, sections: object): 'up' | 'down' {
  if (name !== 'up' && name !== 'down') {
    throw new MalformedChangeError(
      `has the unknown marker "${item.text.trim()}" on line ${item.line}`,
      'The markers are "-- migrate:up" and "-- migrate:down".',
    );
  }
  if (name in sections) {
    throw new MalformedChangeError(
      `has a second "migrate:${name}" section on line ${item.line}`,
      'Join the two sections.',
    );
  }
  if (name === 'down' && !('up' in sections)) {
    throw new MalformedChangeError(
      `has "migrate:down" before "migrate:up" on line ${item.line}`,
      'Put the up section first.',
    );
  }
  return name;
}

function transactionOption(item: SqlItem, options: string): boolean {
  if (options === '' || options === 'transaction:true') return true;
  if (options === 'transaction:false') return false;
  throw new MalformedChangeError(
    `has the unknown option "${options}" on line ${item.line}`,
    'The only option is "transaction:false".',
  );
}

function optionsOnDown(item: SqlItem): MalformedChangeError {
  return new MalformedChangeError(
    `has options on "migrate:down" on line ${item.line}`,
    'Options stand on "-- migrate:up" and hold for the whole file.',
  );
}

function checkStatement(item: SqlItem, transaction: boolean): void {
  if (TRANSACTION_CONTROL.test(item.words)) {
    throw new MalformedChangeError(
      `has "${item.words.split(' ')[0]!.toUpperCase()}" on line ${item.line}, but transactions are the engine's`,
      'Remove it; for statements that cannot run in a transaction write "-- migrate:up transaction:false".',
    );
  }
  if (/^copy\b/.test(item.words) && /\bfrom\s+stdin\b/i.test(item.text)) {
    throw new MalformedChangeError(`has COPY … FROM STDIN on line ${item.line}`, 'Write INSERT statements.');
  }
  if (transaction && NO_TRANSACTION.test(item.words)) {
    throw new MalformedChangeError(
      `has a statement on line ${item.line} that PostgreSQL refuses inside a transaction`,
      'Write "-- migrate:up transaction:false" and keep such statements in a file of their own.',
    );
  }
}

function filled(name: 'up' | 'down', section: Statement[] | undefined): Statement[] {
  if (section === undefined) {
    throw new MalformedChangeError(`has no "migrate:${name}" section`, `Add a line "-- migrate:${name}".`);
  }
  if (section.length === 0) {
    throw new MalformedChangeError(
      `has an empty "migrate:${name}" section`,
      'Write at least one statement there.',
    );
  }
  return section;
}
