import { MalformedChangeError, type ParsedChange } from './change-files';
import type { Statement } from './target';

/** A statement of a change file's text, or a comment that fills its own line. */
export interface TextItem {
  readonly kind: 'statement' | 'comment';
  /** Statement without its terminator and without surrounding comments; comment without its line end. */
  readonly text: string;
  /** Line of its first character, from 1. */
  readonly line: number;
}

/** A store's language, as far as its change files need it. */
export interface SectionedLanguage<Item extends TextItem> {
  /** What starts a comment that fills its line, such as `--`. */
  readonly comment: string;
  /** What ends a statement, such as `;`. */
  readonly terminator: string;
  /** Whether files may say `transaction:false`; default false. */
  readonly transactionOption?: boolean;
  /** Splits text into its statements and full-line comments, in order. @throws TextSyntaxError */
  split(text: string): Item[];
  /** Refuses a statement that a change file may not have. @throws MalformedChangeError */
  check?(item: Item, transaction: boolean): void;
}

/** Text that cannot be split, such as an unterminated string. */
export class TextSyntaxError extends Error {
  constructor(
    readonly line: number,
    readonly what: string,
  ) {
    super(`line ${line}: ${what}`);
    this.name = 'TextSyntaxError';
  }
}

/** Reads a file of `migrate:up` and `migrate:down` sections; see docs/migration-format.md. */
export function parseSections<Item extends TextItem>(
  text: string,
  language: SectionedLanguage<Item>,
): ParsedChange {
  const marker = new RegExp(`^${language.comment} *migrate:(\\S*)(.*)$`);
  const reason = new RegExp(`^${language.comment} *destructive: *(.*\\S)`);
  const sections: Partial<Record<'up' | 'down', Statement[]>> = {};
  let current: Statement[] | undefined;
  let transaction = true;
  let destructive: string | undefined;
  for (const item of split(text, language)) {
    const found = item.kind === 'comment' ? marker.exec(item.text) : null;
    if (found) {
      const direction = sectionName(item, found[1]!, sections, language);
      const options = found[2]!.trim();
      if (direction === 'up') transaction = transactionOption(item, options, language);
      else if (options) throw optionsOnDown(item, language);
      current = sections[direction] = [];
    } else if (item.kind === 'statement') {
      if (!current) {
        throw new MalformedChangeError(
          `has a statement on line ${item.line} before any section`,
          `Start the file with a line "${language.comment} migrate:up".`,
        );
      }
      language.check?.(item, transaction);
      current.push({ text: item.text, line: item.line });
    } else destructive ??= reason.exec(item.text)?.[1];
  }
  const up = filled('up', sections.up, language);
  const down = filled('down', sections.down, language);
  const rollback = down.map((statement) => statement.text + language.terminator).join('\n');
  return { transaction, up, down, rollback, ...(destructive === undefined ? {} : { destructive }) };
}

/** Reads a file without sections, such as seed data. @throws MalformedChangeError */
export function parseStatements<Item extends TextItem>(
  text: string,
  language: SectionedLanguage<Item>,
): Statement[] {
  const statements = split(text, language).filter((item) => item.kind === 'statement');
  for (const item of statements) language.check?.(item, true);
  return statements.map(({ text, line }) => ({ text, line }));
}

function split<Item extends TextItem>(text: string, language: SectionedLanguage<Item>): Item[] {
  try {
    return language.split(text);
  } catch (error) {
    if (!(error instanceof TextSyntaxError)) throw error;
    throw new MalformedChangeError(`${error.what} (line ${error.line})`, 'Correct that line.');
  }
}

type Comment = Pick<SectionedLanguage<TextItem>, 'comment' | 'transactionOption'>;

function sectionName(item: TextItem, name: string, sections: object, { comment }: Comment): 'up' | 'down' {
  if (name !== 'up' && name !== 'down') {
    throw new MalformedChangeError(
      `has the unknown marker "${item.text.trim()}" on line ${item.line}`,
      `The markers are "${comment} migrate:up" and "${comment} migrate:down".`,
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

function transactionOption(item: TextItem, options: string, language: Comment): boolean {
  if (options === '') return true;
  if (language.transactionOption && options === 'transaction:true') return true;
  if (language.transactionOption && options === 'transaction:false') return false;
  throw new MalformedChangeError(
    `has the unknown option "${options}" on line ${item.line}`,
    language.transactionOption ? 'The only option is "transaction:false".' : 'There are no options.',
  );
}

function optionsOnDown(item: TextItem, { comment }: Comment): MalformedChangeError {
  return new MalformedChangeError(
    `has options on "migrate:down" on line ${item.line}`,
    `Options stand on "${comment} migrate:up" and hold for the whole file.`,
  );
}

function filled(name: 'up' | 'down', section: Statement[] | undefined, { comment }: Comment): Statement[] {
  if (section === undefined) {
    throw new MalformedChangeError(
      `has no "migrate:${name}" section`,
      `Add a line "${comment} migrate:${name}".`,
    );
  }
  if (section.length === 0) {
    throw new MalformedChangeError(
      `has an empty "migrate:${name}" section`,
      'Write at least one statement there.',
    );
  }
  return section;
}
