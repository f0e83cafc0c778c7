import { createReadStream, createWriteStream, mkdtempSync, rmSync, truncateSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ArtifactFiles, ArtifactSink } from '../stores/driver';

/** Files of a copy in a temporary folder, as a restore gets them. */
export class CopyFolder implements ArtifactSink {
  private readonly path = mkdtempSync(join(tmpdir(), 'copy-'));
  private readonly names: string[] = [];

  async write(name: string, source: AsyncIterable<Uint8Array>): Promise<void> {
    if (this.names.includes(name)) throw new Error(`${name} is written twice`);
    await pipeline(Readable.from(source, { objectMode: false }), createWriteStream(this.file(name)));
    // One that failed may be written again.
    this.names.push(name);
  }

  get files(): ArtifactFiles {
    return Object.fromEntries(this.names.map((name) => [name, this.file(name)]));
  }

  /** The files without one of them. */
  without(name: string): ArtifactFiles {
    return Object.fromEntries(Object.entries(this.files).filter(([own]) => own !== name));
  }

  read(name: string): Readable {
    return createReadStream(this.file(name));
  }

  /** Cuts the second half of a file off. */
  truncate(name: string): void {
    truncateSync(this.file(name), Math.floor(statSync(this.file(name)).size / 2));
  }

  /** Flips a bit in the middle of a file. */
  async damage(name: string): Promise<void> {
    const file = await open(this.file(name), 'r+');
    const position = Math.floor((await file.stat()).size / 2);
    const byte = Buffer.alloc(1);
    await file.read(byte, 0, 1, position);
    byte[0]! ^= 1;
    await file.write(byte, 0, 1, position);
    await file.close();
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }

  private file(name: string): string {
    return join(this.path, encodeURIComponent(name));
  }
}
