/** Which stores a command works on, and how they are reached. */
import { connectionReference, type RedisMode } from '../../migrations/connections';
import type { ConnectionReference } from '../../migrations/provider/connection';
import { CommandUsageError } from '../../migrations/command/io';
import type { OpenStack } from '../../migrations/command/places';
import { type BackupStore, backupStores, openDriver } from '../stores';
import type { StoreDriver } from '../stores/driver';

/** Drivers of the stores of one stack. */
export interface OpenStores {
  /** Namespace of the platform. */
  readonly platform: string;
  readonly drivers: Readonly<Record<string, StoreDriver>>;
  close(): Promise<void>;
}

/** What a login must be able to do. */
export type Purpose = 'backup' | 'restore';

const DATABASE = 'platform';
/** @see https://www.elastic.co/docs/deploy-manage/users-roles/cluster-or-deployment-auth/managed-credentials-eck */
const ELASTIC_USER = 'elasticsearch-es-elastic-user';

type Login = Partial<Pick<ConnectionReference, 'credentialsSecret'>>;

/** Where the login of the change files may not do it, the Secret of one that may. */
function loginFor(store: BackupStore, purpose: Purpose, mode: RedisMode = 'sentinel'): Login {
  if (store === 'redis')
    return { credentialsSecret: `${mode === 'cluster' ? 'redis-cluster' : 'redis'}-${purpose}` };
  const isSuperuserNeeded = store === 'elasticsearch' && purpose === 'restore';
  return isSuperuserNeeded ? { credentialsSecret: ELASTIC_USER } : {};
}

/** The operator keeps its superuser's password under the user's name. */
function credentialOf(reference: ConnectionReference, read: (key: string) => string) {
  if (reference.credentialsSecret !== ELASTIC_USER) return read;
  return (key: string) => (key === 'username' ? 'elastic' : read('elastic'));
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
  const stores = wanted.length > 0 ? wanted : backupStores.filter((store) => !place.disabled.includes(store));
  // The Kubernetes client takes a while to load, which a wrong option need not pay.
  /* eslint-disable @typescript-eslint/no-require-imports */
  const { reach } =
    require('../../migrations/provider/connection') as typeof import('../../migrations/provider/connection');
  /* eslint-enable @typescript-eslint/no-require-imports */
  const drivers: Record<string, StoreDriver> = {};
  const closing: (() => Promise<void>)[] = [];
  const close = async () => {
    for (const one of closing.reverse()) await one();
  };
  try {
    for (const store of stores) {
      const reference = {
        ...connectionReference(store, place),
        ...loginFor(store, purpose, place.redisMode),
      };
      const { close: closeTunnels, ...address } = await reach(reference);
      closing.push(closeTunnels);
      const credential = credentialOf(reference, address.credential);
      const driver = openDriver(store, { ...address, credential, database: DATABASE });
      closing.push(() => driver.close());
      drivers[store] = driver;
    }
  } catch (error) {
    await close().catch(() => undefined);
    throw error;
  }
  return { platform: place.namespace, drivers, close };
}
