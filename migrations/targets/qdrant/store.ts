import type { QdrantClient } from '@qdrant/js-client-rest';
import { type OperationStore, OperationTarget } from '../../engine/operation-target';
import type { AppliedChange, SchemaSnapshot, Statement } from '../../engine/target';
import { qdrantClient, type QdrantError } from './client';
import { qdrantDefinitions } from './definitions';
import type { QdrantOperation } from './format';
import { HistoryPoints } from './history';
import { PointLease } from './lease';
import { performQdrantOperation } from './operations';
import { openTlsTunnel, type TlsTunnel } from './tls-tunnel';

/** How to reach a Qdrant server as one who may change everything. */
export interface QdrantConnection {
  readonly host: string;
  readonly port: number;
  readonly apiKey: string;
  /** Folder under `migrations/qdrant/`: the name of the history. */
  readonly database: string;
  /** PEM of the CA that signed the server's certificate; omitted means plain HTTP. */
  readonly tls?: { readonly ca: string; readonly serverName: string };
}

/** A migration target over Qdrant's REST API. */
export async function qdrantTarget(connection: QdrantConnection): Promise<OperationTarget> {
  const tunnel = connection.tls && (await openTlsTunnel({ ...connection, ...connection.tls }));
  return new OperationTarget(new QdrantStore(connection, tunnel));
}

/**
 * Performs collection operations; the history is one point per version in the collection `schema_migrations`.
 * @see https://api.qdrant.tech
 */
class QdrantStore implements OperationStore {
  readonly store = 'qdrant';
  readonly name: string;
  readonly user = 'the API key';
  readonly lease: PointLease;
  private readonly client: QdrantClient;
  private readonly points: HistoryPoints;

  constructor(
    { host, port, apiKey, database }: QdrantConnection,
    private readonly tunnel: TlsTunnel | undefined,
  ) {
    this.name = `Qdrant ${host}:${port}`;
    this.client = qdrantClient({ url: tunnel?.url ?? `http://${host}:${port}`, apiKey });
    this.points = new HistoryPoints(this.client, database);
    this.lease = new PointLease(this.points);
  }

  prepare(): Promise<void> {
    return this.points.prepare();
  }

  async history(): Promise<AppliedChange[]> {
    const entries = await this.points.list<AppliedChange & Record<'kind' | 'database', string>>('change');
    return entries.map(({ kind: _kind, database: _database, ...entry }) => entry);
  }

  record(entry: AppliedChange): Promise<void> {
    return this.points.put('change', entry.version, entry);
  }

  forget(version: string): Promise<void> {
    return this.points.delete('change', version);
  }

  async perform({ text }: Statement): Promise<void> {
    await performQdrantOperation(this.client, JSON.parse(text) as QdrantOperation);
  }

  schema(): Promise<readonly string[]> {
    return qdrantDefinitions(this.client);
  }

  async snapshot(): Promise<SchemaSnapshot | undefined> {
    const found = await this.points.get<SchemaSnapshot>('snapshot');
    return found && { version: found.version, schema: found.schema };
  }

  saveSnapshot(snapshot: SchemaSnapshot): Promise<void> {
    return this.points.put('snapshot', '', snapshot);
  }

  isRefusal(error: unknown): boolean {
    return [401, 403].includes((error as QdrantError).status ?? 0);
  }

  async close(): Promise<void> {
    await this.tunnel?.close();
  }
}
