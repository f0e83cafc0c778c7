import { randomUUID } from 'node:crypto';
import { GetObjectCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import type { LeaseRecord, LeaseStorage } from '../../engine/lease';

interface LeaseContent extends Omit<LeaseRecord, 'token'> {
  /** Changes with every write, so that every write changes the ETag. */
  readonly beat: string;
}

/**
 * A lease kept as one object with conditional writes (If-None-Match, If-Match); its token is the ETag.
 * @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
 */
export class ObjectLease implements LeaseStorage {
  constructor(
    private readonly client: S3Client,
    private readonly bucket: string,
    private readonly key: string,
  ) {}

  async read(): Promise<(LeaseContent & LeaseRecord) | undefined> {
    try {
      const answer = await this.client.send(new GetObjectCommand({ Bucket: this.bucket, Key: this.key }));
      const content = JSON.parse(await answer.Body!.transformToString()) as LeaseContent;
      return { ...content, token: answer.ETag! };
    } catch (error) {
      if ((error as Error).name === 'NoSuchKey') return undefined;
      throw error;
    }
  }

  async write(
    content: Omit<LeaseRecord, 'token'>,
    expected: string | undefined,
  ): Promise<string | undefined> {
    const beat = randomUUID();
    try {
      const answer = await this.client.send(
        new PutObjectCommand({
          Bucket: this.bucket,
          Key: this.key,
          Body: JSON.stringify({ ...content, beat }),
          ContentType: 'application/json',
          ...(expected === undefined ? { IfNoneMatch: '*' } : { IfMatch: expected }),
        }),
      );
      return answer.ETag;
    } catch (error) {
      const status = (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;
      if (status !== 412 && status !== 409) throw error;
      // The client repeats a PUT whose answer was lost; then the write is refused because it was made already.
      const current = await this.read();
      return current?.beat === beat ? current.token : undefined;
    }
  }
}
