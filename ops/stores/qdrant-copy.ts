/** The file of a Qdrant copy: a line for each collection, followed by its points, and one for the aliases. */
import { HISTORY } from '../../migrations/targets/qdrant/format';
import type { ContentEntry, SchemaEntry, StoreContent } from './driver';
import { parseExactly } from './exact-json';
import type { Alias, CollectionDefinition, Point } from './qdrant-api';
import { hashOf, SetDigest } from './set-digest';

/** One line. */
export type CopyLine =
  | { readonly collection: CollectionDefinition }
  | { readonly point: Point }
  | { readonly aliases: readonly Alias[] };

export function parseLine(line: string): CopyLine {
  return parseExactly(line) as CopyLine;
}

/** Content and history of a copy, from its lines. */
export class CopyDigests {
  private readonly entries: Record<string, ContentEntry> = {};
  private readonly history: SchemaEntry[] = [];
  private current: { definition: CollectionDefinition; points: SetDigest } | undefined;

  /** @param line As written: its numbers as the server gave them. */
  add(line: CopyLine): void {
    if ('point' in line) return this.addPoint(line.point);
    this.end();
    if ('collection' in line) {
      this.current = { definition: line.collection, points: new SetDigest() };
      return;
    }
    // No collection's name has a slash.
    for (const { alias_name, collection_name } of line.aliases)
      this.entries[`alias/${alias_name}`] = { count: 1, sha256: hashOf(collection_name).toString('hex') };
  }

  content(): StoreContent {
    this.end();
    return this.entries;
  }

  schema(): SchemaEntry[] {
    return this.history.sort((a, b) => (a.version < b.version ? -1 : 1));
  }

  private addPoint(point: Point): void {
    const { definition, points } = this.current!;
    points.add(JSON.stringify(point));
    if (definition.name !== HISTORY || point.payload?.['kind'] !== 'change') return;
    const { version, checksum } = point.payload as unknown as SchemaEntry;
    this.history.push({ version, checksum });
  }

  private end(): void {
    if (!this.current) return;
    const { definition, points } = this.current;
    const { count, sha256 } = points.entry();
    // Sorted like the keys of what is read from the copy.
    const settings = JSON.stringify(parseExactly(JSON.stringify(definition)));
    this.entries[definition.name] = { count, sha256: hashOf(settings, sha256!).toString('hex') };
    this.current = undefined;
  }
}
