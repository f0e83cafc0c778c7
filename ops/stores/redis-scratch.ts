/** A Redis server beside this process that holds a copy, so that it can be read key by key. */
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { Program } from './programs';

const FILE = 'copy.rdb';
const PAGE = 500;
const LOG_CHARACTERS = 1000;

/** `redis-server` of the copy's version or a newer one; needs as much memory as the copied server uses. */
export class ScratchRedis {
  private log = '';

  private constructor(
    private readonly folder: string,
    private readonly program: Program,
    readonly client: Redis,
  ) {
    void this.keepLog();
  }

  /** @throws Error when the file is no whole RDB file, or is one of a newer version. */
  static async load(file: string): Promise<ScratchRedis> {
    const folder = await mkdtemp(join(tmpdir(), 'agent-data-platform-redis-'));
    await symlink(file, join(folder, FILE));
    const path = join(folder, 'socket');
    const settings = {
      ...{ port: '0', unixsocket: path, unixsocketperm: '700', dir: folder, dbfilename: FILE },
      ...{ save: '', appendonly: 'no', databases: '1024', 'enable-debug-command': 'local' },
    };
    const options = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
    const client = new Redis({ path, maxRetriesPerRequest: null, retryStrategy: () => 50 });
    client.on('error', () => undefined);
    const scratch = new ScratchRedis(folder, new Program('redis-server', options), client);
    try {
      await Promise.race([client.ping(), scratch.failed()]);
      // Nothing may move while keys are gone through, or some would come twice.
      await client.call('DEBUG', 'SET-ACTIVE-EXPIRE', '0');
      await client.call('DEBUG', 'DICT-RESIZING', '0');
      return scratch;
    } catch (error) {
      await scratch.stop();
      throw error;
    }
  }

  /** Numbers of the logical databases that have keys. */
  async databases(): Promise<number[]> {
    return [...(await this.client.info('keyspace')).matchAll(/^db(\d+):/gm)].map(([, index]) =>
      Number(index),
    );
  }

  /** Every key of a logical database, which the client then has selected. */
  async *keys(database: number): AsyncGenerator<Buffer[]> {
    await this.client.select(database);
    let cursor = '0';
    do {
      const [next, keys] = await this.client.scanBuffer(cursor, 'COUNT', PAGE);
      cursor = next.toString();
      if (keys.length > 0) yield keys;
    } while (cursor !== '0');
  }

  async stop(): Promise<void> {
    this.client.disconnect();
    this.program.stop();
    await this.program.ended.catch(() => undefined);
    await rm(this.folder, { recursive: true, force: true });
  }

  private async failed(): Promise<never> {
    const why = await this.program.ended.catch((error: Error) => error);
    // What it cannot read, it says in its log.
    throw new Error(`The copy cannot be read: ${this.log.trim() || why?.message}`);
  }

  private async keepLog(): Promise<void> {
    try {
      for await (const chunk of this.program.output())
        this.log = (this.log + chunk.toString()).slice(-LOG_CHARACTERS);
    } catch {
      // Whoever waits for the program hears of it.
    }
  }
}
