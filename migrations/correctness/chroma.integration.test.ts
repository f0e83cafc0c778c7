import { canonicalJson } from '../engine/canonical-json';
import { ChromaClient } from '../targets/chroma/client';
import { collectionDefinitions } from '../targets/chroma/definitions';
import { DATA_DATABASE, HISTORY_DATABASE } from '../targets/chroma/names';
import { jsonChange } from '../testing/change-folder';
import { startChroma } from '../testing/chroma';
import { HeldConnection } from '../testing/held-connection';
import { restartServer } from '../testing/servers';
import { jsonFiles, objectNumbers } from './json-files';
import type { CorrectnessServer, FreshPlace } from './store-adapter';
import { correctnessSuite } from './suite';

correctnessSuite({
  store: 'chroma',
  noReadOnlyUsers: 'Chroma has no users, and the token of the applications does not open the history',
  async start(): Promise<CorrectnessServer> {
    const server = await startChroma();
    const { host, port, password: token } = server;
    const connection = await HeldConnection.open(server);
    const client = (database: string) =>
      new ChromaClient({ endpoint: `http://${host}:${port}`, token }, database);
    let places = 0;
    return {
      fresh: async () => freshPlace(connection, client, token, `place${++places}`),
      restart: () => restartServer(server),
      async stop() {
        await connection.close();
        await server.stop();
      },
    };
  },
});

function freshPlace(
  connection: HeldConnection,
  client: (database: string) => ChromaClient,
  token: string,
  database: string,
): FreshPlace {
  const collection = (n: number) => `${database}-object-${n}`;
  const settings = { dimension: 768, hnsw: { space: 'cosine' } };
  const create = (n: number) => ({ operation: 'createCollection', collection: collection(n), ...settings });
  const remove = (n: number) => ({ operation: 'deleteCollection', collection: collection(n) });
  const refused = { operation: 'putSearch', collection: collection(98), ef_search: 10 };
  return {
    host: connection.host,
    port: connection.port,
    database,
    credentials: { token },
    ...jsonFiles({ create, remove, request: (n) => `{"name":"${collection(n)}"` }, connection),
    // Without transactions the operation before the refused one stays, so it repeats what is there.
    failing: () => jsonChange([create(2), refused], [remove(2)]),
    objects: async () => {
      const collections = await client(DATA_DATABASE).collections();
      return objectNumbers(
        collections.map(({ name }) => name),
        database,
      );
    },
    dump: () => dump(client(DATA_DATABASE), client(HISTORY_DATABASE)),
  };
}

/** Every collection, with the records of the histories; the locks are collections too. */
async function dump(data: ChromaClient, own: ChromaClient): Promise<string> {
  const definitions = await collectionDefinitions(data);
  const history = await own.collections();
  const records = await Promise.all(history.map(async ({ id }) => [...(await own.documents(id))]));
  // Chroma gives the keys of an object in any order.
  return canonicalJson({ definitions, history, records });
}
