/** Two complete sets of two stores in a folder of this machine, one of which a test may damage. */
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { generateIdentity, identityToRecipient } from 'age-encryption';
import { restoreSet } from '../command/actions';
import { FolderRepository } from '../repository/folder';
import { BackupSets } from '../sets/backup-sets';
import type { Manifest } from '../sets/manifest';
import type { ArtifactFiles, StoreDriver } from '../stores/driver';
import { once } from '../stores/lines';

/** Whether the files of the sets are encrypted. */
export type Form = 'plain' | 'encrypted';

const DAY_MS = 24 * 3600 * 1000;
const BEGIN = new Date('2030-01-01T00:00:00Z');
/** After the sets were made. */
export const LATER = new Date(BEGIN.getTime() + 2 * DAY_MS);

/** A store that remembers what it was restored from. */
export class RecordingDriver implements StoreDriver {
  /** Texts by file name, of each restore. */
  readonly restores: Record<string, string>[] = [];

  constructor(private readonly texts: Readonly<Record<string, string>> = {}) {}

  async backup(sink: Parameters<StoreDriver['backup']>[0]) {
    for (const [name, text] of Object.entries(this.texts))
      await sink.write(name, once(text), { compress: !name.endsWith('.tar') });
    return {
      serverVersion: '1.2.3',
      schema: [{ version: '000001', checksum: 'c1' }],
      content: { rows: { count: 2, sha256: 'a'.repeat(64) } },
      position: '0/16B3748',
    };
  }

  async content() {
    const content = { rows: { count: 2, sha256: 'a'.repeat(64) } };
    return this.restores.length > 0 ? content : {};
  }

  async restore(files: ArtifactFiles): Promise<void> {
    const texts = Object.entries(files).map(([name, file]) => [name, fs.readFileSync(file, 'utf8')]);
    this.restores.push(Object.fromEntries(texts));
  }

  async close(): Promise<void> {}
}

/** Stores that hold what they do on a day. */
export function driversOf(day: string): Record<string, RecordingDriver> {
  const drivers = Object.entries(textsOf(day)).map(([store, texts]) => [store, new RecordingDriver(texts)]);
  return Object.fromEntries(drivers);
}

/** As long each day, and hard to compress. */
export function textsOf(day: string): Record<string, Record<string, string>> {
  const text = (name: string, lines: number) =>
    Array.from({ length: lines }, (_, line) =>
      createHash('sha256').update(`${day} ${name} ${line}`).digest('hex'),
    ).join('\n');
  return {
    one: { 'a.dump': text('a', 4000), 'inventory.json': text('inventory', 3) },
    two: { 'c.tar': text('c', 3000) },
  };
}

/** The sets, and what a test does with them. */
export class TwoSets {
  readonly sets: BackupSets;
  /** When the sets are looked at. */
  clock = LATER;

  private constructor(
    readonly folder: string,
    readonly identity: string,
    readonly older: Manifest,
    readonly newer: Manifest,
  ) {
    this.sets = new BackupSets(new FolderRepository(folder), () => this.clock);
  }

  static async create(form: Form, folder = temporaryFolder()): Promise<TwoSets> {
    const identity = await generateIdentity();
    const recipients = form === 'encrypted' ? [await identityToRecipient(identity)] : [];
    let clock = BEGIN;
    const sets = new BackupSets(new FolderRepository(folder), () => clock);
    const create = (day: string) =>
      sets.create('data', driversOf(day), { recipients, progress: () => undefined });
    const older = await create('older');
    clock = new Date(BEGIN.getTime() + DAY_MS);
    return new TwoSets(folder, identity, older, await create('newer'));
  }

  /** One more set, which is not encrypted. */
  backUp(day: string): Promise<Manifest> {
    return this.sets.create('data', driversOf(day), { recipients: [], progress: () => undefined });
  }

  /** The same sets in a folder of their own. */
  copy(): TwoSets {
    const folder = temporaryFolder();
    fs.cpSync(this.folder, folder, { recursive: true });
    return new TwoSets(folder, this.identity, this.older, this.newer);
  }

  /** Where a file of a set is. */
  file({ id }: Manifest, name: string): string {
    return path.join(this.folder, 'sets', id, name);
  }

  /**
   * Restores a set into empty stores.
   * @returns what each store was restored from, undefined where it was not touched, and the error.
   */
  async restore(manifest: Manifest, identities: readonly string[] = [this.identity]) {
    const [one, two] = [new RecordingDriver(), new RecordingDriver()];
    const options = { identities, force: false, progress: () => undefined };
    const error = await restoreSet(this.sets, manifest, { one, two }, options).then(
      () => undefined,
      ({ message }: Error) => message,
    );
    return { error, one: one.restores[0], two: two.restores[0] };
  }

  /** Fails unless the older set is whole, and stores can be restored from it. */
  async expectOlderUnharmed(): Promise<void> {
    const older = await this.sets.manifest(this.older.id);
    expect(await this.sets.damages(older)).toEqual([]);
    expect(await this.restore(older)).toEqual({ error: undefined, ...textsOf('older') });
  }

  remove(): void {
    fs.rmSync(this.folder, { recursive: true, force: true });
  }
}

/** What a restore that was refused gives. */
export const refused = (error: string) => ({ error, one: undefined, two: undefined });

/** Counts what was tried and what was found. */
export class Tally {
  private tried = 0;
  private detected = 0;

  /** Counts one; a case that throws was not found. */
  async count(check: () => Promise<void>): Promise<void> {
    this.tried += 1;
    await check();
    this.detected += 1;
  }

  toString(): string {
    return `${this.tried} corruptions, ${this.detected} detected`;
  }
}

function temporaryFolder(): string {
  return fs.mkdtempSync(path.join(os.tmpdir(), 'two-sets-'));
}
