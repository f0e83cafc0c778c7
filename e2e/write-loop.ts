/** What a loop of acknowledged writes saw while something was killed under it. */
export interface WriteLoopReport {
  /** Identifiers of the writes that the store acknowledged, in order. */
  acknowledged: string[];
  /** Why attempts ended without an acknowledgement; they may or may not have been stored. */
  failures: string[];
  /** Longest time between two acknowledged writes, in milliseconds. */
  longestGapMs: number;
}

/** Writes one after the other until stopped; a failed write is not repeated, the next identifier is tried. */
class WriteLoop {
  private readonly acknowledged: string[] = [];
  private readonly failures: string[] = [];
  private longestGapMs = 0;
  private lastAcknowledged = Date.now();
  private stopping = false;
  private readonly finished: Promise<void>;

  /** @param write Resolves true only when the store acknowledged the write. */
  constructor(
    private readonly prefix: string,
    write: (id: string) => Promise<boolean>,
  ) {
    this.finished = this.run(write);
  }

  private async run(write: (id: string) => Promise<boolean>): Promise<void> {
    for (let sequence = 0; !this.stopping; sequence++) {
      const id = `${this.prefix}-${String(sequence).padStart(8, '0')}`;
      const failure = await write(id).then(
        (acknowledged) => (acknowledged ? undefined : 'not acknowledged'),
        (error: Error) => `${error.name}: ${error.message}`,
      );
      if (failure === undefined) {
        const now = Date.now();
        this.longestGapMs = Math.max(this.longestGapMs, now - this.lastAcknowledged);
        this.lastAcknowledged = now;
        this.acknowledged.push(id);
      } else {
        this.failures.push(failure);
        // A refused connection fails at once; a loop of those would starve the server that is coming back.
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
  }

  /** How many writes were acknowledged so far. */
  get count(): number {
    return this.acknowledged.length;
  }

  /** Stops after the write under way. */
  async stop(): Promise<WriteLoopReport> {
    this.stopping = true;
    await this.finished;
    return { acknowledged: this.acknowledged, failures: this.failures, longestGapMs: this.longestGapMs };
  }
}

/** Runs an action while a loop writes, and reports what the loop saw; a failed action stops the loop too. */
export async function underWrites(
  prefix: string,
  write: (id: string) => Promise<boolean>,
  action: (loop: WriteLoop) => Promise<void>,
): Promise<WriteLoopReport> {
  const loop = new WriteLoop(prefix, write);
  try {
    await action(loop);
  } finally {
    await loop.stop();
  }
  return loop.stop();
}
