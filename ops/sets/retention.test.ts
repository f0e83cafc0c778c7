import * as fc from 'fast-check';
import { expiredSets } from './retention';

const day = 24 * 3600 * 1000;
const now = new Date('2030-06-30T12:00:00Z');
const aged = (days: number, verified = false) => ({
  id: `${days} days`,
  finishedAt: new Date(now.getTime() - days * day),
  verified,
});
const expired = (sets: ReturnType<typeof aged>[], keepDays: number, keepLast: number) =>
  expiredSets(sets, { keepDays, keepLast }, now).map(({ id }) => id);

test('what is older than its days goes, oldest first', () => {
  expect(expired([aged(1), aged(31), aged(30), aged(90)], 30, 1)).toEqual(['90 days', '31 days']);
});

test('the newest stay, however old they are', () => {
  expect(expired([aged(90), aged(80), aged(70)], 30, 2)).toEqual(['90 days']);
  expect(expired([aged(90)], 0, 1)).toEqual([]);
});

test('the newest whose restore was proven stays', () => {
  expect(expired([aged(90, true), aged(80, true), aged(70), aged(1)], 30, 1)).toEqual(['90 days', '70 days']);
});

test.each([
  [30, 0],
  [-1, 1],
  [Number.NaN, 1],
  [30, 1.5],
])('keepDays %p with keepLast %p is refused', (keepDays, keepLast) => {
  expect(() => expired([aged(1)], keepDays, keepLast)).toThrow(
    `Retention needs keepDays of at least 0 and keepLast of at least 1, got ${keepDays} and ${keepLast}.`,
  );
});

test('whatever the sets and the policy: the newest, and the newest proven one, are left', () => {
  const set = fc.record({ days: fc.integer({ min: 0, max: 400 }), verified: fc.boolean() });
  fc.assert(
    fc.property(
      fc.array(set, { minLength: 1, maxLength: 20 }),
      fc.nat(60),
      fc.integer({ min: 1, max: 5 }),
      (given, keepDays, keepLast) => {
        const sets = given.map(({ days, verified }, index) => ({
          ...aged(days, verified),
          id: String(index),
        }));
        const gone = new Set(expired(sets, keepDays, keepLast));
        const left = sets.filter(({ id }) => !gone.has(id));
        const newest = (of: typeof sets) => Math.max(...of.map(({ finishedAt }) => finishedAt.getTime()));
        expect(newest(left)).toBe(newest(sets));
        const proven = sets.filter(({ verified }) => verified);
        expect(newest(left.filter(({ verified }) => verified))).toBe(newest(proven));
        expect(left.length).toBeGreaterThanOrEqual(Math.min(keepLast, sets.length));
      },
    ),
  );
});
