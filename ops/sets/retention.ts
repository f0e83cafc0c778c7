/** Which sets stay. */

/** A complete set, as far as retention is concerned. */
export interface AgedSet {
  readonly id: string;
  /** End of its last copy. */
  readonly finishedAt: Date;
  /** Whether a restore of it has been proven. */
  readonly verified: boolean;
}

/** How long sets are kept. */
export interface RetentionPolicy {
  /** Days from its end that a set is kept. */
  readonly keepDays: number;
  /** The newest ones that stay however old they are; at least 1. */
  readonly keepLast: number;
}

const DAY_MS = 24 * 3600 * 1000;

/**
 * The sets that may be removed, oldest first. The newest set and the newest one whose restore has been proven always stay.
 * @throws Error when the policy would keep nothing.
 */
export function expiredSets<Set extends AgedSet>(
  sets: readonly Set[],
  { keepDays, keepLast }: RetentionPolicy,
  now: Date,
): Set[] {
  if (!(keepDays >= 0 && Number.isInteger(keepLast) && keepLast >= 1))
    throw new Error(
      `Retention needs keepDays of at least 0 and keepLast of at least 1, got ${keepDays} and ${keepLast}.`,
    );
  const newestFirst = [...sets].sort((a, b) => b.finishedAt.getTime() - a.finishedAt.getTime());
  const proven = newestFirst.find(({ verified }) => verified);
  const limit = now.getTime() - keepDays * DAY_MS;
  return newestFirst
    .filter((set, index) => index >= keepLast && set !== proven && set.finishedAt.getTime() < limit)
    .reverse();
}
