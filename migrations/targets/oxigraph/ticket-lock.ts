import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { LockTimeoutError } from '../../engine/errors';
import type { Lease } from '../../engine/lease';

/** What one contender for the lock shows to the others. */
export interface Ticket {
  readonly id: string;
  readonly holder: string;
  /** Place in the queue, from 1; 0 while the contender is still choosing. */
  readonly number: number;
  /** Grows with every write. */
  readonly beat: number;
}

/** Where tickets are kept. Needs no conditional writes: each contender writes only its own. */
export interface TicketStorage {
  list(): Promise<Ticket[]>;
  put(ticket: Ticket): Promise<void>;
  remove(id: string): Promise<void>;
}

/** A contender rewrites its ticket this often … */
const HEARTBEAT_MS = 1_000;
/** … and is taken for dead when another one saw no rewrite for this long. */
const DEAD_AFTER_MS = 4_000;
const POLL_MS = 250;

/**
 * Takes a lock by Lamport's bakery algorithm, for stores whose writes cannot be made conditional: who comes takes a
 * number above all others and waits for the smaller ones. Contenders judge each other on their own clocks.
 * @param store the store, in messages.
 * @throws LockTimeoutError naming the holder.
 * @see https://lamport.azurewebsites.net/pubs/bakery.pdf
 */
export async function takeTicketLock(
  storage: TicketStorage,
  store: string,
  { holder, waitMs }: { holder: string; waitMs: number },
): Promise<TicketLock> {
  const deadline = performance.now() + waitMs;
  const lock = new TicketLock(storage, store, holder);
  try {
    await lock.queue();
    for (;;) {
      const ahead = await lock.ahead();
      if (!ahead) return lock;
      if (performance.now() >= deadline) throw new LockTimeoutError(store, ahead.holder, waitMs);
      await delay(POLL_MS);
    }
  } catch (error) {
    await lock.release();
    throw error;
  }
}

/** A place in the queue for the lock; the lock itself once nobody is ahead. */
export class TicketLock implements Lease {
  readonly id = randomUUID();
  private number = 0;
  private beat = 0;
  private lost: Error | undefined;
  private lastWrite = performance.now();
  private writing: Promise<void> = Promise.resolve();
  private timer: NodeJS.Timeout | undefined;
  private readonly seen = new Map<string, { beat: number; since: number }>();

  constructor(
    private readonly storage: TicketStorage,
    private readonly store: string,
    private readonly holder: string,
  ) {}

  /** Takes a number. While a contender is choosing, those who could get the same number wait for it. */
  async queue(): Promise<void> {
    await this.write();
    this.timer = setInterval(() => {
      // A missed beat is no loss yet: assertHeld() tries again.
      void this.write().catch(() => undefined);
    }, HEARTBEAT_MS);
    this.timer.unref();
    this.number = 1 + Math.max(0, ...(await this.storage.list()).map(({ number }) => number));
    await this.write();
  }

  /** The first contender that comes before this one; removes the dead ones. */
  async ahead(): Promise<Ticket | undefined> {
    await this.assertHeld();
    const tickets = await this.storage.list();
    if (!tickets.some(({ id }) => id === this.id)) throw this.takenOver();
    const ahead: Ticket[] = [];
    for (const ticket of tickets.filter((other) => this.isBehind(other))) {
      if (this.isDead(ticket)) await this.storage.remove(ticket.id);
      else ahead.push(ticket);
    }
    return ahead.sort((a, b) => a.number - b.number)[0];
  }

  async assertHeld(): Promise<void> {
    if (!this.lost && this.isOverdue()) await this.write().catch(() => undefined);
    if (!this.lost && this.isOverdue()) this.lost = this.notKeptAlive();
    if (this.lost) throw this.lost;
  }

  private isOverdue(): boolean {
    return performance.now() - this.lastWrite >= DEAD_AFTER_MS;
  }

  private notKeptAlive(): Error {
    return new Error(`The migration lock of ${this.store} could not be kept alive; run again.`);
  }

  /** A runner that was stalled goes on only while nobody else is there who may have taken it for dead. */
  private async assertNotTakenForDead(): Promise<void> {
    if (this.lost) throw this.lost;
    if (!this.isOverdue()) return;
    const tickets = await this.storage.list();
    if (tickets.length !== 1 || tickets[0]!.id !== this.id) throw (this.lost = this.notKeptAlive());
  }

  async release(): Promise<void> {
    clearInterval(this.timer);
    await this.writing.catch(() => undefined);
    // An unreachable store leaves the ticket to expire.
    await this.storage.remove(this.id).catch(() => undefined);
  }

  /** Why a change was refused whose fence is gone. */
  takenOver(): Error {
    return new Error(`The migration lock of ${this.store} was taken over by another runner; run again.`);
  }

  private isBehind({ id, number }: Ticket): boolean {
    if (id === this.id) return false;
    return number < this.number || (number === this.number && id < this.id);
  }

  private isDead({ id, beat }: Ticket): boolean {
    const now = performance.now();
    const seen = this.seen.get(id);
    if (seen?.beat === beat) return now - seen.since >= DEAD_AFTER_MS;
    this.seen.set(id, { beat, since: now });
    return false;
  }

  /** Writes the ticket as it is when its turn comes: writes never overtake each other. */
  private write(): Promise<void> {
    this.writing = this.writing
      .catch(() => undefined)
      .then(async () => {
        const started = performance.now();
        // Writing a ticket again that others have removed would make two holders.
        if (this.beat > 0) await this.assertNotTakenForDead();
        await this.storage.put({ id: this.id, holder: this.holder, number: this.number, beat: ++this.beat });
        this.lastWrite = started;
      });
    return this.writing;
  }
}
