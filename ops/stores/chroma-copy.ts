/** The file of a Chroma copy: a line for each database, then for each of its collections, each followed by its records. */
import type { ChromaRecord, CollectionDefinition } from './chroma-api';
import type { ContentEntry, SchemaEntry, StoreContent } from './driver';
import { parseExactly } from './exact-json';
import { hashOf, SetDigest } from './set-digest';

/** One line. */
export type CopyLine =
  | { readonly database: string }
  | { readonly collection: CollectionDefinition }
  | { readonly record: ChromaRecord };

export function parseLine(line: string): CopyLine {
  return parseExactly(line) as CopyLine;
}

/**
 * Whether a collection gives back the vectors it was given. With `cosine`, Chroma stores them with length 1, and each
 * write and read again moves their numbers by some 1e-7.
 */
export function keepsVectors({ configuration_json: { hnsw } }: CollectionDefinition): boolean {
  return hnsw?.space !== 'cosine';
}

/** Content and history of a copy, from its lines. */
export class CopyDigests {
  private readonly entries: Record<string, ContentEntry> = {};
  private readonly history: SchemaEntry[] = [];
  private readonly historyDatabase: string;
  private database = '';
  private current: { definition: CollectionDefinition; records: SetDigest } | undefined;

  constructor(historyDatabase: string) {
    this.historyDatabase = historyDatabase;
  }

  add(line: CopyLine): void {
    if ('record' in line) return this.addRecord(line.record);
    this.end();
    if ('database' in line) this.database = line.database;
    else this.current = { definition: line.collection, records: new SetDigest() };
  }

  content(): StoreContent {
    this.end();
    return this.entries;
  }

  schema(): SchemaEntry[] {
    return this.history.sort((a, b) => (a.version < b.version ? -1 : 1));
  }

  private addRecord(record: ChromaRecord): void {
    const { definition, records } = this.current!;
    const { embedding, ...rest } = record;
    records.add(JSON.stringify(keepsVectors(definition) ? record : { ...rest, size: embedding.length }));
    if (this.database === this.historyDatabase && definition.name.endsWith('.history')) this.note(record);
  }

  private note({ document }: ChromaRecord): void {
    const { version, checksum } = JSON.parse(document ?? '{}') as Partial<SchemaEntry>;
    if (version !== undefined && checksum !== undefined) this.history.push({ version, checksum });
  }

  private end(): void {
    if (!this.current) return;
    const { definition, records } = this.current;
    const { name, metadata, configuration_json, dimension } = definition;
    const { count, sha256 } = records.entry();
    const settings = JSON.stringify({ metadata, configuration_json, dimension });
    this.entries[`${this.database}/${name}`] = { count, sha256: hashOf(settings, sha256!).toString('hex') };
    this.current = undefined;
  }
}
