import { join } from 'node:path';
import { MalformedChangeError, readChangeFiles } from '../../engine/change-files';
import { sparqlFormat } from './format';

const file = (up: string, down = 'CLEAR GRAPH <urn:g>') => `# migrate:up\n${up}\n# migrate:down\n${down}\n`;

test('reads updates with the lines they start on', () => {
  const text = file('PREFIX x: <urn:x:>\nINSERT DATA { GRAPH <urn:g> { x:a x:b 1 } } ;\nCLEAR GRAPH x:c ;');
  expect(sparqlFormat.parse(text)).toEqual({
    transaction: true,
    up: [
      { text: 'PREFIX x: <urn:x:>\nINSERT DATA { GRAPH <urn:g> { x:a x:b 1 } }', line: 2 },
      { text: 'CLEAR GRAPH x:c', line: 4 },
    ],
    down: [{ text: 'CLEAR GRAPH <urn:g>', line: 6 }],
    rollback: 'CLEAR GRAPH <urn:g>;',
  });
});

test.each([
  [
    'a syntax error, with its line',
    file('INSERT DATA { <urn:a> <urn:b> 1 } ;\n\nINSERT DATAX { <urn:a> <urn:b> 1 }'),
    'is not valid SPARQL on line 4: expected "{"',
  ],
  [
    'a prefix of the other section',
    file('PREFIX x: <urn:x:>\nCLEAR GRAPH x:g', 'CLEAR SILENT GRAPH x:g'),
    'is not valid SPARQL on line 5: it uses a prefix that this section does not declare',
  ],
  ['a query', file('SELECT * { ?s ?p ?o }'), 'is not valid SPARQL on line 2: '],
  ['a relative IRI', file('CLEAR GRAPH <g>'), 'is not valid SPARQL on line 2: '],
  ['an empty section', file('# nothing'), 'has an empty "migrate:up" section'],
  ['LOAD', file('LOAD <http://example.org/x> INTO GRAPH <urn:g>'), 'has LOAD on line 2'],
  [
    'SERVICE',
    file('DELETE { ?a ?b ?c } WHERE { service <http://example.org/x> { ?a ?b ?c } }'),
    'has SERVICE on line 2',
  ],
  ['CLEAR ALL', file('CLEAR GRAPH <urn:g>', 'clear silent all'), 'has "CLEAR SILENT ALL" on line 4'],
  [
    'the history',
    file('CLEAR GRAPH <urn:agent-data-platform:schema-migrations>'),
    'names a graph of the history (schema-migrations) on line 2',
  ],
  [
    'blank nodes',
    file('INSERT DATA { GRAPH <urn:g> { [] <urn:b> 1 } }'),
    'inserts blank nodes in the section that starts on line 2, which "down" cannot name',
  ],
  ['no down', '# migrate:up\nCLEAR GRAPH <urn:g>\n', 'has no "migrate:down" section'],
])('refuses %s', (_name, text, message) => {
  const parse = () => sparqlFormat.parse(text);
  expect(parse).toThrow(MalformedChangeError);
  expect(parse).toThrow(message);
});

test('words in strings, IRIs, comments and names are no keywords', () => {
  const text = file(
    'PREFIX load: <urn:load:>\n# LOAD and SERVICE\nINSERT DATA { GRAPH <urn:service> { load:service <urn:clear> "DROP ALL" } }',
  );
  expect(sparqlFormat.parse(text).up).toHaveLength(1);
});

test('the change files of the platform are valid', () => {
  const { changes, problems } = readChangeFiles(join(__dirname, '../../oxigraph/platform'), sparqlFormat);
  expect(problems).toEqual([]);
  expect(changes.map(({ file: name }) => name)).toEqual([
    '000001-ontology.sparql',
    '000002-projects-and-links.sparql',
  ]);
});
