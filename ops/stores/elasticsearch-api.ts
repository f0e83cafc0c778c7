import { type Api, apis } from '../../migrations/targets/elasticsearch/apis';
import {
  basicAuthorization,
  http,
  HttpError,
  type HttpRequest,
  type ServerIdentity,
} from '../../migrations/targets/http-client';
import { parseExactly } from './exact-json';

/** How to reach an Elasticsearch cluster. */
export interface ElasticsearchAddress {
  /** URL such as `https://127.0.0.1:9200`. */
  readonly endpoint: string;
  readonly user: string;
  readonly password: string;
  /** For an `https` endpoint. */
  readonly tls?: ServerIdentity;
}

/** What change files make, but for data streams, which are copied with their documents. */
export type ObjectKind = Exclude<keyof typeof apis, 'DataStream'>;

export interface NamedObject {
  readonly kind: ObjectKind;
  readonly name: string;
  readonly definition: unknown;
}

export type Json = Readonly<Record<string, unknown>>;

/** An index as the server describes it. */
export interface IndexInfo {
  readonly aliases: Readonly<Record<string, Json>>;
  readonly mappings: Json;
  readonly settings: { readonly index: Json };
}

export interface StreamInfo {
  readonly name: string;
  readonly indices: readonly { readonly index_name: string }[];
  readonly hidden?: boolean;
  readonly allow_custom_routing?: boolean;
  readonly system?: boolean;
  readonly _meta?: { readonly managed?: boolean };
}

export interface Hit {
  readonly _id: string;
  readonly _routing?: string;
  readonly _source: unknown;
  readonly sort: unknown;
}

type Method = HttpRequest['method'];

const TIMEOUT_MS = 300_000;
/** For each page of an index, and for the indices that wait for their turn. */
const KEEP_ALIVE = '4h';
const MOST_RULES = 10_000;

/**
 * The parts of the REST API that a copy needs.
 * @see https://www.elastic.co/docs/api/doc/elasticsearch/
 */
export class ElasticsearchApi {
  constructor(private readonly address: ElasticsearchAddress) {}

  async version(): Promise<string> {
    return ((await this.send('GET', '/')) as { version: { number: string } }).version.number;
  }

  /** Objects of one kind, sorted by name, without those that Elasticsearch installed. */
  async objects(kind: ObjectKind): Promise<NamedObject[]> {
    const { path, query = {}, list }: Api = apis[kind];
    const from = kind === 'SearchTemplate' ? '/_cluster/state/metadata' : path;
    const parameters = new URLSearchParams(
      Object.entries(query).map(([name, value]) => [name, String(value)] as [string, string]),
    ).toString();
    const answer = await this.send('GET', `${from}?${parameters}`).catch(unlessMissing);
    if (answer === undefined) return [];
    const found = Object.entries(list(answer as never)).sort(([a], [b]) => (a < b ? -1 : 1));
    return Promise.all(
      found.map(async ([name, definition]) => ({
        ...{ kind, name },
        definition: kind === 'SynonymsSet' ? await this.synonyms(name) : definition,
      })),
    );
  }

  async putObject({ kind, name, definition }: NamedObject): Promise<void> {
    // A repository is checked when the first snapshot is taken.
    const query = kind === 'SnapshotRepository' ? '?verify=false' : '';
    const path = `${apis[kind].path}/${encodeURIComponent(name)}${query}`;
    await this.send('PUT', path, bodyOf(kind, definition));
  }

  async deleteObject(kind: ObjectKind, name: string): Promise<void> {
    await this.send('DELETE', `${apis[kind].path}/${encodeURIComponent(name)}`).catch(unlessMissing);
  }

  /** Data streams that Elasticsearch did not make itself, sorted by name. */
  async streams(): Promise<StreamInfo[]> {
    const { data_streams } = (await this.send('GET', '/_data_stream?expand_wildcards=open,hidden')) as {
      data_streams: StreamInfo[];
    };
    return data_streams
      .filter(({ name, system, _meta }) => !name.startsWith('.') && !system && _meta?.managed !== true)
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  async stream(name: string): Promise<StreamInfo> {
    const { data_streams } = (await this.send('GET', `/_data_stream/${encodeURIComponent(name)}`)) as {
      data_streams: [StreamInfo];
    };
    return data_streams[0];
  }

  /** All indices by name. */
  async indices(): Promise<Readonly<Record<string, IndexInfo>>> {
    return (await this.send('GET', '/*?expand_wildcards=all')) as Record<string, IndexInfo>;
  }

  /** Names of indices that cannot be read. */
  async closedIndices(): Promise<string[]> {
    const path = '/_cat/indices?format=json&h=index,status&expand_wildcards=all';
    const found = (await this.send('GET', path)) as { index: string; status: string }[];
    return found.filter(({ status }) => status === 'close').map(({ index }) => index);
  }

  /** Of indices and data streams. */
  async aliases(): Promise<Readonly<Record<string, { aliases: Readonly<Record<string, Json>> }>>> {
    return (await this.send('GET', '/_alias')) as Record<string, { aliases: Record<string, Json> }>;
  }

  async put(path: string, body?: Json): Promise<void> {
    await this.send('PUT', path, body);
  }

  async post(path: string, body?: Json): Promise<void> {
    await this.send('POST', path, body);
  }

  async delete(path: string): Promise<void> {
    await this.send('DELETE', path).catch(unlessMissing);
  }

  /** Keeps what an index holds now, all that was acknowledged, for reading; its id. */
  async openPointInTime(index: string): Promise<string> {
    const name = encodeURIComponent(index);
    await this.send('POST', `/${name}/_refresh`);
    const { id } = (await this.send('POST', `/${name}/_pit?keep_alive=${KEEP_ALIVE}`)) as { id: string };
    return id;
  }

  async closePointInTime(id: string): Promise<void> {
    await this.send('DELETE', '/_pit', { id }).catch(unlessMissing);
  }

  /** The next documents, in the order of the shards; numbers as they were sent. */
  async hits(id: string, size: number, after: unknown): Promise<Hit[]> {
    const answer = await this.request('POST', '/_search', {
      pit: { id, keep_alive: KEEP_ALIVE },
      ...{ size, sort: [{ _shard_doc: 'asc' }], track_total_hits: false },
      ...(after === undefined ? {} : { search_after: after }),
      // They are left out by default.
      _source: { exclude_vectors: false },
    });
    const { hits, _shards, timed_out } = parseExactly(answer) as {
      hits: { hits: Hit[] };
      _shards: { failed: number };
      timed_out: boolean;
    };
    if (timed_out || _shards.failed > 0)
      throw new Error('A shard could not be read. Repeat the backup when the cluster is green.');
    return hits.hits;
  }

  /**
   * Adds documents, past default pipelines.
   * @param lines An operation and a source for each.
   * @throws Error with the reason of the first that the server refused.
   */
  async bulk(target: string, lines: string): Promise<void> {
    const path = `/${encodeURIComponent(target)}/_bulk?pipeline=_none&filter_path=errors,items.*.error`;
    const { errors, items } = JSON.parse(await this.request('POST', path, lines)) as {
      errors: boolean;
      items?: Record<string, { error: { reason: string } }>[];
    };
    if (!errors) return;
    const [first] = Object.values(items![0]!);
    throw new Error(`${target} does not take a document of the copy: ${first!.error.reason}`);
  }

  private async synonyms(name: string): Promise<unknown> {
    const path = `${apis.SynonymsSet.path}/${encodeURIComponent(name)}?size=${MOST_RULES}`;
    return ((await this.send('GET', path)) as { synonyms_set: unknown }).synonyms_set;
  }

  private async send(method: Method, path: string, body?: object): Promise<unknown> {
    return JSON.parse(await this.request(method, path, body));
  }

  private async request(method: Method, path: string, body?: object | string): Promise<string> {
    const { endpoint, user, password, tls } = this.address;
    try {
      return await http({
        ...{ method, tls, timeoutMs: TIMEOUT_MS, url: endpoint + path },
        headers: {
          authorization: basicAuthorization(user, password),
          'content-type': `application/${typeof body === 'string' ? 'x-ndjson' : 'json'}`,
        },
        body: typeof body === 'object' ? JSON.stringify(body) : body,
      });
    } catch (error) {
      throw readable(error as HttpError);
    }
  }
}

function bodyOf(kind: ObjectKind, definition: unknown): Json {
  if (kind === 'LifecyclePolicy') return { policy: definition };
  if (kind === 'SearchTemplate') return { script: definition };
  if (kind === 'SynonymsSet') return { synonyms_set: definition };
  return definition as Json;
}

function unlessMissing(error: unknown): undefined {
  if (error instanceof HttpError && error.status === 404) return undefined;
  throw error;
}

/** With the server's reason instead of its JSON. */
function readable(error: HttpError): HttpError {
  try {
    const { error: told } = JSON.parse(error.message) as { error: { reason: string } };
    return new HttpError(error.status, told.reason, error.code, { cause: error });
  } catch {
    return error;
  }
}
