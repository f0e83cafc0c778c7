import { randomInt } from 'node:crypto';

/** Character classes and minimum counts of a random string, in the terms of @pulumi/random. */
export interface StringRules {
  readonly length: number;
  readonly lower: boolean;
  readonly upper: boolean;
  readonly numeric: boolean;
  readonly special: boolean;
  readonly minLower: number;
  readonly minUpper: number;
  readonly minNumeric: number;
  readonly minSpecial: number;
  /** Special characters to draw from instead of the default ones. */
  readonly overrideSpecial?: string;
}

const lowerCase = 'abcdefghijklmnopqrstuvwxyz';
const digits = '0123456789';
const defaultSpecial = '!@#$%&*()-_=+[]{}<>:?';

/** What is wrong with the rules, as pairs of property and reason; empty when they can be met. */
export function ruleFailures(rules: StringRules): { property: string; reason: string }[] {
  const { length, minLower, minUpper, minNumeric, minSpecial } = rules;
  const failures: { property: string; reason: string }[] = [];
  if (!Number.isInteger(length) || length < 1)
    failures.push({ property: 'length', reason: `length must be an integer of at least 1, got ${length}.` });
  const minimum = minLower + minUpper + minNumeric + minSpecial;
  if (minimum > length) {
    const parts = `minLower ${minLower} + minUpper ${minUpper} + minNumeric ${minNumeric} + minSpecial ${minSpecial}`;
    failures.push({ property: 'length', reason: `length ${length} is less than ${parts} = ${minimum}.` });
  }
  if (length >= 1 && alphabet(rules) === '')
    failures.push({
      property: 'lower',
      reason: 'all character classes are off: allow lower, upper, numeric or special.',
    });
  return failures;
}

/** Draws a string that meets the rules from the operating system's random number generator. */
export function randomString(rules: StringRules): string {
  const characters = [
    ...draw(lowerCase, rules.minLower),
    ...draw(lowerCase.toUpperCase(), rules.minUpper),
    ...draw(digits, rules.minNumeric),
    ...draw(specialCharacters(rules), rules.minSpecial),
  ];
  characters.push(...draw(alphabet(rules), rules.length - characters.length));
  return shuffle(characters).join('');
}

function specialCharacters({ overrideSpecial }: StringRules): string {
  return overrideSpecial || defaultSpecial;
}

function alphabet(rules: StringRules): string {
  return [
    rules.lower ? lowerCase : '',
    rules.upper ? lowerCase.toUpperCase() : '',
    rules.numeric ? digits : '',
    rules.special ? specialCharacters(rules) : '',
  ].join('');
}

function draw(from: string, count: number): string[] {
  return Array.from({ length: count }, () => from[randomInt(from.length)]!);
}

/** Fisher-Yates with an unbiased source: every order is equally likely. */
export function shuffle<T>(items: readonly T[]): T[] {
  const shuffled = [...items];
  for (let last = shuffled.length - 1; last > 0; last--) {
    const other = randomInt(last + 1);
    [shuffled[last], shuffled[other]] = [shuffled[other]!, shuffled[last]!];
  }
  return shuffled;
}
