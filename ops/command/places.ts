/** Which stores a command works on, and how they are reached. */
import { connectionReference } from '../../migrations/connections';
import { CommandUsageError } from '../../migrations/command/io';
import type { ConnectionReference } from '../../migrations/provider/connection';
import type { OpenStack, StackPlace } from '../../migrations/command/places';
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

/** The login of one purpose, where that of the change files may not do it. */
interface Login {
  readonly credentialsSecret: string;
  /** Keys of the Secret by what the driver asks for; default the same names. */
  readonly keys?: Readonly<Record<string, string>>;
  /** Default in the Secret, too. */
  readonly username?: string;
}

const logins: Partial<Record<BackupStore, Readonly<Partial<Record<Purpose, Login>>>>> = {
  redis: {
    backup: { credentialsSecret: 'redis-backup' },
    restore: { credentialsSecret: 'redis-restore' },
  },
  minio: {
    backup: { credentialsSecret: 'minio-backup' },
    restore: {
      credentialsSecret: 'minio-root',
      keys: { accessKey: 'rootUser', secretKey: 'rootPassword' },
    },
  },
  elasticsearch: {
    // https://www.elastic.co/docs/deploy-manage/users-roles/cluster-or-deployment-auth/managed-credentials-eck
    restore: {
      credentialsSecret: 'elasticsearch-es-elastic-user',
      username: 'elastic',
      keys: { password: 'elastic' },
    },
  },
};

/** Where a store is, and the login for a purpose. */
function addressOf(
  store: BackupStore,
  place: StackPlace,
  purpose: Purpose,
): Omit<Login, 'credentialsSecret'> & { reference: ConnectionReference } {
  const reference = connectionReference(store, place);
  const login = logins[store]?.[purpose];
  if (!login) return { reference };
  const isCluster = store === 'redis' && place.redisMode === 'cluster';
  const credentialsSecret = isCluster
    ? login.credentialsSecret.replace('redis', 'redis-cluster')
    : login.credentialsSecret;
  return { ...login, reference: { ...reference, credentialsSecret } };
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
      const { reference, keys = {}, username } = addressOf(store, place, purpose);
      const { close: closeTunnels, ...address } = await reach(reference);
      closing.push(closeTunnels);
      const credential = (wanted: string) =>
        wanted === 'username' && username ? username : address.credential(keys[wanted] ?? wanted);
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
