import type { QdrantClient, Schemas } from '@qdrant/js-client-rest';
import { canonicalJson } from '../../engine/canonical-json';
import { answer } from './client';
import { HISTORY, LOGINS } from './format';

/** What is defined in Qdrant, as lines `collection <name> …`, `index <collection> <field> …`, `alias <name> …`. */
export async function qdrantDefinitions(client: QdrantClient): Promise<readonly string[]> {
  const [{ collections }, { aliases }] = await Promise.all([
    answer(client.getCollections()),
    answer(client.getAliases()),
  ]);
  const names = collections.map(({ name }) => name).filter((name) => ![HISTORY, LOGINS].includes(name));
  const lines = await Promise.all(
    names.map(async (name) => collectionLines(name, await answer(client.getCollection(name)))),
  );
  return [
    ...lines.flat(),
    ...aliases.map(({ alias_name, collection_name }) => `alias ${alias_name} ${collection_name}`),
  ];
}

/** Without what changes by itself: states, counts, and the log's settings, which are the server's. */
function collectionLines(name: string, { config, payload_schema }: Schemas['CollectionInfo']): string[] {
  const { params, hnsw_config, optimizer_config, quantization_config } = config;
  const settings = { params, hnsw_config, optimizer_config, quantization_config };
  return [
    `collection ${name} ${canonicalJson(withoutNulls(settings))}`,
    ...Object.entries(payload_schema).map(
      ([field, index]) => `index ${name} ${field} ${canonicalJson(fieldSchema(index!))}`,
    ),
  ];
}

/** An index's definition in the form it is created with. */
export function fieldSchema({ data_type, params }: Schemas['PayloadIndexInfo']): object {
  return withoutNulls({ type: data_type, ...params }) as object;
}

/** Qdrant shows a setting that was never given as null or not at all, depending on its version. */
export function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, inner]) => inner !== null && inner !== undefined)
      .map(([key, inner]) => [key, withoutNulls(inner)]),
  );
}
