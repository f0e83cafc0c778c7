/** Properties of nodes and relationships as JSON that keeps their types. @see https://neo4j.com/docs/cypher-manual/5/values-and-types/property-structural-constructed/ */
import neo4j from 'neo4j-driver';

const { Date, DateTime, Duration, LocalDateTime, LocalTime, Point, Time } = neo4j.types;

/** Strings, booleans and numbers (which are floats) are themselves, lists are arrays; others name their type. */
export type EncodedValue =
  string | number | boolean | readonly EncodedValue[] | Readonly<Record<string, unknown>>;

export type EncodedProperties = Readonly<Record<string, EncodedValue>>;

interface Structure {
  is(value: unknown): boolean;
  readonly fields: readonly string[];
  make(...fields: never[]): unknown;
}

const DATE = ['year', 'month', 'day'];
const TIME = ['hour', 'minute', 'second', 'nanosecond'];

const structures: Readonly<Record<string, Structure>> = {
  date: {
    is: neo4j.isDate,
    fields: DATE,
    make: (...fields: [number, number, number]) => new Date(...fields),
  },
  localTime: {
    is: neo4j.isLocalTime,
    fields: TIME,
    make: (...fields: [number, number, number, number]) => new LocalTime(...fields),
  },
  time: {
    is: neo4j.isTime,
    fields: [...TIME, 'timeZoneOffsetSeconds'],
    make: (...fields: [number, number, number, number, number]) => new Time(...fields),
  },
  localDateTime: {
    is: neo4j.isLocalDateTime,
    fields: [...DATE, ...TIME],
    make: (...fields: [number, number, number, number, number, number, number]) =>
      new LocalDateTime(...fields),
  },
  dateTime: {
    is: neo4j.isDateTime,
    // Of an hour that comes twice, the zone alone does not say which.
    fields: [...DATE, ...TIME, 'timeZoneOffsetSeconds', 'timeZoneId'],
    make: (...fields: [number, number, number, number, number, number, number, number, string | null]) =>
      new DateTime(...fields),
  },
  duration: {
    is: neo4j.isDuration,
    fields: ['months', 'days', 'seconds', 'nanoseconds'],
    make: (...fields: string[]) => {
      const [months, days, seconds, nanoseconds] = fields.map(BigInt) as [bigint, bigint, bigint, bigint];
      return new Duration(months, days, seconds, nanoseconds);
    },
  },
};

/** @throws Error for a value that no property can have. */
export function encodeValue(value: unknown): EncodedValue {
  if (typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number') return encodeFloat(value);
  if (typeof value === 'bigint') return { integer: String(value) };
  if (Array.isArray(value)) return value.map(encodeValue);
  if (value instanceof Int8Array) return { bytes: Buffer.from(value).toString('base64') };
  if (neo4j.isPoint(value)) {
    const { srid, x, y, z } = value;
    return {
      point: [Number(srid), ...[x, y, z].filter((number) => number !== undefined).map(encodeFloat)],
    };
  }
  for (const [kind, { is, fields }] of Object.entries(structures))
    if (is(value)) return { [kind]: fields.map((field) => encodeField(kind, value, field)) };
  throw new Error(`A property has a value that cannot be copied: ${Object.prototype.toString.call(value)}.`);
}

/** The value as a parameter of a query. @throws Error for one that `encodeValue` does not make. */
export function decodeValue(encoded: EncodedValue): unknown {
  if (typeof encoded !== 'object') return encoded;
  if (Array.isArray(encoded)) return encoded.map(decodeValue);
  const [[kind, content] = []] = Object.entries(encoded);
  if (kind === 'float') return Number(content);
  if (kind === 'integer') return BigInt(content as string);
  if (kind === 'bytes') return new Int8Array(Buffer.from(content as string, 'base64'));
  if (kind === 'point') {
    const [srid, ...coordinates] = (content as EncodedValue[]).map(decodeValue) as [number, number, number];
    return new Point(srid, ...(coordinates as [number, number]));
  }
  const structure = structures[kind ?? ''];
  if (!structure) throw new Error(`The copy has a value of an unknown type: ${kind}. Take another set.`);
  return structure.make(...(content as never[]));
}

/** By name, sorted, from the pairs that a query returns: an object would not keep every name. */
export function encodeProperties(pairs: readonly (readonly [string, unknown])[]): EncodedProperties {
  const encoded = pairs
    // Somebody removed the property while it was read.
    .filter(([, value]) => value !== null)
    .map(([name, value]) => [name, encodeValue(value)] as const);
  return Object.fromEntries(encoded.sort(([a], [b]) => (a < b ? -1 : 1)));
}

export function decodeProperties(encoded: EncodedProperties): Record<string, unknown> {
  return Object.fromEntries(Object.entries(encoded).map(([name, value]) => [name, decodeValue(value)]));
}

function encodeFloat(value: number): EncodedValue {
  if (Object.is(value, -0)) return { float: '-0' };
  return Number.isFinite(value) ? value : { float: String(value) };
}

/** Parts of a duration have 64 bits, all others are exact as numbers. */
function encodeField(kind: string, value: unknown, name: string): string | number | null {
  const field = (value as Record<string, bigint | number | string | null | undefined>)[name] ?? null;
  if (kind === 'duration') return String(field);
  return field === null || typeof field === 'string' ? field : Number(field);
}
