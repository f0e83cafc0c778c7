import { createHash } from 'node:crypto';
import { open, readFile } from 'node:fs/promises';
import {
  CreateBucketCommand,
  DeleteBucketCommand,
  GetBucketLifecycleConfigurationCommand,
  GetBucketPolicyCommand,
  GetBucketVersioningCommand,
  type LifecycleRule,
  ListBucketsCommand,
  PutBucketLifecycleConfigurationCommand,
  PutBucketPolicyCommand,
  PutBucketVersioningCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { orNone } from '../../migrations/targets/minio/definitions';
import type { ServerIdentity } from '../../migrations/targets/http-client';
import { canonicalJson } from '../../migrations/engine/canonical-json';
import type {
  ArtifactFiles,
  ArtifactSink,
  ContentEntry,
  CopyReport,
  SchemaEntry,
  StoreContent,
  StoreDriver,
} from './driver';
import { checkInventory, InventoriedSink } from './inventory';
import { once } from './lines';
import {
  deleteVersions,
  type OpenVersion,
  putVersion,
  type VersionHeader,
  versionsOf,
} from './minio-objects';
import { hashOf, SetDigest } from './set-digest';

/** How to reach a MinIO server, as `backup`, or for a restore as the administrator. */
export interface MinioAddress {
  /** URL such as `http://127.0.0.1:9000`. */
  readonly endpoint: string;
  readonly accessKey: string;
  readonly secretKey: string;
  /** For an `https` endpoint. */
  readonly tls?: ServerIdentity;
}

/** A bucket with what change files define of it. */
interface Bucket {
  readonly name: string;
  readonly versioning?: 'Enabled' | 'Suspended';
  readonly lifecycle?: LifecycleRule[];
  readonly policy?: object;
}

const BUCKETS = 'buckets.json';
const HISTORY_BUCKET = 'schema-migrations';
/** Of a runner; a copy would lock nobody out, but keep everybody waiting. */
const LOCK = /^[^/]+\/lock$/;
const CHANGE = /^[^/]+\/changes\/[^/]+\.json$/;
const NEWLINE = 0x0a;

/**
 * Copies every version of every object with its bytes, headers, metadata and tags, the delete markers, and of the buckets
 * what change files define: versioning, lifecycle, policy. A version never changes, so that each is copied whole; those
 * that come while their bucket is copied may not be in it. Versions get new ids and times in a restore, in the same order.
 * Not kept: retention and legal holds, users and their policies, which the stack makes.
 */
export class MinioDriver implements StoreDriver {
  private readonly client: S3Client;

  constructor({ endpoint, accessKey, secretKey, tls }: MinioAddress) {
    this.client = new S3Client({
      ...{ endpoint, region: 'us-east-1', forcePathStyle: true },
      credentials: { accessKeyId: accessKey, secretAccessKey: secretKey },
      requestHandler: {
        requestTimeout: 120_000,
        ...(tls ? { httpsAgent: { ca: tls.ca, servername: tls.serverName } } : {}),
      },
    });
  }

  async backup(sink: ArtifactSink): Promise<CopyReport> {
    const inventoried = new InventoriedSink(sink);
    const buckets = await this.buckets();
    await inventoried.write(BUCKETS, once(JSON.stringify(buckets)));
    const content: Record<string, ContentEntry> = {};
    const schema: SchemaEntry[] = [];
    for (const bucket of buckets) {
      const digest = new BucketDigest(bucket);
      // Most objects are compressed already.
      await inventoried.write(objectsFile(bucket), this.frames(bucket, digest), { compress: false });
      content[bucket.name] = digest.entry();
      schema.push(...digest.schema());
    }
    await inventoried.finish();
    // The S3 API does not say which version serves it.
    return { serverVersion: 'unknown', schema, content };
  }

  async content(): Promise<StoreContent> {
    const content: Record<string, ContentEntry> = {};
    for (const bucket of await this.buckets()) {
      const digest = new BucketDigest(bucket);
      for await (const chunk of this.frames(bucket, digest)) void chunk;
      content[bucket.name] = digest.entry();
    }
    return content;
  }

  async restore(files: ArtifactFiles): Promise<void> {
    await checkInventory(files);
    for (const { name } of await this.buckets()) {
      await deleteVersions(this.client, name);
      await this.client.send(new DeleteBucketCommand({ Bucket: name }));
    }
    const buckets = JSON.parse(await readFile(files[BUCKETS]!, 'utf8')) as Bucket[];
    for (const bucket of buckets) {
      await this.client.send(new CreateBucketCommand({ Bucket: bucket.name }));
      // Also where it is suspended: until then there were versions.
      if (bucket.versioning) await this.putVersioning(bucket.name, 'Enabled');
      await this.putObjects(bucket.name, files[objectsFile(bucket)]!);
      await this.putSettings(bucket);
    }
  }

  async close(): Promise<void> {
    this.client.destroy();
  }

  /** Sorted by name. */
  private async buckets(): Promise<Bucket[]> {
    const { Buckets = [] } = await this.client.send(new ListBucketsCommand());
    const names = Buckets.map(({ Name }) => Name!).sort();
    return Promise.all(names.map((name) => this.bucket(name)));
  }

  private async bucket(name: string): Promise<Bucket> {
    const of = { Bucket: name };
    const [versioning, lifecycle, policy] = await Promise.all([
      this.client.send(new GetBucketVersioningCommand(of)),
      orNone(this.client.send(new GetBucketLifecycleConfigurationCommand(of))),
      orNone(this.client.send(new GetBucketPolicyCommand(of))),
    ]);
    const settings: Omit<Bucket, 'name'> = {
      ...{ versioning: versioning.Status, lifecycle: lifecycle?.Rules },
      ...(policy?.Policy ? { policy: JSON.parse(policy.Policy) as object } : {}),
    };
    // As read from the copy: a rule may have a date.
    return { name, ...(JSON.parse(JSON.stringify(settings)) as typeof settings) };
  }

  /** Each version as a line of JSON, its bytes, and the end of a line. */
  private async *frames({ name }: Bucket, digest: BucketDigest): AsyncGenerator<Uint8Array> {
    for await (const version of versionsOf(this.client, name)) {
      const { header } = version;
      if (name === HISTORY_BUCKET && LOCK.test(header.key)) {
        for await (const chunk of version.body) void chunk;
        continue;
      }
      yield Buffer.from(`${JSON.stringify(header)}\n`);
      yield* digest.add(version);
      yield Buffer.of(NEWLINE);
    }
  }

  private async putObjects(bucket: string, file: string): Promise<void> {
    for await (const { header, start } of framesIn(file))
      await putVersion(this.client, bucket, header, { file, start });
  }

  private async putSettings({ name, versioning, lifecycle, policy }: Bucket): Promise<void> {
    const of = { Bucket: name };
    if (versioning === 'Suspended') await this.putVersioning(name, versioning);
    if (policy) await this.client.send(new PutBucketPolicyCommand({ ...of, Policy: JSON.stringify(policy) }));
    if (lifecycle)
      await this.client.send(
        new PutBucketLifecycleConfigurationCommand({
          ...of,
          LifecycleConfiguration: { Rules: lifecycle.map(withDate) },
        }),
      );
  }

  private async putVersioning(Bucket: string, Status: 'Enabled' | 'Suspended'): Promise<void> {
    await this.client.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status } }));
  }
}

/** Digest of a bucket, and the changes that its history has. */
class BucketDigest {
  private readonly versions = new SetDigest();
  private readonly changes = new Map<string, SchemaEntry>();

  constructor(private readonly bucket: Bucket) {}

  /** @throws Error when the server ends a version early. */
  async *add({ header, body }: OpenVersion): AsyncGenerator<Uint8Array> {
    const isChange = this.bucket.name === HISTORY_BUCKET && CHANGE.test(header.key);
    const hash = createHash('sha256');
    const text: Uint8Array[] = [];
    let bytes = 0;
    for await (const chunk of body) {
      bytes += chunk.length;
      hash.update(chunk);
      if (isChange) text.push(chunk);
      yield chunk;
    }
    if (bytes !== (header.size ?? 0))
      throw new Error(`${this.bucket.name}/${header.key} ended after ${bytes} of ${header.size} bytes.`);
    this.versions.add(canonicalJson(header), hash.digest());
    if (isChange) this.note(header, Buffer.concat(text).toString());
  }

  entry(): ContentEntry {
    const { count, sha256 } = this.versions.entry();
    return { count, sha256: hashOf(canonicalJson(this.bucket, 'unordered-arrays'), sha256!).toString('hex') };
  }

  schema(): SchemaEntry[] {
    return [...this.changes.values()].sort((a, b) => (a.version < b.version ? -1 : 1));
  }

  /** The newest version of an entry counts, and a delete marker removes it. */
  private note({ key, size }: VersionHeader, text: string): void {
    this.changes.delete(key);
    if (size === undefined) return;
    const { version, checksum } = JSON.parse(text) as SchemaEntry;
    this.changes.set(key, { version, checksum });
  }
}

/** Headers in a file, and where the bytes of each version begin. */
async function* framesIn(path: string): AsyncGenerator<{ header: VersionHeader; start: number }> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    for (let position = 0; position < size;) {
      const line: Buffer[] = [];
      let end = -1;
      while (end < 0) {
        const { buffer, bytesRead } = await file.read(Buffer.alloc(4096), 0, 4096, position);
        if (bytesRead === 0) throw new Error(`${path} ends within a header.`);
        end = buffer.subarray(0, bytesRead).indexOf(NEWLINE);
        line.push(buffer.subarray(0, end < 0 ? bytesRead : end));
        position += end < 0 ? bytesRead : end + 1;
      }
      const header = JSON.parse(Buffer.concat(line).toString()) as VersionHeader;
      yield { header, start: position };
      position += (header.size ?? 0) + 1;
    }
  } finally {
    await file.close();
  }
}

/** JSON has a date as text. */
function withDate(rule: LifecycleRule): LifecycleRule {
  const date = rule.Expiration?.Date;
  return date ? { ...rule, Expiration: { ...rule.Expiration, Date: new Date(date) } } : rule;
}

function objectsFile({ name }: Bucket): string {
  return `${name}.objects`;
}
