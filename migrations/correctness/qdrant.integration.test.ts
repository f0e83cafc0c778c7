import type { QdrantClient } from '@qdrant/js-client-rest';
import { qdrantClient } from '../targets/qdrant/client';
import { qdrantDefinitions } from '../targets/qdrant/definitions';
import { HISTORY } from '../targets/qdrant/format';
import { jsonChange } from '../testing/change-folder';
import { HeldConnection } from '../testing/held-connection';
import { startQdrant } from '../testing/qdrant';
import { restartServer } from '../testing/servers';
import { jsonFiles, objectNumbers } from './json-files';
import type { CorrectnessServer, FreshPlace } from './store-adapter';
import { correctnessSuite } from './suite';

/** A collection that changes ask for with another definition, and are refused. */
const TAKEN = 'taken';

correctnessSuite({
  store: 'qdrant',
  async start(): Promise<CorrectnessServer> {
    const server = await startQdrant();
    const { host, port, password } = server;
    const connection = await HeldConnection.open(server);
    const client = qdrantClient({ url: `http://${host}:${port}`, apiKey: password });
    await client.createCollection(TAKEN, { vectors: { other: { size: 8, distance: 'Dot' } } });
    let places = 0;
    return {
      fresh: async () => freshPlace(connection, client, password, `place${++places}`),
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
  client: QdrantClient,
  apiKey: string,
  database: string,
): FreshPlace {
  const collection = (n: number) => `${database}-object-${n}`;
  const vectors = { dense: { size: 768, distance: 'Cosine' } };
  const createNamed = (collection_name: string) => ({
    operation: 'createCollection',
    collection_name,
    vectors,
  });
  const removeNamed = (collection_name: string) => ({ operation: 'deleteCollection', collection_name });
  const index = { collection_name: collection(2), field_name: 'tag' };
  return {
    host: connection.host,
    port: connection.port,
    database,
    credentials: { apiKey },
    readOnly: { apiKey: `${apiKey}-read` },
    ...jsonFiles(
      {
        create: (n) => createNamed(collection(n)),
        remove: (n) => removeNamed(collection(n)),
        request: (n) => `PUT /collections/${collection(n)} `,
      },
      connection,
    ),
    failing: () =>
      jsonChange(
        [
          { operation: 'createPayloadIndex', ...index, field_schema: { type: 'keyword' } },
          createNamed(TAKEN),
        ],
        [{ operation: 'deletePayloadIndex', ...index }, removeNamed(TAKEN)],
      ),
    objects: async () => {
      const { collections } = await client.getCollections();
      return objectNumbers(
        collections.map(({ name }) => name),
        database,
      );
    },
    dump: () => dump(client),
  };
}

/** Every collection, index and alias, and every point of the histories and locks. */
async function dump(client: QdrantClient): Promise<string> {
  const { collections } = await client.getCollections();
  const prepared = collections.some(({ name }) => name === HISTORY);
  const history = prepared ? (await client.scroll(HISTORY, { limit: 1_000 })).points : [];
  return JSON.stringify({ collections, definitions: await qdrantDefinitions(client), history }, null, 1);
}
