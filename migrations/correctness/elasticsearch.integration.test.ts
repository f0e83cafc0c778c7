import type { Client } from '@elastic/elasticsearch';
import { HISTORY } from '../targets/elasticsearch/format';
import { jsonChange } from '../testing/change-folder';
import { elasticsearchClient, startElasticsearch } from '../testing/elasticsearch';
import { HeldConnection } from '../testing/held-connection';
import { restartServer } from '../testing/servers';
import { jsonFiles, objectNumbers } from './json-files';
import type { CorrectnessServer, FreshPlace } from './store-adapter';
import { correctnessSuite } from './suite';

const READER = 'reader';

correctnessSuite({
  store: 'elasticsearch',
  async start(): Promise<CorrectnessServer> {
    const server = await startElasticsearch();
    const { user: username, password } = server;
    const connection = await HeldConnection.open(server);
    const client = elasticsearchClient(server);
    // Reading the newest entries of an index takes a refresh, which is maintenance.
    const privileges = ['read', 'view_index_metadata', 'maintenance'];
    await client.security.putRole({
      name: READER,
      cluster: ['monitor'],
      indices: [{ names: ['*'], privileges }],
    });
    await client.security.putUser({ username: READER, password, roles: [READER] });
    let places = 0;
    return {
      fresh: async () => freshPlace(connection, client, { username, password }, `place${++places}`),
      restart: () => restartServer(server),
      async stop() {
        await client.close();
        await connection.close();
        await server.stop();
      },
    };
  },
});

function freshPlace(
  connection: HeldConnection,
  client: Client,
  credentials: { username: string; password: string },
  database: string,
): FreshPlace {
  const name = (n: number) => `${database}-object-${n}`;
  const put = (n: number, template: object) => ({
    operation: 'putComponentTemplate',
    name: name(n),
    body: { template },
  });
  const create = (n: number) => put(n, {});
  const remove = (n: number) => ({ operation: 'deleteComponentTemplate', name: name(n) });
  const refused = put(98, { settings: { index: { number_of_shards: 0 } } });
  return {
    host: connection.host,
    port: connection.port,
    database,
    credentials,
    readOnly: { ...credentials, username: READER },
    ...jsonFiles({ create, remove, request: (n) => `PUT /_component_template/${name(n)} ` }, connection),
    // Without transactions the operation before the refused one stays, so it repeats what is there.
    failing: () => jsonChange([create(2), refused], [remove(2)]),
    objects: async () =>
      objectNumbers(
        (await templates(client)).map((template) => template.name),
        database,
      ),
    dump: () => dump(client),
  };
}

const templates = async (client: Client) => (await client.cluster.getComponentTemplate()).component_templates;

/** Component templates, indices, and the documents of the histories and locks with their sequence numbers. */
async function dump(client: Client): Promise<string> {
  const indices = await client.indices.get({ index: '*', expand_wildcards: 'all' });
  const documents: unknown[] = [];
  if (HISTORY in indices) {
    await client.indices.refresh({ index: HISTORY });
    const { hits } = await client.search({
      index: HISTORY,
      size: 1_000,
      seq_no_primary_term: true,
    });
    documents.push(...hits.hits.sort((a, b) => (a._id! < b._id! ? -1 : 1)));
  }
  return JSON.stringify({ indices, templates: await templates(client), documents }, null, 1);
}
