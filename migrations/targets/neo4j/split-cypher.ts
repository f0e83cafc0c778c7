import { type TextItem, TextSyntaxError } from '../../engine/sectioned-format';

/**
 * Splits Cypher text into statements the way cypher-shell does.
 * @see https://neo4j.com/docs/cypher-manual/5/syntax/parsing/
 */

/** A word or a sign of a statement, outside strings, quoted names and comments. */
export interface CypherToken {
  /** Words in upper case, signs one by one; a string or a quoted name is its opening quote alone. */
  readonly text: string;
  /** Line in the file, from 1. */
  readonly line: number;
}

/** A {@link TextItem} of Cypher. */
export interface CypherItem extends TextItem {
  readonly tokens: readonly CypherToken[];
}

const SPACE = /\s+/y;
const WORD = /[\p{L}\p{Nl}_][\p{L}\p{Nl}\p{Nd}\p{Mn}\p{Mc}\p{Pc}]*/uy;
const NUMBER = /\d[\w.]*/y;
const LINE_COMMENT = /\/\/[^\n]*/y;
const STRING: Readonly<Record<string, RegExp>> = {
  "'": /'(?:[^'\\]|\\[^])*'/y,
  '"': /"(?:[^"\\]|\\[^])*"/y,
  '`': /`(?:[^`]|``)*`/y,
};

/** Splits text (LF line ends) into its statements and full-line comments, in order. */
export function splitCypher(text: string): CypherItem[] {
  return new Splitter(text).split();
}

class Splitter {
  private readonly items: CypherItem[] = [];
  private at = 0;
  private line = 1;
  /** The open statement; undefined between statements. */
  private open: { start: number; end: number; line: number; tokens: CypherToken[] } | undefined;

  constructor(private readonly text: string) {}

  split(): CypherItem[] {
    while (this.at < this.text.length) this.next();
    this.finish();
    return this.items;
  }

  private next(): void {
    const space = this.match(SPACE);
    if (space) return this.advance(space);
    if (this.text.startsWith('//', this.at)) return this.lineComment();
    if (this.text.startsWith('/*', this.at)) return this.blockComment();
    if (this.text[this.at] === ';') {
      this.finish();
      return this.advance(';');
    }
    this.token();
  }

  private token(): void {
    const char = this.text[this.at]!;
    this.open ??= { start: this.at, end: this.at, line: this.line, tokens: [] };
    const { line } = this;
    const quoted = STRING[char];
    const lexeme = quoted ? this.quoted(char, quoted) : (this.match(WORD) ?? this.match(NUMBER) ?? char);
    // Cypher reads \u0027 as a quote wherever it stands, so that what looks like code here may be none.
    if (char === '\\') throw new TextSyntaxError(line, 'has a backslash outside a string');
    this.advance(lexeme);
    this.open.tokens.push({ text: quoted ? char : lexeme.toUpperCase(), line });
    this.open.end = this.at;
  }

  private quoted(quote: string, pattern: RegExp): string {
    const found = this.match(pattern);
    const what = quote === '`' ? 'a quoted name' : 'a string';
    if (found === undefined) throw new TextSyntaxError(this.line, `opens ${what} that never ends`);
    if (/\\u+00(22|27|5c|60)/i.test(found))
      throw new TextSyntaxError(this.line, `has a quote written as \\u… in ${what}`);
    return found;
  }

  private lineComment(): void {
    const comment = this.match(LINE_COMMENT)!;
    const before = this.text.slice(this.text.lastIndexOf('\n', this.at - 1) + 1, this.at);
    if (before.trim() === '') {
      if (/^\/\/ *migrate:/.test(comment)) this.finish();
      this.items.push({ kind: 'comment', text: comment, line: this.line, tokens: [] });
    }
    this.advance(comment);
  }

  private blockComment(): void {
    const close = this.text.indexOf('*/', this.at + 2);
    if (close < 0) throw new TextSyntaxError(this.line, 'opens a comment that never ends');
    this.advance(this.text.slice(this.at, close + 2));
  }

  private finish(): void {
    if (!this.open) return;
    const { start, end, line, tokens } = this.open;
    this.items.push({ kind: 'statement', text: this.text.slice(start, end), line, tokens });
    this.open = undefined;
  }

  private match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.at;
    return pattern.exec(this.text)?.[0];
  }

  private advance(lexeme: string): void {
    for (const char of lexeme) if (char === '\n') this.line++;
    this.at += lexeme.length;
  }
}
