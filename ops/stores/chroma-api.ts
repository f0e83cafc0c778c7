import { setTimeout as delay } from 'node:timers/promises';
import { http, HttpError, type HttpRequest, type ServerIdentity } from '../../migrations/targets/http-client';
import { TENANT } from '../../migrations/targets/chroma/names';
import { parseExactly } from './exact-json';

/** How to reach a Chroma server, as `backup` or as `owner`. */
export interface ChromaAddress {
  /** URL such as `http://127.0.0.1:8000`. */
  readonly endpoint: string;
  readonly token: string;
  /** For an `https` endpoint. */
  readonly tls?: ServerIdentity;
}

/** What a collection is, without its records. */
export interface CollectionDefinition {
  readonly name: string;
  readonly metadata: object | null;
  readonly configuration_json: { readonly hnsw: { readonly space?: string } | null };
  readonly schema?: object | null;
  /** Null until the first record. */
  readonly dimension: number | null;
}

export type FoundCollection = CollectionDefinition & { readonly id: string };

/** A record, all of it. */
export interface ChromaRecord {
  readonly id: string;
  readonly embedding: readonly unknown[];
  readonly document: string | null;
  readonly uri: string | null;
  readonly metadata: object | null;
}

interface Columns {
  readonly ids: string[];
  readonly embeddings: (readonly unknown[])[];
  readonly documents: (string | null)[];
  readonly uris: (string | null)[];
  readonly metadatas: (object | null)[];
}

const PAGE = 500;
const TIMEOUT_MS = 300_000;
const ATTEMPTS = 5;
/** Of a collection that it has just made, and of a record that is deleted while it is read. */
const BEING_WRITTEN = /Error in compaction|Error finding id/;
const ALL = ['embeddings', 'documents', 'metadatas', 'uris'];

/**
 * Databases, collections and records of the default tenant, with numbers as the server writes them.
 * @see https://docs.trychroma.com/reference/chroma-reference
 */
export class ChromaApi {
  constructor(private readonly address: ChromaAddress) {}

  async version(): Promise<string> {
    return (await this.send('GET', '/version')) as string;
  }

  /** Names, sorted. */
  async databases(): Promise<string[]> {
    const found = await this.pages<{ name: string }>(`/tenants/${TENANT}/databases`);
    return found.map(({ name }) => name).sort();
  }

  async createDatabase(name: string): Promise<void> {
    await this.send('POST', `/tenants/${TENANT}/databases`, { name }).catch(unless(409));
  }

  async deleteDatabase(name: string): Promise<void> {
    await this.send('DELETE', `/tenants/${TENANT}/databases/${encodeURIComponent(name)}`).catch(unless(404));
  }

  async collections(database: string): Promise<FoundCollection[]> {
    const found = await this.pages<FoundCollection>(path(database));
    return found.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  async createCollection(database: string, settings: object): Promise<FoundCollection> {
    return (await this.send('POST', path(database), settings)) as FoundCollection;
  }

  async deleteCollection(database: string, name: string): Promise<void> {
    await this.send('DELETE', path(database, name)).catch(unless(404));
  }

  /** Of all records, in one answer; none where the collection is gone. */
  async ids(database: string, collection: string): Promise<string[]> {
    const answer = await this.get(database, collection, { include: [] });
    return answer?.ids ?? [];
  }

  /** Those of the records that still exist. */
  async records(database: string, collection: string, ids: readonly string[]): Promise<ChromaRecord[]> {
    const columns = await this.get(database, collection, { include: ALL, ids });
    if (!columns) return [];
    return columns.ids.map((id, index) => ({
      ...{ id, document: columns.documents[index]!, embedding: columns.embeddings[index]! },
      ...{ metadata: columns.metadatas[index]!, uri: columns.uris[index]! },
    }));
  }

  async embeddings(
    database: string,
    collection: string,
    ids: readonly string[],
  ): Promise<ReadonlyMap<string, readonly unknown[]>> {
    const columns = await this.get(database, collection, { include: ['embeddings'], ids });
    return new Map(columns?.ids.map((id, index) => [id, columns.embeddings[index]!]));
  }

  async upsert(database: string, collection: string, records: readonly ChromaRecord[]): Promise<void> {
    await this.send('POST', `${path(database, collection)}/upsert`, {
      ids: records.map(({ id }) => id),
      embeddings: records.map(({ embedding }) => embedding),
      documents: records.map(({ document }) => document),
      uris: records.map(({ uri }) => uri),
      metadatas: records.map(({ metadata }) => metadata),
    });
  }

  async deleteRecord(database: string, collection: string, id: string): Promise<void> {
    await this.send('POST', `${path(database, collection)}/delete`, { ids: [id] });
  }

  private async get(database: string, collection: string, wanted: object): Promise<Columns | undefined> {
    try {
      return (await this.send('POST', `${path(database, collection)}/get`, wanted)) as Columns;
    } catch (error) {
      if (!isStatus(error, 404)) throw error;
      // Chroma has other reasons for this answer than a collection that was deleted.
      if ((await this.collections(database)).some(({ id }) => id === collection)) throw error;
      return undefined;
    }
  }

  private async pages<T>(of: string): Promise<T[]> {
    const found: T[] = [];
    for (;;) {
      const page = (await this.send('GET', `${of}?limit=${PAGE}&offset=${found.length}`)) as T[];
      found.push(...page);
      if (page.length < PAGE) return found;
    }
  }

  /** Repeats what failed because Chroma is just writing what it reads; every request can be repeated. */
  private async send(method: HttpRequest['method'], rest: string, body?: object): Promise<unknown> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.sendOnce(method, rest, body);
      } catch (error) {
        if (attempt === ATTEMPTS || !BEING_WRITTEN.test((error as Error).message)) throw error;
        await delay(attempt * 200);
      }
    }
  }

  private async sendOnce(method: HttpRequest['method'], rest: string, body?: object): Promise<unknown> {
    const { endpoint, token, tls } = this.address;
    const answer = await http({
      ...{ method, tls, timeoutMs: TIMEOUT_MS, url: `${endpoint}/api/v2${rest}` },
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: body && JSON.stringify(body),
    });
    return answer === '' ? undefined : parseExactly(answer);
  }
}

function path(database: string, collection?: string): string {
  const collections = `/tenants/${TENANT}/databases/${encodeURIComponent(database)}/collections`;
  return collection === undefined ? collections : `${collections}/${encodeURIComponent(collection)}`;
}

/** Turns an answer with this status into undefined. */
function unless(status: number): (error: unknown) => undefined {
  return (error) => {
    if (isStatus(error, status)) return undefined;
    throw error;
  };
}

function isStatus(error: unknown, status: number): boolean {
  return error instanceof HttpError && error.status === status;
}
