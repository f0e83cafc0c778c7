import type { ChromaApi, ChromaRecord, CollectionDefinition, FoundCollection } from './chroma-api';
import { type CopyLine, keepsVectors } from './chroma-copy';

/** Below the 64 MiB that the proxy in front of the server takes. */
const BATCH_BYTES = 16 * 1024 * 1024;
/** Chroma takes a few thousand. */
const BATCH_RECORDS = 500;
/** Record that fixes the size of a collection's vectors, and is removed at once. */
const SIZING_RECORD = 'dimension';
/** Largest difference of a number of a vector that was read back, relative to its largest one. */
const TOLERANCE = 1e-5;
/** Squares of lengths between these are numbers that Chroma calculates with. */
const [SHORTEST, LONGEST] = [1e-30, 1e37];

/** Writes the lines of a copy into a server, in their order. */
export class ChromaRestore {
  private database = '';
  private collection: { found: FoundCollection; definition: CollectionDefinition } | undefined;
  private batch: ChromaRecord[] = [];
  private batchBytes = 0;

  constructor(private readonly api: ChromaApi) {}

  /** Removes everything but the databases that must exist. */
  async clear(lasting: readonly string[]): Promise<void> {
    for (const database of await this.api.databases()) {
      for (const { name } of await this.api.collections(database))
        await this.api.deleteCollection(database, name);
      if (!lasting.includes(database)) await this.api.deleteDatabase(database);
    }
  }

  async add(line: CopyLine): Promise<void> {
    if ('record' in line) return this.addRecord(line.record);
    await this.finish();
    if ('collection' in line) return this.begin(line.collection);
    this.database = line.database;
    await this.api.createDatabase(this.database);
  }

  /** Writes what has not been written yet. */
  async finish(): Promise<void> {
    if (this.batch.length === 0) return;
    const { found, definition } = this.collection!;
    await this.api.upsert(this.database, found.id, this.batch);
    if (!keepsVectors(definition)) await this.compareVectors(found.id);
    this.batch = [];
    this.batchBytes = 0;
  }

  private async begin(definition: CollectionDefinition): Promise<void> {
    const found = await this.create(definition);
    this.collection = { found, definition };
    const { dimension } = definition;
    if (dimension === null) return;
    // Chroma takes the size from the first record and keeps it, also when there is none any more.
    const sizing = { id: SIZING_RECORD, embedding: new Array<number>(dimension).fill(1) };
    await this.api.upsert(this.database, found.id, [
      { ...sizing, document: null, uri: null, metadata: null },
    ]);
    await this.api.deleteRecord(this.database, found.id, SIZING_RECORD);
  }

  /** A schema has all settings where the server knows schemas, but not those that were changed later. */
  private async create(definition: CollectionDefinition): Promise<FoundCollection> {
    const { name, metadata, configuration_json, schema } = definition;
    const wanted = JSON.stringify(configuration_json);
    const forms = [...(schema ? [{ schema }] : []), { configuration: configuration_json }];
    for (const form of forms) {
      const found = await this.api.createCollection(this.database, { name, metadata, ...form });
      if (JSON.stringify(found.configuration_json) === wanted) return found;
      await this.api.deleteCollection(this.database, name);
    }
    throw new Error(
      `The server makes collection "${name}" of database "${this.database}" with other settings than ${wanted}. ` +
        'Restore into a Chroma of the version that was copied.',
    );
  }

  private async addRecord(record: ChromaRecord): Promise<void> {
    // What Chroma itself cannot read any more; see `keepsVectors`.
    const embedding = record.embedding.map((number) => number ?? 0);
    this.batch.push({ ...record, embedding });
    this.batchBytes += JSON.stringify(record).length;
    if (this.batch.length >= BATCH_RECORDS || this.batchBytes >= BATCH_BYTES) await this.finish();
  }

  private async compareVectors(collection: string): Promise<void> {
    const ids = this.batch.map(({ id }) => id);
    const found = await this.api.embeddings(this.database, collection, ids);
    const different = this.batch.find(({ id, embedding }) => !isClose(embedding, found.get(id)));
    if (different)
      throw new Error(
        `The server gives record "${different.id}" of database "${this.database}" another vector than was restored. Repeat the restore.`,
      );
  }
}

/** Whether a vector of the space `cosine` came back; those whose length Chroma cannot calculate are lost to it anyway. */
export function isClose(wanted: readonly unknown[], got: readonly unknown[] | undefined): boolean {
  const a = wanted.map(numberOf);
  const length = a.reduce((sum, number) => sum + number * number, 0);
  if (got?.length !== wanted.length) return false;
  if (length < SHORTEST || length > LONGEST) return true;
  const allowed = TOLERANCE * Math.max(...a.map(Math.abs));
  return got.every((value, index) => Math.abs(numberOf(value) - a[index]!) <= allowed);
}

/** Of a number that may be kept as it was written. */
function numberOf(value: unknown): number {
  return typeof value === 'number' ? value : Number(JSON.stringify(value));
}
