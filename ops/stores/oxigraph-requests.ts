/** Splits N-Quads into requests that a server takes, so that every blank node is in one request only. */
import { buffer } from 'node:stream/consumers';
import { linesOf } from './lines';
import { parseQuad } from './oxigraph-quads';

/** Reads the copy from its start. */
export type CopyReader = () => AsyncIterable<Uint8Array>;

/** Number of the request for quads without blank nodes, which may go anywhere. */
const ANY = 0;

/**
 * Bodies of at most `limit` bytes; at least one, which is empty when the copy is.
 * A server gives blank nodes new labels with each request, so that those that hang together go in one.
 * @throws Error when more quads than fit in a request hang together by blank nodes.
 */
export async function* requestsOf(read: CopyReader, limit: number): AsyncGenerator<Buffer> {
  const groups = new BlankGroups();
  let total = 0;
  for await (const line of linesOf(read())) {
    const bytes = Buffer.byteLength(line) + 1;
    total += bytes;
    if (line.includes('_:')) groups.add(parseQuad(line).blankNodes, bytes);
  }
  // One request is all or nothing.
  if (total <= limit) return yield await buffer(read());
  const { requests, requestOf } = groups.pack(limit);
  for (let request = ANY; request <= requests; request++) {
    let batch: Buffer[] = [];
    let length = 0;
    for await (const line of linesOf(read())) {
      const label = line.includes('_:') ? parseQuad(line).blankNodes[0] : undefined;
      if ((label === undefined ? ANY : requestOf(label)) !== request) continue;
      const bytes = Buffer.from(`${line}\n`);
      if (length + bytes.length > limit && length > 0) {
        yield Buffer.concat(batch);
        batch = [];
        length = 0;
      }
      batch.push(bytes);
      length += bytes.length;
    }
    if (length > 0) yield Buffer.concat(batch);
  }
}

/** Blank nodes by whether a chain of quads joins them. */
class BlankGroups {
  private readonly parents = new Map<string, string>();
  private readonly bytes = new Map<string, number>();

  add([first, ...others]: readonly string[], bytes: number): void {
    if (first === undefined) return;
    const root = this.root(first);
    this.bytes.set(root, (this.bytes.get(root) ?? 0) + bytes);
    for (const other of others) this.join(root, this.root(other));
  }

  /** Numbers of requests from 1 on, for the groups in their order. */
  pack(limit: number): { requests: number; requestOf(label: string): number } {
    const numbers = new Map<string, number>();
    let requests = 0;
    let room = 0;
    for (const [root, bytes] of this.bytes) {
      if (bytes > limit)
        throw new Error(
          `${bytes} bytes of quads hang together by blank nodes, and a request takes at most ${limit}. ` +
            'Give the nodes IRIs, or load the file with `oxigraph load` on the server.',
        );
      if (bytes > room) {
        requests++;
        room = limit;
      }
      room -= bytes;
      numbers.set(root, requests);
    }
    return { requests, requestOf: (label) => numbers.get(this.root(label))! };
  }

  private join(one: string, other: string): void {
    if (one === other) return;
    this.parents.set(other, one);
    const bytes = (this.bytes.get(one) ?? 0) + (this.bytes.get(other) ?? 0);
    this.bytes.delete(other);
    this.bytes.set(one, bytes);
  }

  private root(label: string): string {
    let root = label;
    for (let parent = this.parents.get(root); parent !== undefined; parent = this.parents.get(root))
      root = parent;
    // Shortens the way for the next time.
    for (let at = label; at !== root;) {
      const next = this.parents.get(at)!;
      this.parents.set(at, root);
      at = next;
    }
    return root;
  }
}
