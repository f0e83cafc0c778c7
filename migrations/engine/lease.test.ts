import { type LeaseStorage, takeLease } from './lease';

afterEach(() => jest.useRealTimers());

test('a store that stops answering is asked once at a time, and its lease is left to expire', async () => {
  jest.useFakeTimers();
  const unanswered: (() => void)[] = [];
  let writes = 0;
  const storage: LeaseStorage = {
    read: async () => undefined,
    write: () =>
      ++writes === 1
        ? Promise.resolve('first')
        : new Promise((_resolve, reject) => unanswered.push(() => reject(new Error('gone')))),
  };
  const lease = await takeLease(storage, 'the store', { holder: 'me', waitMs: 0 });
  await jest.advanceTimersByTimeAsync(10_000);
  expect(writes).toBe(2);
  expect(() => lease.assertHeld()).toThrow('could not be kept alive');
  const released = lease.release();
  unanswered[0]!();
  await released;
  expect(writes).toBe(2);
});

test('a lease is renewed every second and released once', async () => {
  jest.useFakeTimers();
  const held: boolean[] = [];
  const storage: LeaseStorage = {
    read: async () => undefined,
    write: async (content) => String(held.push(content.held)),
  };
  const lease = await takeLease(storage, 'the store', { holder: 'me', waitMs: 0 });
  await jest.advanceTimersByTimeAsync(3_000);
  await lease.release();
  await jest.advanceTimersByTimeAsync(3_000);
  expect(held).toEqual([true, true, true, true, false]);
});
