import type { StoreContent } from './driver';
import type { Quad } from './oxigraph-quads';
import { hashOf, SetDigest } from './set-digest';

/** A quad with blank nodes: what is written in it, and the numbers of those nodes. */
interface BlankQuad {
  readonly graph: string;
  readonly pattern: Buffer;
  readonly nodes: readonly number[];
}

/** Farther than this, the surroundings of a blank node do not tell it from others. */
const MAX_ROUNDS = 64;

/**
 * Count and digest of each graph, the same for the same quads in any order and with any labels of blank nodes.
 *
 * A blank node counts as what surrounds it: at first all are alike, and in each round a node becomes the hash of what it
 * was and of its quads, until no round tells more of them apart. Data that are the same but for labels thus always have
 * the same digest. Data that differ have another one, but for blank nodes that this cannot tell apart (such as two rings
 * of three nodes and one ring of six, where nothing else is said of any node).
 *
 * Takes memory only for quads with blank nodes, some 200 bytes each.
 */
export class QuadDigests {
  private readonly graphs = new Map<string, SetDigest>();
  private readonly numbers = new Map<string, number>();
  private readonly blankQuads: BlankQuad[] = [];

  /** @param graph Name that the quad's graph is to have in the content. */
  add(graph: string, { pattern, blankNodes }: Quad): void {
    if (blankNodes.length === 0) return this.digest(graph).add(pattern);
    const nodes = blankNodes.map((label) => this.numberOf(label));
    this.blankQuads.push({ graph, pattern: hashOf(pattern), nodes });
    this.digest(graph);
  }

  /** Makes a graph known that may have no quads. */
  addGraph(graph: string): void {
    this.digest(graph);
  }

  /** Ends the digests: nothing may be added any more. */
  content(): StoreContent {
    const colours = distinguished(this.blankQuads, this.numbers.size);
    for (const { graph, pattern, nodes } of this.blankQuads)
      this.digest(graph).add(pattern, ...nodes.map((node) => colours[node]!));
    const names = [...this.graphs.keys()].sort();
    return Object.fromEntries(names.map((name) => [name, this.graphs.get(name)!.entry()]));
  }

  private digest(graph: string): SetDigest {
    let digest = this.graphs.get(graph);
    if (!digest) this.graphs.set(graph, (digest = new SetDigest()));
    return digest;
  }

  private numberOf(label: string): number {
    let number = this.numbers.get(label);
    if (number === undefined) this.numbers.set(label, (number = this.numbers.size));
    return number;
  }
}

/** Hashes by node, alike for nodes that cannot be told apart. */
function distinguished(quads: readonly BlankQuad[], count: number): readonly Buffer[] {
  let colours: Buffer[] = new Array<Buffer>(count).fill(hashOf('blank node'));
  let kinds = Math.min(count, 1);
  for (let round = 0; round < MAX_ROUNDS && kinds < count; round++) {
    const next = refined(quads, colours);
    const found = new Set(next.map((colour) => colour.toString('latin1'))).size;
    colours = next;
    if (found === kinds) break;
    kinds = found;
  }
  return colours;
}

function refined(quads: readonly BlankQuad[], colours: readonly Buffer[]): Buffer[] {
  const sums = new Array<bigint>(colours.length).fill(0n);
  for (const { pattern, nodes } of quads) {
    const around = hashOf(pattern, ...nodes.map((node) => colours[node]!));
    for (const [position, node] of nodes.entries()) {
      const seen = hashOf(around, String(position)).toString('hex');
      sums[node] = BigInt.asUintN(256, sums[node]! + BigInt(`0x${seen}`));
    }
  }
  return sums.map((sum, node) => hashOf(colours[node]!, sum.toString(16)));
}
