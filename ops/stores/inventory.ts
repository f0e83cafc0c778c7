/** What a copy consists of, kept as a file of the copy, for formats that do not say themselves where they end. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { ArtifactFiles, ArtifactSink } from './driver';

const NAME = 'inventory.json';

interface Measure {
  readonly bytes: number;
  readonly sha256: string;
}

/** A sink that remembers what it was given. */
export class InventoriedSink implements ArtifactSink {
  private readonly measures: Record<string, Measure> = {};

  constructor(private readonly sink: ArtifactSink) {}

  async write(
    name: string,
    source: AsyncIterable<Uint8Array>,
    options?: Parameters<ArtifactSink['write']>[2],
  ): Promise<void> {
    const meter = new Meter();
    await this.sink.write(name, meter.count(source), options);
    this.measures[name] = meter.measure();
  }

  /** Writes what was remembered; without it the copy cannot be restored. */
  async finish(): Promise<void> {
    const text = Buffer.from(JSON.stringify(this.measures));
    await this.sink.write(NAME, iterate(text));
  }
}

/**
 * Compares the files of a copy with its inventory.
 * @throws Error naming the file that is missing, cut off or changed.
 */
export async function checkInventory(files: ArtifactFiles): Promise<void> {
  const file = files[NAME];
  if (file === undefined) throw new Error(`The copy has no ${NAME}: it is incomplete. Take another set.`);
  for (const [name, expected] of Object.entries(parsed(await readFile(file, 'utf8')))) {
    const path = files[name];
    if (path === undefined) throw new Error(`The copy has no ${name}: it is incomplete. Take another set.`);
    const meter = new Meter();
    for await (const chunk of meter.count(createReadStream(path))) void chunk;
    const { bytes, sha256 } = meter.measure();
    if (bytes !== expected.bytes || sha256 !== expected.sha256)
      throw new Error(
        `${name} is not what was copied (${bytes} of ${expected.bytes} bytes, or others). Nothing was restored; take another set.`,
      );
  }
}

function parsed(text: string): Record<string, Measure> {
  try {
    return JSON.parse(text) as Record<string, Measure>;
  } catch {
    throw new Error(`${NAME} of the copy cannot be read. Nothing was restored; take another set.`);
  }
}

async function* iterate(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

class Meter {
  private bytes = 0;
  private readonly hash = createHash('sha256');

  async *count(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of source) {
      this.bytes += chunk.length;
      this.hash.update(chunk);
      yield chunk;
    }
  }

  measure(): Measure {
    return { bytes: this.bytes, sha256: this.hash.copy().digest('hex') };
  }
}
