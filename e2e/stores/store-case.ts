import type { SecretReference } from '../../stacks/outputs';

/** Reads a referenced Secret: its values by purpose, such as `username`. */
export type ReadCredentials = (reference: SecretReference) => Promise<Record<string, string>>;

/** How the end-to-end suite uses one store, as an application does: from the stack outputs and the Secrets they name. */
export interface StoreCase {
  /** Name in the stack outputs. */
  readonly store: string;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- the whole contract, of which a case reads its own part
  open(outputs: any, credentials: ReadCredentials): Promise<StoreProbe>;
  /** Pod to kill under load. */
  victim(probe: StoreProbe): Promise<string>;
  /** Whether an acknowledged write may be lost when that pod dies, in the sizes this suite uses. */
  readonly mayLose: boolean;
}

/** An open store. */
export interface StoreProbe {
  /** Writes one record; resolves only when the store acknowledged it, and fails within 3 s when the store is away. */
  write(id: number): Promise<void>;
  /** Ids of all records written so far. */
  written(): Promise<Set<number>>;
  /** Asserts on the schema and on what the application's user may and may not do. */
  check(): Promise<void>;
  close(): Promise<void>;
}
