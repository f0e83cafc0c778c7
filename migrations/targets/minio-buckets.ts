import { join } from 'node:path';
import { readChangeFiles } from '../engine/change-files';
import { projectRoot } from '../project-root';
import { changeFolder } from '../stores';
import { minioFormat, type MinioOperation } from './minio-format';

/** Names of the buckets that the change files of a MinIO database end up with, sorted. */
export function declaredBuckets(database: string): string[] {
  const { changes } = readChangeFiles(join(projectRoot(), changeFolder('minio', database)), minioFormat);
  const buckets = new Set<string>();
  for (const { text } of changes.flatMap((change) => change.up)) {
    const { operation, bucket } = JSON.parse(text) as MinioOperation;
    if (operation === 'createBucket') buckets.add(bucket);
    if (operation === 'deleteBucket') buckets.delete(bucket);
  }
  return [...buckets].sort();
}
