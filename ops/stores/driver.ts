/** The port between backups and a store. */
import type { WriteOptions } from '../archive/artifact';

/** How much of one kind a store holds, and a digest that two stores share only when that is the same. */
export interface ContentEntry {
  /** Rows, keys, nodes, triples, points, documents or objects. */
  readonly count: number;
  /** SHA-256 (hex) of all of it in an order of its own; absent where the store has no order to read it in. */
  readonly sha256?: string;
}

/** What a store holds, by table, database, label, graph, collection, index or bucket. */
export type StoreContent = Readonly<Record<string, ContentEntry>>;

/** A change that the store's own history has, as far as a backup keeps it. */
export interface SchemaEntry {
  readonly version: string;
  readonly checksum: string;
}

/** What a driver says of the copy it made. */
export interface CopyReport {
  /** As the server names it, such as `17.6`. */
  readonly serverVersion: string;
  /** Newest last; empty where the store has no history. */
  readonly schema: readonly SchemaEntry[];
  /** Of exactly what was copied. */
  readonly content: StoreContent;
  /** Where in the store's own order of changes the copy was made, such as a log sequence number; absent where it has none. */
  readonly position?: string;
}

/** Where a driver puts the files of a copy. */
export interface ArtifactSink {
  /** @param name Unique in the store, such as `platform.dump`. */
  write(
    name: string,
    source: AsyncIterable<Uint8Array>,
    options?: Pick<WriteOptions, 'compress'>,
  ): Promise<void>;
}

/** Files of a copy, checked already, on this machine's disk, by the names they were written under. */
export type ArtifactFiles = Readonly<Record<string, string>>;

/** Where the stores that follow another one's outbox were, just before the first of them was copied. */
export interface Cut {
  /** ISO 8601, by the clock of the store with the outbox. */
  readonly at: string;
  /** What each consumer had followed up to, by its name: numbers, as text. */
  readonly consumers: Readonly<Record<string, { readonly transactionId: string; readonly position: string }>>;
}

/** The changes of a store that other stores follow. */
export interface Outbox {
  /** Undefined where there is none. */
  cut(): Promise<Cut | undefined>;
  /** Makes every consumer follow from the cut on, or from where it is if that is before; some changes then come twice. */
  resume(cut: Cut): Promise<void>;
}

/** Backs one store up and restores it, by the store's own mechanism. */
export interface StoreDriver {
  /** Copies the whole store, as of one moment as far as the store can; writers go on. */
  backup(sink: ArtifactSink): Promise<CopyReport>;
  /** What the store holds now. */
  content(): Promise<StoreContent>;
  /**
   * Makes the store what the copy was. It was empty, or may be overwritten; a run that was interrupted is repeated.
   * @throws Error when the files cannot be restored; the store may then hold a part of them.
   */
  restore(files: ArtifactFiles): Promise<void>;
  /** Lets everybody in again, where `restore` kept others out so that what it made can be compared. */
  admit?(): Promise<void>;
  /** Why what a restore gave cannot be read and compared; undefined when it can. */
  readonly unreadable?: string;
  close(): Promise<void>;
  /** Of the one store that others follow. */
  readonly outbox?: Outbox;
}
