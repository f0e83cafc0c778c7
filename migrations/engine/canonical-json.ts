/** JSON with sorted keys, so that equal values give equal text; with `unordered-arrays`, arrays count as sets. */
export function canonicalJson(value: unknown, mode?: 'unordered-arrays'): string {
  if (Array.isArray(value)) {
    const items = value.map((item) => canonicalJson(item, mode));
    return `[${(mode ? items.sort() : items).join(',')}]`;
  }
  if (value === null || typeof value !== 'object') return JSON.stringify(value) ?? 'null';
  const entries = Object.entries(value)
    .filter(([, inner]) => inner !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, inner]) => `${JSON.stringify(key)}:${canonicalJson(inner, mode)}`);
  return `{${entries.join(',')}}`;
}
