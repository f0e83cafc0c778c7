/* eslint-disable @typescript-eslint/no-require-imports -- a store's libraries are loaded only when it is used */
import type { ChangeFormat } from './engine/change-files';

const formats = {
  postgres: () => (require('./engine/sql-format') as typeof import('./engine/sql-format')).sqlFormat,
  minio: () => (require('./targets/minio-format') as typeof import('./targets/minio-format')).minioFormat,
} satisfies Record<string, () => ChangeFormat>;

/** Stores that have change files, as named under `migrations/`. */
export type StoreName = keyof typeof formats;

/** How the change files of a store are written. */
export function changeFormat(store: StoreName): ChangeFormat {
  return formats[store]();
}

/** Folder of a database's change files, relative to the project. */
export function changeFolder(store: StoreName, database: string): string {
  return `migrations/${store}/${database}`;
}
