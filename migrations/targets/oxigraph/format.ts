import { Store } from 'oxigraph';
import { type ChangeFormat, MalformedChangeError } from '../../engine/change-files';
import { parseSections, type SectionedLanguage } from '../../engine/sectioned-format';
import type { Statement } from '../../engine/target';
import { type SparqlItem, splitSparql } from './split-sparql';

const sparql: SectionedLanguage<SparqlItem> = {
  comment: '#',
  terminator: ';',
  split: splitSparql,
  check: checkUpdate,
};

/** The Oxigraph change format: `# migrate:up` and `# migrate:down` sections of SPARQL updates in one `.sparql` file. */
export const sparqlFormat: ChangeFormat = {
  extension: 'sparql',
  terminator: sparql.terminator,
  parse(text) {
    const parsed = parseSections(text, sparql);
    checkSection(parsed.up);
    checkSection(parsed.down);
    return parsed;
  },
};

function checkUpdate({ code, text, line }: SparqlItem): void {
  const keyword = (pattern: string) =>
    new RegExp(`(?<![?$:\\w-])(?:${pattern})(?![:\\w-])`, 'i').exec(code)?.[0];
  const remote = keyword('load|service');
  if (remote) {
    throw new MalformedChangeError(
      `has ${remote.toUpperCase()} on line ${line}, which makes the change depend on another server`,
      'Write the triples into the file, or use the loader.',
    );
  }
  const everything = keyword('(?:clear|drop)\\s+(?:silent\\s+)?(?:all|named)');
  if (everything) {
    throw new MalformedChangeError(
      `has "${everything.toUpperCase()}" on line ${line}, which would remove projects and the history too`,
      'Name the graphs.',
    );
  }
  if (text.includes('schema-migrations')) {
    throw new MalformedChangeError(
      `names a graph of the history (schema-migrations) on line ${line}, which is the engine's`,
      'Use another graph.',
    );
  }
}

/** Has Oxigraph itself read the section, on an empty store in memory: what it refuses there for want of data is no fault of the file. */
function checkSection(statements: readonly Statement[]): void {
  const store = new Store();
  try {
    store.update(inPlace(statements));
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const found = /^error at (\d+):\d+: ([^]*)$/.exec(message);
    if (!found) return;
    throw new MalformedChangeError(
      `is not valid SPARQL on line ${found[1]}: ${shortened(found[2]!)}`,
      'Correct that line.',
    );
  }
  if (
    store.query('ASK { { ?s ?p ?o } UNION { GRAPH ?g { ?s ?p ?o } } FILTER(isBlank(?s) || isBlank(?o)) }')
  ) {
    throw new MalformedChangeError(
      `inserts blank nodes in the section that starts on line ${statements[0]!.line}, which "down" cannot name`,
      'Give them IRIs.',
    );
  }
}

/** The statements as one request, each on the lines it has in the file. */
function inPlace(statements: readonly Statement[]): string {
  let text = '';
  let line = 1;
  for (const statement of statements) {
    text += '\n'.repeat(Math.max(0, statement.line - line)) + statement.text + ' ;';
    line = Math.max(line, statement.line) + statement.text.split('\n').length - 1;
  }
  return text;
}

function shortened(reason: string): string {
  if (reason.includes('Prefix not found')) return 'it uses a prefix that this section does not declare';
  const line = reason.split('\n')[0]!;
  return line.length > 160 ? `${line.slice(0, 160)}…` : line;
}
