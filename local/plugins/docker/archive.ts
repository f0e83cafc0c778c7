import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

interface Descriptor {
  digest: string;
}

/** Digests of an image in an OCI archive, as `sha256:<hex>`. */
export interface ImageDigests {
  /** Digest a registry would know the image by. */
  readonly manifest: string;
  /** Image id, as `docker images` shows it. */
  readonly config: string;
}

/**
 * Reads the digests of the first image in an OCI archive.
 * @see https://github.com/opencontainers/image-spec/blob/main/image-layout.md
 */
export async function imageDigests(archive: string): Promise<ImageDigests> {
  const index = await readJson<{ manifests: Descriptor[] }>(archive, 'index.json');
  const manifest = index.manifests[0]?.digest;
  if (!manifest) throw new Error(`${archive} is no OCI image archive: its index lists no manifest.`);
  const { config } = await readJson<{ config: Descriptor }>(archive, `blobs/${manifest.replace(':', '/')}`);
  return { manifest, config: config.digest };
}

async function readJson<T>(archive: string, entry: string): Promise<T> {
  const { stdout } = await promisify(execFile)('tar', ['-xOf', archive, entry], { maxBuffer: 16 << 20 });
  return JSON.parse(stdout) as T;
}
