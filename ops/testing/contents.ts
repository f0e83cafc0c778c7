import type { StoreContent } from '../stores/driver';

/** Names of what two contents differ in. */
export function differences(one: StoreContent, other: StoreContent): string[] {
  const names = new Set([...Object.keys(one), ...Object.keys(other)]);
  return [...names].filter((name) => JSON.stringify(one[name]) !== JSON.stringify(other[name]));
}
