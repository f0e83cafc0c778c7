/** Backup sets in a repository: `sets/<id>/manifest.json` and beside it the artifacts, by store. */
import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import * as path from 'node:path';
import { buffer, text } from 'node:stream/consumers';
import { Readable } from 'node:stream';
import {
  type Artifact,
  DamagedArtifactError,
  damageOf,
  readArtifact,
  writeArtifact,
} from '../archive/artifact';
import { type Repository, RepositoryError, type StoredObject } from '../repository/repository';
import type { ArtifactFiles, Outbox, StoreDriver } from '../stores/driver';
import { type Manifest, ManifestError, manifestText, parseManifest, type StoreCopy } from './manifest';
import { expiredSets, type RetentionPolicy } from './retention';
import { sealedText, unsealed } from './seal';

/** A set as `list` shows it. */
export interface SetSummary {
  readonly id: string;
  /** `incomplete`: it is being written, or was interrupted; `damaged`: its manifest cannot be read. */
  readonly state: 'complete' | 'incomplete' | 'damaged';
  /** Why it is damaged. */
  readonly problem?: string;
  readonly manifest?: Manifest;
  /** When a restore of it was last proven, ISO 8601. */
  readonly verifiedAt?: string;
  /** What it takes in the repository. */
  readonly bytes: number;
  /** Of its newest object. */
  readonly modified: Date;
}

/** What is made known while a long run works; with how many bytes are read next, where that is known. */
export type Progress = (message: string, bytes?: number) => void;

/** A set that cannot be used; the message says which and why. */
export class SetError extends Error {}

const MANIFEST = 'manifest.json';
const PROOF = 'verified.json';
/** A run that is longer than this without writing anything is taken for dead. */
const ABANDONED_MS = 24 * 3600 * 1000;

/** The sets of one repository. */
export class BackupSets {
  constructor(
    readonly repository: Repository,
    private readonly now: () => Date = () => new Date(),
  ) {}

  /**
   * Copies stores one after the other into a new set; its manifest comes last. The one that others follow comes after
   * them: then none of them holds what it does not.
   * @throws Error naming the store that failed; then the set stays incomplete, and `prune` removes it later.
   */
  async create(
    platform: string,
    stores: Readonly<Record<string, StoreDriver>>,
    { recipients, progress }: { recipients: readonly string[]; progress: Progress },
  ): Promise<Manifest> {
    const startedAt = this.now();
    const id = newId(startedAt);
    const copies: Record<string, StoreCopy> = {};
    const cut = await outboxOf(stores)?.cut();
    for (const [store, driver] of Object.entries(stores)) {
      progress(`${store}: copying`);
      copies[store] = await this.copy(id, store, driver, recipients).catch((error: Error) => {
        throw new SetError(`${store} could not be backed up: ${error.message} The set ${id} is incomplete.`, {
          cause: error,
        });
      });
      progress(`${store}: ${copies[store].artifacts.length} files, ${storedBytes(copies[store])} bytes`);
    }
    const finishedAt = this.now().toISOString();
    const manifest: Manifest = {
      ...{ format: 1, id, platform, startedAt: startedAt.toISOString(), finishedAt },
      ...(cut ? { cut } : {}),
      stores: copies,
    };
    await this.repository.put(`sets/${id}/${MANIFEST}`, Readable.from([Buffer.from(manifestText(manifest))]));
    return manifest;
  }

  private async copy(
    id: string,
    store: string,
    driver: StoreDriver,
    recipients: readonly string[],
  ): Promise<StoreCopy> {
    const startedAt = this.now().toISOString();
    const artifacts: Artifact[] = [];
    const report = await driver.backup({
      write: async (name, source, options) => {
        artifacts.push(
          await writeArtifact(this.repository, `sets/${id}/`, `${store}/${name}`, source, {
            ...options,
            recipients,
          }),
        );
      },
    });
    return {
      ...report,
      schema: [...report.schema],
      startedAt,
      finishedAt: this.now().toISOString(),
      artifacts,
    };
  }

  /** Every set, oldest first. */
  async list(): Promise<SetSummary[]> {
    const objects = await this.repository.list('sets/');
    const byId = new Map<string, StoredObject[]>();
    for (const object of objects) {
      const [, id, file] = object.key.split('/');
      // What lies beside the sets is not theirs.
      if (!id || !file) continue;
      byId.set(id, [...(byId.get(id) ?? []), object]);
    }
    const summaries = [...byId].map(([id, own]) => this.summary(id, own));
    return (await Promise.all(summaries)).sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  private async summary(id: string, objects: readonly StoredObject[]): Promise<SetSummary> {
    const has = (file: string) => objects.some(({ key }) => key === `sets/${id}/${file}`);
    const common = {
      id,
      bytes: objects.reduce((sum, { bytes }) => sum + bytes, 0),
      modified: new Date(Math.max(...objects.map(({ modified }) => modified.getTime()))),
    };
    if (!has(MANIFEST) && !has(PROOF)) return { ...common, state: 'incomplete' };
    try {
      // A run that was interrupted has proven nothing: this set was complete once.
      if (!has(MANIFEST)) throw new ManifestError(`The manifest of set ${id} is missing; take another set.`);
      const manifest = await this.manifest(id);
      const verifiedAt = has(PROOF) ? await this.proof(id) : undefined;
      return { ...common, state: 'complete', manifest, ...(verifiedAt ? { verifiedAt } : {}) };
    } catch (error) {
      if (!(error instanceof ManifestError)) throw error;
      return { ...common, state: 'damaged', problem: error.message };
    }
  }

  /**
   * The manifest of a set.
   * @throws ManifestError when it is damaged; SetError when there is none.
   */
  async manifest(id: string): Promise<Manifest> {
    const stream = await this.repository.get(`sets/${id}/${MANIFEST}`).catch((error) => {
      const fault = error instanceof RepositoryError ? error.fault : undefined;
      if (fault === 'missing')
        throw new SetError(
          `There is no complete set ${id} in ${this.repository.name}; \`list\` shows those there are.`,
        );
      if (fault === 'irregular')
        throw new ManifestError(`The manifest of set ${id} is no file; take another set.`);
      throw error;
    });
    // Unlike `text`, this keeps a byte order mark, which is none of ours.
    return parseManifest((await buffer(stream)).toString(), id);
  }

  /** Newest complete set that was finished by then. @throws SetError when there is none, or a damaged one is newer. */
  async newest(by: Date = this.now()): Promise<Manifest> {
    const sets = await this.list();
    const last = sets.findLast(
      ({ state, manifest }) => state === 'complete' && new Date(manifest!.finishedAt) <= by,
    )?.manifest;
    const damaged = sets.findLast(
      ({ id, state }) => state === 'damaged' && id.split('-')[0]! <= stampOf(by) && id > (last?.id ?? ''),
    );
    if (damaged && last)
      throw new SetError(
        `${damaged.problem} It is newer than ${last.id}: name that one with --set if older data will do.`,
      );
    if (last) return last;
    throw new SetError(
      `${this.repository.name} has no complete set that was finished by ${by.toISOString()}.`,
    );
  }

  /** What is wrong with the artifacts of a set, without opening them. */
  async damages({ id, stores }: Manifest): Promise<DamagedArtifactError[]> {
    const damages: DamagedArtifactError[] = [];
    for (const artifact of Object.values(stores).flatMap(({ artifacts }) => artifacts)) {
      const damage = await damageOf(this.repository, `sets/${id}/${artifact.name}`, artifact);
      if (damage) damages.push(damage);
    }
    return damages;
  }

  /**
   * Brings the files of one store's copy to this machine, each checked.
   * @param folder Of the caller's, who removes it.
   */
  async fetch(
    { id, stores }: Manifest,
    store: string,
    folder: string,
    identities: readonly string[],
  ): Promise<ArtifactFiles> {
    const copy = stores[store];
    if (!copy) throw new SetError(`Set ${id} has no ${store}; it has ${Object.keys(stores).join(', ')}.`);
    const files: Record<string, string> = {};
    await mkdir(folder, { recursive: true, mode: 0o700 });
    for (const [index, artifact] of copy.artifacts.entries()) {
      const file = path.join(folder, String(index));
      await readArtifact(this.repository, `sets/${id}/`, artifact, file, identities);
      files[artifact.name.slice(store.length + 1)] = file;
    }
    return files;
  }

  /** Records that a restore of a set was proven. */
  async markVerified(id: string, report: object): Promise<void> {
    const proof = { set: id, verifiedAt: this.now().toISOString(), ...report };
    await this.repository.put(`sets/${id}/${PROOF}`, Readable.from([Buffer.from(sealedText(proof))]));
  }

  private async proof(id: string): Promise<string | undefined> {
    try {
      const stream = await this.repository.get(`sets/${id}/${PROOF}`);
      const proof = unsealed(await text(stream)) as { set: string; verifiedAt: string } | undefined;
      return proof?.set === id ? proof.verifiedAt : undefined;
    } catch (error) {
      // A proof that cannot be read proves nothing.
      if (error instanceof SyntaxError) return undefined;
      if (error instanceof RepositoryError && error.fault === 'irregular') return undefined;
      throw error;
    }
  }

  /**
   * Removes sets that the policy lets go, and what interrupted runs left a day ago; damaged sets stay, for a person to look at.
   * @param dryRun Only says what it would remove.
   * @returns the ids of what was removed, oldest first.
   */
  async prune(policy: RetentionPolicy, dryRun: boolean): Promise<string[]> {
    const sets = await this.list();
    const complete = sets
      .filter(({ state }) => state === 'complete')
      .map((set) => ({ ...set, finishedAt: new Date(set.manifest!.finishedAt), verified: !!set.verifiedAt }));
    const expired = new Set(expiredSets(complete, policy, this.now()).map(({ id }) => id));
    const abandoned = (set: SetSummary) =>
      set.state === 'incomplete' && this.now().getTime() - set.modified.getTime() > ABANDONED_MS;
    const removed = sets.filter((set) => expired.has(set.id) || abandoned(set)).map(({ id }) => id);
    if (!dryRun) for (const id of removed) await this.remove(id);
    return removed;
  }

  private async remove(id: string): Promise<void> {
    // Without both, a half removed set is taken neither for a complete nor for a damaged one.
    for (const file of [PROOF, MANIFEST]) await this.repository.delete(`sets/${id}/${file}`);
    for (const { key } of await this.repository.list(`sets/${id}/`)) await this.repository.delete(key);
  }
}

/** What a copy takes in the repository. */
export function storedBytes({ artifacts }: StoreCopy): number {
  return artifacts.reduce((sum, { stored }) => sum + stored.bytes, 0);
}

/** Of the store among them that others follow. */
export function outboxOf(stores: Readonly<Record<string, StoreDriver>>): Outbox | undefined {
  return Object.values(stores).find(({ outbox }) => outbox)?.outbox;
}

/** Sets, and drills, sort by the time they were begun at. */
export function newId(time: Date): string {
  return `${stampOf(time)}-${randomBytes(3).toString('hex')}`;
}

function stampOf(time: Date): string {
  return time.toISOString().replace(/[-:]|\.\d+/g, '');
}
