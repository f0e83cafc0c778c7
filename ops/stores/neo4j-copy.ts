/** The file of a Neo4j copy: a line for each constraint and index, then for each node, then for each relationship. */
import type { SchemaEntry, StoreContent } from './driver';
import type { EncodedProperties } from './neo4j-values';
import { hashOf, SetDigest } from './set-digest';

/** Labels and keys of properties are sorted. */
export interface CopiedNode {
  readonly node: number;
  readonly labels: readonly string[];
  readonly properties: EncodedProperties;
}

export interface CopiedRelationship {
  readonly relationship: string;
  readonly from: number;
  readonly to: number;
  readonly properties: EncodedProperties;
}

/** One line; `schema` is the statement that makes a constraint or an index. */
export type CopyLine = { readonly schema: string } | CopiedNode | CopiedRelationship;

const HISTORY = '__SchemaMigration';
const HASH_BYTES = 16;
const PAGE_NODES = 4096;
const NO_HASH = Buffer.alloc(HASH_BYTES);

/**
 * Content and history of a copy, from its lines. A relationship counts with what its ends are, so that nodes with the same
 * labels and properties are not told apart. Takes 16 bytes of memory for each node.
 */
export class CopyDigests {
  private readonly digests = new Map<string, SetDigest>();
  private readonly history: SchemaEntry[] = [];
  private readonly nodes = new NodeHashes();

  constructor() {
    this.digest('schema');
  }

  add(line: CopyLine): void {
    if ('schema' in line) return this.digest('schema').add(line.schema);
    if ('node' in line) return this.addNode(line);
    const { relationship, from, to, properties } = line;
    const ends = [this.nodes.get(from)!, this.nodes.get(to)!];
    this.digest(`relationship/${relationship}`).add(JSON.stringify(properties), ...ends);
  }

  /** Whether the copy has a node. */
  has(node: number): boolean {
    return this.nodes.get(node) !== undefined;
  }

  /** By label (`node/<label>`; `node` for those without), by type of relationship (`relationship/<type>`), and `schema`. */
  content(): StoreContent {
    const names = [...this.digests.keys()].sort();
    return Object.fromEntries(names.map((name) => [name, this.digests.get(name)!.entry()]));
  }

  schema(): SchemaEntry[] {
    return this.history.sort((a, b) => (a.version < b.version ? -1 : 1));
  }

  private addNode({ node, labels, properties }: CopiedNode): void {
    const text = JSON.stringify([labels, properties]);
    this.nodes.set(node, hashOf(text));
    for (const name of labels.length > 0 ? labels.map((label) => `node/${label}`) : ['node'])
      this.digest(name).add(text);
    const { version, checksum } = properties;
    if (labels.includes(HISTORY) && typeof version === 'string' && typeof checksum === 'string')
      this.history.push({ version, checksum });
  }

  private digest(name: string): SetDigest {
    let digest = this.digests.get(name);
    if (!digest) this.digests.set(name, (digest = new SetDigest()));
    return digest;
  }
}

/** Hashes by the server's numbers of nodes, which are dense. */
class NodeHashes {
  private readonly pages = new Map<number, Buffer>();

  set(node: number, hash: Buffer): void {
    const number = Math.floor(node / PAGE_NODES);
    let page = this.pages.get(number);
    if (!page) this.pages.set(number, (page = Buffer.alloc(PAGE_NODES * HASH_BYTES)));
    hash.copy(page, (node % PAGE_NODES) * HASH_BYTES, 0, HASH_BYTES);
  }

  get(node: number): Buffer | undefined {
    const start = (node % PAGE_NODES) * HASH_BYTES;
    const hash = this.pages.get(Math.floor(node / PAGE_NODES))?.subarray(start, start + HASH_BYTES);
    return hash?.equals(NO_HASH) ? undefined : hash;
  }
}
