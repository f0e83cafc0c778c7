/** JSON whose numbers keep every digit, and whether they were written with a decimal point. */

/** What newer JavaScript has and its types not yet. @see https://github.com/tc39/proposal-json-parse-with-source */
const exact = JSON as unknown as {
  parse(
    text: string,
    reviver: (key: string, value: unknown, context: { source?: string }) => unknown,
  ): unknown;
  rawJSON(text: string): unknown;
};

/** Parses text so that `JSON.stringify` writes the same values again, with the keys of objects sorted. */
export function parseExactly(text: string): unknown {
  return exact.parse(text, (_key, value, { source }) => {
    if (typeof value === 'number')
      return source !== undefined && String(value) !== source ? exact.rawJSON(source) : value;
    if (value === null || typeof value !== 'object' || Array.isArray(value) || isRaw(value)) return value;
    return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}

/** Only what `rawJSON` makes has no prototype here. */
function isRaw(value: object): boolean {
  return Object.getPrototypeOf(value) === null;
}
