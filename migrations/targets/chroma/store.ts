import { type OperationStore, OperationTarget } from '../../engine/operation-target';
import type { AppliedChange, SchemaSnapshot, Statement } from '../../engine/target';
import { HttpError } from '../http-client';
import { ChromaClient, type ChromaConnection, type Collection } from './client';
import { collectionDefinitions } from './definitions';
import type { ChromaOperation } from './format';
import { CollectionLease } from './lease';
import { DATA_DATABASE, HISTORY_DATABASE } from './names';
import { performChromaOperation } from './operations';

/** A migration target over the API of Chroma. */
export function chromaTarget(
  connection: ChromaConnection & {
    /** Folder under `migrations/chroma/`: the name of the history. */
    readonly database: string;
  },
): OperationTarget {
  return new OperationTarget(new ChromaStore(connection, connection.database));
}

const SNAPSHOT = 'snapshot';
/** Records need a vector; those of the history are found by their names. */
const NO_VECTOR = [0];

/**
 * Performs collection operations; the history is one record per version in a collection of the Chroma database
 * `schema_migrations`.
 */
class ChromaStore implements OperationStore {
  readonly store = 'chroma';
  readonly name: string;
  readonly user = 'owner';
  readonly lease: CollectionLease;
  private readonly data: ChromaClient;
  private readonly own: ChromaClient;

  constructor(
    connection: ChromaConnection,
    private readonly database: string,
  ) {
    if (!/^[A-Za-z0-9_-]+$/.test(database)) {
      throw new Error(`A history's name has letters, digits, "-" and "_", got "${database}".`);
    }
    this.name = `Chroma at ${connection.endpoint}`;
    this.data = new ChromaClient(connection, DATA_DATABASE);
    this.own = new ChromaClient(connection, HISTORY_DATABASE);
    this.lease = new CollectionLease(this.own, `${database}.lock.`);
  }

  async prepare(): Promise<void> {
    await this.own.createDatabase();
    await this.own.create(this.historyName, {});
  }

  async history(): Promise<AppliedChange[]> {
    const entries = [...(await this.records())].filter(([id]) => id !== SNAPSHOT);
    return entries.map(([, text]) => JSON.parse(text) as AppliedChange);
  }

  record(entry: AppliedChange): Promise<void> {
    return this.put(entry.version, entry);
  }

  async forget(version: string): Promise<void> {
    const collection = await this.own.collection(this.historyName);
    if (collection) await this.own.deleteRecord(collection.id, version);
  }

  perform({ text }: Statement): Promise<void> {
    return performChromaOperation(this.data, JSON.parse(text) as ChromaOperation);
  }

  schema(): Promise<readonly string[]> {
    return collectionDefinitions(this.data);
  }

  async snapshot(): Promise<SchemaSnapshot | undefined> {
    const text = (await this.records()).get(SNAPSHOT);
    return text === undefined ? undefined : (JSON.parse(text) as SchemaSnapshot);
  }

  saveSnapshot(snapshot: SchemaSnapshot): Promise<void> {
    return this.put(SNAPSHOT, snapshot);
  }

  isRefusal(error: unknown): boolean {
    return error instanceof HttpError && (error.status === 401 || error.status === 403);
  }

  async close(): Promise<void> {
    // Requests share no connection that needs closing.
  }

  private get historyName(): string {
    return `${this.database}.history`;
  }

  private async records(): Promise<ReadonlyMap<string, string>> {
    const collection = await this.own.collection(this.historyName);
    return collection ? this.own.documents(collection.id) : new Map<string, string>();
  }

  private async put(id: string, value: object): Promise<void> {
    const collection = (await this.own.collection(this.historyName)) as Collection;
    await this.own.upsert(collection.id, id, NO_VECTOR, JSON.stringify(value));
  }
}
