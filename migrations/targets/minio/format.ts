/** The operations of MinIO change files, with field names and meaning of the S3 API. */
import { z } from 'zod';
import { jsonFormat } from '../../engine/json-format';

const bucket = z
  .string()
  .regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, 'a bucket name has 3 to 63 of a-z, 0-9, "-" and "."');
const days = z.int().min(1);

/** @see https://docs.aws.amazon.com/AmazonS3/latest/API/API_LifecycleRule.html */
const lifecycleRule = z.strictObject({
  ID: z.string().min(1).max(255),
  Status: z.enum(['Enabled', 'Disabled']),
  Filter: z.strictObject({ Prefix: z.string() }),
  Expiration: z
    .strictObject({ Days: days.optional(), ExpiredObjectDeleteMarker: z.boolean().optional() })
    .optional(),
  NoncurrentVersionExpiration: z
    .strictObject({ NoncurrentDays: days, NewerNoncurrentVersions: z.int().min(1).optional() })
    .optional(),
  AbortIncompleteMultipartUpload: z.strictObject({ DaysAfterInitiation: days }).optional(),
});

/** @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-policies.html */
const policyDocument = z.strictObject({
  Version: z.literal('2012-10-17'),
  Statement: z.array(z.record(z.string(), z.unknown())).min(1),
});

const operation = z.discriminatedUnion('operation', [
  z.strictObject({ operation: z.literal('createBucket'), bucket }),
  z.strictObject({ operation: z.literal('deleteBucket'), bucket }),
  z.strictObject({
    operation: z.literal('putVersioning'),
    bucket,
    status: z.enum(['Enabled', 'Suspended']),
  }),
  z.strictObject({ operation: z.literal('putLifecycle'), bucket, rules: z.array(lifecycleRule).min(1) }),
  z.strictObject({ operation: z.literal('deleteLifecycle'), bucket }),
  z.strictObject({ operation: z.literal('putPolicy'), bucket, policy: policyDocument }),
  z.strictObject({ operation: z.literal('deletePolicy'), bucket }),
]);

/** One operation of a MinIO change file. */
export type MinioOperation = z.infer<typeof operation>;

/** The MinIO change format: JSON files of {@link MinioOperation}s. */
export const minioFormat = jsonFormat(operation);
