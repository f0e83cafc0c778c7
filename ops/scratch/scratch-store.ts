/** An empty server that a copy is restored into to prove it. */
import type { Asker } from '../invariants/asker';
import type { BackupStore } from '../stores';
import type { StoreDriver } from '../stores/driver';

/** An empty server, and what reaches it. */
export interface ScratchStore {
  readonly driver: StoreDriver;
  /** Opens what asks whether invariants hold of it. */
  ask(): Promise<Asker>;
  /** Removes the server with everything in it, where it was started for this run. */
  stop(): Promise<void>;
}

/** Starts a scratch server of a store. */
export type StartScratch = (store: BackupStore) => Promise<ScratchStore>;
