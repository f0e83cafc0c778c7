import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { changeFileDigests } from '../../engine/change-files';
import { projectRoot } from '../../project-root';
import { changeFolder } from '../../stores';
import type { MinioOperation } from './format';

/** Names of the buckets that the change files of a MinIO database end up with, sorted; the provider validates the files. */
export function declaredBuckets(database: string): string[] {
  const folder = join(projectRoot(), changeFolder('minio', database));
  const buckets = new Set<string>();
  for (const { file } of changeFileDigests(folder)) {
    const { up } = JSON.parse(readFileSync(join(folder, file), 'utf8')) as { up: MinioOperation[] };
    for (const { operation, bucket } of up) {
      if (operation === 'createBucket') buckets.add(bucket);
      if (operation === 'deleteBucket') buckets.delete(bucket);
    }
  }
  return [...buckets].sort();
}
