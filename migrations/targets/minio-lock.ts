import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { GetObjectCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { LockTimeoutError } from '../engine/errors';
import type { MigrationLock } from '../engine/target';

/** A holder rewrites its lock this often … */
const HEARTBEAT_MS = 1_000;
/** … and is taken for dead when a waiter saw no rewrite for this long. */
const DEAD_AFTER_MS = 4_000;
const POLL_MS = 250;

interface LockContent {
  readonly holder: string;
  readonly held: boolean;
  /** Changes with every write, so that every write changes the ETag. */
  readonly beat: string;
}

/** Where the lock object lives. */
export interface LockObject {
  readonly client: S3Client;
  readonly bucket: string;
  readonly key: string;
  /** The store in messages. */
  readonly store: string;
}

/** A held lock whose loss can be noticed. */
export interface ObjectLock extends MigrationLock {
  /** @throws Error when another runner took the lock over, or the heartbeat could not be written in time. */
  assertHeld(): void;
}

/**
 * Takes a lock kept as one object with conditional writes (If-None-Match, If-Match).
 * Waiters judge a holder by whether its heartbeat changes the ETag, on their own clock: clocks need not agree.
 * @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
 */
export async function lockObject(
  object: LockObject,
  { holder, waitMs }: { holder: string; waitMs: number },
): Promise<ObjectLock> {
  const deadline = performance.now() + waitMs;
  let seen: { etag: string; since: number } | undefined;
  for (;;) {
    const current = await read(object);
    const now = performance.now();
    if (current && current.etag !== seen?.etag) seen = { etag: current.etag, since: now };
    const free = !current || !current.held || now - seen!.since >= DEAD_AFTER_MS;
    const etag = free ? await write(object, { holder, held: true }, current?.etag) : undefined;
    if (etag) return new HeartbeatLock(object, holder, etag);
    if (now >= deadline)
      throw new LockTimeoutError(object.store, current?.holder ?? 'another runner', waitMs);
    await delay(POLL_MS);
  }
}

class HeartbeatLock implements ObjectLock {
  private lost: Error | undefined;
  private lastBeat = performance.now();
  private beating: Promise<void> = Promise.resolve();
  private readonly timer: NodeJS.Timeout;

  constructor(
    private readonly object: LockObject,
    private readonly holder: string,
    private etag: string,
  ) {
    this.timer = setInterval(() => {
      this.beating = this.beating.then(() => this.beat());
    }, HEARTBEAT_MS);
    this.timer.unref();
  }

  assertHeld(): void {
    if (!this.lost && performance.now() - this.lastBeat >= DEAD_AFTER_MS) {
      this.lost = new Error(`The migration lock of ${this.object.store} could not be kept alive; run again.`);
    }
    if (this.lost) throw this.lost;
  }

  async release(): Promise<void> {
    clearInterval(this.timer);
    await this.beating;
    if (this.lost) return;
    // An unreachable store leaves the lock to expire.
    await write(this.object, { holder: this.holder, held: false }, this.etag).catch(() => undefined);
  }

  private async beat(): Promise<void> {
    if (this.lost) return;
    try {
      const etag = await write(this.object, { holder: this.holder, held: true }, this.etag);
      if (etag) {
        this.etag = etag;
        this.lastBeat = performance.now();
      } else {
        this.lost = new Error(
          `The migration lock of ${this.object.store} was taken over by another runner; run again.`,
        );
      }
    } catch {
      // One missed beat is no loss yet; assertHeld() counts the time since the last good one.
    }
  }
}

async function read({
  client,
  bucket,
  key,
}: LockObject): Promise<(LockContent & { etag: string }) | undefined> {
  try {
    const answer = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
    const content = JSON.parse(await answer.Body!.transformToString()) as LockContent;
    return { ...content, etag: answer.ETag! };
  } catch (error) {
    if ((error as Error).name === 'NoSuchKey') return undefined;
    throw error;
  }
}

/** Writes the lock if it is still as the caller saw it; undefined when it is not. */
async function write(
  object: LockObject,
  content: Omit<LockContent, 'beat'>,
  expected: string | undefined,
): Promise<string | undefined> {
  const { client, bucket, key } = object;
  const beat = randomUUID();
  try {
    const answer = await client.send(
      new PutObjectCommand({
        Bucket: bucket,
        Key: key,
        Body: JSON.stringify({ ...content, beat }),
        ContentType: 'application/json',
        ...(expected === undefined ? { IfNoneMatch: '*' } : { IfMatch: expected }),
      }),
    );
    return answer.ETag;
  } catch (error) {
    const status = (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;
    if (status !== 412 && status !== 409) throw error;
    // The client repeats a PUT whose answer was lost; then the lock is refused because it is ours already.
    const current = await read(object);
    return current?.beat === beat ? current.etag : undefined;
  }
}
