import { setTimeout as delay } from 'node:timers/promises';
import { LockTimeoutError } from '../../engine/errors';
import { takeTicketLock, type Ticket, type TicketStorage } from './ticket-lock';

/** Tickets in memory; every request takes effect some time after it was sent, so that contenders interleave. */
class SlowTickets implements TicketStorage {
  readonly tickets = new Map<string, Ticket>();
  failing = false;

  async list(): Promise<Ticket[]> {
    await this.travel();
    return [...this.tickets.values()];
  }
  async put(ticket: Ticket): Promise<void> {
    await this.travel();
    this.tickets.set(ticket.id, ticket);
    await this.travel();
  }
  async remove(id: string): Promise<void> {
    await this.travel();
    this.tickets.delete(id);
  }
  private async travel(): Promise<void> {
    if (this.failing) throw new Error('unreachable');
    await delay(Math.random() * 10);
  }
}

const take = (storage: TicketStorage, holder: string, waitMs: number) =>
  takeTicketLock(storage, 'the store', { holder, waitMs });

test('of ten contenders at once never two hold the lock, and all get it', async () => {
  const storage = new SlowTickets();
  let holders = 0;
  const most: number[] = [];
  await Promise.all(
    Array.from({ length: 10 }, async (_, index) => {
      const lock = await take(storage, `runner ${index}`, 30_000);
      most.push(++holders);
      await delay(5);
      holders--;
      await lock.release();
    }),
  );
  expect(most).toEqual(Array.from({ length: 10 }, () => 1));
  expect(storage.tickets.size).toBe(0);
}, 40_000);

test('without patience the holder is named, and the ticket is withdrawn', async () => {
  const storage = new SlowTickets();
  const lock = await take(storage, 'ci@build-1', 0);
  const waiting = take(storage, 'me', 0);
  await expect(waiting).rejects.toThrow(LockTimeoutError);
  await expect(waiting).rejects.toThrow('the store is held by ci@build-1 and was not free within 0.0 s.');
  expect([...storage.tickets.keys()]).toEqual([lock.id]);
  await lock.release();
  await (await take(storage, 'me', 0)).release();
});

test('who cannot write its ticket for too long has lost the lock', async () => {
  const storage = new SlowTickets();
  const lock = await take(storage, 'me', 0);
  storage.failing = true;
  const clock = jest.spyOn(performance, 'now');
  const now = performance.now();
  clock.mockReturnValue(now + 3_000);
  await lock.assertHeld();
  clock.mockReturnValue(now + 4_100);
  await expect(lock.assertHeld()).rejects.toThrow(
    'The migration lock of the store could not be kept alive; run again.',
  );
  clock.mockRestore();
  await lock.release();
});

test.each([
  ['alone, keeps the lock', undefined],
  ['not alone, has lost the lock', { id: 'z', holder: 'other', number: 2, beat: 1 }],
])('who was stalled for a minute and is %s', async (_what, other) => {
  const storage = new SlowTickets();
  const lock = await take(storage, 'me', 0);
  if (other) storage.tickets.set(other.id, other);
  const clock = jest.spyOn(performance, 'now');
  clock.mockReturnValue(performance.now() + 60_000);
  const asserted = lock.assertHeld();
  await (other ? expect(asserted).rejects.toThrow('could not be kept alive') : asserted);
  clock.mockRestore();
  await lock.release();
});

test('a dead contender is removed, also one that died while it was choosing', async () => {
  const storage = new SlowTickets();
  for (const number of [0, 1])
    storage.tickets.set(`dead-${number}`, { id: `dead-${number}`, holder: 'dead', number, beat: 7 });
  const lock = await take(storage, 'me', 10_000);
  expect([...storage.tickets.keys()]).toEqual([lock.id]);
  await lock.release();
}, 15_000);
