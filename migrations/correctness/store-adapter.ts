import type { StoreName } from '../stores';

/** What the suite needs to know about one store; adding a store is one file that implements it. */
export interface StoreAdapter {
  readonly store: StoreName;
  /** Why the store has no users that may read and not write; then that case is left out, and its tests' names say so. */
  readonly noReadOnlyUsers?: string;
  /** Starts a server of the store. */
  start(): Promise<CorrectnessServer>;
}

/** A running server. */
export interface CorrectnessServer {
  /** A place that nothing was ever applied to, independent of earlier ones. */
  fresh(): Promise<FreshPlace>;
  /** Kills the server hard and lets it start again. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** One database, or one history with names of its own. */
export interface FreshPlace {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  /** As the store's credentials Secret has them. */
  readonly credentials: Record<string, string>;
  /** Credentials that may read, and not write; none where {@link StoreAdapter.noReadOnlyUsers}. */
  readonly readOnly?: Record<string, string>;
  /** File that makes object `n` (from 1), with a `down` that removes it. */
  change(n: number): string;
  /** File whose first operation works and whose second one the store refuses. */
  failing(): string;
  /** File that makes object `n` and takes minutes until {@link FreshPlace.quick} replaces it or its runner dies. */
  slow(n: number): string;
  /** File that takes the place of the slow one: makes object `n` at once. */
  quick(n: number): string;
  /** Whether a runner is inside {@link FreshPlace.slow} now. */
  insideSlow(): Promise<boolean>;
  /** File of at least this many bytes that makes object `n`. */
  big(n: number, bytes: number): string;
  /** Numbers of the objects that exist. */
  objects(): Promise<number[]>;
  /** Everything that the place holds, the engine's own records too, as text that two moments can be compared by. */
  dump(): Promise<string>;
}
