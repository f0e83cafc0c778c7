import { join } from 'node:path';
import { readChangeFiles } from '../../engine/change-files';
import { ChangeFilesError } from '../../engine/errors';
import { projectRoot } from '../../project-root';
import { changeFolder } from '../../stores';
import { minioFormat, type MinioOperation } from './format';

/**
 * Names of the buckets that the change files of a MinIO database end up with, sorted.
 * @throws ChangeFilesError when a file breaks the format.
 */
export function declaredBuckets(database: string): string[] {
  const name = changeFolder('minio', database);
  const { changes, problems } = readChangeFiles(join(projectRoot(), name), minioFormat);
  if (problems.length > 0) throw new ChangeFilesError(name, problems);
  const buckets = new Set<string>();
  for (const { text } of changes.flatMap(({ up }) => up)) {
    const { operation, bucket } = JSON.parse(text) as MinioOperation;
    if (operation === 'createBucket') buckets.add(bucket);
    if (operation === 'deleteBucket') buckets.delete(bucket);
  }
  return [...buckets].sort();
}
