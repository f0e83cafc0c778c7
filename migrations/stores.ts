/* eslint-disable @typescript-eslint/no-require-imports -- a store's libraries are loaded only when it is used */
import type { ChangeFormat } from './engine/change-files';
import type { MigrationTarget } from './engine/target';

/** How to open a store's migration target. */
export interface TargetOptions {
  readonly host: string;
  readonly port: number;
  /** Folder under `migrations/<store>/`: a database where the store has them, else the name of its history. */
  readonly database: string;
  /** A value of the store's credentials Secret. @throws StoreAccessError naming the key and the Secret when it is missing. */
  credential(key: string): string;
  /** Omitted means a connection without TLS. */
  readonly tls?: { readonly ca: string; readonly serverName: string };
  /** Who connects, shown to other runners. */
  readonly holder: string;
}

interface StoreDefinition {
  format(): ChangeFormat;
  open(options: TargetOptions): Promise<MigrationTarget> | MigrationTarget;
}

const definitions = {
  postgres: {
    format: () =>
      (require('./targets/postgres/format') as typeof import('./targets/postgres/format')).sqlFormat,
    open: ({ credential, ...options }) => {
      const { PostgresTarget } =
        require('./targets/postgres/target') as typeof import('./targets/postgres/target');
      return PostgresTarget.connect({
        ...options,
        user: credential('username'),
        password: credential('password'),
      });
    },
  },
  minio: {
    format: () => (require('./targets/minio/format') as typeof import('./targets/minio/format')).minioFormat,
    open: ({ host, port, database, tls, credential }) => {
      const { minioTarget } = require('./targets/minio/store') as typeof import('./targets/minio/store');
      return minioTarget({
        endpoint: `${tls ? 'https' : 'http'}://${host}:${port}`,
        accessKey: credential('rootUser'),
        secretKey: credential('rootPassword'),
        database,
        tls,
      });
    },
  },
} satisfies Record<string, StoreDefinition>;

/** Stores that have change files, as named under `migrations/`. */
export type StoreName = keyof typeof definitions;

/** Every store that has change files. */
export const storeNames = Object.keys(definitions) as StoreName[];

/** How the change files of a store are written. */
export function changeFormat(store: StoreName): ChangeFormat {
  return definitions[store].format();
}

/** Opens a connection to a store; it is closed with the target. */
export async function openTarget(store: StoreName, options: TargetOptions): Promise<MigrationTarget> {
  return definitions[store].open(options);
}

/** Folder of a database's change files, relative to the project. */
export function changeFolder(store: StoreName, database: string): string {
  return `migrations/${store}/${database}`;
}
