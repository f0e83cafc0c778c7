import { isClose } from './chroma-restore';
import { parseExactly } from './exact-json';

test('numbers and all values stay as they were written, under sorted keys', () => {
  const text =
    '{"z":[1.0,-0.0,1e-30,3.4028235e38,12345678901234567890,1],"a":{"__proto__":1.50,"b":null},"t":"1.0"}';
  expect(JSON.stringify(parseExactly(text))).toBe(
    '{"a":{"__proto__":1.50,"b":null},"t":"1.0","z":[1.0,-0.0,1e-30,3.4028235e38,12345678901234567890,1]}',
  );
});

test.each([
  ['the same', [1, 2], [1, 2], true],
  ['rounded', [1, 2], [1.0000001, 1.9999998], true],
  ['another one', [1, 2], [1, 2.001], false],
  ['a small number of a large vector', [1000, 1e-6], [1000, 2e-6], true],
  ['shorter', [1, 2], [1], false],
  ['gone', [1, 2], undefined, false],
  ['without numbers', [1, 2], [null, null], false],
  ['too short to have a length', [1e-30, 0], [0, 0], true],
  ['too long to have a length', [1e38, 0], [null, null], true],
])('a vector that came back: %s', (_what, wanted, got, close) => {
  expect(isClose(wanted, got)).toBe(close);
});
