import { join } from 'node:path';
import { readChangeFiles } from '../../engine/change-files';
import { ChangeFilesError } from '../../engine/errors';
import { projectRoot } from '../../project-root';
import { changeFolder } from '../../stores';
import type { RedisOperation } from './definitions';
import { redisFormat } from './format';
import { emptyRegistry, type Registry, registryAfter } from './registry';

/**
 * The registry that the change files of a database end up with.
 * @throws ChangeFilesError when a file breaks the format; Error naming file, line and fix when the files contradict each other.
 */
export function declaredRegistry(database: string): Registry {
  const name = changeFolder('redis', database);
  return registryOfFolder(join(projectRoot(), name), name);
}

/** See {@link declaredRegistry}. */
export function registryOfFolder(folder: string, name: string): Registry {
  const { changes, problems } = readChangeFiles(folder, redisFormat);
  if (problems.length > 0) throw new ChangeFilesError(name, problems);
  let registry = emptyRegistry;
  for (const { file, up } of changes) {
    for (const { text, line } of up) {
      try {
        registry = registryAfter(registry, JSON.parse(text) as RedisOperation);
      } catch (error) {
        throw new Error(`${name}/${file}, line ${line}: ${(error as Error).message}`, { cause: error });
      }
    }
  }
  return registry;
}
