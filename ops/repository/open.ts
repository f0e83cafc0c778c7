import { existsSync, readFileSync } from 'node:fs';
import * as path from 'node:path';
import { FolderRepository } from './folder';
import type { Repository } from './repository';
import { S3Repository } from './s3';

/** How the address of a repository is completed. */
export interface RepositoryOptions {
  /** URL of an S3-compatible server; default that of AWS. */
  readonly endpoint?: string;
  /** PEM file of the authority that the server's certificate is verified with. */
  readonly caFile?: string;
}

/**
 * Opens `s3://<bucket>/<prefix>` (credentials as the AWS SDK finds them, such as AWS_ACCESS_KEY_ID) or a folder.
 * @throws Error when it is neither.
 */
export function openRepository(address: string, { endpoint, caFile }: RepositoryOptions = {}): Repository {
  if (!/^[a-z0-9]+:\//.test(address)) {
    if (endpoint) throw new Error('--endpoint belongs to an address such as s3://bucket/prefix.');
    return new FolderRepository(path.resolve(address));
  }
  const [, bucket, prefix] = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(.*))?$/.exec(address) ?? [];
  if (!bucket)
    throw new Error(
      `"${address}" is no address of a repository; it is a folder, or has the form s3://bucket/prefix.`,
    );
  if (caFile && !existsSync(caFile)) throw new Error(`--ca-file ${caFile} does not exist.`);
  return new S3Repository({
    endpoint,
    bucket,
    prefix,
    ...(caFile ? { ca: readFileSync(caFile, 'utf8') } : {}),
  });
}
