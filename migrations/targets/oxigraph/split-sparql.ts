import { type TextItem, TextSyntaxError } from '../../engine/sectioned-format';

/** One update, or a comment that fills its line. */
export interface SparqlItem extends TextItem {
  /** The update without its strings, IRIs and comments, for checks on its keywords. */
  readonly code: string;
}

const LONG = (quote: string) =>
  `${quote}{3}[^${quote}\\\\]*(?:(?:\\\\[^]|${quote}{1,2}(?!${quote}))[^${quote}\\\\]*)*${quote}{3}`;
const SHORT = (quote: string) =>
  `${quote}(?!${quote}{2})[^${quote}\\\\\\n]*(?:\\\\.[^${quote}\\\\\\n]*)*${quote}`;

/** @see https://www.w3.org/TR/sparql11-query/#sparqlGrammar */
const TOKEN = new RegExp(
  [
    '(?<space>\\s+)',
    '(?<comment>#[^\\n]*)',
    `(?<text>${LONG('"')}|${LONG("'")}|${SHORT('"')}|${SHORT("'")})`,
    '(?<iri><[^<>"{}|^`\\\\\\s]*>)',
    '(?<open>\\{)',
    '(?<close>\\})',
    '(?<end>;)',
    '(?<other>\\\\.|[^\\s#"\'<{};\\\\]+|<)',
  ].join('|'),
  'y',
);
const MARKER = /^# *migrate:/;

/** Splits SPARQL into its updates; `;` separates them outside of braces, strings, IRIs and comments. @throws TextSyntaxError */
export function splitSparql(text: string): SparqlItem[] {
  const splitter = new Splitter();
  const token = new RegExp(TOKEN);
  while (token.lastIndex < text.length) {
    const found = token.exec(text);
    if (!found) throw new TextSyntaxError(splitter.line, 'has a string that is not closed');
    const kind = Object.entries(found.groups!).find(([, value]) => value !== undefined)![0];
    splitter.take(kind, found[0]);
  }
  return splitter.finish();
}

class Splitter {
  line = 1;
  private readonly items: SparqlItem[] = [];
  private depth = 0;
  private text = '';
  private code = '';
  private startLine = 1;
  /** Length of the text up to its last token that is neither space nor comment. */
  private solid = 0;
  private lineIsBlank = true;

  take(kind: string, token: string): void {
    if (kind === 'comment') this.comment(token);
    else if (kind === 'end' && this.depth === 0) this.endStatement();
    else this.add(kind, token);
    const breaks = token.split('\n').length - 1;
    this.line += breaks;
    if (kind !== 'space') this.lineIsBlank = false;
    else if (breaks > 0) this.lineIsBlank = true;
  }

  finish(): SparqlItem[] {
    this.endStatement();
    return this.items;
  }

  private comment(token: string): void {
    const marker = this.lineIsBlank && MARKER.test(token);
    // The last update of a section needs no `;`.
    if (marker) this.endStatement();
    if (this.text === '') {
      if (this.lineIsBlank) this.items.push({ kind: 'comment', text: token, line: this.line, code: '' });
    } else this.text += token;
  }

  private add(kind: string, token: string): void {
    if (this.text === '') {
      if (kind === 'space') return;
      this.startLine = this.line;
    }
    if (kind === 'open') this.depth++;
    if (kind === 'close' && --this.depth < 0)
      throw new TextSyntaxError(this.line, 'has a "}" without its "{"');
    this.text += token;
    this.code += kind === 'text' || kind === 'iri' ? ' ' : token;
    if (kind !== 'space') this.solid = this.text.length;
  }

  private endStatement(): void {
    if (this.depth > 0) throw new TextSyntaxError(this.startLine, 'has a "{" that is not closed');
    const text = this.text.slice(0, this.solid);
    if (text !== '') this.items.push({ kind: 'statement', text, line: this.startLine, code: this.code });
    this.text = this.code = '';
    this.solid = 0;
  }
}
