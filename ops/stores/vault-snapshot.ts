/** What Vault's snapshots of its integrated storage say of themselves: a tar archive, compressed with gzip. */
import { PassThrough } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';

const BLOCK = 512;
const SIZE_FIELD = { start: 124, end: 136 };
const FIRST_FILE = 'meta.json';
/** The first file has a few hundred bytes. */
const HEAD_BYTES = 64 * 1024;

/** A snapshot that passes by. */
export class SnapshotStream {
  private head = Buffer.alloc(0);

  /**
   * Gives the snapshot on, and ends with an error unless all of it has come: an answer of Vault that breaks off may look as if it
   * had ended well.
   */
  async *watch(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    const copy = new PassThrough();
    const unpacked = pipeline(copy, createGunzip(), (content: AsyncIterable<Buffer>) =>
      this.keepHead(content),
    );
    let failure: Error | undefined;
    unpacked.catch((error: Error) => (failure = error));
    for await (const chunk of source) {
      if (failure) break;
      if (!copy.write(chunk)) await drained(copy);
      yield chunk;
    }
    copy.end();
    await unpacked.catch((error: Error) => {
      throw new Error(`Vault's snapshot is not whole: ${error.message}.`);
    });
    if (this.index() === undefined) throw new Error(`Vault's snapshot has no ${FIRST_FILE}.`);
  }

  /** Number of the last change that it has; undefined before it has come. */
  index(): string | undefined {
    if (!this.head.toString('latin1').startsWith(`${FIRST_FILE}\0`)) return undefined;
    const size = parseInt(this.head.toString('latin1', SIZE_FIELD.start, SIZE_FIELD.end), 8);
    const { Index } = JSON.parse(this.head.toString('utf8', BLOCK, BLOCK + size)) as { Index: number };
    return String(Index);
  }

  private async keepHead(content: AsyncIterable<Buffer>): Promise<void> {
    for await (const chunk of content) {
      if (this.head.length < HEAD_BYTES)
        this.head = Buffer.concat([this.head, chunk.subarray(0, HEAD_BYTES - this.head.length)]);
    }
  }
}

/** Waits until a stream takes more, or takes nothing any more. */
function drained(stream: PassThrough): Promise<void> {
  return new Promise((resolve) => {
    for (const event of ['drain', 'close', 'error']) stream.once(event, () => resolve());
  });
}
