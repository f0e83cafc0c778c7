/** Asserts that invariants hold of the stores of a drill. */
import type { Check, Values } from '../../migrations/invariants/checks';
import { CROSS_STORE, type Invariant } from '../../migrations/invariants/invariants';
import type { BackupStore } from '../stores';
import { type Asker, MOST_VIOLATIONS } from './asker';
import { mismatch } from './matching';

const EXAMPLES = 5;

/** What came of one invariant. */
export interface InvariantResult {
  /** Path such as `postgres/platform/every-project-has-a-member`. */
  readonly name: string;
  readonly description: string;
  /** SHA-256 (hex) of its file. */
  readonly sha256: string;
  /** `unchecked`: the set lacks a store that it is about; `failed`: the store refused to answer. */
  readonly state: 'holds' | 'violated' | 'failed' | 'unchecked';
  /** How much violates it; counting ends at 1000. */
  readonly violations: number;
  /** A few of them, or why the store did not answer; may hold data. */
  readonly examples: readonly string[];
}

type Askers = Readonly<Partial<Record<BackupStore, Asker>>>;

/** Checks one after the other; an answer that is an error is a result like the others. */
export async function checkInvariants(
  invariants: readonly Invariant[],
  askers: Askers,
): Promise<InvariantResult[]> {
  const results: InvariantResult[] = [];
  for (const invariant of invariants) results.push(await checkOne(invariant, askers));
  return results;
}

async function checkOne(invariant: Invariant, askers: Askers): Promise<InvariantResult> {
  const { name, description, sha256 } = invariant;
  const about = { name, description, sha256 };
  if (storesOf(invariant).some((store) => !askers[store]))
    return { ...about, state: 'unchecked', violations: 0, examples: [] };
  try {
    const found = await violationsOf(invariant, askers);
    const state = found.length > 0 ? 'violated' : 'holds';
    return { ...about, state, violations: found.length, examples: found.slice(0, EXAMPLES) };
  } catch (error) {
    return { ...about, state: 'failed', violations: 0, examples: [(error as Error).message] };
  }
}

function storesOf(invariant: Invariant): BackupStore[] {
  return invariant.store === CROSS_STORE ? [invariant.every.store, invariant.isIn.store] : [invariant.store];
}

async function violationsOf(invariant: Invariant, askers: Askers): Promise<string[]> {
  if (invariant.store === CROSS_STORE) return missing(invariant.every, invariant.isIn, askers);
  const asker = askers[invariant.store]!;
  if ('query' in invariant) {
    const rows = await asker.rows!(invariant.query, MOST_VIOLATIONS);
    return rows.map((row) => row.join(', '));
  }
  return mismatches(invariant.checks, asker);
}

async function mismatches(checks: readonly Check[], asker: Asker): Promise<string[]> {
  const found: string[] = [];
  for (const { request, expected } of checks) {
    const fault = mismatch(expected, await asker.answer!(request));
    if (fault) found.push(`${JSON.stringify(request)}: ${fault}`);
  }
  return found;
}

/** Values of the one store that the other lacks. */
async function missing(every: Values, isIn: Values, askers: Askers): Promise<string[]> {
  const there = new Set(await valuesOf(isIn, askers));
  const wanted = await valuesOf(every, askers);
  const lacking: string[] = [];
  for (const value of new Set(wanted)) {
    // What is null refers to nothing.
    if (value === '' || there.has(value)) continue;
    lacking.push(`${value} of ${every.store} is not in ${isIn.store}`);
    if (lacking.length === MOST_VIOLATIONS) break;
  }
  return lacking;
}

async function valuesOf(source: Values, askers: Askers): Promise<Iterable<string>> {
  const asker = askers[source.store]!;
  if (!('query' in source)) return asker.values!(source);
  return (await asker.rows!(source.query)).map(([value = '']) => value);
}
