import { http, HttpError, type HttpRequest, type ServerIdentity } from '../../migrations/targets/http-client';
import { fieldSchema, withoutNulls } from '../../migrations/targets/qdrant/definitions';
import { parseExactly } from './exact-json';

/** How to reach a Qdrant server: with its read-only key for a backup, with its key for a restore. */
export interface QdrantAddress {
  /** URL such as `http://127.0.0.1:6333`. */
  readonly endpoint: string;
  readonly apiKey: string;
  /** For an `https` endpoint. */
  readonly tls?: ServerIdentity;
}

/** A collection without its points: what it is created with, and its payload indexes by field. */
export interface CollectionDefinition {
  readonly name: string;
  readonly settings: object;
  readonly indexes: Readonly<Record<string, object>>;
}

/** A point with all vectors and its payload, numbers as the server wrote them. */
export interface Point {
  readonly id: unknown;
  readonly vector: unknown;
  readonly payload: Readonly<Record<string, unknown>> | null;
}

export interface Alias {
  readonly alias_name: string;
  readonly collection_name: string;
}

interface CollectionInfo {
  readonly config: Readonly<Record<string, object | null>> & {
    readonly params: Readonly<Record<string, unknown>>;
  };
  readonly payload_schema: Readonly<Record<string, Parameters<typeof fieldSchema>[0]>>;
}

type Parse = (text: string) => unknown;

const TIMEOUT_MS = 300_000;

/**
 * Collections, points and aliases over the REST API.
 * @see https://api.qdrant.tech
 */
export class QdrantApi {
  constructor(private readonly address: QdrantAddress) {}

  async version(): Promise<string> {
    return ((await this.request('GET', '/')) as { version: string }).version;
  }

  /** Names, sorted. */
  async collections(): Promise<string[]> {
    const { collections } = (await this.result('GET', '/collections')) as { collections: { name: string }[] };
    return collections.map(({ name }) => name).sort();
  }

  /** Sorted by name. */
  async aliases(): Promise<Alias[]> {
    const { aliases } = (await this.result('GET', '/aliases')) as { aliases: Alias[] };
    return aliases.sort((a, b) => (a.alias_name < b.alias_name ? -1 : 1));
  }

  /**
   * What a collection is created with; undefined when it is gone.
   * @throws Error for one whose points say themselves in which shard they are.
   */
  async definition(name: string): Promise<CollectionDefinition | undefined> {
    const info = (await this.result('GET', path(name)).catch(unlessMissing)) as CollectionInfo | undefined;
    if (!info) return undefined;
    const { params, hnsw_config, optimizer_config, quantization_config, ...others } = info.config;
    if (params['sharding_method'] === 'custom')
      throw new Error(`Collection "${name}" has custom sharding, whose shard keys cannot be copied.`);
    // The log's settings are the server's own.
    const { wal_config: _wal, ...more } = others;
    const settings = { ...params, hnsw_config, optimizers_config: optimizer_config, quantization_config };
    const fields = Object.entries(info.payload_schema).sort(([a], [b]) => (a < b ? -1 : 1));
    return {
      name,
      settings: withoutNulls({ ...settings, ...more }) as object,
      indexes: Object.fromEntries(fields.map(([field, index]) => [field, fieldSchema(index)])),
    };
  }

  /** Points in the order of their ids, from an id on; none when the collection is gone. */
  async points(
    collection: string,
    offset: unknown,
    limit: number,
  ): Promise<{ points: Point[]; next_page_offset: unknown }> {
    const body = { limit, with_payload: true, with_vector: true, ...(offset === null ? {} : { offset }) };
    // Peers that were away may be behind.
    const from = `${path(collection)}/points/scroll?consistency=majority`;
    const page = await this.result('POST', from, body, parseExactly).catch(unlessMissing);
    return (page as { points: Point[]; next_page_offset: unknown } | undefined) ?? NO_POINTS;
  }

  async create({ name, settings }: CollectionDefinition): Promise<void> {
    const { read_fan_out_factor, ...creation } = settings as Record<string, unknown>;
    await this.result('PUT', path(name), creation);
    // Only an existing collection takes it.
    if (read_fan_out_factor !== undefined)
      await this.result('PATCH', path(name), { params: { read_fan_out_factor } });
  }

  async createIndex(collection: string, field_name: string, field_schema: object): Promise<void> {
    await this.result('PUT', `${path(collection)}/index?wait=true`, { field_name, field_schema });
  }

  async upsert(collection: string, points: readonly Point[]): Promise<void> {
    await this.result('PUT', `${path(collection)}/points?wait=true`, { points });
  }

  async delete(collection: string): Promise<void> {
    await this.result('DELETE', path(collection));
  }

  /** All of them or none. */
  async createAliases(aliases: readonly Alias[]): Promise<void> {
    const actions = aliases.map((create_alias) => ({ create_alias }));
    if (actions.length > 0) await this.result('POST', '/collections/aliases', { actions });
  }

  private async result(
    method: Method,
    path: string,
    body?: object,
    parse: Parse = JSON.parse,
  ): Promise<unknown> {
    return ((await this.request(method, path, body, parse)) as { result: unknown }).result;
  }

  private async request(
    method: Method,
    path: string,
    body?: object,
    parse: Parse = JSON.parse,
  ): Promise<unknown> {
    const { endpoint, apiKey, tls } = this.address;
    const answer = await http({
      ...{ method, tls, timeoutMs: TIMEOUT_MS, url: endpoint + path, body: body && JSON.stringify(body) },
      headers: { 'api-key': apiKey, 'content-type': 'application/json' },
    });
    return parse(answer);
  }
}

type Method = HttpRequest['method'];

const NO_POINTS = { points: [], next_page_offset: null };

function path(collection: string): string {
  return `/collections/${encodeURIComponent(collection)}`;
}

function unlessMissing(error: unknown): undefined {
  if (error instanceof HttpError && error.status === 404) return undefined;
  throw error;
}
