import { z } from 'zod';
import { sealedText, unsealed } from './seal';

const sha256 = z.string().regex(/^[a-f0-9]{64}$/);
const measure = z.strictObject({ bytes: z.number().int().min(0), sha256 });
const artifact = z.strictObject({
  // What leads out of the set's folder is no name of an artifact.
  name: z.string().regex(/^[a-z0-9]+(\/[A-Za-z0-9_][A-Za-z0-9._-]*)+$/),
  compression: z.enum(['zstd', 'none']),
  encryption: z.enum(['age', 'none']),
  content: measure,
  stored: measure,
});
const storeCopy = z.strictObject({
  serverVersion: z.string(),
  schema: z.array(z.strictObject({ version: z.string(), checksum: z.string() })),
  content: z.record(
    z.string(),
    z.strictObject({ count: z.number().int().min(0), sha256: sha256.optional() }),
  ),
  position: z.string().optional(),
  /** ISO 8601: when the copy of this store began and ended. */
  startedAt: z.iso.datetime(),
  finishedAt: z.iso.datetime(),
  artifacts: z.array(artifact),
});
const digits = z.string().regex(/^\d{1,20}$/);
const cut = z.strictObject({
  at: z.iso.datetime(),
  consumers: z.record(z.string(), z.strictObject({ transactionId: digits, position: digits })),
});
const body = z.strictObject({
  format: z.literal(1),
  id: z.string().regex(/^\d{8}T\d{6}Z-[a-z0-9]{6}$/),
  /** Namespace of the platform that it is of. */
  platform: z.string(),
  startedAt: z.iso.datetime(),
  finishedAt: z.iso.datetime(),
  /** Absent without the store that has the outbox. */
  cut: cut.optional(),
  stores: z.record(z.string().regex(/^[a-z0-9]+$/), storeCopy),
});
const sealed = body.extend({ seal: sha256 });

/** What a backup set consists of, and what each store held; written last, so that a set with one is complete. */
export type Manifest = z.infer<typeof body>;

/** The part of a manifest that is about one store. */
export type StoreCopy = z.infer<typeof storeCopy>;

/** A manifest is damaged, of another set, or of another version of this project. */
export class ManifestError extends Error {}

/** Text of a manifest, with a checksum of its own. */
export function manifestText(manifest: Manifest): string {
  return sealedText(manifest);
}

/**
 * Reads a manifest.
 * @param id Of the set that it was found in.
 * @throws ManifestError naming the set and what is wrong.
 */
export function parseManifest(text: string, id: string): Manifest {
  const refuse = (why: string) => new ManifestError(`The manifest of set ${id} ${why}; take another set.`);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw refuse('is damaged: it is no JSON');
  }
  const format = (json as { format?: unknown } | null)?.format;
  if (typeof format === 'number' && format > 1)
    throw new ManifestError(
      `Set ${id} has format ${format}, which this version does not know; use the version that wrote it.`,
    );
  const parsed = sealed.safeParse(json);
  if (!parsed.success)
    throw refuse(`is damaged: ${parsed.error.issues[0]!.path.join('.') || 'it'} is not valid`);
  const { seal: _, ...manifest } = parsed.data;
  if (!unsealed(text)) throw refuse('was changed: its checksum is not its own');
  if (manifest.id !== id) throw refuse(`is that of set ${manifest.id}`);
  const foreign = foreignArtifact(manifest);
  if (foreign) throw refuse(`is damaged: ${foreign} is listed under another store`);
  return manifest;
}

function foreignArtifact({ stores }: Manifest): string | undefined {
  return Object.entries(stores)
    .flatMap(([store, { artifacts }]) => artifacts.filter(({ name }) => !name.startsWith(`${store}/`)))
    .map(({ name }) => name)[0];
}
