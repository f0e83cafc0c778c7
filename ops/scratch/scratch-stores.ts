/** Scratch servers that are pods in namespaces of their own. */
import { startChroma } from '../../migrations/testing/chroma';
import { startElasticsearch } from '../../migrations/testing/elasticsearch';
import { startNeo4j } from '../../migrations/testing/neo4j';
import { startOxigraph } from '../../migrations/testing/oxigraph';
import { startQdrant } from '../../migrations/testing/qdrant';
import { startRedis } from '../../migrations/testing/redis';
import { type ScratchServer, startMinio, startPostgres } from '../../migrations/testing/servers';
import { openAsker } from '../invariants';
import { type BackupStore, openDriver, type StoreAddress } from '../stores';
import { PLATFORM_DATABASE } from '../stores/logins';
import { preparePostgres } from './prepare-postgres';
import type { StartScratch } from './scratch-store';

const starters: Readonly<Record<BackupStore, () => Promise<ScratchServer>>> = {
  // pgaudit is an extension of the platform's.
  postgres: () => startPostgres('-c fsync=off -c shared_preload_libraries=pgaudit'),
  redis: () => startRedis(),
  oxigraph: startOxigraph,
  chroma: startChroma,
  qdrant: startQdrant,
  minio: () => startMinio(),
  neo4j: startNeo4j,
  elasticsearch: () => startElasticsearch(),
};

/** Starts an empty server; its Secret has the credentials under the keys that the stack's Secrets have. */
export async function startScratchServer(
  store: BackupStore,
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
export const startScratchStore: StartScratch = async (store) => {
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
};
