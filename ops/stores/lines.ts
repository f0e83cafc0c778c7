/** Text files of a copy, a line for each thing in the store. */

const NEWLINE = 0x0a;
const BATCH_BYTES = 256 * 1024;

/** Lines without their ends; unlike those of node:readline they end with a line feed only. */
export async function* linesOf(source: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  // Of the line that goes on in the next chunk.
  let parts: Buffer[] = [];
  for await (const bytes of source) {
    const chunk = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      const line = chunk.subarray(start, end);
      yield (parts.length > 0 ? Buffer.concat([...parts, line]) : line).toString();
      parts = [];
      start = end + 1;
    }
    if (start < chunk.length) parts.push(chunk.subarray(start));
  }
  if (parts.length > 0) yield Buffer.concat(parts).toString();
}

/** Lines as bytes, some at a time. */
export async function* bytesOf(lines: AsyncIterable<string> | Iterable<string>): AsyncGenerator<Buffer> {
  let batch: string[] = [];
  let length = 0;
  for await (const line of lines) {
    batch.push(line, '\n');
    length += line.length + 1;
    if (length < BATCH_BYTES) continue;
    yield Buffer.from(batch.join(''));
    batch = [];
    length = 0;
  }
  if (length > 0) yield Buffer.from(batch.join(''));
}

/** One text as bytes. */
export async function* once(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}
