/** Empty servers that a copy is restored into to prove it: each a pod in a namespace of its own. */
import { startChroma } from '../../migrations/testing/chroma';
import { startElasticsearch } from '../../migrations/testing/elasticsearch';
import { startNeo4j } from '../../migrations/testing/neo4j';
import { startOxigraph } from '../../migrations/testing/oxigraph';
import { closePools, query, superuser } from '../../migrations/testing/postgres';
import { startQdrant } from '../../migrations/testing/qdrant';
import { startRedis } from '../../migrations/testing/redis';
import { type ScratchServer, startMinio, startPostgres } from '../../migrations/testing/servers';
import { type BackupStore, openDriver } from '../stores';
import type { StoreDriver } from '../stores/driver';
import { startScratchVault } from './scratch-vault';

const DATABASE = 'platform';

/** An empty server, and the driver that reaches it. */
export interface ScratchStore {
  readonly driver: StoreDriver;
  /** Removes the server with everything in it. */
  stop(): Promise<void>;
}

/** What of the copied platform a scratch server needs. */
export interface ScratchSecrets {
  /** Key of the copied Vault; default none. */
  readonly unsealKey?: string;
}

/** Starts a scratch server of a store. */
export type StartScratch = (store: BackupStore, secrets?: ScratchSecrets) => Promise<ScratchStore>;

const starters: Readonly<Record<Exclude<BackupStore, 'vault'>, () => Promise<ScratchServer>>> = {
  postgres: startPlatformPostgres,
  redis: () => startRedis(),
  oxigraph: startOxigraph,
  chroma: startChroma,
  qdrant: startQdrant,
  minio: () => startMinio(),
  neo4j: startNeo4j,
  elasticsearch: () => startElasticsearch(),
};

/**
 * Of a server that is thrown away afterwards. Without anybody to send the write-ahead log to, PostgreSQL leaves out of it what a
 * transaction puts into tables of its own, which is all of a restore.
 */
export const THROWAWAY = {
  fsync: 'off',
  full_page_writes: 'off',
  autovacuum: 'off',
  wal_level: 'minimal',
  max_wal_senders: '0',
  max_wal_size: '8GB',
  maintenance_work_mem: '256MB',
} as const;

/** With the database and the owner that the stack's has; pgaudit is an extension of the platform's. */
async function startPlatformPostgres(): Promise<ScratchServer> {
  const settings = Object.entries({ ...THROWAWAY, shared_preload_libraries: 'pgaudit' });
  const server = await startPostgres(settings.map(([name, value]) => `-c ${name}=${value}`).join(' '));
  await query(superuser(server), 'CREATE ROLE platform_owner');
  await query(superuser(server), `CREATE DATABASE ${DATABASE} OWNER platform_owner`);
  return { ...server, stop: () => closePools().then(server.stop) };
}

/** Starts one; its Secret has the credentials under the keys that the stack's Secrets have. */
export const startScratchStore: StartScratch = async (store, { unsealKey = '' } = {}) => {
  if (store === 'vault') {
    const { server, driver } = await startScratchVault(unsealKey);
    return { driver, stop: server.stop };
  }
  const server = await starters[store]();
  try {
    const found = (await server.cluster.secret(server.namespace, server.name)) ?? {};
    // The user of change files may not restore.
    const credentials = store === 'redis' ? { ...found, username: 'admin' } : found;
    const driver = openDriver(store, {
      ...{ host: server.host, port: server.port, database: DATABASE },
      credential: (key) => credentials[key]!,
    });
    const stop = async () => {
      await driver.close();
      await server.stop();
    };
    return { driver, stop };
  } catch (error) {
    await server.stop().catch(() => undefined);
    throw error;
  }
};
