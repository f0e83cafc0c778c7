/** Scratch servers that run beside this process, in its own pod: a file says where, and nothing asks the API server. */
import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { CommandUsageError } from '../../migrations/command/io';
import { openAsker } from '../invariants';
import { drilled, type DrilledStore, openDriver, type StoreAddress } from '../stores';
import { PLATFORM_DATABASE } from '../stores/logins';
import { preparePostgres } from './prepare-postgres';
import type { ScratchStore, StartScratch } from './scratch-store';

const server = z.strictObject({
  host: z.string(),
  port: z.number().int(),
  /** Its administrator; the password is the same for all of them. */
  username: z.string(),
});
const description = z.strictObject({ stores: z.record(z.string(), server) });

/** Where a scratch server is. */
export type ScratchAddress = z.infer<typeof server>;
/** Content of the file. */
export type MountedScratch = z.infer<typeof description>;

/** Parts of a login that are no secret. */
const NAMES = ['username', 'accessKey'];
const READY_WITHIN_MS = 600_000;
const ASK_EVERY_MS = 500;

/**
 * Reaches servers that a file names; each must be empty, and is for one restore.
 * @param password Of the administrator of each.
 * @throws CommandUsageError when the file is not there, or has no such store.
 */
export function mountedScratchStores(file: string, password: string | undefined): StartScratch {
  if (!existsSync(file) || !password)
    throw new CommandUsageError(
      'Scratch servers run in the pods of the platform’s drill, or are started by the project’s `npm run platform`; here, use `verify --quick`.',
    );
  const { stores } = description.parse(JSON.parse(readFileSync(file, 'utf8')));
  return (store) => {
    const [drillable] = drilled([store]);
    const found = stores[store];
    if (!found || !drillable)
      throw new CommandUsageError(`${file} has no ${store}: the set has a store that this drill lacks.`);
    return open(drillable, found, password);
  };
}

async function open(
  store: DrilledStore,
  { host, port, username }: ScratchAddress,
  password: string,
): Promise<ScratchStore> {
  const credential = (key: string) => {
    if (NAMES.includes(key)) return username;
    return key === 'readOnlyApiKey' ? `${password}-read` : password;
  };
  const address: StoreAddress = { host, port, credential, database: PLATFORM_DATABASE };
  if (store === 'postgres') await onceItAnswers(store, () => preparePostgres(address));
  const driver = openDriver(store, address);
  await onceItAnswers(store, () => driver.content());
  return { driver, ask: () => openAsker(store, address), stop: () => driver.close() };
}

/** A server that starts refuses connections, or answers with an error. */
async function onceItAnswers(store: string, ask: () => Promise<unknown>): Promise<void> {
  const deadline = performance.now() + READY_WITHIN_MS;
  for (;;) {
    try {
      await ask();
      return;
    } catch (error) {
      if (performance.now() > deadline)
        throw new Error(`The scratch server of ${store} did not start: ${(error as Error).message}`, {
          cause: error,
        });
      await delay(ASK_EVERY_MS);
    }
  }
}
