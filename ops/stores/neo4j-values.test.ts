import neo4j from 'neo4j-driver';
import { decodeProperties, decodeValue, encodeProperties, encodeValue } from './neo4j-values';

const { Date, DateTime, Duration, Point } = neo4j.types;

test.each([
  ['an integer', -(2n ** 63n), { integer: '-9223372036854775808' }],
  ['a float', 1, 1],
  ['a negative zero', -0, { float: '-0' }],
  ['no number', NaN, { float: 'NaN' }],
  ['infinity', [1.5, -Infinity], [1.5, { float: '-Infinity' }]],
  ['bytes', Int8Array.of(0, -1, 127), { bytes: 'AP9/' }],
  ['a date', new Date(-44, 3, 15), { date: [-44, 3, 15] }],
  [
    'a moment in a zone',
    new DateTime(2024, 10, 27, 2, 30, 0, 1, 3600, 'Europe/Berlin'),
    { dateTime: [2024, 10, 27, 2, 30, 0, 1, 3600, 'Europe/Berlin'] },
  ],
  ['a duration', new Duration(1n, -2n, 2n ** 60n, 4n), { duration: ['1', '-2', '1152921504606846976', '4'] }],
  ['a point', new Point(9157, 1, -0, 2.5), { point: [9157, 1, { float: '-0' }, 2.5] }],
  ['a list of points', [new Point(4326, 1, 2)], [{ point: [4326, 1, 2] }]],
  ['text that looks like a type', '{"integer":"1"}', '{"integer":"1"}'],
])('%s is encoded and comes back', (_what, value, encoded) => {
  expect(encodeValue(value)).toEqual(encoded);
  const decoded = decodeValue(JSON.parse(JSON.stringify(encoded)));
  expect(decoded).toStrictEqual(value);
  expect(encodeValue(decoded)).toEqual(encoded);
});

test('properties are sorted and may have any name', () => {
  const encoded = encodeProperties([
    ['b', 'x'],
    ['__proto__', true],
    ['a', 2n],
    ['gone', null],
  ]);
  const text = '{"__proto__":true,"a":{"integer":"2"},"b":"x"}';
  expect(JSON.stringify(encoded)).toBe(text);
  expect(Object.entries(decodeProperties(JSON.parse(text)))).toEqual([
    ['__proto__', true],
    ['a', 2n],
    ['b', 'x'],
  ]);
});

test('what is no property is refused', () => {
  expect(() => encodeValue(new Map())).toThrow('A property has a value that cannot be copied: [object Map].');
  expect(() => decodeValue({ unknown: 1 })).toThrow('The copy has a value of an unknown type: unknown.');
});
