/** The port between invariants and a store: questions that change nothing. */
import type { Check, Values } from '../../migrations/invariants/checks';

/** A statement or request that takes longer has failed. */
export const ANSWER_WITHIN_MS = 300_000;
/** What violates an invariant is counted up to here. */
export const MOST_VIOLATIONS = 1000;

/** Asks one store. */
export interface Asker {
  /** Rows of a query as text, at most `most`, null as ''; absent where the store has no query language. */
  rows?(query: string, most?: number): Promise<string[][]>;
  /** The answer to a request; absent where the store has a query language. */
  answer?(request: Check['request']): Promise<unknown>;
  /** Values that are no answer to a query; absent where the store has none that invariants compare. */
  values?(source: Exclude<Values, { query: string }>): Promise<Iterable<string>>;
  close(): Promise<void>;
}
