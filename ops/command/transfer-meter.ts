/** How far a copy or a restore is, for a person at a terminal. */
import { Readable } from 'node:stream';
import type { Repository } from '../repository/repository';

const REDRAW_MS = 200;
const WIDTH = 24;
const MIB = 2 ** 20;
const CLEAR_LINE = '\r\x1b[K';

/** The terminal, as far as a meter needs it. */
export interface Terminal {
  write(text: string): unknown;
}

/** One line that counts the bytes to and from a repository, until the next message takes its place. */
export class TransferMeter {
  private done = 0;
  private expected: number | undefined;
  private begun: number;
  private drawn = 0;

  constructor(
    private readonly terminal: Terminal,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.begun = now();
  }

  /** Says what begins now. @param expected Bytes that it reads; default unknown. */
  readonly note = (message: string, expected?: number): void => {
    this.clear();
    this.terminal.write(`${message}\n`);
    [this.done, this.expected, this.begun] = [0, expected, this.now()];
  };

  /** Bytes that have gone by. */
  count(bytes: number): void {
    this.done += bytes;
    if (this.now() - this.drawn < REDRAW_MS) return;
    this.drawn = this.now();
    this.terminal.write(`${CLEAR_LINE}${this.line()}`);
  }

  /** Leaves the line empty for what is printed next. */
  clear(): void {
    if (this.drawn > 0) this.terminal.write(CLEAR_LINE);
    this.drawn = 0;
  }

  private line(): string {
    const seconds = Math.max(0.001, (this.now() - this.begun) / 1000);
    const mebibytes = (bytes: number) => (bytes / MIB).toFixed(1);
    const rate = `${mebibytes(this.done / seconds)} MiB/s`;
    if (!this.expected) return `  ${mebibytes(this.done)} MiB, ${rate}`;
    const part = Math.min(1, this.done / this.expected);
    const bar = '#'.repeat(Math.round(part * WIDTH)).padEnd(WIDTH, '-');
    const amount = `${mebibytes(this.done)} of ${mebibytes(this.expected)} MiB`;
    return `  [${bar}] ${Math.floor(part * 100)} %, ${amount}, ${rate}`;
  }
}

/** A repository whose traffic a meter counts. */
export function metered(repository: Repository, meter: TransferMeter): Repository {
  const through = (content: Readable): Readable => {
    const bytes = async function* () {
      for await (const chunk of content) {
        meter.count((chunk as Buffer).length);
        yield chunk;
      }
    };
    return Readable.from(bytes(), { objectMode: false });
  };
  return {
    name: repository.name,
    put: (key, content) => repository.put(key, through(content)),
    get: async (key) => through(await repository.get(key)),
    list: (prefix) => repository.list(prefix),
    delete: (key) => repository.delete(key),
    close: () => repository.close(),
  };
}
