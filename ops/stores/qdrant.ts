import { createReadStream } from 'node:fs';
import { HISTORY } from '../../migrations/targets/qdrant/format';
import type { ArtifactFiles } from './driver';
import { checkInventory } from './inventory';
import { LineDriver } from './line-driver';
import { linesOf } from './lines';
import { type Point, type QdrantAddress, QdrantApi } from './qdrant-api';
import { CopyDigests, type CopyLine, parseLine } from './qdrant-copy';

const FILE = 'points.jsonl';
const PAGE = 200;
/** Below the 32 MiB that Qdrant takes. */
const BATCH_BYTES = 8 * 1024 * 1024;

/**
 * Copies every collection with its settings, payload indexes, points (all vectors, payload) and aliases by scrolling, in
 * the order of ids: each point is as it was at one moment during the copy, and what was there all the time is in it.
 *
 * Snapshots are not used: they need the key that may change everything, one for each peer and shard, and a server that is
 * divided in the same way; a copy of points goes into any server, and reading it needs the read-only key. The index of the
 * vectors is built again after a restore.
 * @see https://qdrant.tech/documentation/concepts/points/#scroll-points
 */
export class QdrantDriver extends LineDriver<CopyLine> {
  private readonly api: QdrantApi;

  constructor(address: QdrantAddress) {
    super(FILE);
    this.api = new QdrantApi(address);
  }

  async restore(files: ArtifactFiles): Promise<void> {
    await checkInventory(files);
    for (const name of await this.api.collections()) await this.api.delete(name);
    const batch = new Batch(this.api);
    for await (const text of linesOf(createReadStream(files[FILE]!))) {
      const line = parseLine(text);
      if ('point' in line) {
        await batch.add(line.point, text.length);
        continue;
      }
      await batch.send();
      if ('aliases' in line) {
        await this.api.createAliases(line.aliases);
        continue;
      }
      const { name, indexes } = line.collection;
      await this.api.create(line.collection);
      // Before the points, which are then indexed for filters too.
      for (const [field, schema] of Object.entries(indexes)) await this.api.createIndex(name, field, schema);
      batch.collection = name;
    }
    await batch.send();
  }

  protected version(): Promise<string> {
    return this.api.version();
  }

  protected newDigests(): CopyDigests {
    return new CopyDigests();
  }

  protected async *lines(): AsyncGenerator<CopyLine> {
    const copied = new Set<string>();
    for (const name of await this.api.collections()) {
      const collection = await this.api.definition(name);
      if (!collection) continue;
      copied.add(name);
      yield { collection };
      yield* this.points(name);
    }
    // One that was made since leads to a collection that is not in the copy.
    const aliases = (await this.api.aliases()).filter(({ collection_name }) => copied.has(collection_name));
    yield { aliases };
  }

  private async *points(collection: string): AsyncGenerator<CopyLine> {
    let offset: unknown = null;
    do {
      const page = await this.api.points(collection, offset, PAGE);
      for (const { id, vector, payload } of page.points) {
        // The lock of a runner would lock nobody out, but keep everybody waiting.
        if (collection === HISTORY && payload?.['kind'] === 'lock') continue;
        yield { point: { id, vector: vector ?? {}, payload } };
      }
      offset = page.next_page_offset;
    } while (offset !== null && offset !== undefined);
  }
}

/** Points of one collection on their way. */
class Batch {
  collection = '';
  private points: Point[] = [];
  private bytes = 0;

  constructor(private readonly api: QdrantApi) {}

  async add(point: Point, bytes: number): Promise<void> {
    this.points.push(point);
    this.bytes += bytes;
    if (this.bytes >= BATCH_BYTES || this.points.length >= PAGE) await this.send();
  }

  async send(): Promise<void> {
    if (this.points.length > 0) await this.api.upsert(this.collection, this.points);
    this.points = [];
    this.bytes = 0;
  }
}
