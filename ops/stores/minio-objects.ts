/** Versions of objects, as they are read from and written to one bucket. */
import { createReadStream } from 'node:fs';
import {
  type DeleteMarkerEntry,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  GetObjectTaggingCommand,
  ListObjectVersionsCommand,
  type ObjectVersion,
  type S3Client,
} from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';

/** A version as the server lists it. */
interface ListedVersion {
  readonly key: string;
  readonly id: string;
  readonly isMarker: boolean;
  readonly isLatest: boolean;
  readonly modified: number;
}

/** A version without its bytes; a delete marker has no properties. */
export interface VersionHeader {
  readonly key: string;
  /** How many older versions its key has in the copy. */
  readonly age: number;
  /** Bytes that follow; absent for a delete marker. */
  readonly size?: number;
  readonly properties?: Readonly<Record<string, unknown>>;
  /** Tags by name. */
  readonly tags?: Readonly<Record<string, string>>;
}

/** A version that is being read. */
export interface OpenVersion {
  readonly header: VersionHeader;
  readonly body: AsyncIterable<Uint8Array>;
}

const PAGE = 1000;
/** Parts of an upload; with at most 10000 of them an object may have 160 GiB. */
const PART_BYTES = 16 * 1024 * 1024;
/** What S3 calls the headers that are kept with an object. */
const PROPERTIES = [
  ...['CacheControl', 'ContentDisposition', 'ContentEncoding', 'ContentLanguage', 'ContentType'],
  ...['ExpiresString', 'Metadata'],
] as const;

/**
 * Every version in a bucket, by key, oldest first; each is opened when it is asked for and still there.
 * @param pageSize How many versions to ask for at once; default 1000.
 */
export async function* versionsOf(
  client: S3Client,
  bucket: string,
  pageSize = PAGE,
): AsyncGenerator<OpenVersion> {
  for await (const listed of keysOf(client, bucket, pageSize)) {
    let age = 0;
    for (const version of listed.sort(byAge)) {
      const opened = await open(client, bucket, version, age);
      if (!opened) continue;
      age++;
      yield opened;
    }
  }
}

/** Versions of one key after the other. */
async function* keysOf(client: S3Client, bucket: string, pageSize: number): AsyncGenerator<ListedVersion[]> {
  const found = new Map<string, ListedVersion[]>();
  for await (const { versions, isLast } of pagesOf(client, bucket, pageSize)) {
    for (const version of versions) found.set(version.key, [...(found.get(version.key) ?? []), version]);
    // The next page may have more of the last one, which MinIO's own marker does not name plainly.
    const last = isLast ? undefined : [...found.keys()].reduce(laterKey, '');
    for (const [key, own] of found) {
      if (key === last) continue;
      found.delete(key);
      yield own;
    }
  }
}

/** Keys are listed in the order of their bytes. */
function laterKey(one: string, other: string): string {
  return Buffer.compare(Buffer.from(one), Buffer.from(other)) < 0 ? other : one;
}

async function* pagesOf(
  client: S3Client,
  Bucket: string,
  MaxKeys = PAGE,
): AsyncGenerator<{ versions: ListedVersion[]; isLast: boolean }> {
  let KeyMarker: string | undefined;
  let VersionIdMarker: string | undefined;
  do {
    const page = await client.send(
      // XML has no form for some characters that a key may have.
      new ListObjectVersionsCommand({ Bucket, KeyMarker, VersionIdMarker, MaxKeys, EncodingType: 'url' }),
    );
    KeyMarker = page.IsTruncated ? decoded(page.NextKeyMarker!) : undefined;
    VersionIdMarker = page.NextVersionIdMarker;
    const versions = [
      ...(page.Versions ?? []).map((version) => listed(version, false)),
      ...(page.DeleteMarkers ?? []).map((marker) => listed(marker, true)),
    ];
    yield { versions, isLast: KeyMarker === undefined };
  } while (KeyMarker !== undefined);
}

function listed(entry: ObjectVersion | DeleteMarkerEntry, isMarker: boolean): ListedVersion {
  const { Key, VersionId, IsLatest, LastModified } = entry;
  return {
    ...{ key: decoded(Key!), id: VersionId!, isMarker, isLatest: IsLatest === true },
    modified: LastModified!.getTime(),
  };
}

function decoded(key: string): string {
  return decodeURIComponent(key.replaceAll('+', ' '));
}

function byAge(a: ListedVersion, b: ListedVersion): number {
  return a.modified - b.modified || Number(a.isLatest) - Number(b.isLatest);
}

async function open(
  client: S3Client,
  Bucket: string,
  { key, id, isMarker }: ListedVersion,
  age: number,
): Promise<OpenVersion | undefined> {
  if (isMarker) return { header: { key, age }, body: nothing() };
  const version = { Bucket, Key: key, VersionId: id };
  try {
    const answer = await client.send(new GetObjectCommand(version));
    const tags = answer.TagCount ? await client.send(new GetObjectTaggingCommand(version)) : undefined;
    const properties = Object.fromEntries(
      PROPERTIES.flatMap((name) => (answer[name] === undefined ? [] : [[name, sorted(answer[name])]])),
    );
    const named = tags?.TagSet?.map(({ Key, Value }) => [Key!, Value!] as const);
    return {
      header: {
        ...{ key, age, size: answer.ContentLength!, properties },
        ...(named ? { tags: sorted(Object.fromEntries(named)) as Record<string, string> } : {}),
      },
      body: answer.Body as unknown as AsyncIterable<Uint8Array>,
    };
  } catch (error) {
    if (/^NoSuch(Key|Version|Bucket)$/.test((error as Error).name)) return undefined;
    throw error;
  }
}

async function* nothing(): AsyncGenerator<Uint8Array> {
  // A delete marker has no bytes.
}

function sorted(value: unknown): unknown {
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Adds a version whose bytes are in a file from a position on. */
export async function putVersion(
  client: S3Client,
  Bucket: string,
  { key: Key, size, properties, tags }: VersionHeader,
  { file, start }: { file: string; start: number },
): Promise<void> {
  if (size === undefined) {
    await client.send(new DeleteObjectCommand({ Bucket, Key }));
    return;
  }
  const { ExpiresString, ...rest } = properties as { ExpiresString?: string };
  const Body = size === 0 ? Buffer.alloc(0) : createReadStream(file, { start, end: start + size - 1 });
  const upload = new Upload({
    client,
    params: {
      ...{ Bucket, Key, Body, ...rest },
      ...(ExpiresString ? { Expires: new Date(ExpiresString) } : {}),
      ...(tags ? { Tagging: new URLSearchParams(tags).toString() } : {}),
    },
    partSize: PART_BYTES,
    queueSize: 2,
  });
  await upload.done();
}

/**
 * Deletes every version in a bucket.
 * @throws Error naming the object that the server keeps, such as one under retention.
 */
export async function deleteVersions(client: S3Client, Bucket: string): Promise<void> {
  for await (const { versions } of pagesOf(client, Bucket)) {
    if (versions.length === 0) continue;
    const Objects = versions.map(({ key, id }) => ({ Key: key, VersionId: id }));
    const { Errors } = await client.send(
      new DeleteObjectsCommand({ Bucket, Delete: { Objects, Quiet: true } }),
    );
    const [first] = Errors ?? [];
    if (first) throw new Error(`${Bucket}/${first.Key} cannot be removed: ${first.Message ?? first.Code}`);
  }
}
