import * as fc from 'fast-check';
import { type Properties, Secret, type Value, reveal } from '../marshalling';
import { PluginClient } from '../testing';
import { RandomProvider } from './provider';
import { randomString, ruleFailures } from './strings';

const all = {
  lower: true,
  upper: true,
  numeric: true,
  special: true,
  minLower: 0,
  minUpper: 0,
  minNumeric: 0,
  minSpecial: 0,
};

const count = (text: string, pattern: RegExp) =>
  [...text].filter((character) => pattern.test(character)).length;

describe('random strings', () => {
  test('have the length and the minimum of every class', () => {
    const minimum = fc.integer({ min: 0, max: 5 });
    const minima = { minLower: minimum, minUpper: minimum, minNumeric: minimum, minSpecial: minimum };
    fc.assert(
      fc.property(fc.record(minima), fc.integer({ min: 20, max: 64 }), (rules, length) => {
        const text = randomString({ ...all, ...rules, length });
        expect(text).toHaveLength(length);
        expect(count(text, /[a-z]/)).toBeGreaterThanOrEqual(rules.minLower);
        expect(count(text, /[A-Z]/)).toBeGreaterThanOrEqual(rules.minUpper);
        expect(count(text, /[0-9]/)).toBeGreaterThanOrEqual(rules.minNumeric);
        expect(count(text, /[^a-zA-Z0-9]/)).toBeGreaterThanOrEqual(rules.minSpecial);
      }),
    );
  });

  test('use the allowed characters only', () => {
    const digits = { ...all, lower: false, upper: false, special: false, length: 50 };
    expect(randomString(digits)).toMatch(/^[0-9]{50}$/);
    const special = { ...all, lower: false, upper: false, numeric: false, overrideSpecial: '_', length: 3 };
    expect(randomString(special)).toBe('___');
  });

  test('draw every character about as often as the others', () => {
    const text = randomString({ ...all, upper: false, lower: false, special: false, length: 100_000 });
    for (const digit of '0123456789') {
      const share = count(text, new RegExp(digit)) / text.length;
      expect(share).toBeGreaterThan(0.09);
      expect(share).toBeLessThan(0.11);
    }
  });

  test('rules that cannot be met are refused with both values', () => {
    expect(ruleFailures({ ...all, length: 3, minLower: 2, minNumeric: 2 })).toEqual([
      {
        property: 'length',
        reason: 'length 3 is less than minLower 2 + minUpper 0 + minNumeric 2 + minSpecial 0 = 4.',
      },
    ]);
    expect(ruleFailures({ ...all, length: 0 })[0]?.reason).toBe(
      'length must be an integer of at least 1, got 0.',
    );
  });
});

describe('the plugin', () => {
  const urn = (kind: string) =>
    `urn:pulumi:test::plugins::random:index/${kind[0]!.toLowerCase()}${kind.slice(1)}:${kind}::value`;
  let plugin: PluginClient;

  beforeAll(async () => {
    plugin = await PluginClient.start(() => new RandomProvider());
  });
  afterAll(() => plugin.stop());

  const make = async (kind: string, args: Properties) => {
    const { inputs, failures } = await plugin.check(urn(kind), args);
    expect(failures).toEqual([]);
    return plugin.create(urn(kind), inputs);
  };

  test('a password is secret, has no telling id, and stays until an input changes', async () => {
    const args: Properties = { length: 16, special: false, keepers: { version: '1' } };
    const password = await make('RandomPassword', args);
    expect(password.id).toBe('none');
    expect(password.outputs.result).toBeInstanceOf(Secret);
    expect(reveal(password.outputs.result as Value)).toMatch(/^[A-Za-z0-9]{16}$/);
    expect(await plugin.read(password)).toMatchObject({ outputs: password.outputs });

    const same = await plugin.check(urn('RandomPassword'), args);
    expect((await plugin.diff(password, same.inputs)).detail).toEqual({});
    const rotated = await plugin.check(urn('RandomPassword'), { ...args, keepers: { version: '2' } });
    expect(await plugin.diff(password, rotated.inputs)).toEqual({
      detail: { 'keepers.version': 'UPDATE_REPLACE' },
      replaces: ['keepers'],
      deleteBeforeReplace: false,
    });
  });

  test('a preview draws nothing', async () => {
    const { outputs } = await plugin.create(urn('RandomPassword'), { length: 8 }, { preview: true });
    expect(outputs).toEqual({ length: 8 });
  });

  test('the forms of an id are the same bytes', async () => {
    const { id, outputs } = await make('RandomId', { byteLength: 4, prefix: 'x-' });
    const hex = Buffer.from(id, 'base64url').toString('hex');
    expect(hex).toHaveLength(8);
    expect(outputs).toEqual({
      byteLength: 4,
      prefix: 'x-',
      b64Url: `x-${id}`,
      b64Std: `x-${Buffer.from(hex, 'hex').toString('base64')}`,
      hex: `x-${hex}`,
      dec: `x-${parseInt(hex, 16)}`,
    });
  });

  test('UUIDs have their version, and version 7 starts with the time', async () => {
    expect((await make('RandomUuid', {})).outputs.result).toMatch(
      /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab]/,
    );
    const before = Date.now();
    const { id } = await make('RandomUuid7', {});
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    const time = parseInt(id.replaceAll('-', '').slice(0, 12), 16);
    expect(time).toBeGreaterThanOrEqual(before);
    expect(time).toBeLessThanOrEqual(Date.now());
  });

  test('integers stay in their range and shuffles keep their items', async () => {
    const { outputs } = await make('RandomInteger', { min: 5, max: 6 });
    expect([5, 6]).toContain(outputs.result);
    const shuffled = await make('RandomShuffle', { inputs: ['a', 'b', 'c'] });
    expect([...(shuffled.outputs.results as string[])].sort()).toEqual(['a', 'b', 'c']);
    const three = await make('RandomShuffle', { inputs: ['a'], resultCount: 3 });
    expect(three.outputs.results).toEqual(['a', 'a', 'a']);
  });

  test('wrong inputs and what only the official plugin can do are refused', async () => {
    const failures = async (kind: string, args: Properties) => (await plugin.check(urn(kind), args)).failures;
    expect(await failures('RandomInteger', { min: 7, max: 6 })).toEqual([
      { property: 'min', reason: 'min 7 is greater than max 6.' },
    ]);
    expect(await failures('RandomId', { byteLength: 0 })).toEqual([
      { property: 'byteLength', reason: 'byteLength must be an integer of at least 1, got 0.' },
    ]);
    expect((await failures('RandomInteger', { min: 1, max: 2, seed: 's' }))[0]?.property).toBe('seed');
    await expect(plugin.check(urn('RandomPet'), {})).rejects.toThrow('needs the official random plugin');
  });
});
