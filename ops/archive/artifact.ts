/** One file of a backup on its way into a repository and back: compressed, encrypted, and checked end to end. */
import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { type Duplex, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { constants, createZstdCompress, createZstdDecompress } from 'node:zlib';
import { type Repository, RepositoryError } from '../repository/repository';
import { decrypted, encrypted, WrongIdentityError } from './encryption';

/** Length and SHA-256 (hex) of some bytes. */
export interface Measure {
  readonly bytes: number;
  readonly sha256: string;
}

/** One file of a backup, as its manifest lists it. */
export interface Artifact {
  /** Unique in its set, such as `postgres/platform.dump`. */
  readonly name: string;
  readonly compression: 'zstd' | 'none';
  readonly encryption: 'age' | 'none';
  /** What the store gave. */
  readonly content: Measure;
  /** What the repository holds. */
  readonly stored: Measure;
}

/** How artifacts are written. */
export interface WriteOptions {
  /** Default true; false for what is compressed already. */
  readonly compress?: boolean;
  /** Public keys of age, each of whose owners can read it; default none: not encrypted. */
  readonly recipients?: readonly string[];
}

/** An artifact is not what its manifest says; the message names it and what is wrong. */
export class DamagedArtifactError extends Error {
  constructor(
    readonly artifact: string,
    why: string,
  ) {
    super(`${artifact} ${why}. Nothing was restored from it; take another set (see \`list\`).`);
    this.name = 'DamagedArtifactError';
  }
}

type Bytes = AsyncIterable<Uint8Array>;

/** A fast level: the network and the disk are slower than it. */
const ZSTD = { params: { [constants.ZSTD_c_compressionLevel]: 3 } };

/**
 * Writes an artifact under `<prefix><name>`.
 * @throws whatever the source throws, or RepositoryError; then nothing is stored under the name.
 */
export async function writeArtifact(
  repository: Repository,
  prefix: string,
  name: string,
  source: Bytes,
  { compress = true, recipients = [] }: WriteOptions = {},
): Promise<Artifact> {
  const content = new Meter();
  const stored = new Meter();
  // A store that fails must not be taken for the repository.
  let sourceError: unknown;
  const watched = async function* () {
    try {
      yield* source;
    } catch (error) {
      sourceError = error;
      throw error;
    }
  };
  let bytes = content.count(watched());
  if (compress) bytes = through(bytes, createZstdCompress(ZSTD));
  if (recipients.length > 0) bytes = encrypted(bytes, recipients);
  await repository
    .put(prefix + name, Readable.from(stored.count(bytes), { objectMode: false }))
    .catch((error: unknown) => {
      throw sourceError ?? error;
    });
  return {
    name,
    compression: compress ? 'zstd' : 'none',
    encryption: recipients.length > 0 ? 'age' : 'none',
    content: content.measure(),
    stored: stored.measure(),
  };
}

/**
 * Reads an artifact into a file that only its owner can read, and checks every byte of it.
 * @throws DamagedArtifactError when it is missing, or is not what the manifest says; WrongIdentityError; RepositoryError.
 * In each case there is no file.
 */
export async function readArtifact(
  repository: Repository,
  prefix: string,
  artifact: Artifact,
  file: string,
  identities: readonly string[],
): Promise<void> {
  if (artifact.encryption === 'age' && identities.length === 0)
    throw new WrongIdentityError(`${artifact.name} is encrypted: give the file of an identity (--identity).`);
  const key = prefix + artifact.name;
  const content = new Meter(artifact.name, artifact.content.bytes);
  // Bits of a compressed form that its reader ignores count too.
  const stored = new Meter(artifact.name, artifact.stored.bytes);
  let bytes = stored.count(await open(repository, key, artifact.name));
  if (artifact.encryption === 'age') bytes = decrypted(bytes, identities);
  if (artifact.compression === 'zstd') bytes = through(bytes, createZstdDecompress());
  try {
    await pipeline(Readable.from(content.count(bytes)), createWriteStream(file, { mode: 0o600 }));
    const why =
      difference(stored.measure(), artifact.stored) ?? difference(content.measure(), artifact.content);
    if (why) throw new DamagedArtifactError(artifact.name, why);
  } catch (error) {
    await rm(file, { force: true });
    if (error instanceof RepositoryError) throw error;
    throw await explained(error as NodeJS.ErrnoException, repository, key, artifact);
  }
}

/** Whether an artifact failed to open because of its bytes, of who reads it, or of where it is written to. */
async function explained(
  error: NodeJS.ErrnoException,
  repository: Repository,
  key: string,
  artifact: Artifact,
): Promise<Error> {
  const damage = await damageOf(repository, key, artifact);
  if (damage) return damage;
  if (error instanceof WrongIdentityError)
    return new WrongIdentityError(`${artifact.name} was encrypted for others than the identities given.`);
  if (error.syscall)
    return new Error(
      `${artifact.name} cannot be written on this machine: ${error.message}. Name another folder in TMPDIR.`,
      { cause: error },
    );
  return error;
}

/** Compares what the repository holds with the manifest, without opening it; undefined when they agree. */
export async function damageOf(
  repository: Repository,
  key: string,
  { name, stored }: Artifact,
): Promise<DamagedArtifactError | undefined> {
  const meter = new Meter(name, stored.bytes);
  try {
    await Readable.from(meter.count(await open(repository, key, name))).forEach(() => undefined);
  } catch (error) {
    if (error instanceof DamagedArtifactError) return error;
    throw error;
  }
  const why = difference(meter.measure(), stored);
  return why ? new DamagedArtifactError(name, why) : undefined;
}

async function open(repository: Repository, key: string, name: string): Promise<Readable> {
  try {
    return await repository.get(key);
  } catch (error) {
    const fault = error instanceof RepositoryError ? error.fault : undefined;
    if (fault === 'missing') throw new DamagedArtifactError(name, `is not in ${repository.name}`);
    if (fault === 'irregular') throw new DamagedArtifactError(name, `is no file in ${repository.name}`);
    throw error;
  }
}

function difference(got: Measure, expected: Measure): string | undefined {
  if (got.bytes < expected.bytes) return `is cut off: ${got.bytes} of ${expected.bytes} bytes`;
  return got.sha256 === expected.sha256 ? undefined : 'was changed: its SHA-256 is not that of the manifest';
}

/** Counts and hashes bytes that pass. */
class Meter {
  private bytes = 0;
  private readonly hash = createHash('sha256');

  /** @param atMost What more than is damage: a small file may unpack to more than a disk has. */
  constructor(
    private readonly name = '',
    private readonly atMost = Infinity,
  ) {}

  async *count(source: Bytes): Bytes {
    for await (const chunk of source) {
      // An empty chunk means the end to some streams.
      if (chunk.length === 0) continue;
      this.bytes += chunk.length;
      if (this.bytes > this.atMost)
        throw new DamagedArtifactError(this.name, `is too long: more than ${this.atMost} bytes`);
      this.hash.update(chunk);
      yield chunk;
    }
  }

  measure(): Measure {
    return { bytes: this.bytes, sha256: this.hash.copy().digest('hex') };
  }
}

async function* through(source: Bytes, stage: Duplex): Bytes {
  // A failure reaches the stage, and from there whoever reads it; once that has read the end, all went through.
  pipeline(Readable.from(source), stage).catch(() => undefined);
  yield* stage;
}
