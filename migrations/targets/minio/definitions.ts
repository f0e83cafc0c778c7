import {
  GetBucketLifecycleConfigurationCommand,
  GetBucketPolicyCommand,
  GetBucketVersioningCommand,
  ListBucketsCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { canonicalJson } from '../../engine/canonical-json';

/** The definitions of the buckets that are wanted, as lines `bucket <name> <setting> <value>`. */
export async function bucketDefinitions(
  client: S3Client,
  wanted: (bucket: string) => boolean,
): Promise<readonly string[]> {
  const { Buckets = [] } = await client.send(new ListBucketsCommand());
  const names = Buckets.map((bucket) => bucket.Name!).filter(wanted);
  return (await Promise.all(names.map((name) => bucketLines(client, name)))).flat();
}

async function bucketLines(client: S3Client, Bucket: string): Promise<string[]> {
  const [versioning, lifecycle, policy] = await Promise.all([
    client.send(new GetBucketVersioningCommand({ Bucket })),
    orNone(client.send(new GetBucketLifecycleConfigurationCommand({ Bucket }))),
    orNone(client.send(new GetBucketPolicyCommand({ Bucket }))),
  ]);
  const settings: Record<string, unknown> = {
    versioning: versioning.Status,
    lifecycle: lifecycle?.Rules,
    policy: policy?.Policy && JSON.parse(policy.Policy),
  };
  return [
    `bucket ${Bucket}`,
    ...Object.entries(settings)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => `bucket ${Bucket} ${name} ${canonicalJson(value, 'unordered-arrays')}`),
  ];
}

/** The answer, or undefined for a bucket without the lifecycle or the policy: an absent setting is an error in S3. */
export async function orNone<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (/^NoSuch(LifecycleConfiguration|BucketPolicy)$/.test((error as Error).name)) return undefined;
    throw error;
  }
}
