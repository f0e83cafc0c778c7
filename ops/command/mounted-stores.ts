/** The stores of the platform that this process runs in: addresses and logins are files, and nothing asks the API server. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CommandUsageError } from '../../migrations/command/io';
import { type BackupStore, inCopyOrder, openDriver } from '../stores';
import { PLATFORM_DATABASE } from '../stores/logins';
import type { OpenStores } from './places';

/** File of {@link MountedStores} in the folder. */
export const STORES_FILE = 'stores.json';
/** File with a store's certificate authority, in the store's folder beside the parts of its login. */
export const CA_FILE = 'ca.crt';

/** Content of `stores.json`. */
export interface MountedStores {
  /** Namespace of the platform. */
  readonly platform: string;
  readonly stores: Readonly<Partial<Record<BackupStore, MountedStore>>>;
}

/** Where one store is. */
export interface MountedStore {
  readonly host: string;
  readonly port: number;
  /** Name that its certificate is verified against. */
  readonly serverName: string;
}

/**
 * Opens the stores that a folder describes.
 * @param folder Has `stores.json`, and for each store a folder with the parts of its login and `ca.crt`.
 * @param wanted Default all of them.
 * @throws CommandUsageError when the folder is not there, or a wanted store is not in it.
 */
export function openMountedStores(folder: string, wanted: readonly BackupStore[]): OpenStores {
  const { platform, stores } = readStores(folder);
  const names = inCopyOrder(wanted.length > 0 ? wanted : (Object.keys(stores) as BackupStore[]));
  const drivers = Object.fromEntries(names.map((name) => [name, open(folder, name, stores[name])]));
  return {
    ...{ platform, drivers },
    async close() {
      for (const driver of Object.values(drivers)) await driver.close();
    },
  };
}

function readStores(folder: string): MountedStores {
  const file = join(folder, STORES_FILE);
  if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8')) as MountedStores;
  throw new CommandUsageError(
    `${file} does not exist: stores are reached from the pods of the platform’s CronJobs, or with the project’s \`npm run platform\`.`,
  );
}

function open(folder: string, name: BackupStore, store: MountedStore | undefined) {
  if (!store) throw new CommandUsageError(`${join(folder, STORES_FILE)} has no ${name}.`);
  const { host, port, serverName } = store;
  const read = (key: string) => {
    const file = join(folder, name, key);
    if (existsSync(file)) return readFileSync(file, 'utf8');
    throw new CommandUsageError(`${file} does not exist; the Secret of this login has no such key.`);
  };
  const tls = { ca: read(CA_FILE), serverName };
  return openDriver(name, { host, port, tls, credential: read, database: PLATFORM_DATABASE });
}
