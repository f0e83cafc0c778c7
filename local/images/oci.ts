import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { run } from '../process';

/** How containers of an image run unless their pod says otherwise. @see https://github.com/opencontainers/image-spec/blob/main/config.md */
export interface ImageConfig {
  User?: string;
  Env?: string[];
  Entrypoint?: string[];
  Cmd?: string[];
  WorkingDir?: string;
}

/** One uncompressed layer. */
export interface Layer {
  readonly file: string;
  readonly digest: string;
}

/** Name and content of an archived image. */
export interface ArchivedImage {
  readonly reference: string;
  readonly digest: string;
}

const ARCHITECTURES: Record<string, string> = { x64: 'amd64', arm64: 'arm64' };

/** This machine's architecture as Go and OCI name it. */
export function architecture(): string {
  return ARCHITECTURES[process.arch] ?? process.arch;
}

/** Packs a folder into a layer; owners are kept, times are not, so that the same content has the same digest. */
export async function packLayer(
  folder: string,
  file: string,
  exclude: readonly string[] = [],
): Promise<Layer> {
  await run('tar', [
    ...['--create', '--file', file, '--directory', folder, '--numeric-owner', '--sort=name', '--mtime=@0'],
    ...exclude.map((pattern) => `--exclude=${pattern}`),
    '.',
  ]);
  return { file, digest: await digestOf(file) };
}

/**
 * Writes an OCI image archive that `ctr images import` and `docker load` take.
 * @see https://github.com/opencontainers/image-spec/blob/main/image-layout.md
 */
export async function writeArchive(
  archive: string,
  reference: string,
  layers: readonly Layer[],
  config: ImageConfig,
): Promise<void> {
  const folder = `${archive}.layout`;
  const blobs = path.join(folder, 'blobs', 'sha256');
  fs.mkdirSync(blobs, { recursive: true });
  const blob = (content: object, mediaType: string) => {
    const text = JSON.stringify(content);
    const digest = createHash('sha256').update(text).digest('hex');
    fs.writeFileSync(path.join(blobs, digest), text);
    return { mediaType, digest: `sha256:${digest}`, size: Buffer.byteLength(text) };
  };
  for (const { file, digest } of layers) fs.linkSync(file, path.join(blobs, digest.replace('sha256:', '')));
  const configuration = blob(
    {
      architecture: architecture(),
      os: 'linux',
      config,
      rootfs: { type: 'layers', diff_ids: layers.map(({ digest }) => digest) },
    },
    'application/vnd.oci.image.config.v1+json',
  );
  const manifestType = 'application/vnd.oci.image.manifest.v1+json';
  const manifest = {
    schemaVersion: 2,
    mediaType: manifestType,
    config: configuration,
    layers: layers.map(({ file, digest }) => ({
      mediaType: 'application/vnd.oci.image.layer.v1.tar',
      digest,
      size: fs.statSync(file).size,
    })),
  };
  const annotations = { 'io.containerd.image.name': normalizeReference(reference) };
  const index = { schemaVersion: 2, manifests: [{ ...blob(manifest, manifestType), annotations }] };
  fs.writeFileSync(path.join(folder, 'index.json'), JSON.stringify(index));
  fs.writeFileSync(path.join(folder, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
  // The index comes first, so that reading it does not read through the layers.
  await run('tar', [
    '--create',
    '--file',
    archive,
    '--directory',
    folder,
    'index.json',
    'oci-layout',
    'blobs',
  ]);
  fs.rmSync(folder, { recursive: true });
}

/** Reads name and manifest digest of an archive that {@link writeArchive} wrote. */
export async function readArchive(archive: string): Promise<ArchivedImage> {
  const { stdout } = await run('tar', [
    '--extract',
    '--to-stdout',
    '--occurrence=1',
    '--file',
    archive,
    'index.json',
  ]);
  const [manifest] = JSON.parse(stdout).manifests;
  return { reference: manifest.annotations['io.containerd.image.name'], digest: manifest.digest };
}

/** Full form of an image reference: `redis:8` means `docker.io/library/redis:8`. */
export function normalizeReference(reference: string): string {
  const [first = '', ...rest] = reference.split('/');
  if (rest.length === 0) return `docker.io/library/${reference}`;
  const isHost = first.includes('.') || first.includes(':') || first === 'localhost';
  return isHost ? reference : `docker.io/${reference}`;
}

async function digestOf(file: string): Promise<string> {
  const digest = createHash('sha256');
  await pipeline(fs.createReadStream(file, { highWaterMark: 1 << 20 }), digest);
  return `sha256:${digest.digest('hex')}`;
}
