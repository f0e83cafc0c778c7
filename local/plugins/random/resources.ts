import { randomBytes, randomInt, randomUUID } from 'node:crypto';
import type { PlainProperties } from '../marshalling';
import { type StringRules, randomString, ruleFailures, shuffle } from './strings';

/** One resource type of @pulumi/random. */
export interface RandomResource {
  /** Inputs with the defaults of the official plugin. */
  defaults(inputs: PlainProperties): PlainProperties;
  failures(inputs: PlainProperties): { property: string; reason: string }[];
  /** Draws the value: its id and the outputs beside the inputs. */
  generate(inputs: PlainProperties): { id: string; outputs: PlainProperties };
  /** Outputs that are secret whatever the inputs are. */
  readonly secrets: readonly string[];
}

const none = () => [];
const asGiven = (inputs: PlainProperties) => inputs;

function stringDefaults(inputs: PlainProperties): PlainProperties {
  const numeric = inputs.numeric ?? inputs.number ?? true;
  return {
    lower: true,
    upper: true,
    special: true,
    minLower: 0,
    minUpper: 0,
    minNumeric: 0,
    minSpecial: 0,
    ...inputs,
    numeric,
    number: numeric,
  };
}

const stringFailures = (inputs: PlainProperties) => ruleFailures(stringDefaults(inputs) as StringRules);

function atLeast(property: string, minimum: number) {
  return (inputs: PlainProperties) =>
    Number.isInteger(inputs[property]) && inputs[property] >= minimum
      ? []
      : [
          {
            property,
            reason: `${property} must be an integer of at least ${minimum}, got ${inputs[property]}.`,
          },
        ];
}

/** A resource whose only value is `result`, which is also its id. */
function identifier(draw: () => string): RandomResource {
  return {
    defaults: asGiven,
    failures: none,
    secrets: [],
    generate: () => {
      const result = draw();
      return { id: result, outputs: { result } };
    },
  };
}

/** UUID version 7: 48 bits of Unix milliseconds, then random bits, see RFC 9562. */
function uuidVersion7(): string {
  const bytes = randomBytes(16);
  bytes.writeUIntBE(Date.now(), 0, 6);
  bytes[6] = (bytes[6]! & 0x0f) | 0x70;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

/** Id of resources whose value must not appear in an id. */
const hiddenId = 'none';

/** Served resource types by their type token. `RandomPassword.bcryptHash` and seeded draws are not served. */
export const randomResources: Readonly<Record<string, RandomResource>> = {
  'random:index/randomPassword:RandomPassword': {
    defaults: stringDefaults,
    failures: stringFailures,
    secrets: ['result'],
    generate: (inputs) => ({ id: hiddenId, outputs: { result: randomString(inputs as StringRules) } }),
  },
  'random:index/randomString:RandomString': {
    defaults: stringDefaults,
    failures: stringFailures,
    secrets: [],
    generate: (inputs) => {
      const result = randomString(inputs as StringRules);
      return { id: result, outputs: { result } };
    },
  },
  'random:index/randomId:RandomId': {
    defaults: asGiven,
    failures: atLeast('byteLength', 1),
    secrets: [],
    generate: ({ byteLength, prefix = '' }) => {
      const bytes = randomBytes(byteLength);
      return {
        id: bytes.toString('base64url'),
        outputs: {
          b64Url: prefix + bytes.toString('base64url'),
          b64Std: prefix + bytes.toString('base64'),
          hex: prefix + bytes.toString('hex'),
          dec: prefix + BigInt(`0x${bytes.toString('hex')}`).toString(),
        },
      };
    },
  },
  'random:index/randomBytes:RandomBytes': {
    defaults: asGiven,
    failures: atLeast('length', 1),
    secrets: ['base64', 'hex'],
    generate: ({ length }) => {
      const bytes = randomBytes(length);
      return { id: hiddenId, outputs: { base64: bytes.toString('base64'), hex: bytes.toString('hex') } };
    },
  },
  'random:index/randomInteger:RandomInteger': {
    defaults: asGiven,
    failures: ({ min, max }) =>
      min <= max ? [] : [{ property: 'min', reason: `min ${min} is greater than max ${max}.` }],
    secrets: [],
    generate: ({ min, max }) => {
      const result = randomInt(min, max + 1);
      return { id: String(result), outputs: { result } };
    },
  },
  'random:index/randomShuffle:RandomShuffle': {
    defaults: asGiven,
    failures: none,
    secrets: [],
    generate: ({ inputs, resultCount = inputs.length }) => ({
      id: '-',
      // Counts above the length continue with further permutations, as upstream.
      outputs: {
        results: Array.from({ length: Math.ceil(resultCount / Math.max(inputs.length, 1)) }, () =>
          shuffle(inputs),
        )
          .flat()
          .slice(0, resultCount),
      },
    }),
  },
  'random:index/randomUuid:RandomUuid': identifier(randomUUID),
  'random:index/randomUuid4:RandomUuid4': identifier(randomUUID),
  'random:index/randomUuid7:RandomUuid7': identifier(uuidVersion7),
};
