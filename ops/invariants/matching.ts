/** What of an answer is not as expected. */

/**
 * The first difference in words; undefined when the answer has everything that is expected. Keys of objects that are not
 * expected do not matter; arrays are compared item by item, with their length.
 */
export function mismatch(expected: unknown, got: unknown, path = 'the answer'): string | undefined {
  if (Array.isArray(expected)) {
    if (!Array.isArray(got)) return `${path} is ${shown(got)} instead of a list`;
    if (got.length !== expected.length)
      return `${path} has ${got.length} items instead of ${expected.length}`;
    return first(expected.map((item, index) => mismatch(item, got[index], `${path}[${index}]`)));
  }
  if (typeof expected !== 'object' || expected === null)
    return expected === got ? undefined : `${path} is ${shown(got)} instead of ${shown(expected)}`;
  if (typeof got !== 'object' || got === null || Array.isArray(got))
    return `${path} is ${shown(got)} instead of an object`;
  const keys = Object.entries(expected);
  return first(
    keys.map(([key, value]) => mismatch(value, (got as Record<string, unknown>)[key], `${path}.${key}`)),
  );
}

function first(faults: (string | undefined)[]): string | undefined {
  return faults.find((fault) => fault !== undefined);
}

function shown(value: unknown): string {
  if (value === undefined) return 'missing';
  if (Array.isArray(value)) return `a list of ${value.length}`;
  return typeof value === 'object' && value !== null ? 'an object' : JSON.stringify(value);
}
