import { http, HttpError, type HttpRequest, type ServerIdentity } from '../http-client';
import { TENANT } from './names';

/** How to reach a Chroma server. */
export interface ChromaConnection {
  /** URL such as `http://127.0.0.1:8000`. */
  readonly endpoint: string;
  readonly token: string;
  /** For an `https` endpoint. */
  readonly tls?: ServerIdentity;
}

/** A collection as the API shows it. */
export interface Collection {
  readonly id: string;
  readonly name: string;
  readonly dimension: number | null;
  readonly metadata: Readonly<Record<string, unknown>> | null;
  readonly configuration_json: { readonly hnsw: Readonly<Record<string, unknown>> | null };
}

const PAGE = 500;

/**
 * Collections and records of one Chroma database.
 * @see https://docs.trychroma.com/reference/chroma-reference
 */
export class ChromaClient {
  constructor(
    private readonly connection: ChromaConnection,
    private readonly database: string,
  ) {}

  /** Creates the database unless it exists. */
  async createDatabase(): Promise<void> {
    await this.send('POST', `/tenants/${TENANT}/databases`, { name: this.database }).catch(unless(409));
  }

  /** Every collection; empty where the database does not exist. */
  async collections(): Promise<Collection[]> {
    const found: Collection[] = [];
    for (;;) {
      const page = `${this.path('')}?limit=${PAGE}&offset=${found.length}`;
      const collections = ((await this.send('GET', page).catch(unless(404))) ?? []) as Collection[];
      found.push(...collections);
      if (collections.length < PAGE) return found;
    }
  }

  async collection(name: string): Promise<Collection | undefined> {
    return (await this.send('GET', this.path(`/${name}`)).catch(unless(404))) as Collection | undefined;
  }

  /** The new collection; undefined when there is one of that name. */
  async create(name: string, settings: object): Promise<Collection | undefined> {
    return (await this.send('POST', this.path(''), { name, ...settings }).catch(unless(409))) as
      Collection | undefined;
  }

  async change(id: string, settings: object): Promise<void> {
    await this.send('PUT', this.path(`/${id}`), settings);
  }

  /** Deletes a collection if it exists. */
  async delete(name: string): Promise<void> {
    await this.send('DELETE', this.path(`/${name}`)).catch(unless(404));
  }

  async count(id: string): Promise<number> {
    return (await this.send('GET', this.path(`/${id}/count`))) as number;
  }

  async upsert(id: string, record: string, embedding: readonly number[], document?: string): Promise<void> {
    const documents = document === undefined ? undefined : [document];
    await this.send('POST', this.path(`/${id}/upsert`), {
      ids: [record],
      embeddings: [embedding],
      documents,
    });
  }

  /** Documents by record. */
  async documents(id: string): Promise<ReadonlyMap<string, string>> {
    const answer = (await this.send('POST', this.path(`/${id}/get`), { include: ['documents'] })) as {
      ids: string[];
      documents: string[];
    };
    return new Map(answer.ids.map((record, index) => [record, answer.documents[index]!]));
  }

  async deleteRecord(id: string, record: string): Promise<void> {
    await this.send('POST', this.path(`/${id}/delete`), { ids: [record] });
  }

  private path(rest: string): string {
    return `/tenants/${TENANT}/databases/${this.database}/collections${rest}`;
  }

  private async send(method: HttpRequest['method'], path: string, body?: object): Promise<unknown> {
    try {
      const answer = await http({
        tls: this.connection.tls,
        method,
        url: `${this.connection.endpoint}/api/v2${path}`,
        headers: { authorization: `Bearer ${this.connection.token}`, 'content-type': 'application/json' },
        body: body && JSON.stringify(body),
      });
      return answer === '' ? undefined : JSON.parse(answer);
    } catch (error) {
      throw error instanceof HttpError ? inItsOwnWords(error) : error;
    }
  }
}

/** Chroma explains itself in JSON. */
function inItsOwnWords(error: HttpError): HttpError {
  const message = /^\{"error":"[^"]*","message":("(?:[^"\\]|\\.)*")\}$/.exec(error.message)?.[1];
  return message ? new HttpError(error.status, JSON.parse(message) as string, error.code) : error;
}

/** Turns an answer with this status into undefined. */
function unless(status: number): (error: unknown) => undefined {
  return (error) => {
    if (error instanceof HttpError && error.status === status) return undefined;
    throw error;
  };
}
