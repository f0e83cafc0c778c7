/** What drills found, in the repository that their sets are in: `drills/<id>.json`. */
import { text } from 'node:stream/consumers';
import { Readable } from 'node:stream';
import { z } from 'zod';
import { type Repository, RepositoryError } from '../repository/repository';
import { sealedText, unsealed } from '../sets/seal';

const seconds = z.number().min(0);
const record = z.strictObject({
  format: z.literal(1),
  id: z.string().regex(/^\d{8}T\d{6}Z-[a-z0-9]{6}$/),
  /** Id of the set that was restored, and the namespace of its platform. */
  set: z.string(),
  platform: z.string(),
  startedAt: z.iso.datetime(),
  finishedAt: z.iso.datetime(),
  /** Empty when the drill was passed. */
  problems: z.array(z.string()),
  /** From the start until everything was asserted; `reached` is absent when that never was. */
  rto: z.strictObject({ targetSeconds: seconds, reachedSeconds: seconds.optional() }),
  /** How old the oldest copy of a store was at the start. */
  rpo: z.strictObject({ targetSeconds: seconds, reachedSeconds: seconds }),
  stores: z.record(
    z.string(),
    z.strictObject({
      /** Since its copy was begun, at the start. */
      ageSeconds: seconds,
      /** Absent when it was not restored. */
      restoredInSeconds: seconds.optional(),
      entries: z.number().int().min(0).optional(),
    }),
  ),
  /** Without examples, which would be data. */
  invariants: z.array(
    z.strictObject({
      name: z.string(),
      sha256: z.string(),
      state: z.enum(['holds', 'violated', 'failed', 'unchecked']),
      violations: z.number().int().min(0),
    }),
  ),
});

/** What one drill found. */
export type DrillRecord = z.infer<typeof record>;

const FOLDER = 'drills/';
/** Two years of weekly drills. */
const KEPT = 100;

/** The records of one repository. */
export class DrillRecords {
  constructor(private readonly repository: Repository) {}

  async write(drill: DrillRecord): Promise<void> {
    const content = Readable.from([Buffer.from(sealedText(drill))]);
    await this.repository.put(`${FOLDER}${drill.id}.json`, content);
  }

  /** Every record that is whole, oldest first; one that is damaged proves nothing. */
  async list(): Promise<DrillRecord[]> {
    const found = await Promise.all((await this.keys()).map((key) => this.read(key)));
    return found.filter((drill) => drill !== undefined);
  }

  /** The newest record that is whole. */
  async newest(): Promise<DrillRecord | undefined> {
    for (const key of (await this.keys()).reverse()) {
      const drill = await this.read(key);
      if (drill) return drill;
    }
    return undefined;
  }

  /** Removes all but the newest hundred. */
  async prune(): Promise<void> {
    for (const key of (await this.keys()).slice(0, -KEPT)) await this.repository.delete(key);
  }

  /** In order of time, which the ids begin with. */
  private async keys(): Promise<string[]> {
    const objects = await this.repository.list(FOLDER);
    return objects.map(({ key }) => key).filter((key) => /^drills\/[^/]+\.json$/.test(key));
  }

  private async read(key: string): Promise<DrillRecord | undefined> {
    try {
      const parsed = record.safeParse(unsealed(await text(await this.repository.get(key))));
      return parsed.success && key === `${FOLDER}${parsed.data.id}.json` ? parsed.data : undefined;
    } catch (error) {
      if (error instanceof SyntaxError) return undefined;
      if (error instanceof RepositoryError && ['irregular', 'missing'].includes(error.fault))
        return undefined;
      throw error;
    }
  }
}
