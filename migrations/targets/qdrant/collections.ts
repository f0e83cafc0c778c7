import { join } from 'node:path';
import { readChangeFiles } from '../../engine/change-files';
import { ChangeFilesError } from '../../engine/errors';
import { projectRoot } from '../../project-root';
import { changeFolder } from '../../stores';
import { qdrantFormat, type QdrantOperation } from './format';

/**
 * Names of the collections and aliases that the change files of a Qdrant database end up with, sorted.
 * @throws ChangeFilesError when a file breaks the format.
 */
export function declaredCollections(database: string): string[] {
  const name = changeFolder('qdrant', database);
  const { changes, problems } = readChangeFiles(join(projectRoot(), name), qdrantFormat);
  if (problems.length > 0) throw new ChangeFilesError(name, problems);
  const names = new Set<string>();
  for (const { text } of changes.flatMap(({ up }) => up)) perform(names, JSON.parse(text) as QdrantOperation);
  return [...names].sort();
}

function perform(names: Set<string>, change: QdrantOperation): void {
  switch (change.operation) {
    case 'createCollection':
      names.add(change.collection_name);
      break;
    case 'deleteCollection':
      names.delete(change.collection_name);
      break;
    case 'createAlias':
      names.add(change.alias_name);
      break;
    case 'renameAlias':
      names.delete(change.old_alias_name);
      names.add(change.new_alias_name);
      break;
    case 'deleteAlias':
      names.delete(change.alias_name);
  }
}
