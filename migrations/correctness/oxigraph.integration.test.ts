import { OxigraphClient } from '../targets/oxigraph/client';
import { HeldConnection } from '../testing/held-connection';
import { startOxigraph } from '../testing/oxigraph';
import { restartServer } from '../testing/servers';
import type { CorrectnessServer, FreshPlace } from './store-adapter';
import { correctnessSuite } from './suite';

correctnessSuite({
  store: 'oxigraph',
  noReadOnlyUsers:
    'Oxigraph has no users, and the read-only ones of the proxy in front of it have a port of their own',
  async start(): Promise<CorrectnessServer> {
    const server = await startOxigraph();
    const { host, port, user, password } = server;
    const connection = await HeldConnection.open(server);
    const client = new OxigraphClient({ endpoint: `http://${host}:${port}`, user, password });
    let places = 0;
    return {
      async fresh() {
        await client.update('DROP ALL');
        const credentials = { username: user, password };
        return { ...freshPlace(connection, client, `place${++places}`), credentials };
      },
      restart: () => restartServer(server),
      async stop() {
        await connection.close();
        await server.stop();
      },
    };
  },
});

/** Length of the literals that make a 5 MB file. */
const TEXT = 10_000;
const triple = (index: number) => `<urn:resource:${index}> <urn:text> "${'x'.repeat(TEXT)}" .\n`;

function freshPlace(
  connection: HeldConnection,
  client: OxigraphClient,
  database: string,
): Omit<FreshPlace, 'credentials'> {
  const graph = (n: number) => `urn:${database}:object:${n}`;
  // A change is one request that is done wholly or not at all, so nothing is there when it runs again.
  const create = (n: number) => `CREATE GRAPH <${graph(n)}> ;\n`;
  const drop = (n: number) => `DROP GRAPH <${graph(n)}> ;\n`;
  const file = (up: string, down: string) => `# migrate:up\n${up}# migrate:down\n${down}`;
  const change = (n: number) => file(create(n), drop(n));
  return {
    host: connection.host,
    port: connection.port,
    database,
    change,
    failing: () => file(create(99) + drop(98), drop(99)),
    slow(n) {
      connection.hold(graph(n), 'request');
      return change(n);
    },
    quick: change,
    insideSlow: async () => connection.holding,
    big(n, bytes) {
      const triples = Array.from({ length: Math.ceil(bytes / TEXT) }, (_, index) => triple(index));
      return file(`${create(n)}INSERT DATA { GRAPH <${graph(n)}> {\n${triples.join('')}} } ;\n`, drop(n));
    },
    objects: async () =>
      (await client.select('SELECT ?g { GRAPH ?g {} }'))
        .map((row) => row.g!)
        .filter((name) => name.startsWith(`urn:${database}:object:`))
        .map((name) => Number(name.split(':').at(-1)))
        .sort((a, b) => a - b),
    dump: () => dump(client),
  };
}

/** Every graph and every triple, those of the histories and locks too. */
async function dump(client: OxigraphClient): Promise<string> {
  const graphs = await client.selectTerms('SELECT ?g { GRAPH ?g {} }');
  const triples = await client.selectTerms(
    'SELECT ?g ?s ?p ?o { { ?s ?p ?o BIND("" AS ?g) } UNION { GRAPH ?g { ?s ?p ?o } } }',
  );
  const lines = (rows: string[][]) => rows.map((terms) => terms.join(' ')).sort();
  return JSON.stringify({ graphs: lines(graphs), triples: lines(triples) }, null, 1);
}
