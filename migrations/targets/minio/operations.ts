import {
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteBucketLifecycleCommand,
  DeleteBucketPolicyCommand,
  HeadBucketCommand,
  PutBucketLifecycleConfigurationCommand,
  PutBucketPolicyCommand,
  PutBucketVersioningCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import type { MinioOperation } from './format';

/**
 * Performs one operation; every operation can be repeated, so a change that stopped half-way is run again from its start.
 * `deleteBucket` refuses a bucket that still holds objects or versions.
 */
export async function performMinioOperation(client: S3Client, change: MinioOperation): Promise<void> {
  const { bucket: Bucket } = change;
  switch (change.operation) {
    case 'createBucket':
      return createBucket(client, Bucket);
    case 'deleteBucket':
      return deleteBucket(client, Bucket);
    case 'putVersioning': {
      await requireBucket(client, Bucket);
      const VersioningConfiguration = { Status: change.status };
      await client.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration }));
      return;
    }
    case 'putLifecycle': {
      const LifecycleConfiguration = { Rules: change.rules };
      await client.send(new PutBucketLifecycleConfigurationCommand({ Bucket, LifecycleConfiguration }));
      return;
    }
    case 'deleteLifecycle':
      await client.send(new DeleteBucketLifecycleCommand({ Bucket }));
      return;
    case 'putPolicy':
      await client.send(new PutBucketPolicyCommand({ Bucket, Policy: JSON.stringify(change.policy) }));
      return;
    case 'deletePolicy':
      await client.send(new DeleteBucketPolicyCommand({ Bucket }));
  }
}

/** Creates a bucket unless the caller owns it already. */
export async function createBucket(client: S3Client, Bucket: string): Promise<void> {
  try {
    await client.send(new CreateBucketCommand({ Bucket }));
  } catch (error) {
    if ((error as Error).name !== 'BucketAlreadyOwnedByYou') throw error;
  }
}

async function deleteBucket(client: S3Client, Bucket: string): Promise<void> {
  try {
    await client.send(new DeleteBucketCommand({ Bucket }));
  } catch (error) {
    if ((error as Error).name === 'NoSuchBucket') return;
    if ((error as Error).name !== 'BucketNotEmpty') throw error;
    throw new Error(
      `bucket "${Bucket}" still holds objects or versions of them; move them away before it is deleted.`,
      { cause: error },
    );
  }
}

/** MinIO accepts the versioning of a bucket that does not exist, so a mistyped name would go unnoticed. */
async function requireBucket(client: S3Client, Bucket: string): Promise<void> {
  try {
    await client.send(new HeadBucketCommand({ Bucket }));
  } catch (error) {
    if ((error as Error).name !== 'NotFound') throw error;
    throw new Error(`bucket "${Bucket}" does not exist; create it first.`, { cause: error });
  }
}
