/** What each login of MinIO may do. */

/** One permission; see https://github.com/minio/minio/blob/master/docs/multi-user/README.md */
interface PolicyStatement {
  readonly Effect: 'Allow';
  readonly Action: readonly string[];
  readonly Resource?: readonly string[];
}

/** A policy of MinIO. */
export interface MinioPolicy {
  readonly Version: '2012-10-17';
  readonly Statement: readonly PolicyStatement[];
}

/** Bucket of the histories of change files. */
const HISTORY_BUCKET = 'schema-migrations';
const ALL = 'arn:aws:s3:::*';

function policy(...Statement: PolicyStatement[]): MinioPolicy {
  return { Version: '2012-10-17', Statement };
}

function allow(Resource: readonly string[], ...Action: string[]): PolicyStatement {
  return { Effect: 'Allow', Action, Resource };
}

const buckets = (names: readonly string[]) => names.map((name) => `arn:aws:s3:::${name}`);
const objects = (names: readonly string[]) => names.map((name) => `arn:aws:s3:::${name}/*`);

/** Reading, writing and deleting of objects, with what multipart uploads need; nothing that changes a bucket. */
export function readWritePolicy(names: readonly string[]): MinioPolicy {
  return policy(
    allow(buckets(names), 's3:GetBucketLocation', 's3:ListBucket', 's3:ListBucketMultipartUploads'),
    allow(
      objects(names),
      's3:AbortMultipartUpload',
      's3:DeleteObject',
      's3:GetObject',
      's3:ListMultipartUploadParts',
      's3:PutObject',
    ),
  );
}

/** Reading of objects and their versions. */
export function readOnlyPolicy(names: readonly string[]): MinioPolicy {
  return policy(
    allow(buckets(names), 's3:GetBucketLocation', 's3:ListBucket', 's3:ListBucketVersions'),
    allow(objects(names), 's3:GetObject', 's3:GetObjectVersion'),
  );
}

/** Buckets and their settings, and the objects of the histories; no other object. */
export const ownerPolicy = policy(
  allow(
    [ALL],
    's3:CreateBucket',
    's3:DeleteBucket',
    's3:DeleteBucketPolicy',
    's3:GetBucketLocation',
    's3:GetBucketPolicy',
    's3:GetBucketVersioning',
    's3:GetLifecycleConfiguration',
    's3:ListAllMyBuckets',
    's3:ListBucket',
    's3:PutBucketPolicy',
    's3:PutBucketVersioning',
    's3:PutLifecycleConfiguration',
  ),
  allow(objects([HISTORY_BUCKET]), 's3:DeleteObject', 's3:GetObject', 's3:PutObject'),
);

/** Everything that root may do. */
export const adminPolicy = policy({ Effect: 'Allow', Action: ['admin:*'] }, allow([ALL], 's3:*'));

/** Reading of every object, version, tag and bucket setting. */
export const backupPolicy = policy(
  allow(
    [ALL],
    's3:GetBucketLocation',
    's3:GetBucketPolicy',
    's3:GetBucketVersioning',
    's3:GetLifecycleConfiguration',
    's3:GetObject',
    's3:GetObjectTagging',
    's3:GetObjectVersion',
    's3:GetObjectVersionTagging',
    's3:ListAllMyBuckets',
    's3:ListBucket',
    's3:ListBucketVersions',
  ),
);

/** Metrics and the servers' state; admin actions are not about buckets. */
export const monitorPolicy = policy({ Effect: 'Allow', Action: ['admin:Prometheus', 'admin:ServerInfo'] });

/** What another MinIO needs to copy its buckets into those here. @see https://github.com/minio/minio/blob/master/docs/bucket/replication/README.md */
export function replicaPolicy(names: readonly string[]): MinioPolicy {
  return policy(
    allow(
      buckets(names),
      's3:GetBucketLocation',
      's3:GetBucketObjectLockConfiguration',
      's3:GetBucketVersioning',
      's3:GetReplicationConfiguration',
      's3:ListBucket',
      's3:ListBucketMultipartUploads',
    ),
    allow(
      objects(names),
      's3:AbortMultipartUpload',
      's3:DeleteObject',
      's3:GetObject',
      's3:GetObjectVersion',
      's3:GetObjectVersionTagging',
      's3:GetReplicationConfiguration',
      's3:PutObject',
      's3:ReplicateDelete',
      's3:ReplicateObject',
      's3:ReplicateTags',
    ),
  );
}
