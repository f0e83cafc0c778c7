import { createHash } from 'node:crypto';
import type { ContentEntry } from './driver';

/**
 * Digest of a set in no order: the sum of its members' SHA-256. It finds every difference that happens; it is no proof
 * against somebody who makes one on purpose, which the checksums of the files are.
 */
export class SetDigest {
  private count = 0;
  private sum = 0n;

  /** @param parts Of one member; the same bytes in other parts are another member. */
  add(...parts: readonly (string | Uint8Array)[]): void {
    this.count++;
    this.sum = BigInt.asUintN(256, this.sum + BigInt(`0x${hashOf(...parts).toString('hex')}`));
  }

  entry(): ContentEntry {
    return {
      count: this.count,
      sha256: hashOf(String(this.count), this.sum.toString(16)).toString('hex'),
    };
  }
}

/** SHA-256 of a list of values. */
export function hashOf(...parts: readonly (string | Uint8Array)[]): Buffer {
  const hash = createHash('sha256');
  for (const part of parts) {
    const bytes = typeof part === 'string' ? Buffer.from(part) : part;
    hash.update(`${bytes.length}:`).update(bytes);
  }
  return hash.digest();
}
