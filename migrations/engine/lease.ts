import { setTimeout as delay } from 'node:timers/promises';
import { LockTimeoutError } from './errors';
import type { MigrationLock } from './target';

/** A holder renews its lease this often … */
const HEARTBEAT_MS = 1_000;
/** … and is taken for dead when a waiter saw no renewal for this long. */
const DEAD_AFTER_MS = 3_000;
const POLL_MS = 250;
/** Pause after another waiter was faster. */
const RACE_MS = 20;
/** How long a holder whose beats are late tries to learn whether it still is the holder. */
const CONFIRM_MS = 10_000;

/** A lease as a store keeps it. */
export interface LeaseRecord {
  readonly holder: string;
  /** False once it was released. */
  readonly held: boolean;
  /** Token of the record's last write; every write gives another one. */
  readonly token: string;
}

/** Where a store keeps its lease: one record with conditional writes. */
export interface LeaseStorage {
  read(): Promise<LeaseRecord | undefined>;
  /** Writes the record if its token is still the expected one (undefined: there is no record); the new token, or undefined when it was not. */
  write(content: Omit<LeaseRecord, 'token'>, expected: string | undefined): Promise<string | undefined>;
}

/** A held lock whose loss can be noticed. */
export interface Lease extends MigrationLock {
  /** @throws Error when another runner took the lease over, or the store does not tell. */
  assertHeld(): Promise<void>;
}

/**
 * Takes a store's lease, trying again until `waitMs` has passed.
 * Waiters judge a holder by whether its heartbeat changes the token, on their own clock: clocks need not agree.
 * @param store the store, in messages.
 * @throws LockTimeoutError naming the holder.
 */
export async function takeLease(
  storage: LeaseStorage,
  store: string,
  { holder, waitMs }: { holder: string; waitMs: number },
): Promise<Lease> {
  const deadline = performance.now() + waitMs;
  let seen: { token: string; since: number } | undefined;
  for (;;) {
    const current = await storage.read();
    const now = performance.now();
    if (current && current.token !== seen?.token) seen = { token: current.token, since: now };
    const free = !current || !current.held || now - seen!.since >= DEAD_AFTER_MS;
    const token = free ? await storage.write({ holder, held: true }, current?.token) : undefined;
    if (token) return new RenewedLease(storage, store, holder, token);
    if (now >= deadline) throw new LockTimeoutError(store, current?.holder ?? 'another runner', waitMs);
    // The takeover of a dead holder comes as soon as it may.
    const untilDead = seen ? seen.since + DEAD_AFTER_MS - now : POLL_MS;
    await delay(Math.min(POLL_MS, Math.max(untilDead, RACE_MS)));
  }
}

class RenewedLease implements Lease {
  private lost: Error | undefined;
  private lastBeat = performance.now();
  /** The beat under way: a store that does not answer must not be left with a queue of them. */
  private beating: Promise<void> | undefined;
  private readonly timer: NodeJS.Timeout;

  constructor(
    private readonly storage: LeaseStorage,
    private readonly store: string,
    private readonly holder: string,
    private token: string,
  ) {
    this.timer = setInterval(() => void this.renew(), HEARTBEAT_MS);
    this.timer.unref();
  }

  /** A runner that was stalled is still the holder if its token is: nobody takes over without writing another. */
  async assertHeld(): Promise<void> {
    const deadline = performance.now() + CONFIRM_MS;
    while (!this.lost && this.isOverdue()) {
      if (performance.now() >= deadline) {
        this.lost = new Error(`The migration lock of ${this.store} could not be kept alive; run again.`);
        break;
      }
      const pause = new Promise((resolve) => setTimeout(resolve, POLL_MS));
      await Promise.race([this.renew(), pause]);
      if (this.isOverdue()) await pause;
    }
    if (this.lost) throw this.lost;
  }

  private renew(): Promise<void> {
    this.beating ??= this.beat().finally(() => (this.beating = undefined));
    return this.beating;
  }

  async release(): Promise<void> {
    clearInterval(this.timer);
    await this.beating;
    if (this.lost || this.isOverdue()) return;
    // An unreachable store leaves the lease to expire.
    await this.storage.write({ holder: this.holder, held: false }, this.token).catch(() => undefined);
  }

  /** Whether others may take this holder for dead. */
  private isOverdue(): boolean {
    return performance.now() - this.lastBeat >= DEAD_AFTER_MS;
  }

  private async beat(): Promise<void> {
    if (this.lost) return;
    const started = performance.now();
    try {
      const token = await this.storage.write({ holder: this.holder, held: true }, this.token);
      if (token) {
        this.token = token;
        // A waiter may have seen this beat before its answer came.
        this.lastBeat = started;
      } else {
        this.lost = new Error(
          `The migration lock of ${this.store} was taken over by another runner; run again.`,
        );
      }
    } catch {
      // A missed beat is no loss yet: assertHeld() asks again.
    }
  }
}
