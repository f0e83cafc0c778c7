import { readFile, stat } from 'node:fs/promises';
import { basename, extname } from 'node:path';
import { HttpError } from '../http-client';
import { OxigraphClient, type OxigraphConnection } from './client';

/** What to load where. */
export interface LoadOptions {
  /** Turtle (`.ttl`) or JSON-LD (`.jsonld`) file. */
  readonly file: string;
  /** Named graph, such as the one that `projectGraph()` gives. */
  readonly graph: string;
  /** `replace` makes the graph hold this file and nothing else; default `add`. */
  readonly mode?: 'add' | 'replace';
  /** Largest file in bytes; default 32 MiB, which the proxy in front of the server takes. */
  readonly maxBytes?: number;
}

const MAX_BYTES = 32 * 1024 * 1024;
const mediaTypes: Readonly<Record<string, string>> = {
  '.ttl': 'text/turtle',
  '.jsonld': 'application/ld+json',
};
const GRAPH = /^[a-z][a-z0-9+.-]*:[^\s<>"{}|\\^`]+$/i;

/**
 * Loads an RDF file into a named graph over the Graph Store protocol, wholly or not at all.
 * JSON-LD contexts must stand in the file: the server fetches none.
 * @throws Error naming the file, and the line where its syntax is wrong.
 * @see https://www.w3.org/TR/sparql11-http-rdf-update/
 */
export async function loadRdfFile(connection: OxigraphConnection, options: LoadOptions): Promise<void> {
  const { file, graph, mode = 'add', maxBytes = MAX_BYTES } = options;
  const type = mediaTypes[extname(file).toLowerCase()];
  if (!type) {
    throw new Error(
      `${file} must end with ${Object.keys(mediaTypes).join(' or ')}, which says how it is written.`,
    );
  }
  if (!GRAPH.test(graph)) throw new Error(`A graph is named by an absolute IRI, got "${graph}".`);
  const { size } = await stat(file);
  if (size > maxBytes) {
    throw new Error(`${file} has ${size} bytes, and at most ${maxBytes} are loaded at once; split the file.`);
  }
  try {
    await new OxigraphClient(connection).load(graph, mode, { type, body: await readFile(file) });
  } catch (error) {
    if (!(error instanceof HttpError) || error.status !== 400) throw error;
    throw new Error(`${basename(file)} is not valid and nothing of it was loaded: ${error.message}`, {
      cause: error,
    });
  }
}
