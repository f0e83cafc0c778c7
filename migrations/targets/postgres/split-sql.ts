import { type TextItem, TextSyntaxError } from '../../engine/sectioned-format';

/**
 * Splits PostgreSQL text into statements the way psql does.
 * @see https://www.postgresql.org/docs/current/sql-syntax-lexical.html
 */

/** A {@link TextItem} of SQL. */
export interface SqlItem extends TextItem {
  /** The statement's first words in lower case, at most six, such as `create unique index concurrently`. */
  readonly words: string;
}

const WORD = /[A-Za-z_\u0080-\uffff][A-Za-z0-9_$\u0080-\uffff]*/y;
const SPACE = /\s+/y;
const NUMBER = /[0-9][A-Za-z0-9_.]*/y;
const DOLLAR_TAG = /\$(?:[A-Za-z_\u0080-\uffff][A-Za-z0-9_\u0080-\uffff]*)?\$/y;
const LINE_COMMENT = /--[^\n]*/y;
const MAX_WORDS = 6;

/** Splits text (LF line ends) into its statements and full-line comments, in order. */
export function splitSql(text: string): SqlItem[] {
  return new Splitter(text).split();
}

class Splitter {
  private readonly items: SqlItem[] = [];
  private at = 0;
  private lineAt = 0;
  private lineCount = 1;
  /** First and last character of the open statement; -1 between statements. */
  private start = -1;
  private end = -1;
  private words: string[] = [];
  private parens = 0;
  /** Depth of BEGIN ATOMIC … END and of CASE … END inside it, in an SQL-standard function body. */
  private atomic = 0;

  constructor(private readonly text: string) {}

  split(): SqlItem[] {
    while (this.at < this.text.length) this.next();
    this.finish();
    return this.items;
  }

  private next(): void {
    const char = this.text[this.at]!;
    if (this.skip(SPACE)) return;
    if (this.text.startsWith('--', this.at)) return this.lineComment();
    if (this.text.startsWith('/*', this.at)) return this.blockComment();
    if (char === ';' && this.parens === 0 && this.atomic === 0) {
      this.finish();
      this.at++;
      return;
    }
    if (char === '\\')
      throw this.error(this.at, `has the psql command "${this.restOfLine()}", which only psql understands`);
    if (char === '\0') throw this.error(this.at, 'has a NUL character, which PostgreSQL refuses');
    if (this.start < 0) this.start = this.at;
    this.token(char);
    this.end = this.at;
  }

  private token(char: string): void {
    if (char === "'") return this.quoted("'", false);
    if (char === '"') return this.quoted('"', false);
    const tag = char === '$' ? this.match(DOLLAR_TAG) : undefined;
    if (tag) return this.dollarQuoted(tag);
    const word = this.match(WORD);
    if (word) return this.word(word);
    if (this.skip(NUMBER)) return;
    if (char === '(') this.parens++;
    if (char === ')') this.parens = Math.max(0, this.parens - 1);
    this.at++;
  }

  private word(word: string): void {
    this.at += word.length;
    if (this.text[this.at] === "'" && /^e$/i.test(word)) return this.quoted("'", true);
    const lower = word.toLowerCase();
    if (this.words.length < MAX_WORDS) this.words.push(lower);
    if (this.parens > 0 || !/^create (or replace )?(function|procedure)\b/.test(this.words.join(' '))) return;
    if (lower === 'begin' || (lower === 'case' && this.atomic > 0)) this.atomic++;
    else if (lower === 'end') this.atomic = Math.max(0, this.atomic - 1);
  }

  private quoted(quote: string, backslashes: boolean): void {
    const from = this.at++;
    while (this.at < this.text.length) {
      const char = this.text[this.at];
      if (backslashes && char === '\\') this.at += 2;
      else if (char !== quote) this.at++;
      else if (this.text[this.at + 1] === quote) this.at += 2;
      else {
        this.at++;
        return;
      }
    }
    throw this.error(
      from,
      quote === "'" ? 'opens a string that never ends' : 'opens a quoted name that never ends',
    );
  }

  private dollarQuoted(tag: string): void {
    const close = this.text.indexOf(tag, this.at + tag.length);
    if (close < 0) throw this.error(this.at, `opens a ${tag} string that never ends`);
    this.at = close + tag.length;
  }

  private lineComment(): void {
    const from = this.at;
    const comment = this.match(LINE_COMMENT)!;
    this.at += comment.length;
    if (this.text.slice(this.text.lastIndexOf('\n', from - 1) + 1, from).trim() !== '') return;
    if (/^-- *migrate:/.test(comment)) this.finish();
    this.items.push({ kind: 'comment', text: comment, line: this.line(from), words: '' });
  }

  private blockComment(): void {
    const from = this.at;
    let depth = 0;
    do {
      if (this.at >= this.text.length) throw this.error(from, 'opens a comment that never ends');
      if (this.text.startsWith('/*', this.at)) {
        depth++;
        this.at += 2;
      } else if (this.text.startsWith('*/', this.at)) {
        depth--;
        this.at += 2;
      } else this.at++;
    } while (depth > 0);
  }

  private finish(): void {
    if (this.start >= 0) {
      const text = this.text.slice(this.start, this.end);
      this.items.push({ kind: 'statement', text, line: this.line(this.start), words: this.words.join(' ') });
    }
    this.start = -1;
    this.words = [];
    this.parens = 0;
    this.atomic = 0;
  }

  private match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.at;
    return pattern.exec(this.text)?.[0];
  }

  private skip(pattern: RegExp): boolean {
    const found = this.match(pattern);
    this.at += found?.length ?? 0;
    return found !== undefined;
  }

  private restOfLine(): string {
    return this.text.slice(this.at).split('\n', 1)[0]!;
  }

  /** Line of an offset; offsets are asked for in rising order, so the whole text is counted once. */
  private line(offset: number): number {
    if (offset < this.lineAt) {
      this.lineAt = 0;
      this.lineCount = 1;
    }
    for (; this.lineAt < offset; this.lineAt++) if (this.text[this.lineAt] === '\n') this.lineCount++;
    return this.lineCount;
  }

  private error(offset: number, what: string): TextSyntaxError {
    return new TextSyntaxError(this.line(offset), what);
  }
}
