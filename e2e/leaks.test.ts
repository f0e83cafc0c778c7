import { leaks } from './leaks';

test('a value is found in clear and in base64, and the place alone is named', () => {
  const value = 'kept-in-a-secret-only';
  const places = [
    { where: 'state', text: `{"password":"${value}"}` },
    { where: 'log', text: 'connected as app' },
    { where: 'object', text: Buffer.from(value).toString('base64') },
  ];
  expect(leaks([value], places)).toEqual(['state', 'object']);
  expect(leaks(['something-else-altogether'], places)).toEqual([]);
});
