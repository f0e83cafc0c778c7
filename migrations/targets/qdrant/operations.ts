import type { QdrantClient, Schemas } from '@qdrant/js-client-rest';
import { canonicalJson } from '../../engine/canonical-json';
import { answer, ifFound } from './client';
import { fieldSchema } from './definitions';
import type { QdrantOperation } from './format';

type Operation<Name extends QdrantOperation['operation']> = QdrantOperation & { operation: Name };

/** Performs one operation; every operation can be repeated, so a change that stopped half-way is run again from its start. */
export function performQdrantOperation(client: QdrantClient, change: QdrantOperation): Promise<unknown> {
  switch (change.operation) {
    case 'createCollection':
      return createCollection(client, change);
    case 'updateCollection':
      return updateCollection(client, change);
    case 'deleteCollection':
      return deleteCollection(client, change);
    case 'createPayloadIndex':
      return createPayloadIndex(client, change);
    case 'deletePayloadIndex':
      return deletePayloadIndex(client, change);
    case 'createAlias':
      return createAlias(client, change);
    case 'switchAlias':
      return switchAlias(client, change);
    case 'renameAlias':
      return renameAlias(client, change);
    case 'deleteAlias':
      return deleteAlias(client, change);
  }
}

/** One that exists with the same definition is taken as made by an earlier run. */
async function createCollection(client: QdrantClient, change: Operation<'createCollection'>): Promise<void> {
  const { operation: _operation, collection_name: name, vectors, ...rest } = change;
  const wanted = {
    ...rest,
    vectors: Object.fromEntries(
      Object.entries(vectors).map(([key, { other_size: _reason, ...vector }]) => [key, vector]),
    ),
  };
  const existing = await ifFound(client.getCollection(name));
  if (!existing) {
    await answer(client.createCollection(name, wanted));
    return;
  }
  const differences = collectionDifferences(wanted, existing.config);
  if (differences.length === 0) return;
  throw new Error(
    `collection "${name}" exists with another definition: ${differences.join('; ')}. Delete it, or change it with updateCollection.`,
  );
}

/** What is asked for and is not so; what the change leaves out is left to the server's configuration. */
function collectionDifferences(wanted: object, config: Schemas['CollectionConfig']): string[] {
  const { params, hnsw_config, optimizer_config, quantization_config } = config;
  const existing = { ...params, hnsw_config, optimizers_config: optimizer_config, quantization_config };
  const given = { sparse_vectors: {}, ...wanted };
  return [
    ...otherVectors(existing.vectors ?? {}, wanted, 'vectors'),
    ...otherVectors(existing.sparse_vectors ?? {}, given, 'sparse_vectors'),
    ...differences(given, existing),
  ];
}

function otherVectors(existing: object, wanted: object, kind: 'vectors' | 'sparse_vectors'): string[] {
  const names = (wanted as Record<string, object>)[kind]!;
  return Object.keys(existing)
    .filter((name) => !(name in names))
    .map((name) => `${kind}.${name} is there and not asked for`);
}

function differences(wanted: object, existing: unknown, path: readonly string[] = []): string[] {
  return Object.entries(wanted).flatMap(([key, value]) => {
    const found = (existing as Record<string, unknown> | null | undefined)?.[key];
    const place = [...path, key];
    if (value !== null && typeof value === 'object') return differences(value as object, found, place);
    if (canonicalJson(found) === canonicalJson(value)) return [];
    return [`${place.join('.')} is ${canonicalJson(found)}, not ${canonicalJson(value)}`];
  });
}

async function updateCollection(client: QdrantClient, change: Operation<'updateCollection'>): Promise<void> {
  const { operation: _operation, collection_name, ...changes } = change;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- the client's type lacks "Disabled" of nested vectors
  await answer(client.updateCollection(collection_name, changes as any));
}

async function deleteCollection(client: QdrantClient, change: Operation<'deleteCollection'>): Promise<void> {
  const { collection_name: name, even_with_points } = change;
  if (!(await ifFound(client.getCollection(name)))) return;
  const { count } = await answer(client.count(name, { exact: true }));
  if (count > 0 && !even_with_points) {
    throw new Error(
      `collection "${name}" holds ${count} point${count === 1 ? '' : 's'}; move them away before it is deleted, or say "even_with_points": true.`,
    );
  }
  await answer(client.deleteCollection(name));
}

async function createPayloadIndex(
  client: QdrantClient,
  change: Operation<'createPayloadIndex'>,
): Promise<void> {
  const { collection_name: name, field_name, field_schema } = change;
  const { payload_schema } = await answer(client.getCollection(name));
  const existing = payload_schema[field_name];
  if (!existing) {
    await answer(client.createPayloadIndex(name, { field_name, field_schema, wait: true }));
    return;
  }
  const found = differences(field_schema, fieldSchema(existing));
  if (found.length === 0) return;
  throw new Error(
    `"${field_name}" of collection "${name}" has another index: ${found.join('; ')}. Delete it with deletePayloadIndex first.`,
  );
}

async function deletePayloadIndex(
  client: QdrantClient,
  { collection_name, field_name }: Operation<'deletePayloadIndex'>,
): Promise<void> {
  const { payload_schema } = await answer(client.getCollection(collection_name));
  if (payload_schema[field_name]) await answer(client.deletePayloadIndex(collection_name, field_name));
}

async function createAlias(client: QdrantClient, change: Operation<'createAlias'>): Promise<void> {
  const { alias_name, collection_name } = change;
  const target = await aliasTarget(client, alias_name);
  if (target === collection_name) return;
  if (target !== undefined) {
    throw new Error(`alias "${alias_name}" already stands for "${target}"; use switchAlias.`);
  }
  await changeAliases(client, [{ create_alias: { alias_name, collection_name } }]);
}

/** In one step, so that no request finds the alias missing. */
async function switchAlias(client: QdrantClient, change: Operation<'switchAlias'>): Promise<void> {
  const { alias_name, collection_name } = change;
  if ((await aliasTarget(client, alias_name)) === undefined) {
    throw new Error(`alias "${alias_name}" does not exist; use createAlias.`);
  }
  await changeAliases(client, [
    { delete_alias: { alias_name } },
    { create_alias: { alias_name, collection_name } },
  ]);
}

async function renameAlias(client: QdrantClient, change: Operation<'renameAlias'>): Promise<void> {
  const { old_alias_name, new_alias_name } = change;
  const [before, after] = [
    await aliasTarget(client, old_alias_name),
    await aliasTarget(client, new_alias_name),
  ];
  if (before === undefined && after !== undefined) return;
  if (before === undefined) throw new Error(`alias "${old_alias_name}" does not exist.`);
  if (after !== undefined) {
    throw new Error(`alias "${new_alias_name}" already stands for "${after}"; delete it first.`);
  }
  await changeAliases(client, [{ rename_alias: { old_alias_name, new_alias_name } }]);
}

async function deleteAlias(client: QdrantClient, { alias_name }: Operation<'deleteAlias'>): Promise<void> {
  if ((await aliasTarget(client, alias_name)) === undefined) return;
  await changeAliases(client, [{ delete_alias: { alias_name } }]);
}

async function aliasTarget(client: QdrantClient, alias: string): Promise<string | undefined> {
  const { aliases } = await answer(client.getAliases());
  return aliases.find(({ alias_name }) => alias_name === alias)?.collection_name;
}

async function changeAliases(client: QdrantClient, actions: Schemas['AliasOperations'][]): Promise<void> {
  await answer(client.updateCollectionAliases({ actions }));
}
