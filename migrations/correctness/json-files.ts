import { jsonChange } from '../testing/change-folder';
import type { HeldConnection } from '../testing/held-connection';
import type { FreshPlace } from './store-adapter';

/** How objects are made with the operations of a store. */
export interface ObjectOperations {
  /** Makes object `n`. */
  create(n: number): object;
  remove(n: number): object;
  /** Text that only the request to make object `n` has. */
  request(n: number): string;
}

/** The change files of a store without transactions, whose operations are JSON. */
export function jsonFiles(
  { create, remove, request }: ObjectOperations,
  connection: HeldConnection,
): Pick<FreshPlace, 'change' | 'slow' | 'quick' | 'insideSlow' | 'big'> {
  const change = (n: number) => jsonChange([create(n)], [remove(n)]);
  return {
    change,
    // The server makes the object, and its answer does not come.
    slow(n) {
      connection.hold(request(n), 'answer');
      return change(n);
    },
    quick: change,
    insideSlow: async () => connection.holding,
    big: (n, bytes) => jsonChange([create(n)], [remove(n)], 'x'.repeat(bytes)),
  };
}

/** The `n` of every name `<database>-object-<n>`, in their order. */
export function objectNumbers(names: readonly string[], database: string): number[] {
  return names
    .filter((name) => name.startsWith(`${database}-object-`))
    .map((name) => Number(name.split('-').at(-1)))
    .sort((a, b) => a - b);
}
