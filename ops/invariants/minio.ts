import {
  GetBucketLifecycleConfigurationCommand,
  GetBucketPolicyCommand,
  GetBucketVersioningCommand,
  ListObjectsV2Command,
  S3Client,
} from '@aws-sdk/client-s3';
import type { Check, MinioRequest, Values } from '../../migrations/invariants/checks';
import { orNone } from '../../migrations/targets/minio/definitions';
import { endpointOf, type StoreAddress } from '../stores';
import { ANSWER_WITHIN_MS, type Asker } from './asker';

/** Asks a MinIO with operations of S3 that read. */
export class MinioAsker implements Asker {
  private readonly client: S3Client;

  constructor(address: StoreAddress) {
    const { tls, credential } = address;
    this.client = new S3Client({
      ...{ endpoint: endpointOf(address), region: 'us-east-1', forcePathStyle: true },
      credentials: { accessKeyId: credential('accessKey'), secretAccessKey: credential('secretKey') },
      requestHandler: {
        requestTimeout: ANSWER_WITHIN_MS,
        ...(tls ? { httpsAgent: { ca: tls.ca, servername: tls.serverName } } : {}),
      },
    });
  }

  async answer(request: Check['request']): Promise<unknown> {
    const { operation, bucket: Bucket } = request as MinioRequest;
    if (operation === 'getVersioning') {
      const { Status = 'never' } = await this.client.send(new GetBucketVersioningCommand({ Bucket }));
      return { Status };
    }
    if (operation === 'getLifecycle') {
      const answer = await orNone(this.client.send(new GetBucketLifecycleConfigurationCommand({ Bucket })));
      return answer?.Rules ?? [];
    }
    const answer = await orNone(this.client.send(new GetBucketPolicyCommand({ Bucket })));
    return answer?.Policy ? JSON.parse(answer.Policy) : null;
  }

  /** Every object that is there now, as bucket/key. */
  async values(source: Exclude<Values, { query: string }>): Promise<Iterable<string>> {
    if (source.store !== 'minio') throw new Error('These are no values of MinIO.');
    const found = new Set<string>();
    for (const Bucket of source.buckets) {
      let ContinuationToken: string | undefined;
      do {
        const page = await this.client.send(new ListObjectsV2Command({ Bucket, ContinuationToken }));
        for (const { Key } of page.Contents ?? []) found.add(`${Bucket}/${Key}`);
        ContinuationToken = page.NextContinuationToken;
      } while (ContinuationToken);
    }
    return found;
  }

  async close(): Promise<void> {
    this.client.destroy();
  }
}
