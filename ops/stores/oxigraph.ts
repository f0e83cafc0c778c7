import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { OxigraphClient } from '../../migrations/targets/oxigraph/client';
import { historyGraph } from '../../migrations/targets/oxigraph/names';
import { basicAuthorization, http, type ServerIdentity } from '../../migrations/targets/http-client';
import type {
  ArtifactFiles,
  ArtifactSink,
  CopyReport,
  SchemaEntry,
  StoreContent,
  StoreDriver,
} from './driver';
import { type Download, download } from './http-download';
import { checkInventory, InventoriedSink } from './inventory';
import { bytesOf, linesOf } from './lines';
import { QuadDigests } from './oxigraph-digest';
import { parseQuad, type Quad } from './oxigraph-quads';
import { requestsOf } from './oxigraph-requests';

/** How to reach an Oxigraph server, as `backup` at its read-only endpoint or as `owner`. */
export interface OxigraphAddress {
  /** URL such as `http://127.0.0.1:7878`. */
  readonly endpoint: string;
  readonly user: string;
  readonly password: string;
  /** For an `https` endpoint. */
  readonly tls?: ServerIdentity;
  /** Largest request of a restore in bytes; default 48 MiB, which the proxy in front of the server takes. */
  readonly requestBytes?: number;
}

const QUADS = 'store.nq';
const EMPTY_GRAPHS = 'empty-graphs.json';
const MEDIA_TYPE = 'application/n-quads';
const REQUEST_BYTES = 48 * 1024 * 1024;
const REQUEST_TIMEOUT_MS = 600_000;
/** What the locks of runners write; a copy of them would lock nobody out, but keep everybody waiting. */
const LOCK_GRAPH = new RegExp(`^${historyGraph}:[A-Za-z0-9_-]+:(lock$|fence:)`);
const EMPTY = 'SELECT ?g { GRAPH ?g {} FILTER(isIRI(?g)) FILTER NOT EXISTS { GRAPH ?g { ?s ?p ?o } } }';

/**
 * Copies all quads of the server as N-Quads over the Graph Store protocol, as of one moment: Oxigraph reads them from one
 * snapshot. Which graphs are empty, which N-Quads cannot say, is asked just before. Blank nodes get new labels in a restore.
 * A restore is all or nothing up to 48 MiB, and in several requests above.
 * @see https://www.w3.org/TR/sparql11-http-rdf-update/
 */
export class OxigraphDriver implements StoreDriver {
  private readonly client: OxigraphClient;

  constructor(private readonly address: OxigraphAddress) {
    this.client = new OxigraphClient(address);
  }

  async backup(sink: ArtifactSink): Promise<CopyReport> {
    const inventoried = new InventoriedSink(sink);
    const empty = await this.emptyGraphs();
    const { headers, body } = await this.download();
    const seen = new SeenQuads();
    await inventoried.write(QUADS, bytesOf(seen.watch(body)));
    const content = seen.content(empty);
    const stillEmpty = empty.filter((graph) => content[graph]!.count === 0);
    await inventoried.write(EMPTY_GRAPHS, bytesOf([JSON.stringify(stillEmpty)]));
    await inventoried.finish();
    // A proxy may keep the server's name to itself.
    const serverVersion = /^Oxigraph\/(.+)$/.exec(String(headers.server))?.[1] ?? 'unknown';
    return { serverVersion, schema: seen.schema(), content };
  }

  async content(): Promise<StoreContent> {
    const empty = await this.emptyGraphs();
    const seen = new SeenQuads();
    for await (const line of seen.watch((await this.download()).body)) void line;
    return seen.content(empty);
  }

  async restore(files: ArtifactFiles): Promise<void> {
    await checkInventory(files);
    const graphs = JSON.parse(await readFile(files[EMPTY_GRAPHS]!, 'utf8')) as string[];
    const { requestBytes = REQUEST_BYTES } = this.address;
    let method: 'PUT' | 'POST' = 'PUT';
    for await (const body of requestsOf(() => createReadStream(files[QUADS]!), requestBytes)) {
      await this.send(method, body);
      method = 'POST';
    }
    const creations = graphs.map((graph) => `CREATE SILENT GRAPH <${iri(graph)}>`);
    if (creations.length > 0) await this.client.update(creations.join(' ;\n'));
  }

  async close(): Promise<void> {
    // Requests share no connection that needs closing.
  }

  private async emptyGraphs(): Promise<string[]> {
    const rows = await this.client.select(EMPTY);
    return rows
      .map(({ g }) => g!)
      .filter((graph) => !LOCK_GRAPH.test(graph))
      .sort();
  }

  private download(): Promise<Download> {
    const { endpoint, tls } = this.address;
    return download({
      url: `${endpoint}/store`,
      headers: { ...this.authorization(), accept: MEDIA_TYPE },
      tls,
    });
  }

  /** Replaces all that the server has, or adds to it. */
  private async send(method: 'PUT' | 'POST', body: Uint8Array): Promise<void> {
    const { endpoint, tls } = this.address;
    await http({
      ...{ method, url: `${endpoint}/store`, body, tls, timeoutMs: REQUEST_TIMEOUT_MS },
      headers: { ...this.authorization(), 'content-type': MEDIA_TYPE },
    });
  }

  private authorization() {
    return { authorization: basicAuthorization(this.address.user, this.address.password) };
  }
}

/** What a stream of quads holds, without those of locks. */
class SeenQuads {
  private readonly digests = new QuadDigests();
  private readonly history = new Map<string, Record<string, string>>();

  async *watch(body: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
    for await (const line of linesOf(body)) {
      const quad = parseQuad(line);
      const graph = nameOf(quad.graph);
      if (LOCK_GRAPH.test(graph)) continue;
      this.digests.add(graph, quad);
      if (graph === historyGraph) this.note(quad);
      yield line;
    }
  }

  content(emptyGraphs: readonly string[]): StoreContent {
    for (const graph of emptyGraphs) this.digests.addGraph(graph);
    return this.digests.content();
  }

  schema(): SchemaEntry[] {
    const entries = [...this.history.values()].flatMap(({ version, checksum }) =>
      version !== undefined && checksum !== undefined ? [{ version, checksum }] : [],
    );
    return entries.sort((a, b) => (a.version < b.version ? -1 : 1));
  }

  private note({ subject, predicate, object }: Quad): void {
    // An entry names its version as what makes it one of its history.
    const field = predicate.endsWith(':entry>') ? 'version' : /:(checksum)>$/.exec(predicate)?.[1];
    if (field === undefined) return;
    this.history.set(subject, { ...this.history.get(subject), [field]: object.slice(1, -1) });
  }
}

/** Name of a graph in the content; graphs named by blank nodes count as one. */
function nameOf(graph: string | undefined): string {
  if (graph === undefined) return 'default';
  return graph.startsWith('_:') ? 'blank' : graph.slice(1, -1);
}

/** @throws Error for what would not stay inside of `<` and `>`. */
function iri(graph: string): string {
  if (/^[^\s<>"{}|\\^`]+$/.test(graph)) return graph;
  throw new Error(`The copy names a graph that is no IRI: ${JSON.stringify(graph)}. Take another set.`);
}
