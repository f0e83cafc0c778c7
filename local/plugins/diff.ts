import { type Plain, Unknown, isObject } from './marshalling';

/** Place of a value in a property tree: member names and list positions. */
export type Path = readonly (string | number)[];

/** One difference between two property trees. */
export interface Change {
  readonly path: Path;
  readonly kind: 'add' | 'delete' | 'update';
}

/** What a provider answers to "what would change?". */
export interface Diff {
  readonly changes: readonly Change[];
  /** Whether a change forces a new object. */
  readonly replaces: (change: Change) => boolean;
  /** Delete the old object first; default false. */
  readonly deleteBeforeReplace?: boolean;
}

/** Lists the leaves in which two plain property trees differ. */
export function changes(before: Plain, after: Plain, path: Path = []): Change[] {
  if (after instanceof Unknown) return [{ path, kind: before === undefined ? 'add' : 'update' }];
  if (before === after) return [];
  if (before === undefined) return [{ path, kind: 'add' }];
  if (after === undefined) return [{ path, kind: 'delete' }];
  if (Array.isArray(before) && Array.isArray(after)) {
    const length = Math.max(before.length, after.length);
    return Array.from({ length }, (_, index) =>
      changes(before[index], after[index], [...path, index]),
    ).flat();
  }
  if (isObject(before) && isObject(after)) {
    const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])];
    return keys.flatMap((key) => changes(before[key], after[key], [...path, key]));
  }
  return [{ path, kind: 'update' }];
}

/**
 * Writes a path as Pulumi's property path, such as `spec.containers[0].env` or `data["a.b"]`.
 * @see https://www.pulumi.com/docs/iac/concepts/miscellaneous/property-paths/
 */
export function formatPath(path: Path): string {
  return path
    .map((part, index) => {
      if (typeof part === 'number') return `[${part}]`;
      if (!/^[A-Za-z_$][\w$-]*$/.test(part)) return `["${part.replaceAll('"', '\\"')}"]`;
      return index === 0 ? part : `.${part}`;
    })
    .join('');
}
