import type { ChromaClient, Collection } from './client';
import type { ChromaOperation } from './format';

/** Record that fixes the size of a new collection's vectors, and is removed at once. */
const SIZING_RECORD = 'dimension';

/**
 * Performs one operation; every operation can be repeated, so a change that stopped half-way is run again from its start.
 * `deleteCollection` refuses a collection that still holds records.
 */
export async function performChromaOperation(client: ChromaClient, change: ChromaOperation): Promise<void> {
  switch (change.operation) {
    case 'createCollection':
      return createCollection(client, change);
    case 'deleteCollection':
      return deleteCollection(client, change.collection);
    case 'putMetadata': {
      const { id } = await existing(client, change.collection);
      return client.change(id, { new_metadata: change.metadata });
    }
    case 'putSearch': {
      const { id } = await existing(client, change.collection);
      return client.change(id, { new_configuration: { hnsw: { ef_search: change.ef_search } } });
    }
  }
}

async function createCollection(
  client: ChromaClient,
  change: Extract<ChromaOperation, { operation: 'createCollection' }>,
): Promise<void> {
  const { collection: name, dimension, hnsw, metadata } = change;
  const made = await client.create(name, { configuration: { hnsw }, metadata });
  const found = made ?? (await existing(client, name));
  if (!made && !fits(found, change)) {
    throw new Error(
      `collection "${name}" exists with other settings (dimension ${found.dimension}, space ${String(found.configuration_json.hnsw?.['space'])}); delete it first.`,
    );
  }
  // Chroma takes the size of a collection from its first record, and keeps it.
  if (found.dimension === null) {
    await client.upsert(found.id, SIZING_RECORD, new Array<number>(dimension).fill(1));
    await client.deleteRecord(found.id, SIZING_RECORD);
  }
}

function fits(found: Collection, { dimension, hnsw }: { dimension: number; hnsw: object }): boolean {
  const settings = found.configuration_json.hnsw ?? {};
  return (
    (found.dimension === null || found.dimension === dimension) &&
    Object.entries(hnsw).every(([key, value]) => settings[key] === value)
  );
}

async function deleteCollection(client: ChromaClient, name: string): Promise<void> {
  const found = await client.collection(name);
  if (!found) return;
  if ((await client.count(found.id)) > 0) {
    throw new Error(`collection "${name}" still holds records; move them away before it is deleted.`);
  }
  await client.delete(name);
}

async function existing(client: ChromaClient, name: string): Promise<Collection> {
  const found = await client.collection(name);
  if (!found) throw new Error(`collection "${name}" does not exist; create it first.`);
  return found;
}
