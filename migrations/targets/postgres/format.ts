import { type ChangeFormat, MalformedChangeError } from '../../engine/change-files';
import { parseSections, parseStatements, type SectionedLanguage } from '../../engine/sectioned-format';
import { type SqlItem, splitSql } from './split-sql';

const TRANSACTION_CONTROL =
  /^(begin|start transaction|commit|end|abort|rollback(?! to\b)|prepare transaction)\b/;
const NO_TRANSACTION =
  /^(create( unique)? index concurrently|drop index concurrently|reindex\b.*\bconcurrently|vacuum|(create|drop) database|(create|drop) tablespace|alter system)\b/;

const sql: SectionedLanguage<SqlItem> = {
  comment: '--',
  terminator: ';',
  transactionOption: true,
  split: splitSql,
  check: checkStatement,
};

/** The PostgreSQL change format: `-- migrate:up` and `-- migrate:down` sections in one `.sql` file. */
export const sqlFormat: ChangeFormat = {
  extension: 'sql',
  terminator: sql.terminator,
  parse: (text) => parseSections(text, sql),
  parseSeed: (text) => parseStatements(text, sql),
};

function checkStatement(item: SqlItem, transaction: boolean): void {
  if (TRANSACTION_CONTROL.test(item.words)) {
    throw new MalformedChangeError(
      `has "${item.words.split(' ')[0]!.toUpperCase()}" on line ${item.line}, but transactions are the engine's`,
      'Remove it; for statements that cannot run in a transaction write "-- migrate:up transaction:false".',
    );
  }
  if (/^(discard|deallocate)\b/.test(item.words)) {
    throw new MalformedChangeError(
      `has "${item.words.split(' ')[0]!.toUpperCase()}" on line ${item.line}, but the session and its lock are the engine's`,
      'Remove it; settings made with SET end with the change by themselves.',
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
