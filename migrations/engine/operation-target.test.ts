import type { LeaseRecord } from './lease';
import { type OperationStore, OperationTarget } from './operation-target';
import type { AppliedChange, Change, Statement } from './target';

const statement = { text: 'a', line: 1 };
const change: Change = {
  version: '000001',
  description: 'a',
  file: '000001-a.json',
  checksum: 'c',
  transaction: true,
  up: [statement],
  down: [statement],
  rollback: 'a',
};
const entry: AppliedChange = {
  version: '000001',
  description: 'a',
  checksum: 'c',
  rollback: 'a',
  appliedAt: '2026-01-01T00:00:00Z',
  appliedBy: 'other',
  durationMs: 1,
};

/** A store in memory, with what its runner wrote. */
class FakeStore implements OperationStore {
  readonly store = 'fake';
  readonly name = 'fake store';
  readonly user = 'me';
  readonly written: string[] = [];
  leaseRecord: LeaseRecord | undefined;
  /** What happens while an operation is performed. */
  during: () => Promise<unknown> = async () => undefined;
  refusal: Error | undefined;

  readonly lease = {
    read: async () => this.leaseRecord,
    write: async (content: Omit<LeaseRecord, 'token'>, expected: string | undefined) => {
      if (this.refusal) throw this.refusal;
      if (this.leaseRecord?.token !== expected) return undefined;
      const token = String(Number(expected ?? 0) + 1);
      this.leaseRecord = { ...content, token };
      return token;
    },
  };

  async prepare() {}
  async history() {
    return [entry];
  }
  async record({ version }: AppliedChange) {
    this.written.push(`record ${version}`);
  }
  async forget(version: string) {
    this.written.push(`forget ${version}`);
  }
  async perform({ text }: Statement) {
    this.written.push(text);
    await this.during();
  }
  async schema() {
    return [];
  }
  async snapshot() {
    return undefined;
  }
  async saveSnapshot() {
    this.written.push('snapshot');
  }
  isRefusal(error: unknown) {
    return error === this.refusal;
  }
  async close() {}
}

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

test('a runner that lost its lock while an operation ran writes nothing more', async () => {
  const store = new FakeStore();
  const target = new OperationTarget(store);
  const lock = await target.lock({ holder: 'me', waitMs: 0 });
  store.during = async () => {
    store.leaseRecord = { holder: 'other', held: true, token: 'taken' };
    await jest.advanceTimersByTimeAsync(1_000);
  };
  const lost = 'The migration lock of fake store was taken over by another runner; run again.';
  await expect(target.apply(change, 'me')).rejects.toThrow(lost);
  await expect(target.revert(change)).rejects.toThrow(lost);
  await expect(target.saveSnapshot({ version: '000001', schema: [] })).rejects.toThrow(lost);
  await lock.release();
  expect(store.written).toEqual(['a']);
  expect(store.leaseRecord!.token).toBe('taken');
});

test('a runner whose lock cannot be renewed writes nothing more', async () => {
  const store = new FakeStore();
  const target = new OperationTarget(store);
  const lock = await target.lock({ holder: 'me', waitMs: 0 });
  store.refusal = new Error('away');
  const applied = expect(target.apply(change, 'me')).rejects.toThrow(
    'The migration lock of fake store could not be kept alive; run again.',
  );
  store.during = () => jest.advanceTimersByTimeAsync(3_000);
  await jest.advanceTimersByTimeAsync(20_000);
  await applied;
  expect(store.written).toEqual(['a']);
  await lock.release();
});

test('a user who may read the lock and not write it gets a sentence with the fix', async () => {
  const store = new FakeStore();
  store.refusal = new Error('not allowed');
  await expect(new OperationTarget(store).lock({ holder: 'me', waitMs: 0 })).rejects.toThrow(
    'fake store: the lock cannot be written as "me": not allowed. Connect with credentials that may.',
  );
});
