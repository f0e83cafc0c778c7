import { canonicalJson } from '../../engine/canonical-json';
import type { ChromaClient } from './client';
import { isProjectCollection } from './names';

/** The settings of every collection that belongs to no project, as lines `collection <name> <setting> <value>`. */
export async function collectionDefinitions(client: ChromaClient): Promise<readonly string[]> {
  const collections = (await client.collections()).filter(({ name }) => !isProjectCollection(name));
  return collections.flatMap(({ name, dimension, metadata, configuration_json }) => [
    `collection ${name}`,
    `collection ${name} dimension ${dimension}`,
    `collection ${name} hnsw ${canonicalJson(configuration_json.hnsw)}`,
    ...(metadata ? [`collection ${name} metadata ${canonicalJson(metadata)}`] : []),
  ]);
}
