import {
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  S3Client,
  type S3ClientConfig,
} from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import type { Readable } from 'node:stream';
import {
  readingOf,
  type Repository,
  RepositoryError,
  type RepositoryFault,
  type StoredObject,
} from './repository';

/** A bucket of an S3-compatible object store. */
export interface S3Place {
  /** URL such as `https://minio.backups.example:9000`; absent: the endpoint of AWS. */
  readonly endpoint?: string;
  /** Default `us-east-1`. */
  readonly region?: string;
  readonly bucket: string;
  /** Begins every key; default empty. */
  readonly prefix?: string;
  /** Default: those of the environment, as the AWS SDK finds them. */
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string };
  /** PEM of a certificate authority of one's own. */
  readonly ca?: string;
  /** Name that the certificate must be for, where the endpoint is a tunnel. */
  readonly serverName?: string;
}

/** Parts of an upload; with at most 10000 of them an object may have 160 GiB. */
const PART_BYTES = 16 * 1024 * 1024;
const REQUEST_TIMEOUT_MS = 120_000;

/**
 * A bucket; uploads of unknown length go in parts, which become an object only when all of them are there.
 * @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html
 */
export class S3Repository implements Repository {
  readonly name: string;
  private readonly client: S3Client;
  private readonly prefix: string;

  constructor(private readonly place: S3Place) {
    const { endpoint, region = 'us-east-1', bucket, prefix = '', credentials, ca, serverName } = place;
    this.prefix = prefix === '' ? '' : `${prefix.replace(/\/+$/, '')}/`;
    this.name = `bucket ${bucket}${endpoint ? ` of ${endpoint}` : ''}`;
    const config: S3ClientConfig = {
      region,
      ...(endpoint ? { endpoint, forcePathStyle: true } : {}),
      ...(credentials ? { credentials } : {}),
      requestHandler: {
        requestTimeout: REQUEST_TIMEOUT_MS,
        ...(ca ? { httpsAgent: { ca, ...(serverName ? { servername: serverName } : {}) } } : {}),
      },
    };
    this.client = new S3Client(config);
  }

  async put(key: string, content: Readable): Promise<void> {
    const upload = new Upload({
      client: this.client,
      params: { Bucket: this.place.bucket, Key: this.prefix + key, Body: content },
      partSize: PART_BYTES,
      queueSize: 2,
    });
    await upload.done().catch((error) => {
      throw error === content.errored ? error : this.error(error, `Writing ${key}`);
    });
  }

  async get(key: string): Promise<Readable> {
    const command = new GetObjectCommand({ Bucket: this.place.bucket, Key: this.prefix + key });
    const failure = (error: unknown) => this.error(error, `Reading ${key}`);
    const { Body } = await this.client.send(command).catch((error) => {
      throw failure(error);
    });
    return readingOf(Body as Readable, failure);
  }

  async list(prefix: string): Promise<StoredObject[]> {
    const objects: StoredObject[] = [];
    let token: string | undefined;
    do {
      const command = new ListObjectsV2Command({
        Bucket: this.place.bucket,
        Prefix: this.prefix + prefix,
        ContinuationToken: token,
      });
      const page = await this.client.send(command).catch((error) => {
        throw this.error(error, `Listing ${prefix}`);
      });
      for (const { Key, Size, LastModified } of page.Contents ?? [])
        objects.push({ key: Key!.slice(this.prefix.length), bytes: Size!, modified: LastModified! });
      token = page.NextContinuationToken;
    } while (token);
    return objects;
  }

  async delete(key: string): Promise<void> {
    const command = new DeleteObjectCommand({ Bucket: this.place.bucket, Key: this.prefix + key });
    await this.client.send(command).catch((error) => {
      throw this.error(error, `Deleting ${key}`);
    });
  }

  close(): void {
    this.client.destroy();
  }

  private error(error: unknown, what: string): RepositoryError {
    return new RepositoryError(faultOf(error), `${what} in ${this.name}`, error);
  }
}

function faultOf(error: unknown): RepositoryFault {
  const { name, message, code, $metadata } = error as NodeJS.ErrnoException & {
    $metadata?: { httpStatusCode?: number };
  };
  if (/^(NoSuchKey|NoSuchBucket|NotFound)$/.test(name)) return 'missing';
  if (/^(AccessDenied|InvalidAccessKeyId|SignatureDoesNotMatch|CredentialsProviderError)$/.test(name))
    return 'denied';
  if (/StorageFull|QuotaExceeded|InsufficientStorage/.test(name)) return 'full';
  // The SDK may wrap errors of the connection, and then keeps of them only the message.
  if (
    name === 'TimeoutError' ||
    /ECONNREFUSED|ECONNRESET|ENOTFOUND|ETIMEDOUT|EAI_AGAIN/.test(`${message} ${code}`)
  )
    return 'unreachable';
  return $metadata?.httpStatusCode === 403 ? 'denied' : 'failed';
}
