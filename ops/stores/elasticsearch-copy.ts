/** The file of an Elasticsearch copy: objects, then indices and data streams, each index followed by its documents. */
import { canonicalJson } from '../../migrations/engine/canonical-json';
import { HISTORY } from '../../migrations/targets/elasticsearch/format';
import type { ContentEntry, SchemaEntry, StoreContent } from './driver';
import type { IndexInfo, Json, NamedObject } from './elasticsearch-api';
import { parseExactly } from './exact-json';
import { hashOf, SetDigest } from './set-digest';

/** What one index is made with; of a data stream, its name says only where it stood. */
export interface CopiedIndex {
  readonly name: string;
  readonly settings: Json;
  readonly mappings: Json;
}

export interface CopiedStream {
  readonly name: string;
  readonly hidden: boolean;
  readonly allow_custom_routing: boolean;
}

export interface CopiedDocument {
  readonly id: string;
  readonly routing?: string;
  readonly source: unknown;
}

/** One line; indices after a `stream` are its own, oldest first, and documents those of the index before. */
export type CopyLine =
  | { readonly object: NamedObject }
  | { readonly index: CopiedIndex }
  | { readonly stream: CopiedStream }
  | { readonly backing: CopiedIndex }
  | { readonly document: CopiedDocument }
  | { readonly aliases: Readonly<Record<string, Json>>; readonly of: string };

export function parseLine(line: string): CopyLine {
  return parseExactly(line) as CopyLine;
}

/** What is another one on every server. */
const OWN_SETTINGS = ['creation_date', 'uuid', 'version', 'provided_name', 'resize', 'history'];

/** An index without what the server decides, and with the age that its lifecycle counts from. */
export function copied(name: string, { settings, mappings }: IndexInfo, isBacking: boolean): CopiedIndex {
  const left = Object.entries(settings.index).filter(
    ([key]) => !OWN_SETTINGS.includes(key) && !(isBacking && key === 'hidden'),
  );
  const kept: Record<string, unknown> = Object.fromEntries(left);
  const lifecycle = kept['lifecycle'] as { origination_date?: string } | undefined;
  if (lifecycle) kept['lifecycle'] = { origination_date: settings.index['creation_date'], ...lifecycle };
  return { name, settings: kept, mappings };
}

/** Content and history of a copy, from its lines. */
export class CopyDigests {
  private readonly entries: Record<string, ContentEntry> = {};
  private readonly objects = new Map<string, SetDigest>();
  private readonly history: SchemaEntry[] = [];
  private stream: { name: string; indices: number } | undefined;
  private current: { name: string; definition: string; documents: SetDigest; isHistory: boolean } | undefined;

  add(line: CopyLine): void {
    if ('document' in line) return this.addDocument(line.document);
    if ('object' in line) {
      const { kind, name, definition } = line.object;
      return this.digest(kind).add(name, canonicalJson(definition));
    }
    this.end();
    if ('aliases' in line) return this.digest('aliases').add(line.of, canonicalJson(line.aliases));
    if ('stream' in line) {
      this.stream = { name: line.stream.name, indices: 0 };
      this.digest('DataStream').add(canonicalJson(line.stream));
      return;
    }
    if ('index' in line) return this.begin(`index/${line.index.name}`, line.index);
    this.stream!.indices++;
    this.begin(`stream/${this.stream!.name}/${this.stream!.indices}`, line.backing);
  }

  /** By index (`index/<name>`), by place of an index in a data stream (`stream/<name>/1`), and by kind of object. */
  content(): StoreContent {
    this.end();
    for (const [kind, digest] of this.objects) this.entries[kind] = digest.entry();
    const names = Object.keys(this.entries).sort();
    return Object.fromEntries(names.map((name) => [name, this.entries[name]!]));
  }

  schema(): SchemaEntry[] {
    return this.history.sort((a, b) => (a.version < b.version ? -1 : 1));
  }

  private begin(name: string, { name: index, settings, mappings }: CopiedIndex): void {
    const { lifecycle, ...others } = settings as { lifecycle?: Json };
    // A restore sets it where it was not.
    const { origination_date: _age, ...rest } = lifecycle ?? {};
    const definition = canonicalJson({ mappings, settings: { ...others, lifecycle: rest } });
    this.current = { name, definition, documents: new SetDigest(), isHistory: index === HISTORY };
  }

  private addDocument({ id, routing = '', source }: CopiedDocument): void {
    const { documents, isHistory } = this.current!;
    documents.add(id, routing, JSON.stringify(source));
    if (!isHistory) return;
    const { kind, entry } = source as { kind?: string; entry?: SchemaEntry };
    if (kind === 'change') this.history.push({ version: entry!.version, checksum: entry!.checksum });
  }

  private digest(kind: string): SetDigest {
    let digest = this.objects.get(kind);
    if (!digest) this.objects.set(kind, (digest = new SetDigest()));
    return digest;
  }

  private end(): void {
    if (!this.current) return;
    const { name, definition, documents } = this.current;
    const { count, sha256 } = documents.entry();
    this.entries[name] = { count, sha256: hashOf(definition, sha256!).toString('hex') };
    this.current = undefined;
  }
}
