import {
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutBucketLifecycleConfigurationCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { ChangeFailedError, StoreAccessError } from '../engine/errors';
import type { AppliedChange, Change, MigrationLock, MigrationTarget, Statement } from '../engine/target';
import type { MinioOperation } from './minio-format';
import { lockObject, type ObjectLock } from './minio-lock';
import { createBucket, performMinioOperation } from './minio-operations';

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

/**
 * Applies bucket operations over the S3 API; the history is one JSON object per version in the versioned bucket `schema-migrations`.
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html
 */
export class MinioTarget implements MigrationTarget {
  readonly store = 'minio';
  private readonly client: S3Client;
  private held: ObjectLock | undefined;

  constructor(private readonly connection: MinioConnection) {
    const { endpoint, accessKey, secretKey, tls } = connection;
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
  }

  async lock(options: { holder: string; waitMs: number }): Promise<MigrationLock> {
    await this.access('the history bucket cannot be made ready', () => this.prepareHistory());
    const lock = await lockObject(
      {
        client: this.client,
        bucket: HISTORY_BUCKET,
        key: `${this.connection.database}/lock`,
        store: this.describe(),
      },
      options,
    );
    this.held = lock;
    return {
      release: async () => {
        this.held = undefined;
        await lock.release();
      },
    };
  }

  /** Every step can be repeated, so runners that start together on an empty store do not disturb each other. */
  private async prepareHistory(): Promise<void> {
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
              Filter: { Prefix: `${this.connection.database}/lock` },
              NoncurrentVersionExpiration: { NoncurrentDays: 1 },
            },
          ],
        },
      }),
    );
  }

  async applied(): Promise<AppliedChange[]> {
    return this.access('the history cannot be read', async () => {
      const keys = await this.historyKeys();
      return Promise.all(keys.sort().map((key) => this.historyEntry(key)));
    });
  }

  private async historyKeys(): Promise<string[]> {
    const keys: string[] = [];
    let ContinuationToken: string | undefined;
    try {
      do {
        const page = await this.client.send(
          new ListObjectsV2Command({ Bucket: HISTORY_BUCKET, Prefix: this.key(''), ContinuationToken }),
        );
        keys.push(...(page.Contents ?? []).map((object) => object.Key!));
        ContinuationToken = page.NextContinuationToken;
      } while (ContinuationToken);
    } catch (error) {
      if ((error as Error).name !== 'NoSuchBucket') throw error;
    }
    return keys;
  }

  private async historyEntry(Key: string): Promise<AppliedChange> {
    const answer = await this.client.send(new GetObjectCommand({ Bucket: HISTORY_BUCKET, Key }));
    return JSON.parse(await answer.Body!.transformToString()) as AppliedChange;
  }

  async apply(change: Change, appliedBy: string): Promise<AppliedChange> {
    const started = performance.now();
    await this.perform(change.file, change.up);
    const { version, description, checksum, rollback } = change;
    const entry: AppliedChange = {
      version,
      description,
      checksum,
      rollback,
      appliedAt: new Date().toISOString(),
      appliedBy,
      durationMs: Math.round(performance.now() - started),
    };
    await this.client.send(
      new PutObjectCommand({
        Bucket: HISTORY_BUCKET,
        Key: this.key(`${version}.json`),
        Body: JSON.stringify(entry, null, 2),
        ContentType: 'application/json',
      }),
    );
    return entry;
  }

  async revert(change: Change): Promise<void> {
    await this.perform(change.file, change.down);
    await this.client.send(
      new DeleteObjectCommand({ Bucket: HISTORY_BUCKET, Key: this.key(`${change.version}.json`) }),
    );
  }

  async close(): Promise<void> {
    this.client.destroy();
  }

  private async perform(file: string, statements: readonly Statement[]): Promise<void> {
    for (const [index, { text, line }] of statements.entries()) {
      this.held?.assertHeld();
      try {
        await performMinioOperation(this.client, JSON.parse(text) as MinioOperation);
      } catch (error) {
        throw new ChangeFailedError(file, index + 1, { line }, reason(error), { cause: error });
      }
    }
  }

  private key(name: string): string {
    return `${this.connection.database}/changes/${name}`;
  }

  private describe(): string {
    return `object store ${this.connection.endpoint}`;
  }

  /** Turns a refusal of the credentials into a sentence with its fix. */
  private async access<T>(doing: string, run: () => Promise<T>): Promise<T> {
    try {
      return await run();
    } catch (error) {
      const name = (error as Error).name;
      if (!/^(AccessDenied|InvalidAccessKeyId|SignatureDoesNotMatch)$/.test(name)) throw error;
      throw new StoreAccessError(
        `${this.describe()}: ${doing} as "${this.connection.accessKey}": ${reason(error)} ` +
          'Connect with credentials that may manage buckets.',
        { cause: error },
      );
    }
  }
}

function reason(error: unknown): string {
  const { name, message } = error as Error;
  const text = name === 'Error' ? message : `${name}: ${message}`;
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
