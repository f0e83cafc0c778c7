import * as pulumi from '@pulumi/pulumi';
import * as random from '@pulumi/random';

/** Letters and digits only, so that it needs no escaping in a URL; 40 is the most that MinIO takes. */
const LENGTH = 32;

/** Of two passwords in turn, one is current and the other the one before it. */
export type Slot = 'a' | 'b';

/**
 * A login whose password is replaced by raising a generation: the new one is handed out while the one before it stays
 * valid until the next rotation, so that applications may take their time. Generation 1 has only one.
 */
export interface Credential {
  readonly slot: Slot;
  readonly current: pulumi.Output<string>;
  /** Absent at generation 1. */
  readonly previous?: pulumi.Output<string>;
}

/** The slot that a generation's password is in. */
export function slotOf(generation: number): Slot {
  return generation % 2 === 1 ? 'a' : 'b';
}

/** Name of the user in a slot, for stores whose users have one password each: both users have the same rights. */
export function slotUser(role: string, slot: Slot): string {
  return slot === 'a' ? role : `${role}-b`;
}

/**
 * Declares the passwords of a login, kept as secrets in the state.
 * @param generation Counts rotations, from 1; two rotations in a row revoke every older password.
 */
export function credential(name: string, generation: number, parent: pulumi.Resource): Credential {
  const current = password(name, generation, parent);
  const slot = slotOf(generation);
  return generation === 1
    ? { slot, current }
    : { slot, current, previous: password(name, generation - 1, parent) };
}

/** A password that a rotation replaces at once, for logins that only the platform uses. */
export function generatedPassword(
  name: string,
  parent: pulumi.Resource,
  generation = 1,
): pulumi.Output<string> {
  return declared(`${name}-password`, generation, parent);
}

function password(name: string, generation: number, parent: pulumi.Resource) {
  const suffix = slotOf(generation) === 'a' ? '' : '-b';
  return declared(`${name}-password${suffix}`, generation, parent);
}

function declared(name: string, generation: number, parent: pulumi.Resource): pulumi.Output<string> {
  // What is kept beside a password replaces it when it changes.
  const keepers = generation === 1 ? {} : { keepers: { generation: String(generation) } };
  return new random.RandomPassword(name, { length: LENGTH, special: false, ...keepers }, { parent }).result;
}
