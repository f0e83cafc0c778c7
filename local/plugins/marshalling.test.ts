import * as fc from 'fast-check';
import { Struct } from 'google-protobuf/google/protobuf/struct_pb';
import {
  type Properties,
  Secret,
  Unknown,
  type Value,
  containsSecret,
  containsUnknown,
  decode,
  deepEqual,
  encode,
  reveal,
  withSecretsOf,
} from './marshalling';

const signatureKey = '4dabf18193072939515e22adb298388d';

const value: fc.Arbitrary<Value> = fc.letrec<{ tree: Value }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 4 },
    fc.constant(null),
    fc.boolean(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.string(),
    fc.constant(Unknown.value),
    tie('tree').map((inner) => new Secret(inner)),
    fc.array(tie('tree'), { maxLength: 4 }),
    fc.dictionary(fc.string({ minLength: 1 }), tie('tree'), { maxKeys: 4, noNullPrototype: true }),
  ),
})).tree;

test('what is encoded decodes to the same values', () => {
  fc.assert(
    fc.property(value, (inner) => {
      expect(decode(encode({ inner }))).toEqual({ inner });
    }),
  );
});

test('secrets and unknowns have the form the engine uses', () => {
  const struct = encode({ password: new Secret('hunter2'), ip: Unknown.value, gone: undefined as never });
  expect(struct.toJavaScript()).toEqual({
    password: { [signatureKey]: '1b47061264138c4ac30d75fd1eb44270', value: 'hunter2' },
    ip: '04da6b54-80e4-46f7-96ec-b56ff0331ba9',
  });
});

test('output values become their value, unknown without one, secret if marked so', () => {
  const output = (members: Record<string, string | boolean>) => ({
    [signatureKey]: 'd0e6a833031e9bbcd3f4e8bde6ca49a4',
    ...members,
  });
  const struct = Struct.fromJavaScript({
    known: output({ value: 'x' }),
    unknown: output({}),
    secret: output({ value: 'x', secret: true }),
  });
  expect(decode(struct)).toEqual({ known: 'x', unknown: Unknown.value, secret: new Secret('x') });
});

test('assets keep their tag, so that they come back as they were', () => {
  const asset = { [signatureKey]: 'c44067f5952c0a294b673a41bacd8c17', text: 'hello' };
  const properties = decode(Struct.fromJavaScript({ asset }));
  expect(encode(properties).toJavaScript()).toEqual({ asset });
});

test('reveal removes secrets at every depth and keeps unknowns', () => {
  const properties: Properties = { a: new Secret({ b: [new Secret(1), Unknown.value] }) };
  expect(reveal(properties)).toEqual({ a: { b: [1, Unknown.value] } });
  expect(containsSecret(properties)).toBe(true);
  expect(containsUnknown(properties)).toBe(true);
  expect(containsUnknown(reveal({ a: 1 }))).toBe(false);
});

test('secrets of the template are marked at the same places', () => {
  const template: Properties = { env: [{ name: 'A' }, { name: 'B', value: new Secret('x') }], plain: 1 };
  const marked = withSecretsOf({ env: [{ name: 'A' }, { name: 'B', value: 'y' }], plain: 1 }, template);
  expect(marked).toEqual({ env: [{ name: 'A' }, { name: 'B', value: new Secret('y') }], plain: 1 });
});

test('a list of another length than a template with secrets is secret as a whole', () => {
  const template: Properties = { env: [{ value: new Secret('x') }], ports: [1] };
  expect(withSecretsOf({ env: [{ value: 'a' }, { value: 'x' }], ports: [1, 2] }, template)).toEqual({
    env: new Secret([{ value: 'a' }, { value: 'x' }]),
    ports: [1, 2],
  });
});

test('deep equality compares members, and an unknown equals nothing', () => {
  expect(deepEqual({ a: [1, { b: null }] }, { a: [1, { b: null }] })).toBe(true);
  expect(deepEqual({ a: 1 }, { a: 1, b: 2 })).toBe(false);
  expect(deepEqual({ a: 1 }, { b: 1 })).toBe(false);
  expect(deepEqual([Unknown.value], [Unknown.value])).toBe(false);
});
