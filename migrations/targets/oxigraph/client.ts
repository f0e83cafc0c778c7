import { basicAuthorization, http, type ServerIdentity } from '../http-client';

/** How to reach an Oxigraph server. */
export interface OxigraphConnection {
  /** URL such as `http://127.0.0.1:7878`. */
  readonly endpoint: string;
  readonly user: string;
  readonly password: string;
  /** For an `https` endpoint. */
  readonly tls?: ServerIdentity;
}

/** One row of a query's answer: values by variable, absent where unbound. */
export type Row = Readonly<Record<string, string>>;

/** A change of several megabytes takes a while to parse. */
const UPDATE_TIMEOUT_MS = 300_000;
const LOCK_TIMEOUT_MS = 10_000;

/**
 * The SPARQL 1.1 protocol and the Graph Store protocol of one server; an update is atomic.
 * @see https://www.w3.org/TR/sparql11-protocol/
 */
export class OxigraphClient {
  private readonly headers: { authorization: string };

  constructor(readonly connection: OxigraphConnection) {
    this.headers = { authorization: basicAuthorization(connection.user, connection.password) };
  }

  /** @throws HttpError with Oxigraph's words; nothing of a failed update stays. */
  async update(text: string, options: { quick?: boolean } = {}): Promise<void> {
    await http({
      tls: this.connection.tls,
      method: 'POST',
      url: `${this.connection.endpoint}/update`,
      headers: { ...this.headers, 'content-type': 'application/sparql-update' },
      body: text,
      timeoutMs: options.quick ? LOCK_TIMEOUT_MS : UPDATE_TIMEOUT_MS,
    });
  }

  /** Rows of a SELECT query, with the plain values of their terms. */
  async select(query: string): Promise<Row[]> {
    const answer = JSON.parse(await this.query(query, 'application/sparql-results+json')) as {
      results: { bindings: Record<string, { value: string }>[] };
    };
    return answer.results.bindings.map((binding) =>
      Object.fromEntries(Object.entries(binding).map(([name, term]) => [name, term.value])),
    );
  }

  /** Rows of a SELECT query, with terms written as in Turtle. */
  async selectTerms(query: string): Promise<string[][]> {
    const [, ...rows] = (await this.query(query, 'text/tab-separated-values')).trimEnd().split('\n');
    return rows.map((row) => row.split('\t'));
  }

  /** Adds RDF to a graph, or replaces all of it. */
  async load(
    graph: string,
    mode: 'add' | 'replace',
    content: { readonly type: string; readonly body: Uint8Array },
  ): Promise<void> {
    await http({
      tls: this.connection.tls,
      method: mode === 'add' ? 'POST' : 'PUT',
      url: `${this.connection.endpoint}/store?graph=${encodeURIComponent(graph)}`,
      headers: { ...this.headers, 'content-type': content.type },
      body: content.body,
      timeoutMs: UPDATE_TIMEOUT_MS,
    });
  }

  private query(text: string, accept: string): Promise<string> {
    return http({
      tls: this.connection.tls,
      method: 'POST',
      url: `${this.connection.endpoint}/query`,
      headers: { ...this.headers, accept, 'content-type': 'application/sparql-query' },
      body: text,
    });
  }
}
