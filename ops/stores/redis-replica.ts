/** The data set of a Redis server, received as its replicas receive it. */
import net from 'node:net';
import tls from 'node:tls';

/** A server and a user that may do what replicas do. */
export interface ReplicationSource {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly tls?: { readonly ca: string; readonly serverName: string };
}

/** A data set that is on its way. */
export interface Replication {
  /** History and offset of the moment that it is of. */
  readonly position: string;
  /** An RDB file. Ends with an error when it is cut off. */
  readonly rdb: AsyncGenerator<Buffer>;
}

/** A server that forks or waits for other replicas says something every 10 s. */
const SILENCE_MS = 60_000;
const NEWLINE = 0x0a;

/**
 * Asks for all data as of now. The server neither counts the connection as a replica nor sends what changes afterwards.
 * @throws Error with what the server answers instead; without the password in any case.
 * @see https://redis.io/docs/latest/operate/oss_and_stack/management/replication/
 */
export async function replicate(source: ReplicationSource): Promise<Replication> {
  const connection = new Connection(source);
  try {
    await connection.command('AUTH', source.user, source.password);
    await connection.command('REPLCONF', 'rdb-only', '1');
    // Without it the server would write the file to its own disk first.
    await connection.command('REPLCONF', 'capa', 'eof');
    const answer = await connection.command('PSYNC', '?', '-1');
    const [, history, offset] = /^\+FULLRESYNC (\S+) (\d+)$/.exec(answer) ?? [];
    if (history === undefined) throw connection.failure(`it answers "${answer}"`);
    return { position: `${history}:${offset}`, rdb: connection.payload() };
  } catch (error) {
    connection.close();
    throw error;
  }
}

class Connection {
  private readonly socket: net.Socket;
  private readonly chunks: AsyncIterator<Buffer>;
  private rest = Buffer.alloc(0);

  constructor(private readonly source: ReplicationSource) {
    const { host, port, tls: identity } = source;
    this.socket = identity
      ? tls.connect({ host, port, ca: identity.ca, servername: identity.serverName })
      : net.connect({ host, port });
    this.socket.setTimeout(SILENCE_MS, () =>
      this.socket.destroy(this.failure(`it says nothing for ${SILENCE_MS / 1000} s`)),
    );
    this.chunks = this.socket[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  }

  /** @throws Error when the answer is one. */
  async command(...words: string[]): Promise<string> {
    const parts = words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`);
    this.socket.write(`*${words.length}\r\n${parts.join('')}`);
    const answer = await this.line();
    if (answer.startsWith('-')) throw this.failure(answer.slice(1));
    return answer;
  }

  async *payload(): AsyncGenerator<Buffer> {
    try {
      const [, mark, length] = /^\$(?:EOF:(.{40})|(\d+))$/.exec(await this.line()) ?? [];
      if (mark !== undefined) yield* this.until(Buffer.from(mark));
      else if (length !== undefined) yield* this.take(Number(length));
      else throw this.failure('it sends no data set');
    } finally {
      this.close();
    }
  }

  failure(why: string): Error {
    const { host, port, user } = this.source;
    return new Error(`Redis at ${host}:${port} gives "${user}" no copy: ${why}.`);
  }

  close(): void {
    this.socket.destroy();
  }

  /** The next line that is not empty: those only say that the server still lives. */
  private async line(): Promise<string> {
    for (;;) {
      const end = this.rest.indexOf(NEWLINE);
      if (end < 0) {
        this.rest = Buffer.concat([this.rest, await this.more()]);
        continue;
      }
      const line = this.rest.subarray(0, end).toString().trimEnd();
      this.rest = this.rest.subarray(end + 1);
      if (line !== '') return line;
    }
  }

  private async *take(length: number): AsyncGenerator<Buffer> {
    for (let missing = length; missing > 0;) {
      const chunk = (await this.next()).subarray(0, missing);
      missing -= chunk.length;
      yield chunk;
    }
  }

  /** Nothing follows the mark. */
  private async *until(mark: Buffer): AsyncGenerator<Buffer> {
    let held = Buffer.alloc(0);
    for (;;) {
      held = Buffer.concat([held, await this.next()]);
      const isEnd = held.subarray(-mark.length).equals(mark);
      const ready = Math.max(0, held.length - mark.length);
      if (ready > 0) yield held.subarray(0, ready);
      if (isEnd) return;
      held = held.subarray(ready);
    }
  }

  private async next(): Promise<Buffer> {
    const chunk = this.rest.length > 0 ? this.rest : await this.more();
    this.rest = Buffer.alloc(0);
    return chunk;
  }

  private async more(): Promise<Buffer> {
    const { done, value } = await this.chunks.next();
    if (done) throw this.failure('the connection ended');
    return value;
  }
}
