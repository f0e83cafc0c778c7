/** Which stores a command works on, and how they are reached. */
import { CommandUsageError } from '../../migrations/command/io';
import type { OpenStack } from '../../migrations/command/places';
import { type BackupStore, backupStores, inCopyOrder, openDriver } from '../stores';
import { loginOf, PLATFORM_DATABASE, type Purpose } from '../stores/logins';
import type { StoreDriver } from '../stores/driver';

/** Drivers of the stores of one stack. */
export interface OpenStores {
  /** Namespace of the platform. */
  readonly platform: string;
  readonly drivers: Readonly<Record<string, StoreDriver>>;
  close(): Promise<void>;
}

/**
 * Reaches stores of a stack through the API server, with the credentials that the stack's Secrets hold.
 * @param wanted Default every store that is on and can be backed up.
 * @throws CommandUsageError when a wanted store is switched off.
 */
export async function openStores(
  stack: string,
  wanted: readonly BackupStore[],
  openStack: OpenStack,
  purpose: Purpose,
): Promise<OpenStores> {
  const place = await openStack(stack);
  const off = wanted.find((store) => place.disabled.includes(store));
  if (off) throw new CommandUsageError(`The stack "${stack}" has no ${off}: ${off}.enabled is false.`);
  const stores = inCopyOrder(
    wanted.length > 0 ? wanted : backupStores.filter((store) => !place.disabled.includes(store)),
  );
  // The Kubernetes client takes a while to load, which a wrong option need not pay.
  /* eslint-disable @typescript-eslint/no-require-imports */
  const { reach } =
    require('../../migrations/provider/connection') as typeof import('../../migrations/provider/connection');
  const { reachWithToken } = require('./token-login') as typeof import('./token-login');
  /* eslint-enable @typescript-eslint/no-require-imports */
  const drivers: Record<string, StoreDriver> = {};
  const closing: (() => Promise<void>)[] = [];
  const close = async () => {
    for (const one of closing.reverse()) await one();
  };
  try {
    for (const store of stores) {
      const { reference, keys = {}, username, token } = loginOf(store, place, purpose);
      const { close: closeTunnels, ...address } = await (token
        ? reachWithToken(reference, token)
        : reach(reference));
      closing.push(closeTunnels);
      const credential = (wanted: string) =>
        wanted === 'username' && username ? username : address.credential(keys[wanted] ?? wanted);
      const driver = openDriver(store, { ...address, credential, database: PLATFORM_DATABASE });
      closing.push(() => driver.close());
      drivers[store] = driver;
    }
  } catch (error) {
    await close().catch(() => undefined);
    throw error;
  }
  return { platform: place.namespace, drivers, close };
}
