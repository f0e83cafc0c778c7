import { type JavaScriptValue, Struct } from 'google-protobuf/google/protobuf/struct_pb';

/** Key and values by which Pulumi's wire format marks a special object. */
const signatureKey = '4dabf18193072939515e22adb298388d';
const secretSignature = '1b47061264138c4ac30d75fd1eb44270';
const outputSignature = 'd0e6a833031e9bbcd3f4e8bde6ca49a4';

/** Strings that stand for a value not known before the update; the engine sends the first one. */
const unknownStrings: ReadonlySet<string> = new Set([
  '04da6b54-80e4-46f7-96ec-b56ff0331ba9',
  '1c4a061d-8072-4f0a-a4cb-0ff528b18fe7',
  '3eeb2bf0-c639-47a8-9e75-3b44932eb421',
  '6a19a0b0-7e62-4c92-b797-7f8e31da9cc2',
  '030794c1-ac77-496b-92df-f27374a8bd58',
  'e48ece36-62e2-4504-bad9-02848725956a',
  'dd056dcd-154b-4c76-9bd3-c8f88648b5ff',
]);
const unknownString = '04da6b54-80e4-46f7-96ec-b56ff0331ba9';

/** A value that Pulumi encrypts in the state and hides in its output. */
export class Secret {
  constructor(readonly value: Value) {}
}

/** A value that is only known once the update has run. */
export class Unknown {
  static readonly value = new Unknown();
  private constructor() {}
}

/** A property value; assets, archives and resource references stay the tagged objects they are on the wire. */
export type Value = null | boolean | number | string | Secret | Unknown | Value[] | { [key: string]: Value };
export type Properties = Record<string, Value>;

/** A property tree without secrets' wrappers, addressed freely. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type Plain = any;
export type PlainProperties = Record<string, Plain>;

/**
 * Decodes properties from Pulumi's wire format.
 * @see https://pulumi-developer-docs.readthedocs.io/latest/developer-docs/architecture/property-values.html
 */
export function decode(struct: Struct | undefined): Properties {
  return struct ? (decodeValue(struct.toJavaScript()) as Properties) : {};
}

/** Encodes properties into Pulumi's wire format; `undefined` members are left out. */
export function encode(properties: Properties): Struct {
  return Struct.fromJavaScript(encodeValue(properties) as Record<string, JavaScriptValue>);
}

function decodeValue(value: JavaScriptValue | undefined): Value {
  if (value === undefined || value === null) return null;
  if (typeof value === 'string') return unknownStrings.has(value) ? Unknown.value : value;
  if (Array.isArray(value)) return value.map(decodeValue);
  if (typeof value !== 'object') return value;
  const object = value as Record<string, JavaScriptValue>;
  if (object[signatureKey] === secretSignature) return new Secret(decodeValue(object.value));
  if (object[signatureKey] === outputSignature) {
    const inner = 'value' in object ? decodeValue(object.value) : Unknown.value;
    return object.secret === true ? new Secret(inner) : inner;
  }
  return mapObject(object, decodeValue);
}

function encodeValue(value: Value): JavaScriptValue {
  if (value instanceof Unknown) return unknownString;
  if (value instanceof Secret) return { [signatureKey]: secretSignature, value: encodeValue(value.value) };
  if (Array.isArray(value)) return value.map(encodeValue);
  return isObject(value) ? mapObject(value, encodeValue) : value;
}

function mapObject<A, B>(object: Record<string, A>, map: (value: A) => B): Record<string, B> {
  const entries = Object.entries(object).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries.map(([key, value]) => [key, map(value)]));
}

/** Whether a value is an object of named members. */
export function isObject(value: unknown): value is Record<string, Value> {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Secret) &&
    !(value instanceof Unknown)
  );
}

/** The tree with every secret replaced by its value; unknowns stay. */
export function reveal(value: Value): Plain {
  if (value instanceof Secret) return reveal(value.value);
  if (Array.isArray(value)) return value.map(reveal);
  return isObject(value) ? mapObject(value, reveal) : value;
}

/** Whether the tree holds a value that is not known yet. */
export function containsUnknown(value: Value): boolean {
  return some(value, (leaf) => leaf instanceof Unknown);
}

/** Whether the tree holds a secret. */
export function containsSecret(value: Value): boolean {
  return some(value, (leaf) => leaf instanceof Secret);
}

function some(value: Value, test: (value: Value) => boolean): boolean {
  if (test(value)) return true;
  if (value instanceof Secret) return some(value.value, test);
  if (Array.isArray(value)) return value.some((item) => some(item, test));
  return isObject(value) && Object.values(value).some((item) => some(item, test));
}

/**
 * The plain tree with everything marked secret that is secret at the same place in the template.
 * A list whose length differs from a template with secrets becomes secret as a whole.
 */
export function withSecretsOf(value: Plain, template: Value | undefined): Value {
  if (template instanceof Secret) return value instanceof Secret ? value : new Secret(value);
  if (Array.isArray(value)) {
    if (!Array.isArray(template)) return value;
    if (value.length !== template.length) return containsSecret(template) ? new Secret(value) : value;
    return value.map((item, index) => withSecretsOf(item, template[index]));
  }
  if (!isObject(value) || !isObject(template)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, withSecretsOf(item, template[key])]),
  );
}

/** Deep equality of plain trees; an unknown equals nothing. */
export function deepEqual(a: Plain, b: Plain): boolean {
  if (a instanceof Unknown || b instanceof Unknown) return false;
  if (a === b) return true;
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((item, index) => deepEqual(item, b[index]));
  if (!isObject(a) || !isObject(b)) return false;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => key in b && deepEqual(a[key], b[key]));
}
