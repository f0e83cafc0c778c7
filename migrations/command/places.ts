/** Which databases a command works on, and how they are reached. */
import { existsSync, readFileSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { connectionReference, type PlatformPlace, storeService } from '../connections';
import { type ChangeFolder, readChangeFiles } from '../engine/change-files';
import type { MigrationTarget } from '../engine/target';
import { projectRoot } from '../project-root';
import { changeFolder, changeFormat, openTarget, type StoreName, storeNames } from '../stores';
import { whoami } from '../whoami';
import { CommandUsageError } from './io';

/** What a stack's configuration says about its stores. */
export interface StackPlace extends PlatformPlace {
  readonly size: string;
  /** Stores that the stack does not have, by its configuration or by the default of its size. */
  readonly disabled: readonly (StoreName | 'vault')[];
}

/** Finds a stack's place and makes its cluster the one that Kubernetes clients of this process use. */
export type OpenStack = (stack: string) => Promise<StackPlace>;

/** Options that say where the store is. */
export interface PlaceOptions {
  readonly stack: string;
  readonly store?: StoreName;
  readonly database: string;
  readonly folder?: string;
  readonly url?: string;
  readonly passwordEnv?: string;
  readonly caFile?: string;
}

/** One database of one store. */
export interface Place {
  readonly store: StoreName;
  readonly database: string;
  /** Folder of its change files, relative to the project or absolute. */
  readonly folder: string;
  /** What ends a statement when statements are shown. */
  readonly terminator: string;
  /** Size of the stack; undefined when it was reached by address. */
  readonly size?: string;
  readChanges(): ChangeFolder;
  /** Connects; the caller closes. */
  open(): Promise<{ readonly target: MigrationTarget; close(): Promise<void> }>;
}

/** How long to keep trying while a store cannot be reached. */
const CONNECT_BUDGET_MS = 15_000;

/**
 * The databases that options name: one by `--url` or `--store`, else every store of the stack that has change files.
 * @param onSkipped Called for each store with change files that the stack has switched off.
 * @throws CommandUsageError when the store that `--store` names is switched off, or none is left.
 */
export async function findPlaces(
  options: PlaceOptions,
  openStack: OpenStack,
  onSkipped: (store: StoreName) => void = () => undefined,
): Promise<Place[]> {
  if (options.url !== undefined) return [placeOfUrl(options, options.url)];
  const stack = await openStack(options.stack);
  return storesOf(options, stack, onSkipped).map((store) => ({
    ...common(store, options.database, options),
    size: stack.size,
    open: () => openReference(store, options.database, stack),
  }));
}

function storesOf(
  { store, stack, database }: PlaceOptions,
  { disabled }: StackPlace,
  onSkipped: (store: StoreName) => void,
): StoreName[] {
  if (store && disabled.includes(store))
    throw new CommandUsageError(
      `The stack "${stack}" has no ${store}: ${store}.enabled is false, in Pulumi.${stack}.yaml or as the default of its size. Set it to true and run up first.`,
    );
  if (store) return [store];
  const stores = storeNames.filter((name) => hasChanges(name, database));
  for (const name of stores) if (disabled.includes(name)) onSkipped(name);
  const left = stores.filter((name) => !disabled.includes(name));
  if (left.length === 0)
    throw new CommandUsageError(`No store of the stack has change files of the database "${database}".`);
  return left;
}

function hasChanges(store: StoreName, database: string): boolean {
  return existsSync(join(projectRoot(), changeFolder(store, database)));
}

function common(
  store: StoreName,
  database: string,
  options: PlaceOptions,
): Pick<Place, 'store' | 'database' | 'folder' | 'terminator' | 'readChanges'> {
  const folder = options.folder ?? changeFolder(store, options.database);
  const path = isAbsolute(folder) ? folder : join(projectRoot(), folder);
  const format = changeFormat(store);
  let changes: ChangeFolder | undefined;
  return {
    store,
    database,
    folder,
    terminator: format.terminator,
    readChanges: () => (changes ??= readChangeFiles(path, format)),
  };
}

async function openReference(store: StoreName, database: string, stack: StackPlace) {
  // The Kubernetes client takes a while to load, which a direct address need not pay.
  // eslint-disable-next-line @typescript-eslint/no-require-imports
  const { connect } = require('../provider/connection') as typeof import('../provider/connection');
  const reference = connectionReference(store, stack);
  return connect({ store, database, reference, holder: whoami(), budgetMs: CONNECT_BUDGET_MS });
}

/** A store at an address: `<store>://<user>@<host>:<port>/<database>`, the password in the environment. */
function placeOfUrl(options: PlaceOptions, text: string): Place {
  const url = parseUrl(text);
  const store = storeOfUrl(url, options.store);
  const service = storeService(store);
  const database = decodeURIComponent(url.pathname.slice(1)) || options.database;
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const connection = {
    host,
    port: url.port ? Number(url.port) : service.port,
    database,
    credential: credentials(store, decodeURIComponent(url.username), options.passwordEnv),
    tls: options.caFile ? { ca: readFileSync(options.caFile, 'utf8'), serverName: host } : undefined,
    holder: whoami(),
  };
  return {
    ...common(store, database, options),
    open: () => reachable(async () => openChecked(store, connection)),
  };
}

async function openChecked(store: StoreName, connection: Parameters<typeof openTarget>[1]) {
  const target = await openTarget(store, connection);
  return { target, close: () => target.close() };
}

/** Tries once, and only then with the retry library, which takes time to load. */
async function reachable<T>(attempt: () => Promise<T>): Promise<T> {
  try {
    return await attempt();
  } catch {
    // eslint-disable-next-line @typescript-eslint/no-require-imports
    const { connectPolicy } = require('../engine/retry') as typeof import('../engine/retry');
    return connectPolicy(CONNECT_BUDGET_MS).execute(attempt);
  }
}

function parseUrl(text: string): URL {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new CommandUsageError(
      '--url is no address; it has the form <store>://<user>@<host>:<port>/<database>.',
    );
  }
  if (url.password)
    throw new CommandUsageError(
      '--url has a password, which other users of this machine could read. Put it into an environment variable (--password-env).',
    );
  return url;
}

function storeOfUrl({ protocol }: URL, named: StoreName | undefined): StoreName {
  const scheme = protocol.slice(0, -1).replace(/^postgresql$/, 'postgres');
  const store = storeNames.find((name) => name === scheme);
  if (!store || (named && named !== store)) {
    throw new CommandUsageError(
      named && store
        ? `--url is an address of ${store}, but --store says ${named}.`
        : `--url starts with "${protocol}//"; it must start with one of ${storeNames.map((name) => `${name}://`).join(', ')}.`,
    );
  }
  return store;
}

function credentials(store: StoreName, user: string, passwordEnv: string | undefined) {
  const { login } = storeService(store);
  const variable = passwordEnv ?? (store === 'postgres' ? 'PGPASSWORD' : `${store.toUpperCase()}_PASSWORD`);
  return (key: string): string => {
    if (key === login.user && user) return user;
    const password = process.env[variable];
    if (key === login.password && password !== undefined) return password;
    throw new CommandUsageError(
      key === login.user
        ? `--url names no user: write ${store}://<user>@…`
        : `The environment variable ${variable}, which holds the password, is not set. Set it, or name another with --password-env.`,
    );
  };
}
