import { createReadStream } from 'node:fs';
import { DATA_DATABASE, HISTORY_DATABASE } from '../../migrations/targets/chroma/names';
import { type ChromaAddress, ChromaApi, type FoundCollection } from './chroma-api';
import { CopyDigests, type CopyLine, parseLine } from './chroma-copy';
import { ChromaRestore } from './chroma-restore';
import type { ArtifactFiles } from './driver';
import { checkInventory } from './inventory';
import { LineDriver } from './line-driver';
import { linesOf } from './lines';

const FILE = 'records.jsonl';
const PAGE = 200;
/** What the locks of runners are; a copy of them would lock nobody out, but keep everybody waiting. */
const LOCK = /\.lock\.\d+$/;

/**
 * Copies every collection of every database of the default tenant, record by record. Chroma has no snapshots: what was there
 * all the time is in the copy, and each record as it was during it. Of a record that is just being written, Chroma may give
 * the vector of one write and the document of another. Of a collection, only the names of its records are in memory.
 *
 * Collections get new ids in a restore, as in every client that makes them by name. With the space `cosine`, Chroma gives
 * vectors back only to some 1e-7, so that there the digest has their size, and a restore reads each back and compares it.
 */
export class ChromaDriver extends LineDriver<CopyLine> {
  private readonly api: ChromaApi;

  constructor(address: ChromaAddress) {
    super(FILE);
    this.api = new ChromaApi(address);
  }

  async restore(files: ArtifactFiles): Promise<void> {
    await checkInventory(files);
    const restore = new ChromaRestore(this.api);
    await restore.clear([DATA_DATABASE]);
    for await (const line of linesOf(createReadStream(files[FILE]!))) await restore.add(parseLine(line));
    await restore.finish();
  }

  protected version(): Promise<string> {
    return this.api.version();
  }

  protected newDigests(): CopyDigests {
    return new CopyDigests(HISTORY_DATABASE);
  }

  protected async *lines(): AsyncGenerator<CopyLine> {
    for (const database of await this.api.databases()) {
      yield { database };
      for (const collection of await this.api.collections(database)) {
        if (database === HISTORY_DATABASE && LOCK.test(collection.name)) continue;
        yield { collection: definition(collection) };
        yield* this.records(database, collection);
      }
    }
  }

  private async *records(database: string, { id }: FoundCollection): AsyncGenerator<CopyLine> {
    // Pages by position would skip a record for each one that is deleted before them.
    const ids = await this.api.ids(database, id);
    for (let start = 0; start < ids.length; start += PAGE) {
      const page = await this.api.records(database, id, ids.slice(start, start + PAGE));
      for (const record of page) yield { record };
    }
  }
}

/** Without what is another one on every server. */
function definition({ name, metadata, configuration_json, schema, dimension }: FoundCollection) {
  return { name, metadata, configuration_json, schema, dimension };
}
