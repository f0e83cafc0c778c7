import { emptying, finishing, restorable } from './postgres-restore';

const LIST = [
  ';',
  '; Archive created at 2030-01-01 00:00:00 UTC',
  ';     Dumped from database version: 17.12',
  '7; 2615 16389 SCHEMA - edge platform_owner',
  '2; 3079 16390 EXTENSION - pgaudit ',
  '4100; 0 0 COMMENT - EXTENSION pgaudit ',
  '3; 3079 16391 EXTENSION - citext ',
  '4101; 0 0 COMMENT - EXTENSION citext ',
  '250; 1259 16400 TABLE public pgaudit platform_owner',
  '4102; 0 16400 TABLE DATA public pgaudit platform_owner',
  '',
];

test('extensions that stay are not restored, tables of the same name are', () => {
  expect(restorable(LIST.join('\n'), ['pgaudit', 'plpgsql']).split('\n')).toEqual(
    LIST.filter((line) => !/EXTENSION (- )?pgaudit/.test(line)),
  );
  expect(restorable(LIST.join('\n'), [])).toBe(LIST.join('\n'));
});

test('names are quoted', () => {
  const begin = emptying({ owner: 'a "b"; --', keptExtensions: [], missingRoles: ['c"; --'], empty: false });
  expect(begin).toContain('DROP OWNED BY "a ""b""; --" CASCADE;');
  expect(begin).toContain('CREATE ROLE "c""; --";');
  const end = finishing(`it's "mine"`, [
    { grantee: 'x"; --', privilege: 'CONNECT', grantable: true },
    { grantee: null, privilege: 'TEMPORARY', grantable: false },
  ]);
  expect(end).toContain(`'DATABASE "it''s ""mine"""'`);
  expect(end.split('\n').slice(-4)).toEqual([
    `GRANT CONNECT ON DATABASE "it's ""mine""" TO "x""; --" WITH GRANT OPTION;`,
    `GRANT TEMPORARY ON DATABASE "it's ""mine""" TO PUBLIC;`,
    'COMMIT;',
    '',
  ]);
});

test('a right that is none of a database is refused', () => {
  const right = { grantee: 'app', privilege: 'CONNECT; DROP DATABASE x; GRANT CONNECT', grantable: false };
  expect(() => finishing('platform', [right])).toThrow('The copy has an unknown right on the database.');
});
