/** Scratch servers that are pods in namespaces of their own. */
import { startChroma } from '../../migrations/testing/chroma';
import { startElasticsearch } from '../../migrations/testing/elasticsearch';
import { startNeo4j } from '../../migrations/testing/neo4j';
import { startOxigraph } from '../../migrations/testing/oxigraph';
import { startQdrant } from '../../migrations/testing/qdrant';
import { startRedis } from '../../migrations/testing/redis';
import { type ScratchServer, startMinio, startPostgres } from '../../migrations/testing/servers';
import { openAsker } from '../invariants';
import { type BackupStore, type DrilledStore, openDriver, type StoreAddress } from '../stores';
import { PLATFORM_DATABASE } from '../stores/logins';
import { preparePostgres } from './prepare-postgres';
import type { ScratchStore } from './scratch-store';
import { startScratchVault } from './scratch-vault';

/** What of the copied platform a scratch server needs. */
export interface ScratchSecrets {
  /** Key of the copied Vault; default none. */
  readonly unsealKey?: string;
}

const starters: Readonly<Record<DrilledStore, () => Promise<ScratchServer>>> = {
  postgres: startThrowawayPostgres,
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

/** pgaudit is an extension of the platform's. */
function startThrowawayPostgres(): Promise<ScratchServer> {
  const settings = Object.entries({ ...THROWAWAY, shared_preload_libraries: 'pgaudit' });
  return startPostgres(settings.map(([name, value]) => `-c ${name}=${value}`).join(' '));
}

/** Starts an empty server; its Secret has the credentials under the keys that the stack's Secrets have. */
export async function startScratchServer(
  store: DrilledStore,
): Promise<{ address: StoreAddress; stop(): Promise<void> }> {
  const server = await starters[store]();
  try {
    const found = (await server.cluster.secret(server.namespace, server.name)) ?? {};
    const credentials: Readonly<Record<string, string>> = {
      ...found,
      // The user of change files may not restore.
      ...(store === 'redis' ? { username: 'admin' } : {}),
      readOnlyApiKey: `${found.apiKey}-read`,
    };
    const address: StoreAddress = {
      ...{ host: server.host, port: server.port, database: PLATFORM_DATABASE },
      credential: (key) => credentials[key]!,
    };
    if (store === 'postgres') await preparePostgres(address);
    return { address, stop: () => server.stop() };
  } catch (error) {
    await server.stop().catch(() => undefined);
    throw error;
  }
}

/** Starts one that a copy is restored into. */
export async function startScratchStore(
  store: BackupStore,
  { unsealKey = '' }: ScratchSecrets = {},
): Promise<ScratchStore> {
  if (store === 'vault') {
    const { server, driver } = await startScratchVault(unsealKey);
    const ask = () => Promise.reject(new Error('There are no invariants of Vault.'));
    return { driver, ask, stop: () => server.stop() };
  }
  const { address, stop } = await startScratchServer(store);
  const driver = openDriver(store, address);
  return {
    driver,
    ask: () => openAsker(store, address),
    async stop() {
      await driver.close();
      await stop();
    },
  };
}
