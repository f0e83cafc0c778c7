import { UserError } from '../user-error';

/** What a tool has against one object. */
export interface Finding {
  /** Identifier of the tool's check. */
  readonly check: string;
  /** `Kind/name`. */
  readonly object: string;
  readonly message: string;
}

/** A decision that findings of one check do not apply. */
export interface Skip {
  readonly check: string;
  /** Objects as `Kind/name`; a part `*` stands for any. */
  readonly objects: readonly string[];
  /** Why, for the person who reviews it. */
  readonly reason: string;
}

/** Findings after the skips. */
export interface Review {
  readonly open: readonly Finding[];
  readonly skipped: readonly Finding[];
  /** Skips, by check and object, that no finding needs any more. */
  readonly unused: readonly string[];
}

/** Takes out the findings that are skipped. */
export function review(findings: readonly Finding[], skips: readonly Skip[]): Review {
  const used = new Set<string>();
  const isSkipped = (finding: Finding) => {
    const hits = skips.flatMap(({ check, objects }) =>
      objects
        .filter((pattern) => check === finding.check && matches(pattern, finding.object))
        .map((pattern) => `${check} ${pattern}`),
    );
    for (const hit of hits) used.add(hit);
    return hits.length > 0;
  };
  const skipped = findings.filter(isSkipped);
  const declared = skips.flatMap(({ check, objects }) => objects.map((pattern) => `${check} ${pattern}`));
  return {
    open: findings.filter((finding) => !skipped.includes(finding)),
    skipped,
    unused: declared.filter((skip) => !used.has(skip)),
  };
}

function matches(pattern: string, object: string): boolean {
  const wanted = pattern.split('/');
  const parts = object.split('/');
  return wanted.length === parts.length && wanted.every((part, at) => part === '*' || part === parts[at]);
}

/**
 * Reads the skips of one tool.
 * @throws UserError when one has no check, no objects, or no reason of at least 15 characters.
 */
export function parseSkips(text: string, tool: string): readonly Skip[] {
  const skips = (JSON.parse(text) as Record<string, Skip[] | undefined>)[tool] ?? [];
  for (const { check, objects, reason } of skips) {
    if (check && objects?.length > 0 && reason?.trim().length >= 15) continue;
    throw new UserError(
      `The skip of ${tool} ${check ?? 'without check'} is incomplete.`,
      'Give it check, objects and a reason of at least 15 characters.',
    );
  }
  return skips;
}
