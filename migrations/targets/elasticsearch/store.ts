import { Client, errors } from '@elastic/elasticsearch';
import { type OperationStore, OperationTarget } from '../../engine/operation-target';
import type { AppliedChange, SchemaSnapshot, Statement } from '../../engine/target';
import { clusterDefinitions } from './definitions';
import { type ElasticsearchOperation, HISTORY } from './format';
import { DocumentLease } from './lease';
import { performElasticsearchOperation } from './operations';

/** How to reach an Elasticsearch cluster. */
export interface ElasticsearchConnection {
  /** URL such as `https://127.0.0.1:9200`. */
  readonly endpoint: string;
  readonly username: string;
  readonly password: string;
  /** Folder under `migrations/elasticsearch/`; prefix of the history's documents. */
  readonly database: string;
  /** PEM of the CA that signed the server's certificate; omitted means plain HTTP. */
  readonly tls?: { readonly ca: string; readonly serverName: string };
}

const REQUEST_TIMEOUT_MS = 30_000;
/** More changes than one folder will ever have. */
const MOST_ENTRIES = 10_000;

/** A migration target over the REST API. */
export function elasticsearchTarget(connection: ElasticsearchConnection): OperationTarget {
  return new OperationTarget(new ElasticsearchStore(connection));
}

/**
 * Performs API operations; the history is one document per version in the hidden index `schema-migrations`.
 * @see https://www.elastic.co/docs/api/doc/elasticsearch/
 */
class ElasticsearchStore implements OperationStore {
  readonly store = 'elasticsearch';
  readonly name: string;
  readonly user: string;
  readonly lease: DocumentLease;
  private readonly client: Client;

  constructor(private readonly connection: ElasticsearchConnection) {
    const { endpoint, username, password, tls } = connection;
    this.name = `Elasticsearch ${endpoint}`;
    this.user = username;
    this.client = new Client({
      node: endpoint,
      auth: { username, password },
      requestTimeout: REQUEST_TIMEOUT_MS,
      // A write whose answer was lost must not be taken for another runner's.
      maxRetries: 0,
      ...(tls ? { tls: { ca: tls.ca, servername: tls.serverName } } : {}),
    });
    this.lease = new DocumentLease(this.client, HISTORY, this.id('lock'));
  }

  async prepare(): Promise<void> {
    await this.client.indices
      .create({
        index: HISTORY,
        settings: { index: { hidden: true, number_of_shards: 1, auto_expand_replicas: '0-1' } },
        // Documents are read by id and by kind, and never searched for what is in them.
        mappings: {
          dynamic: false,
          properties: { kind: { type: 'keyword' }, database: { type: 'keyword' } },
        },
      })
      .catch(async (error: unknown) => {
        if (!isRefused(error, 400, /resource_already_exists/)) throw error;
        await this.started();
      });
  }

  async history(): Promise<AppliedChange[]> {
    try {
      return await this.entries();
    } catch (error) {
      if (isRefused(error, 404, /index_not_found/)) return [];
      if (!isRefused(error, 503, /./)) throw error;
      await this.started();
      return this.entries();
    }
  }

  record(entry: AppliedChange): Promise<void> {
    return this.put(`change:${entry.version}`, { kind: 'change', entry });
  }

  async forget(version: string): Promise<void> {
    await this.client.delete({ index: HISTORY, id: this.id(`change:${version}`) }, { ignore: [404] });
  }

  perform({ text }: Statement): Promise<void> {
    return performElasticsearchOperation(this.client, JSON.parse(text) as ElasticsearchOperation);
  }

  schema(): Promise<readonly string[]> {
    return clusterDefinitions(this.client);
  }

  async snapshot(): Promise<SchemaSnapshot | undefined> {
    const answer = await this.client.get<{ entry: SchemaSnapshot }>(
      { index: HISTORY, id: this.id('snapshot') },
      { ignore: [404] },
    );
    return answer._source?.entry;
  }

  saveSnapshot(snapshot: SchemaSnapshot): Promise<void> {
    return this.put('snapshot', { kind: 'snapshot', entry: snapshot });
  }

  isRefusal(error: unknown): boolean {
    return isRefused(error, 401, /./) || isRefused(error, 403, /./);
  }

  close(): Promise<void> {
    return this.client.close();
  }

  private async entries(): Promise<AppliedChange[]> {
    await this.client.indices.refresh({ index: HISTORY });
    const { hits } = await this.client.search<{ entry: AppliedChange }>({
      index: HISTORY,
      size: MOST_ENTRIES,
      query: {
        bool: { filter: [{ term: { kind: 'change' } }, { term: { database: this.connection.database } }] },
      },
    });
    return hits.hits.map((hit) => hit._source!.entry);
  }

  /** Waits for the index of the history, which another runner may have made just now: until its shard has started, reads fail. */
  private async started(): Promise<void> {
    await this.client.cluster.health({ index: HISTORY, wait_for_active_shards: 1, timeout: '10s' });
  }

  private id(name: string): string {
    return `${this.connection.database}:${name}`;
  }

  private async put(name: string, document: object): Promise<void> {
    await this.client.index({
      index: HISTORY,
      id: this.id(name),
      document: { database: this.connection.database, ...document },
    });
  }
}

function isRefused(error: unknown, status: number, type: RegExp): boolean {
  return error instanceof errors.ResponseError && error.statusCode === status && type.test(error.message);
}
