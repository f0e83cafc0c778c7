import { createHash } from 'node:crypto';
import type { QdrantClient } from '@qdrant/js-client-rest';
import { answer, ifFound, type QdrantError } from './client';
import { HISTORY } from './format';

/** What a point of the history collection is. */
export type Kind = 'change' | 'lock' | 'snapshot';
type Payload = Record<string, unknown>;

const PAGE = 256;

/**
 * Points without vectors in the collection `schema_migrations`, one for each change, the lock and the snapshot.
 * Writes go through the permanent leader and reads ask a majority, so that runners on different peers agree.
 * @see https://qdrant.tech/documentation/guides/distributed_deployment/#consistency-guarantees
 */
export class HistoryPoints {
  constructor(
    private readonly client: QdrantClient,
    private readonly database: string,
  ) {}

  async prepare(): Promise<void> {
    if (await ifFound(this.client.getCollection(HISTORY))) return;
    try {
      await answer(this.client.createCollection(HISTORY, { vectors: {}, shard_number: 1 }));
    } catch (error) {
      // Another runner was faster; older servers call that a bad request.
      if (![400, 409].includes((error as QdrantError).status ?? 0)) throw error;
      if (!(await ifFound(this.client.getCollection(HISTORY)))) throw error;
    }
  }

  async get<T>(kind: Kind, key = ''): Promise<T | undefined> {
    const found = await ifFound(
      this.client.retrieve(HISTORY, { ids: [this.id(kind, key)], consistency: 'majority' }),
    );
    return found?.[0]?.payload as T | undefined;
  }

  async list<T>(kind: Kind): Promise<T[]> {
    const listed: T[] = [];
    let offset: string | number | undefined;
    do {
      const page = await ifFound(
        this.client.scroll(HISTORY, {
          filter: this.filter(kind),
          limit: PAGE,
          offset,
          consistency: 'majority',
        }),
      );
      listed.push(...(page?.points ?? []).map(({ payload }) => payload as T));
      offset = (page?.next_page_offset ?? undefined) as string | number | undefined;
    } while (offset !== undefined);
    return listed;
  }

  /** Adds or replaces a point; with `onlyIf`, one that exists and has another value there stays as it is. */
  async put(
    kind: Kind,
    key: string,
    payload: object,
    onlyIf?: { readonly field: string; readonly value: string },
  ): Promise<void> {
    const point = { id: this.id(kind, key), vector: {}, payload: { ...payload, ...this.owner(kind) } };
    const update_filter = onlyIf && { must: [{ key: onlyIf.field, match: { value: onlyIf.value } }] };
    await answer(
      this.client.upsert(HISTORY, {
        points: [point],
        wait: true,
        ordering: 'strong',
        ...(update_filter ? { update_filter } : {}),
      }),
    );
  }

  async delete(kind: Kind, key: string): Promise<void> {
    const points = [this.id(kind, key)];
    await answer(this.client.delete(HISTORY, { points, wait: true, ordering: 'strong' }));
  }

  private owner(kind: Kind): Payload {
    return { kind, database: this.database };
  }

  private filter(kind: Kind) {
    return { must: Object.entries(this.owner(kind)).map(([key, value]) => ({ key, match: { value } })) };
  }

  /** Qdrant's ids are numbers or UUIDs; this one is the same for the same thing. */
  private id(kind: Kind, key: string): string {
    const hex = createHash('sha256')
      .update(JSON.stringify([this.database, kind, key]))
      .digest('hex');
    return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join(
      '-',
    );
  }
}
