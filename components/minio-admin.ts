import { createCipheriv, createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto';
import { SignatureV4 } from '@smithy/signature-v4';
import { http, HttpError, type ServerIdentity } from '../migrations/targets/http-client';

/** Access of one MinIO user. */
export interface MinioKeys {
  readonly accessKey: string;
  readonly secretKey: string;
}

/** Where a MinIO is reached. */
export interface MinioAddress {
  readonly host: string;
  readonly port: number;
  /** Whom to trust; omitted means plain HTTP. */
  readonly tls?: ServerIdentity;
}

/** A bucket of another MinIO that a bucket is copied to. */
export interface RemoteBucket {
  /** URL of the other MinIO. */
  readonly endpoint: string;
  readonly bucket: string;
  /** Of a user there. */
  readonly login: MinioKeys;
}

/** A refusal of MinIO's admin API. */
export class MinioAdminError extends Error {
  constructor(
    /** HTTP status. */
    readonly status: number,
    /** Machine-readable reason, such as `XMinioAdminInvalidAccessKey`. */
    readonly code: string,
    message: string,
  ) {
    super(message);
    this.name = 'MinioAdminError';
  }
}

/**
 * The part of MinIO's admin API that users, policies, quotas, settings and replication need; every call may be repeated.
 * @see https://github.com/minio/madmin-go
 */
export class MinioAdmin {
  private readonly signer: SignatureV4;

  constructor(
    private readonly address: MinioAddress,
    /** Who administers. */
    readonly keys: MinioKeys,
  ) {
    this.signer = new SignatureV4({
      service: 's3',
      region: 'us-east-1',
      credentials: { accessKeyId: keys.accessKey, secretAccessKey: keys.secretKey },
      sha256: Sha256,
    });
  }

  /** The same MinIO, administered by somebody else. */
  as(keys: MinioKeys): MinioAdmin {
    return new MinioAdmin(this.address, keys);
  }

  /** Whether MinIO knows the keys and lets them administer. */
  async mayAdminister(): Promise<boolean> {
    try {
      await this.send('GET', 'list-canned-policies');
      return true;
    } catch (error) {
      if (error instanceof MinioAdminError && error.status === 403) return false;
      throw error;
    }
  }

  /** Creates or replaces a named policy. */
  putPolicy(name: string, policy: object): Promise<void> {
    return this.send('PUT', 'add-canned-policy', { name }, Buffer.from(JSON.stringify(policy)));
  }

  /** Creates a user, or gives it another secret key. */
  putUser({ accessKey, secretKey }: MinioKeys): Promise<void> {
    const account = JSON.stringify({ secretKey, status: 'enabled' });
    return this.send('PUT', 'add-user', { accessKey }, this.encrypted(account));
  }

  /** Gives a user exactly one policy. */
  setPolicy(accessKey: string, policy: string): Promise<void> {
    const query = { isGroup: 'false', policyName: policy, userOrGroup: accessKey };
    return this.send('PUT', 'set-user-or-group-policy', query);
  }

  /** Lets a bucket grow to so many bytes; 0 is no limit. */
  setQuota(bucket: string, bytes: number): Promise<void> {
    const quota = { quota: bytes, size: bytes, quotatype: 'hard' };
    return this.send('PUT', 'set-bucket-quota', { bucket }, Buffer.from(JSON.stringify(quota)));
  }

  /** Changes settings of one subsystem in all servers, such as `api root_access=off`. */
  setConfig(settings: string): Promise<void> {
    return this.send('PUT', 'set-config-kv', {}, this.encrypted(settings));
  }

  /** Where a bucket is copied to, by host and port. */
  async remoteTargets(bucket: string): Promise<{ endpoint: string; arn: string }[]> {
    const query = { bucket, type: 'replication' };
    return JSON.parse(await this.answer('GET', `${ADMIN}/list-remote-targets`, query)) ?? [];
  }

  /** Makes a bucket of another MinIO known, and returns what names it here. */
  async addRemoteTarget(bucket: string, target: RemoteBucket): Promise<string> {
    const body = this.encrypted(JSON.stringify(remoteTarget(target)));
    return JSON.parse(await this.answer('PUT', `${ADMIN}/set-remote-target`, { bucket }, body)) as string;
  }

  /** Gives the login another key. */
  changeRemoteTarget(bucket: string, arn: string, target: RemoteBucket): Promise<void> {
    const body = this.encrypted(JSON.stringify({ ...remoteTarget(target), arn }));
    return this.send('PUT', 'set-remote-target', { bucket, update: 'true', creds: 'true' }, body);
  }

  /** Forgets another bucket, which nothing is copied to any more. */
  removeRemoteTarget(bucket: string, arn: string): Promise<void> {
    return this.send('DELETE', 'remove-remote-target', { bucket, arn });
  }

  /** Copies what is written to a bucket from now on, with delete markers; versions that are deleted stay in the copy. */
  async putReplication(bucket: string, arn: string): Promise<void> {
    await this.answer('PUT', `/${bucket}`, { replication: '' }, Buffer.from(replicationRules(arn)));
  }

  /** Copies what a bucket holds already, too. */
  async replicateExisting(bucket: string, arn: string): Promise<void> {
    await this.answer('PUT', `/${bucket}`, { 'replication-reset': '', arn });
  }

  /** Ends it. */
  async deleteReplication(bucket: string): Promise<void> {
    await this.answer('DELETE', `/${bucket}`, { replication: '' });
  }

  private encrypted(text: string): Buffer {
    return encryptForAdmin(this.keys.secretKey, Buffer.from(text));
  }

  private async send(
    method: Method,
    operation: string,
    query: Record<string, string> = {},
    body?: Buffer,
  ): Promise<void> {
    await this.answer(method, `${ADMIN}/${operation}`, query, body);
  }

  private async answer(
    method: Method,
    resource: string,
    query: Record<string, string> = {},
    body: Buffer = Buffer.alloc(0),
  ): Promise<string> {
    const { host, port, tls } = this.address;
    const protocol = tls ? 'https:' : 'http:';
    const { path, headers } = await this.signer.sign({
      method,
      protocol,
      hostname: host,
      port,
      path: resource,
      query,
      headers: {
        host: `${host}:${port}`,
        'x-amz-content-sha256': createHash('sha256').update(body).digest('hex'),
      },
      body,
    });
    const url = `${protocol}//${host}:${port}${path}?${new URLSearchParams(query)}`;
    try {
      return await http({ method, url, headers, body, tls });
    } catch (error) {
      throw refusal(resource.replace(`${ADMIN}/`, ''), error as HttpError);
    }
  }
}

type Method = 'GET' | 'PUT' | 'DELETE';

const ADMIN = '/minio/admin/v3';

/** As MinIO wants it. @see https://github.com/minio/madmin-go/blob/main/bucket-targets.go */
function remoteTarget({ endpoint, bucket, login }: RemoteBucket) {
  const { host, protocol } = new URL(endpoint);
  return {
    ...{ endpoint: host, secure: protocol === 'https:', targetbucket: bucket },
    ...{ credentials: login, type: 'replication', api: 's3v4', path: 'on' },
    ...{ replicationSync: false, disableProxy: false },
  };
}

/** @see https://github.com/minio/minio/blob/master/docs/bucket/replication/README.md */
function replicationRules(arn: string): string {
  const status = (on: boolean) => `<Status>${on ? 'Enabled' : 'Disabled'}</Status>`;
  return [
    '<ReplicationConfiguration><Role></Role><Rule><ID>agent-data-platform</ID>',
    `${status(true)}<Priority>1</Priority><Filter><Prefix></Prefix></Filter>`,
    `<DeleteMarkerReplication>${status(true)}</DeleteMarkerReplication>`,
    `<DeleteReplication>${status(false)}</DeleteReplication>`,
    `<ExistingObjectReplication>${status(true)}</ExistingObjectReplication>`,
    `<Destination><Bucket>${arn}</Bucket></Destination></Rule></ReplicationConfiguration>`,
  ].join('');
}

/** What MinIO said; an error without an answer stays as it is. */
function refusal(operation: string, error: HttpError): Error {
  if (error.status === undefined) return error;
  const { Code: code = `HTTP${error.status}`, Message: message = error.message } = parse(error.message);
  return new MinioAdminError(error.status, code, `MinIO refused ${operation}: ${message} (${code}).`);
}

/** The admin API answers in JSON, and S3 in XML. */
function parse(text: string): { Code?: string; Message?: string } {
  try {
    return JSON.parse(text) as { Code?: string; Message?: string };
  } catch {
    const element = (name: string) => new RegExp(`<${name}>([^<]*)</${name}>`).exec(text)?.[1];
    return { Code: element('Code'), Message: element('Message') };
  }
}

/** The hash that the signer asks for, on Node's own implementation. */
class Sha256 {
  private readonly hash;

  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.hash = secret === undefined ? createHash('sha256') : createHmac('sha256', bytes(secret));
  }

  update(data: string | ArrayBuffer | ArrayBufferView): void {
    this.hash.update(bytes(data));
  }

  async digest(): Promise<Uint8Array> {
    return this.hash.digest();
  }

  reset(): void {
    throw new Error('The signer makes a new hash for each text.');
  }
}

function bytes(data: string | ArrayBuffer | ArrayBufferView): Buffer {
  if (typeof data === 'string') return Buffer.from(data);
  return data instanceof ArrayBuffer
    ? Buffer.from(data)
    : Buffer.from(data.buffer, data.byteOffset, data.byteLength);
}

/** Marks a key derived by PBKDF2 and AES-256-GCM, the one scheme of the API that Node has built in. */
const PBKDF2_AES_GCM = 0x02;
const PBKDF2_ROUNDS = 8192;
/** Longest text that fits one fragment of the stream format. */
const FRAGMENT = 16_384;
const LAST_FRAGMENT = 0x80;

/**
 * Encrypts what the admin API only takes encrypted with the caller's secret key.
 * Layout: salt (32), scheme (1), nonce (8), then one sealed fragment.
 * @see https://github.com/minio/madmin-go/blob/main/encrypt.go
 * @see https://github.com/secure-io/sio-go
 */
export function encryptForAdmin(secretKey: string, text: Buffer): Buffer {
  if (text.length > FRAGMENT) {
    throw new RangeError(`At most ${FRAGMENT} bytes can be sent encrypted, got ${text.length}.`);
  }
  const salt = randomBytes(32);
  const nonce = randomBytes(8);
  const key = pbkdf2Sync(secretKey, salt, PBKDF2_ROUNDS, 32, 'sha256');
  const seal = (sequence: number, plain: Buffer, associated: Buffer) => {
    const counter = Buffer.alloc(4);
    counter.writeUInt32LE(sequence);
    const cipher = createCipheriv('aes-256-gcm', key, Buffer.concat([nonce, counter]));
    cipher.setAAD(associated);
    return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
  };
  // Fragment 0 holds nothing; its tag authenticates the fragments after it.
  const tag = seal(0, Buffer.alloc(0), Buffer.alloc(0));
  const fragment = seal(1, text, Buffer.concat([Buffer.from([LAST_FRAGMENT]), tag]));
  return Buffer.concat([salt, Buffer.from([PBKDF2_AES_GCM]), nonce, fragment]);
}
