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
/** Code without strings, quoted names, comments, dollars and semicolons; a word before a quote is left out, as it may be E''. */
const PLAIN =
  /(?:\s+|[A-Za-z_\u0080-\uffff][A-Za-z0-9_$\u0080-\uffff]*(?![A-Za-z0-9_$\u0080-\uffff'])|[0-9][A-Za-z0-9_.]*|[^A-Za-z0-9_\u0080-\uffff\s'"$;\\\0/-]|-(?!-)|\/(?!\*)){1,1000}/y;
const PARENTHESIS = /[()]/g;
const PARENTHESIS_OR_WORD = /[()]|[0-9][A-Za-z0-9_.]*|([A-Za-z_\u0080-\uffff][A-Za-z0-9_$\u0080-\uffff]*)/g;
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
  /** The line that was asked for last: its number, and the offsets of its first character and of its end. */
  private lineCount = 1;
  private lineStart = 0;
  private lineEnd: number;
  /** First and last character of the open statement; -1 between statements. */
  private start = -1;
  private end = -1;
  private words: string[] = [];
  /** Whether the words so far open a routine, whose body may be BEGIN ATOMIC … END. */
  private routine = false;
  private parens = 0;
  /** Depth of BEGIN ATOMIC … END and of CASE … END inside it, in an SQL-standard function body. */
  private atomic = 0;

  constructor(private readonly text: string) {
    this.lineEnd = this.lineEndFrom(0);
  }

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
    const code = this.match(PLAIN);
    if (code) return this.plain(code);
    const word = this.match(WORD);
    if (!word) {
      this.at++;
      return;
    }
    this.at += word.length;
    if (/^e$/i.test(word)) return this.quoted("'", true);
    this.word(word);
  }

  private plain(code: string): void {
    this.at += code.trimEnd().length;
    for (let at = 0; ;) {
      const pattern = this.words.length < MAX_WORDS || this.routine ? PARENTHESIS_OR_WORD : PARENTHESIS;
      pattern.lastIndex = at;
      const found = pattern.exec(code);
      if (!found) return;
      at = pattern.lastIndex;
      if (found[0] === '(') this.parens++;
      else if (found[0] === ')') this.parens = Math.max(0, this.parens - 1);
      else if (found[1]) this.word(found[1]);
    }
  }

  private word(word: string): void {
    const lower = word.toLowerCase();
    if (this.words.length < MAX_WORDS) {
      this.words.push(lower);
      this.routine ||= /^create (or replace )?(function|procedure)$/.test(this.words.join(' '));
    }
    if (this.parens > 0 || !this.routine) return;
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
    this.routine = false;
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

  /** Line of an offset; offsets are mostly asked for in rising order, so the text is counted about once. */
  private line(offset: number): number {
    if (offset < this.lineStart) {
      this.lineCount = 1;
      this.lineStart = 0;
      this.lineEnd = this.lineEndFrom(0);
    }
    while (this.lineEnd < offset) {
      this.lineCount++;
      this.lineStart = this.lineEnd + 1;
      this.lineEnd = this.lineEndFrom(this.lineStart);
    }
    return this.lineCount;
  }

  private lineEndFrom(offset: number): number {
    const at = this.text.indexOf('\n', offset);
    return at < 0 ? this.text.length : at;
  }

  private error(offset: number, what: string): TextSyntaxError {
    return new TextSyntaxError(this.line(offset), what);
  }
}
