import { mismatch } from './matching';

test.each([
  [{ a: 1 }, { a: 1, b: 2 }, undefined],
  [{ a: 1 }, { a: '1' }, 'the answer.a is "1" instead of 1'],
  [{ a: { b: null } }, { a: { b: null } }, undefined],
  [{ a: { b: 1 } }, { a: {} }, 'the answer.a.b is missing instead of 1'],
  [{ a: { b: 1 } }, { a: [] }, 'the answer.a is a list of 0 instead of an object'],
  [{ a: 1 }, null, 'the answer is null instead of an object'],
  [[], [], undefined],
  [[], [{}], 'the answer has 1 items instead of 0'],
  [[], {}, 'the answer is an object instead of a list'],
  [[{ a: 1 }, 2], [{ a: 1, b: 3 }, 3], 'the answer[1] is 3 instead of 2'],
])('expecting %j, %j gives %j', (expected, got, fault) => {
  expect(mismatch(expected, got)).toBe(fault);
});
