/** The logins that copies are made and restored with. */
import { connectionReference, type PlatformPlace, storeService } from '../../migrations/connections';
import { AUDIENCE, vaultNames } from '../../components/vault-names';
import type { ServiceReference } from '../../migrations/provider/connection';
import type { BackupStore } from '.';

/** What a login must be able to do. */
export type Purpose = 'backup' | 'restore';

/** Database, where a store has them, and folder of the change files. */
export const PLATFORM_DATABASE = 'platform';

/** The login of one purpose, where that of the change files may not do it. */
export interface Login {
  readonly credentialsSecret: string;
  /** Keys of the Secret by what the driver asks for; default the same names. */
  readonly keys?: Readonly<Record<string, string>>;
  /** Default in the Secret, too. */
  readonly username?: string;
  /** Instead of a Secret: a token that is made for a ServiceAccount and which only the audience takes, under {@link TOKEN}. */
  readonly token?: { readonly serviceAccount: string; readonly audience: string };
}

/** Part of a login that is a token of a ServiceAccount. */
export const TOKEN = 'token';

/** Not a store of change files. */
const vault: Omit<ServiceReference, 'namespace'> = {
  kind: 'service',
  ...{ service: 'vault', port: 8200, everyPod: true },
  // Only with seal dev-auto; a restore opens Vault with it.
  ...{ credentialsSecret: vaultNames({}).unsealSecret, caSecret: 'platform-ca' },
};

const others: Partial<Record<BackupStore, Readonly<Partial<Record<Purpose, Login>>>>> = {
  redis: {
    backup: { credentialsSecret: 'redis-backup' },
    restore: { credentialsSecret: 'redis-restore' },
  },
  minio: {
    backup: { credentialsSecret: 'minio-backup' },
    restore: { credentialsSecret: 'minio-admin' },
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

/** Keys of the files that a login consists of in a pod. */
export function partsOfLogin(store: BackupStore): readonly string[] {
  return store === 'vault' ? [TOKEN] : Object.values(storeService(store).login);
}

/** Where a store of a platform is, and the login for a purpose. */
export function loginOf(
  store: BackupStore,
  place: PlatformPlace,
  purpose: Purpose,
): Omit<Login, 'credentialsSecret'> & { reference: ServiceReference } {
  if (store === 'vault') {
    const { namespace, context } = place;
    const token = { serviceAccount: vaultNames({}).configurationAccount, audience: AUDIENCE };
    return { reference: { ...vault, namespace, context }, token };
  }
  const reference = connectionReference(store, place);
  const login = others[store]?.[purpose];
  if (!login) return { reference };
  const isCluster = store === 'redis' && place.redisMode === 'cluster';
  const credentialsSecret = isCluster
    ? login.credentialsSecret.replace('redis', 'redis-cluster')
    : login.credentialsSecret;
  return { ...login, reference: { ...reference, credentialsSecret } };
}
