import * as fc from 'fast-check';
import { splitCypher } from './split-cypher';

const statements = (text: string) =>
  splitCypher(text)
    .filter(({ kind }) => kind === 'statement')
    .map((item) => [item.line, item.text]);

test.each<[string, string, [number, string][]]>([
  [
    'semicolons',
    'A; B;\nC',
    [
      [1, 'A'],
      [1, 'B'],
      [2, 'C'],
    ],
  ],
  ['nothing between semicolons', ';;A;;', [[1, 'A']]],
  [
    'strings',
    `RETURN 'a;b', "c;d";E`,
    [
      [1, `RETURN 'a;b', "c;d"`],
      [1, 'E'],
    ],
  ],
  [
    'escaped quotes',
    `RETURN 'a\\';b';C`,
    [
      [1, `RETURN 'a\\';b'`],
      [1, 'C'],
    ],
  ],
  [
    'an escaped backslash',
    `RETURN 'a\\\\';C`,
    [
      [1, `RETURN 'a\\\\'`],
      [1, 'C'],
    ],
  ],
  [
    'the other quote',
    `RETURN "it's";C`,
    [
      [1, `RETURN "it's"`],
      [1, 'C'],
    ],
  ],
  [
    'quoted names',
    'MATCH (n:`a;``b`);C',
    [
      [1, 'MATCH (n:`a;``b`)'],
      [1, 'C'],
    ],
  ],
  [
    'a backslash in a quoted name',
    'MATCH (n:`a\\`);C',
    [
      [1, 'MATCH (n:`a\\`)'],
      [1, 'C'],
    ],
  ],
  [
    'line comments',
    'A // x;y\nB;C',
    [
      [1, 'A // x;y\nB'],
      [2, 'C'],
    ],
  ],
  [
    'block comments',
    'A /* x;\n y */ B;C',
    [
      [1, 'A /* x;\n y */ B'],
      [2, 'C'],
    ],
  ],
  [
    'comments in strings',
    `RETURN 'http://x', '/*';C`,
    [
      [1, `RETURN 'http://x', '/*'`],
      [1, 'C'],
    ],
  ],
  ['comments around', '/* a */\nA\n// b\n;', [[2, 'A']]],
  [
    'lines in strings',
    `RETURN 'a\nb';\nC`,
    [
      [1, `RETURN 'a\nb'`],
      [3, 'C'],
    ],
  ],
])('splits at %s', (_name, text, expected) => expect(statements(text)).toEqual(expected));

test('a comment that fills its line is an item; a section mark ends a statement', () => {
  expect(
    splitCypher('A // no\n  // yes\nB\n// migrate:down\nC').map(({ kind, text }) => [kind, text]),
  ).toEqual([
    ['comment', '// yes'],
    ['statement', 'A // no\n  // yes\nB'],
    ['comment', '// migrate:down'],
    ['statement', 'C'],
  ]);
});

test('tokens are the words and signs outside of strings, names and comments', () => {
  const [item] = splitCypher("merge (n:`x y` {id: 'create'})\n// create\nSET n.é2 = 1.5");
  expect(item?.kind).toBe('comment');
  const statement = splitCypher("merge (n:`x y` {id: 'create'}) /* create */\nSET n.é2 = 1.5")[0]!;
  expect(statement.tokens.map(({ text, line }) => `${line} ${text}`)).toEqual([
    ...['MERGE', '(', 'N', ':', '`', '{', 'ID', ':', "'", '}', ')'].map((text) => `1 ${text}`),
    ...['SET', 'N', '.', 'É2', '=', '1.5'].map((text) => `2 ${text}`),
  ]);
});

test('what was quoted is never split, and joining gives the statements back', () => {
  const quoted = fc.tuple(fc.constantFrom("'", '"', '`'), fc.string()).map(([quote, text]) => {
    const inner =
      quote === '`'
        ? text.replaceAll('`', '``').replaceAll('\\', '')
        : text.replace(/[\\'"]/g, (char) => `\\${char}`).replaceAll('u', 'v');
    return `RETURN ${quote}${inner}${quote}`;
  });
  fc.assert(
    fc.property(fc.array(quoted, { minLength: 1 }), (texts) => {
      expect(statements(texts.join(';\n')).map(([, text]) => text)).toEqual(texts);
    }),
  );
});
