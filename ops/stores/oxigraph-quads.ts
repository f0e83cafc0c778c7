/** Lines of N-Quads as Oxigraph writes them: one space between terms. @see https://www.w3.org/TR/n-quads/ */

/** A line, with its blank nodes taken out. */
export interface Quad {
  readonly subject: string;
  readonly predicate: string;
  readonly object: string;
  /** As written; undefined in the default graph. */
  readonly graph: string | undefined;
  /** Labels of its blank nodes, each once, in the order of their first use. */
  readonly blankNodes: readonly string[];
  /** The line with its blank nodes numbered from 0. */
  readonly pattern: string;
}

/** @throws Error for a line that is no quad. */
export function parseQuad(line: string): Quad {
  const terms: string[] = [];
  const blankNodes: string[] = [];
  let pattern = '';
  let depth = 0;
  let termStart = 0;
  for (let start = 0, end; start < line.length; start = end + 1) {
    end = endOfToken(line, start);
    const token = line.slice(start, end);
    if (token === '.' && end === line.length) break;
    if (depth === 0) termStart = start;
    if (token === '<<(') depth++;
    if (token === ')>>') depth--;
    if (depth === 0) terms.push(line.slice(termStart, end));
    pattern += ` ${token.startsWith('_:') ? numbered(token, blankNodes) : token}`;
  }
  const [subject, predicate, object, graph] = terms;
  if (terms.length > 4 || object === undefined || depth !== 0 || !line.endsWith(' .'))
    throw new Error(`This line is no quad: ${line.slice(0, 200)}`);
  return { subject: subject!, predicate: predicate!, object, graph, blankNodes, pattern };
}

function numbered(label: string, known: string[]): string {
  if (!known.includes(label)) known.push(label);
  return `_:${known.indexOf(label)}`;
}

/** Index of the space after a token, or the line's length. */
function endOfToken(line: string, start: number): number {
  let from = start;
  // Not a regular expression, whose stack a literal of some megabytes exceeds.
  if (line[start] === '"') {
    do from = line.indexOf('"', from + 1);
    while (from > 0 && isEscaped(line, from));
    if (from < 0) throw new Error(`This line has a string without an end: ${line.slice(0, 200)}`);
  }
  const end = line.indexOf(' ', from);
  return end < 0 ? line.length : end;
}

function isEscaped(line: string, index: number): boolean {
  let backslashes = 0;
  while (line[index - 1 - backslashes] === '\\') backslashes++;
  return backslashes % 2 === 1;
}
