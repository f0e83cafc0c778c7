import { constants, createWriteStream } from 'node:fs';
import { lstat, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { randomUUID } from 'node:crypto';
import * as path from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import {
  readingOf,
  type Repository,
  RepositoryError,
  type RepositoryFault,
  type StoredObject,
} from './repository';

const PARTIAL = '.partial-';
/** A link might lead out of the folder, and the open of a pipe would wait. */
const READ = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** A folder of this machine, or of a volume that is mounted in it; files are readable by their owner only. */
export class FolderRepository implements Repository {
  readonly name: string;

  constructor(private readonly root: string) {
    this.name = `folder ${root}`;
  }

  async put(key: string, content: Readable): Promise<void> {
    const file = this.file(key);
    const partial = path.join(path.dirname(file), `${PARTIAL}${randomUUID()}`);
    try {
      await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
      // Flushed to the disk before it gets its name: a machine that stops leaves the whole file or none.
      await pipeline(content, createWriteStream(partial, { mode: 0o600, flush: true }));
      await rename(partial, file);
    } catch (error) {
      await rm(partial, { force: true }).catch(() => undefined);
      throw this.error(error, `Writing ${key}`);
    }
  }

  async get(key: string): Promise<Readable> {
    const failure = (error: unknown) => this.error(error, `Reading ${key}`);
    const handle = await open(this.file(key), READ).catch((error) => {
      throw failure(error);
    });
    if ((await handle.stat()).isFile()) return readingOf(handle.createReadStream(), failure);
    await handle.close();
    throw failure(Object.assign(new Error('it is no file'), { code: 'EISDIR' }));
  }

  async list(prefix: string): Promise<StoredObject[]> {
    const entries = await readdir(this.root, { recursive: true, withFileTypes: true }).catch((error) => {
      if (error.code === 'ENOENT') return [];
      throw this.error(error, `Listing ${prefix}`);
    });
    const keys = entries
      .filter((entry) => !entry.isDirectory())
      .map((entry) => path.relative(this.root, path.join(entry.parentPath, entry.name)))
      .map((relative) => relative.split(path.sep).join('/'))
      .filter((key) => key.startsWith(prefix))
      .sort();
    const objects = await Promise.all(keys.map((key) => this.object(key)));
    return objects.filter((object) => object !== undefined);
  }

  /** Undefined when it is gone since: others write and prune meanwhile. */
  private async object(key: string): Promise<StoredObject | undefined> {
    try {
      const { size, mtime } = await lstat(this.file(key));
      return { key, bytes: size, modified: mtime };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw this.error(error, `Listing ${key}`);
    }
  }

  async delete(key: string): Promise<void> {
    await rm(this.file(key), { force: true }).catch((error) => {
      throw this.error(error, `Deleting ${key}`);
    });
  }

  close(): void {}

  /** @throws Error when the key would lead out of the folder. */
  private file(key: string): string {
    const file = path.resolve(this.root, key);
    if (!file.startsWith(path.resolve(this.root) + path.sep))
      throw new Error(`"${key}" leads out of ${this.root}.`);
    return file;
  }

  private error(error: unknown, what: string): RepositoryError {
    const faults: Record<string, RepositoryFault> = {
      ENOENT: 'missing',
      ELOOP: 'irregular',
      EISDIR: 'irregular',
      ENXIO: 'irregular',
      EACCES: 'denied',
      EPERM: 'denied',
      EROFS: 'denied',
      ENOSPC: 'full',
      EDQUOT: 'full',
    };
    const fault = faults[(error as NodeJS.ErrnoException).code ?? ''] ?? 'failed';
    return new RepositoryError(fault, `${what} in ${this.name}`, error);
  }
}
