import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { RedisAccess, type RedisClient, type RedisConnection } from '../../migrations/targets/redis/access';
import type { ArtifactFiles, ArtifactSink, CopyReport, StoreContent, StoreDriver } from './driver';
import { checkInventory, InventoriedSink } from './inventory';
import { isCopied, RedisContent } from './redis-content';
import { replicate } from './redis-replica';
import { ScratchRedis } from './redis-scratch';

const PART = /^master-\d+\.rdb$/;
/** Half of what a replica may lag behind before it is cut off. */
const BATCH_BYTES = 8 * 1024 * 1024;

/** How to reach a Redis, as a user that receives what replicas do (`backup`), which a restore needs besides writing. */
export interface RedisAddress extends RedisConnection {
  /** Folder of the change files whose history is noted, under `migrations/redis/`. */
  readonly database: string;
}

/**
 * Copies what each master holds, as of one moment of its own, as its replicas receive it: every value, expiry, consumer
 * group and function. Digests are of what does not expire. A copy of the local disk's is read by `redis-server` beside this
 * process, which needs as much memory as the copied server uses.
 *
 * A restore writes into the running master (or masters, divided as they are now), key by key; replicas follow.
 * Not kept: users, which the stack makes, and how recently a key was used.
 * @see https://redis.io/docs/latest/operate/oss_and_stack/management/persistence/
 */
export class RedisDriver implements StoreDriver {
  constructor(private readonly address: RedisAddress) {}

  async backup(sink: ArtifactSink): Promise<CopyReport> {
    const inventoried = new InventoriedSink(sink);
    const report = await this.copy((name, rdb) => inventoried.write(name, rdb));
    await inventoried.finish();
    return report;
  }

  async content(): Promise<StoreContent> {
    const { content } = await this.copy(async (_, rdb) => {
      for await (const chunk of rdb) void chunk;
    });
    return content;
  }

  async restore(files: ArtifactFiles): Promise<void> {
    await checkInventory(files);
    const parts = Object.keys(files).filter((name) => PART.test(name));
    await this.connected(async (access) => {
      let isEmpty = false;
      for (const part of parts.sort()) {
        const scratch = await ScratchRedis.load(files[part]!);
        try {
          await refuseDatabases(access, scratch);
          if (!isEmpty) await replaceFunctions(access, scratch);
          isEmpty = true;
          for (const database of await scratch.databases()) await copyKeys(access, scratch, database);
        } finally {
          await scratch.stop();
        }
      }
      await access.confirm();
    });
  }

  async close(): Promise<void> {
    // Every connection ends with what it was opened for.
  }

  /** @param keep Reads each part to its end. */
  private async copy(
    keep: (name: string, rdb: AsyncIterable<Uint8Array>) => Promise<void>,
  ): Promise<CopyReport> {
    const folder = await mkdtemp(join(tmpdir(), 'agent-data-platform-rdb-'));
    try {
      return await this.connected(async (access) => {
        const content = new RedisContent(this.address.database);
        const positions: string[] = [];
        for (const [index, { options }] of access.masters(0).entries()) {
          const server = { ...this.address, host: options.host!, port: options.port! };
          const { position, rdb } = await replicate(server);
          const name = `master-${index}.rdb`;
          await keep(name, written(rdb, join(folder, name)));
          await digest(join(folder, name), content);
          positions.push(position);
        }
        const version = /^redis_version:(\S+)/m.exec(await access.masters(0)[0]!.info('server'))?.[1];
        return {
          serverVersion: version ?? 'unknown',
          ...{ schema: content.schema(), content: content.content(), position: positions.join(' ') },
        };
      });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  private async connected<T>(use: (access: RedisAccess) => Promise<T>): Promise<T> {
    const access = await RedisAccess.open(this.address);
    try {
      return await use(access);
    } finally {
      access.close();
    }
  }
}

/** Passes bytes on that are in a file too. */
async function* written(source: AsyncIterable<Buffer>, path: string): AsyncGenerator<Buffer> {
  const file = await open(path, 'wx', 0o600);
  try {
    for await (const chunk of source) {
      await file.appendFile(chunk);
      yield chunk;
    }
  } finally {
    await file.close();
  }
}

async function digest(file: string, content: RedisContent): Promise<void> {
  const scratch = await ScratchRedis.load(file);
  try {
    await content.add(scratch);
  } finally {
    await scratch.stop();
  }
}

async function refuseDatabases(access: RedisAccess, scratch: ScratchRedis): Promise<void> {
  const other = (await scratch.databases()).find((database) => database !== 0);
  if (access.isCluster && other !== undefined)
    throw new Error(
      `A Cluster has only database 0, and the copy has database ${other}. Nothing was changed.`,
    );
}

/** Empties every master, and gives it the copy's functions. */
async function replaceFunctions(access: RedisAccess, scratch: ScratchRedis): Promise<void> {
  const functions = (await scratch.client.callBuffer('FUNCTION', 'DUMP')) as Buffer;
  for (const master of access.masters(0)) {
    await master.flushall('ASYNC');
    await master.call('FUNCTION', 'RESTORE', functions, 'FLUSH');
  }
}

async function copyKeys(access: RedisAccess, scratch: ScratchRedis, database: number): Promise<void> {
  const target = access.client(database);
  for await (const page of scratch.keys(database)) {
    const keys = page.filter((key) => isCopied(database, key));
    let [bytes, sent]: [number, Promise<unknown>[]] = [0, []];
    for (const key of keys) {
      bytes += await send(scratch.client, target, key, sent);
      if (bytes < BATCH_BYTES) continue;
      await Promise.all(sent);
      // Faster than the replicas can follow, they would be cut off and begin again.
      await access.confirm();
      [bytes, sent] = [0, []];
    }
    await Promise.all(sent);
  }
}

/** Sends one value on its way; returns its size. */
async function send(from: Redis, to: RedisClient, key: Buffer, sent: Promise<unknown>[]): Promise<number> {
  const [value, expiry] = await Promise.all([from.dumpBuffer(key), from.pexpiretime(key)]);
  // It has expired.
  if (value === null || expiry === -2) return 0;
  const restored = to.restore(key, Math.max(expiry, 0), value, 'REPLACE', 'ABSTTL');
  // Whoever waits for all of them hears of it.
  restored.catch(() => undefined);
  sent.push(restored);
  return value.length;
}
