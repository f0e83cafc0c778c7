import { TextSyntaxError } from '../../engine/sectioned-format';
import { splitSparql } from './split-sparql';

const split = (text: string) => splitSparql(text).map(({ kind, text: item, line }) => [kind, item, line]);

test('updates end at semicolons outside of braces, strings, IRIs and comments', () => {
  expect(
    split(
      [
        '# a comment',
        'PREFIX x: <urn:x#;>',
        'INSERT DATA { x:a x:b \'it\'\'s; {\' ; x:c """a "quoted"; }',
        '{""" } ; # trailing ; {',
        '',
        'DELETE { ?a ?b ?c } # inside ;',
        'WHERE { ?a ?b ?c FILTER(?c < 5 && ?a != x:d\\;e) } ;',
      ].join('\n'),
    ),
  ).toEqual([
    ['comment', '# a comment', 1],
    [
      'statement',
      'PREFIX x: <urn:x#;>\nINSERT DATA { x:a x:b \'it\'\'s; {\' ; x:c """a "quoted"; }\n{""" }',
      2,
    ],
    ['statement', 'DELETE { ?a ?b ?c } # inside ;\nWHERE { ?a ?b ?c FILTER(?c < 5 && ?a != x:d\\;e) }', 6],
  ]);
});

test('a marker ends the update before it, with or without its semicolon', () => {
  expect(split('# migrate:up\nCLEAR GRAPH <urn:a>\n  # migrate:down\nCLEAR GRAPH <urn:b>')).toEqual([
    ['comment', '# migrate:up', 1],
    ['statement', 'CLEAR GRAPH <urn:a>', 2],
    ['comment', '# migrate:down', 3],
    ['statement', 'CLEAR GRAPH <urn:b>', 4],
  ]);
});

test('what checks look at has no strings, IRIs and comments', () => {
  expect(splitSparql('INSERT DATA { <urn:load> <urn:b> "service" } # clear all')[0]!.code).toBe(
    'INSERT DATA {       } ',
  );
});

test.each([
  ['a string', 'INSERT DATA { <urn:a> <urn:b> "x }\n', 1, 'has a string that is not closed'],
  ['a long string', '\nINSERT DATA { <urn:a> <urn:b> """x }\n', 2, 'has a string that is not closed'],
  ['a brace', '\nINSERT DATA { <urn:a> <urn:b> 1\n# migrate:down\n', 2, 'has a "{" that is not closed'],
  ['a brace too many', 'CLEAR GRAPH <urn:a> ;\n}', 2, 'has a "}" without its "{"'],
])('%s that is not closed is an error with its line', (_name, text, line, what) => {
  expect(() => splitSparql(text)).toThrow(new TextSyntaxError(line, what));
});

test('five megabytes of data are split in one piece', () => {
  const triples = Array.from(
    { length: 90_000 },
    (_, index) => `<urn:s:${index}> <urn:p> "text; number ${index}" .`,
  );
  const text = `INSERT DATA { GRAPH <urn:g> {\n${triples.join('\n')}\n} } ;\nCLEAR GRAPH <urn:h>`;
  expect(splitSparql(text).map(({ line }) => line)).toEqual([1, 90_003]);
});
