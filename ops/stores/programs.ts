/** Programs of a store's own, found on the PATH. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

/** A program could not be started, or failed; the message says what it said. */
export class ProgramError extends Error {}

const MESSAGE_CHARACTERS = 2000;
const NOT_READ = new Set(['EPIPE', 'ERR_STREAM_PREMATURE_CLOSE']);

/** A program that runs. */
export class Program {
  private readonly child: ChildProcessWithoutNullStreams;
  private messages = '';
  /** Rejects with {@link ProgramError} unless the program ends with 0. */
  readonly ended: Promise<void>;

  /** @param env Its whole environment, besides the PATH. */
  constructor(
    readonly command: string,
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ) {
    this.child = spawn(command, args, { env: { PATH: process.env.PATH, LC_ALL: 'C', ...env } });
    this.child.stderr.setEncoding('utf8').on('data', (text: string) => {
      // The first says what went wrong, and others follow from it.
      this.messages = (this.messages + text).slice(0, MESSAGE_CHARACTERS);
    });
    this.ended = new Promise((resolve, reject) => {
      this.child.on('error', (error: NodeJS.ErrnoException) => {
        const why =
          error.code === 'ENOENT' ? 'is not on the PATH; install it, or use the image' : error.message;
        reject(new ProgramError(`${command} ${why}.`));
      });
      this.child.on('close', (code, signal) => {
        if (code === 0) return resolve();
        const why = this.messages.trim() || (signal ? `killed by ${signal}` : `it ended with ${code}`);
        reject(new ProgramError(`${command} failed: ${why}`));
      });
    });
    // Whoever waits for it hears of it.
    this.ended.catch(() => undefined);
    this.child.stdin.on('error', () => undefined);
  }

  /** What it prints; ends with an error unless the program ended well. A reader that stops early stops the program. */
  async *output(): AsyncGenerator<Buffer> {
    this.child.stdin.end();
    try {
      for await (const chunk of this.child.stdout) yield chunk as Buffer;
      await this.ended;
    } finally {
      this.stop();
    }
  }

  /** All of what it prints. */
  async text(): Promise<string> {
    const chunks: Buffer[] = [];
    for await (const chunk of this.output()) chunks.push(chunk);
    return Buffer.concat(chunks).toString();
  }

  /**
   * Gives it all of a source to read, and waits for its end.
   * @throws ProgramError; or what the source throws, and then the program was stopped.
   */
  async read(source: AsyncIterable<string | Uint8Array>): Promise<void> {
    this.child.stdout.resume();
    const given = pipeline(Readable.from(source), this.child.stdin).catch((error: NodeJS.ErrnoException) => {
      if (NOT_READ.has(error.code ?? '')) return undefined;
      this.stop();
      return error;
    });
    const [failure, ended] = await Promise.all([given, this.ended.catch((error: Error) => error)]);
    if (failure ?? ended) throw failure ?? ended;
  }

  stop(): void {
    this.child.kill();
  }
}
