import { createHash, randomUUID } from 'node:crypto';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { ExponentialBackoff, handleAll, retry } from 'cockatiel';
import { parseAllDocuments } from 'yaml';
import { cacheRoot } from '../../local/paths';
import type { KubernetesObject } from '../../migrations/kubernetes/cluster';

/** A release manifest that cannot be fetched, or that is not what its checksum promises. */
export class ManifestError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ManifestError';
  }
}

/** Where a release manifest comes from and what it must be. */
export interface ManifestSource {
  /** HTTPS address of the YAML file. */
  readonly url: string;
  /** SHA-256 of the file, 64 hexadecimal digits. */
  readonly sha256: string;
}

/** What is changed in a release manifest before it is applied. */
export interface Customisation {
  /** Image that replaces the one the manifest runs; default the manifest's own. */
  readonly image?: string;
  /** Namespace that replaces the one the manifest creates; default the manifest's own. */
  readonly namespace?: string;
}

const DOWNLOAD_TIMEOUT_MS = 60_000;

/** Path of the cached copy of a manifest; a closed network puts the file there by other means. */
export function manifestPath(sha256: string): string {
  return path.join(cacheRoot(), 'manifests', `${sha256}.yaml`);
}

/**
 * Reads a manifest from the cache, else downloads, verifies and caches it.
 * @throws ManifestError when it cannot be had or its bytes have another checksum.
 */
export async function loadManifest(source: ManifestSource): Promise<KubernetesObject[]> {
  const cached = manifestPath(source.sha256);
  const known = await fs.readFile(cached).catch(() => undefined);
  if (known && sha256(known) === source.sha256) return parseManifest(known.toString('utf8'));
  const downloaded = await download(source.url, cached);
  const actual = sha256(downloaded);
  if (actual !== source.sha256) {
    throw new ManifestError(
      `The manifest ${source.url} has sha256 ${actual}, expected ${source.sha256}: if the new content is intended, pin its checksum.`,
    );
  }
  await fs.mkdir(path.dirname(cached), { recursive: true });
  const partial = `${cached}.${randomUUID()}.partial`;
  await fs.writeFile(partial, downloaded);
  await fs.rename(partial, cached);
  return parseManifest(downloaded.toString('utf8'));
}

async function download(url: string, cached: string): Promise<Buffer> {
  const policy = retry(handleAll, { maxAttempts: 2, backoff: new ExponentialBackoff() });
  try {
    return await policy.execute(async () => {
      const response = await fetch(url, { signal: AbortSignal.timeout(DOWNLOAD_TIMEOUT_MS) });
      if (!response.ok) throw new Error(`HTTP ${response.status} ${response.statusText}`);
      return Buffer.from(await response.arrayBuffer());
    });
  } catch (error) {
    throw new ManifestError(
      `The manifest ${url} cannot be downloaded (${reason(error)}): check the network, or put the file at ${cached}.`,
    );
  }
}

function reason(error: unknown): string {
  const { message, cause } = error as Error;
  return cause instanceof Error ? cause.message : message;
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Parses the objects of a multi-document manifest, in file order. */
export function parseManifest(text: string): KubernetesObject[] {
  return parseAllDocuments(text).flatMap((document) => {
    const problem = document.errors[0];
    if (problem) throw new ManifestError(`The manifest is not valid YAML: ${problem.message}`);
    const object = document.toJS() as KubernetesObject | null;
    return object ? [object] : [];
  });
}

/**
 * Returns the objects with the image and namespace replaced wherever the manifest names them, and namespaces that enforce
 * Pod Security `restricted`.
 * @throws ManifestError when the manifest runs several images or has several namespaces, so that one cannot stand for all.
 */
export function customise(objects: readonly KubernetesObject[], change: Customisation): KubernetesObject[] {
  const deployments = objects.filter(isDeployment);
  const images = unique(deployments.flatMap((d) => containersOf(d).map((container) => container.image)));
  const namespaces = unique(objects.filter((o) => o.kind === 'Namespace').map((o) => o.metadata.name ?? ''));
  const replacements = new Map([
    ...replacement('image', images, change.image),
    ...replacement('namespace', namespaces, change.namespace),
  ]);
  return objects.map((object) => restrictPods(pullIfNotPresent(replaceStrings(object, replacements))));
}

function replacement(what: string, found: string[], wanted: string | undefined): [string, string][] {
  if (!wanted) return [];
  if (found.length === 1) return [[found[0]!, wanted]];
  throw new ManifestError(
    `The manifest has ${found.length} ${what}s (${found.join(', ') || 'none'}), so ${what} "${wanted}" cannot replace them: leave ${what} out.`,
  );
}

function replaceStrings<T>(value: T, replacements: ReadonlyMap<string, string>): T {
  if (typeof value === 'string') return (replacements.get(value) ?? value) as T;
  if (Array.isArray(value)) return value.map((item) => replaceStrings(item, replacements)) as T;
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, replaceStrings(item, replacements)]),
  ) as T;
}

/** Release images never change under their tag, so a restart must not depend on the registry being up. */
function pullIfNotPresent(object: KubernetesObject): KubernetesObject {
  if (isDeployment(object))
    for (const container of containersOf(object)) container.imagePullPolicy = 'IfNotPresent';
  return object;
}

/** @see https://kubernetes.io/docs/concepts/security/pod-security-standards/ */
function restrictPods(object: KubernetesObject): KubernetesObject {
  if (object.kind !== 'Namespace') return object;
  const { metadata } = object;
  const labels = { ...metadata.labels, 'pod-security.kubernetes.io/enforce': 'restricted' };
  return { ...object, metadata: { ...metadata, labels } };
}

function isDeployment(object: KubernetesObject): boolean {
  return object.kind === 'Deployment';
}

function containersOf(deployment: KubernetesObject): { image: string; imagePullPolicy?: string }[] {
  return deployment.spec.template.spec.containers;
}

function unique(values: string[]): string[] {
  return [...new Set(values)];
}
