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
  const refused = expect(lease.assertHeld()).rejects.toThrow('could not be kept alive');
  await jest.advanceTimersByTimeAsync(15_000);
  await refused;
  const released = lease.release();
  unanswered[0]!();
  await released;
  expect(writes).toBe(2);
});

test.each([
  ['keeps its lease when nobody took it', 'first', undefined],
  ['has lost its lease when another runner took it', 'other', 'was taken over by another runner'],
])('a runner that was stalled for a minute %s', async (_what, stored, refusal) => {
  let token = 'first';
  const storage: LeaseStorage = {
    read: async () => undefined,
    write: async (_content, expected) => (expected === undefined || expected === token ? token : undefined),
  };
  const lease = await takeLease(storage, 'the store', { holder: 'me', waitMs: 0 });
  token = stored;
  const clock = jest.spyOn(performance, 'now');
  clock.mockReturnValue(performance.now() + 60_000);
  const asserted = lease.assertHeld();
  await (refusal ? expect(asserted).rejects.toThrow(refusal) : asserted);
  clock.mockRestore();
  await lease.release();
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
