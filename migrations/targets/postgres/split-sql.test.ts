import fc from 'fast-check';
import { TextSyntaxError } from '../../engine/sectioned-format';
import { splitSql } from './split-sql';

const statements = (text: string) =>
  splitSql(text)
    .filter((item) => item.kind === 'statement')
    .map((item) => item.text);

describe('splitSql', () => {
  test.each([
    ['two statements', 'SELECT 1; SELECT 2;', ['SELECT 1', 'SELECT 2']],
    ['no last semicolon', 'SELECT 1', ['SELECT 1']],
    ['nothing', ' ;; \n -- only a comment\n/* and ; another */;', []],
    ['a semicolon in a string', "SELECT ';', 'it''s;'; SELECT 2", ["SELECT ';', 'it''s;'", 'SELECT 2']],
    ['a backslash in a plain string', "SELECT '\\'; SELECT 2", ["SELECT '\\'", 'SELECT 2']],
    ['an escape string', "SELECT E'\\';' ; SELECT 2", ["SELECT E'\\';'", 'SELECT 2']],
    ['a name that ends in e before a string', "SELECT name'\\'; SELECT 2", ["SELECT name'\\'", 'SELECT 2']],
    ['a quoted name', 'SELECT ";""a;" ; SELECT 2', ['SELECT ";""a;"', 'SELECT 2']],
    ['dollar quotes', 'SELECT $$a;$b$ ;$$; SELECT 2', ['SELECT $$a;$b$ ;$$', 'SELECT 2']],
    ['tagged dollar quotes', 'SELECT $f$a; $$;$$ $f$; SELECT 2', ['SELECT $f$a; $$;$$ $f$', 'SELECT 2']],
    ['a dollar in a name', 'SELECT a$b$; SELECT c$b$', ['SELECT a$b$', 'SELECT c$b$']],
    ['a parameter', 'SELECT $1; SELECT $2', ['SELECT $1', 'SELECT $2']],
    ['a nested comment', 'SELECT /* ; /* ; */ ; */ 1; SELECT 2', ['SELECT /* ; /* ; */ ; */ 1', 'SELECT 2']],
    ['a line comment', 'SELECT 1 -- ; not here\n, 2; SELECT 3', ['SELECT 1 -- ; not here\n, 2', 'SELECT 3']],
    ['comments around', '/* a */ SELECT 1 /* b */; -- c\nSELECT 2', ['SELECT 1', 'SELECT 2']],
    [
      'a rule of several statements',
      'CREATE RULE r AS ON INSERT TO t DO (SELECT 1; SELECT 2); SELECT 3',
      ['CREATE RULE r AS ON INSERT TO t DO (SELECT 1; SELECT 2)', 'SELECT 3'],
    ],
    [
      'a standard function body',
      'CREATE OR REPLACE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END; SELECT 3',
      [
        'CREATE OR REPLACE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END',
        'SELECT 3',
      ],
    ],
  ])('%s', (_name, text, expected) => {
    expect(statements(text)).toEqual(expected);
  });

  test('gives lines and first words', () => {
    expect(splitSql('-- first\n\nCREATE UNIQUE INDEX\n  i ON t (a);\n/* x\n */ SELECT 1')).toEqual([
      { kind: 'comment', text: '-- first', line: 1, words: '' },
      {
        kind: 'statement',
        text: 'CREATE UNIQUE INDEX\n  i ON t (a)',
        line: 3,
        words: 'create unique index i on t',
      },
      { kind: 'statement', text: 'SELECT 1', line: 6, words: 'select' },
    ]);
  });

  test.each([
    ["SELECT 1;\nSELECT 'a", 2, 'opens a string that never ends'],
    ['SELECT "a', 1, 'opens a quoted name that never ends'],
    ['\n\nSELECT $x$ $$', 3, 'opens a $x$ string that never ends'],
    ['/* /* */', 1, 'opens a comment that never ends'],
    ['SELECT 1;\n\\d users\n', 2, 'has the psql command "\\d users", which only psql understands'],
    ['SELECT \0', 1, 'has a NUL character, which PostgreSQL refuses'],
  ])('refuses %j', (text, line, what) => {
    const split = () => splitSql(text);
    expect(split).toThrow(TextSyntaxError);
    expect(split).toThrow(`line ${line}: ${what}`);
  });

  test('any sequence of tokens comes back as the statements it was joined from', () => {
    const inner = fc.string({ maxLength: 8 }).map((text) => text.replaceAll('\0', ''));
    const token = fc.oneof(
      fc.constantFrom('SELECT', 'a', 'b1', '1.5', '+', '::', '( ; )', '$1', ',', '[1]'),
      inner.map((text) => `'${text.replaceAll("'", "''")}'`),
      inner.map((text) => `E'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`),
      inner.map((text) => `"${text.replaceAll('"', '""')}"`),
      inner.map((text) => `$q$${text.replaceAll('$', '')}$q$`),
      inner.map((text) => `x /* ${text.replaceAll('*', '').replaceAll('/', '')} ; */ x`),
      inner.map((text) => `x -- ${text.replaceAll('\n', '')};\n x`),
    );
    const statement = fc.array(token, { minLength: 1, maxLength: 6 }).map((tokens) => tokens.join(' '));
    const separator = fc.constantFrom(';', ' ;\n', ';;', '; -- c;\n', ';/* ; */');
    fc.assert(
      fc.property(fc.array(fc.tuple(statement, separator), { maxLength: 6 }), (parts) => {
        expect(statements(parts.map(([text, end]) => text + end).join(''))).toEqual(
          parts.map(([text]) => text),
        );
      }),
      { numRuns: 300 },
    );
  });
});
