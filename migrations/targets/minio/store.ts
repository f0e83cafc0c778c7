import {
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutBucketLifecycleConfigurationCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { type OperationStore, OperationTarget } from '../../engine/operation-target';
import type { AppliedChange, SchemaSnapshot, Statement } from '../../engine/target';
import { bucketDefinitions } from './definitions';
import type { MinioOperation } from './format';
import { ObjectLease } from './lease';
import { createBucket, performMinioOperation } from './operations';

/** How to reach an S3-compatible object store. */
export interface MinioConnection {
  /** URL such as `http://127.0.0.1:9000`. */
  readonly endpoint: string;
  readonly accessKey: string;
  readonly secretKey: string;
  /** Folder under `migrations/minio/`; prefix of the history's objects. */
  readonly database: string;
  /** PEM of the CA that signed the server's certificate; omitted means plain HTTP. */
  readonly tls?: { readonly ca: string; readonly serverName: string };
}

const HISTORY_BUCKET = 'schema-migrations';
const REGION = 'us-east-1';
const REQUEST_TIMEOUT_MS = 15_000;

/** A migration target over the S3 API. */
export function minioTarget(connection: MinioConnection): OperationTarget {
  return new OperationTarget(new MinioStore(connection));
}

/**
 * Performs bucket operations; the history is one JSON object per version in the versioned bucket `schema-migrations`.
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html
 */
class MinioStore implements OperationStore {
  readonly store = 'minio';
  readonly name: string;
  readonly user: string;
  readonly lease: ObjectLease;
  private readonly client: S3Client;

  constructor(private readonly connection: MinioConnection) {
    const { endpoint, accessKey, secretKey, tls } = connection;
    this.name = `object store ${endpoint}`;
    this.user = accessKey;
    this.client = new S3Client({
      endpoint,
      region: REGION,
      forcePathStyle: true,
      credentials: { accessKeyId: accessKey, secretAccessKey: secretKey },
      requestHandler: {
        requestTimeout: REQUEST_TIMEOUT_MS,
        httpsAgent: tls ? { ca: tls.ca, servername: tls.serverName } : undefined,
      },
    });
    this.lease = new ObjectLease(this.client, HISTORY_BUCKET, this.key('lock'));
  }

  async prepare(): Promise<void> {
    await createBucket(this.client, HISTORY_BUCKET);
    await this.client.send(
      new PutBucketVersioningCommand({
        Bucket: HISTORY_BUCKET,
        VersioningConfiguration: { Status: 'Enabled' },
      }),
    );
    await this.client.send(
      new PutBucketLifecycleConfigurationCommand({
        Bucket: HISTORY_BUCKET,
        LifecycleConfiguration: {
          Rules: [
            {
              // Heartbeats leave a version each; the newest of them is all that is ever read.
              ID: 'expire-lock-versions',
              Status: 'Enabled',
              Filter: { Prefix: this.key('lock') },
              NoncurrentVersionExpiration: { NoncurrentDays: 1 },
            },
          ],
        },
      }),
    );
  }

  async history(): Promise<AppliedChange[]> {
    const keys = await this.keys(this.key('changes/'));
    const entries = await Promise.all(keys.map((key) => this.get<AppliedChange>(key)));
    return entries.filter((entry) => entry !== undefined);
  }

  record(entry: AppliedChange): Promise<void> {
    return this.put(this.key(`changes/${entry.version}.json`), entry);
  }

  async forget(version: string): Promise<void> {
    const Key = this.key(`changes/${version}.json`);
    await this.client.send(new DeleteObjectCommand({ Bucket: HISTORY_BUCKET, Key }));
  }

  perform({ text }: Statement): Promise<void> {
    return performMinioOperation(this.client, JSON.parse(text) as MinioOperation);
  }

  schema(): Promise<readonly string[]> {
    return bucketDefinitions(this.client, (bucket) => bucket !== HISTORY_BUCKET);
  }

  snapshot(): Promise<SchemaSnapshot | undefined> {
    return this.get(this.key('snapshot.json'));
  }

  saveSnapshot(snapshot: SchemaSnapshot): Promise<void> {
    return this.put(this.key('snapshot.json'), snapshot);
  }

  isRefusal(error: unknown): boolean {
    return /^(AccessDenied|InvalidAccessKeyId|SignatureDoesNotMatch)$/.test((error as Error).name);
  }

  async close(): Promise<void> {
    this.client.destroy();
  }

  private key(name: string): string {
    return `${this.connection.database}/${name}`;
  }

  private async keys(Prefix: string): Promise<string[]> {
    const keys: string[] = [];
    let ContinuationToken: string | undefined;
    try {
      do {
        const page = await this.client.send(
          new ListObjectsV2Command({ Bucket: HISTORY_BUCKET, Prefix, ContinuationToken }),
        );
        keys.push(...(page.Contents ?? []).map((object) => object.Key!));
        ContinuationToken = page.NextContinuationToken;
      } while (ContinuationToken);
    } catch (error) {
      if ((error as Error).name !== 'NoSuchBucket') throw error;
    }
    return keys;
  }

  private async get<T>(Key: string): Promise<T | undefined> {
    try {
      const answer = await this.client.send(new GetObjectCommand({ Bucket: HISTORY_BUCKET, Key }));
      return JSON.parse(await answer.Body!.transformToString()) as T;
    } catch (error) {
      if (/^NoSuch(Key|Bucket)$/.test((error as Error).name)) return undefined;
      throw error;
    }
  }

  private async put(Key: string, value: object): Promise<void> {
    await this.client.send(
      new PutObjectCommand({
        Bucket: HISTORY_BUCKET,
        Key,
        Body: JSON.stringify(value, null, 2),
        ContentType: 'application/json',
      }),
    );
  }
}
