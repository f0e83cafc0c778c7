import type { Driver, Session } from 'neo4j-driver';
import { neo4jDriver, startNeo4j } from '../testing/neo4j';
import { restartServer } from '../testing/servers';
import type { CorrectnessServer, FreshPlace } from './store-adapter';
import { correctnessSuite } from './suite';

correctnessSuite({
  store: 'neo4j',
  noReadOnlyUsers: 'roles exist in Neo4j Enterprise only',
  async start(): Promise<CorrectnessServer> {
    const server = await startNeo4j();
    const driver = neo4jDriver(server);
    let places = 0;
    let barrier: Session | undefined;
    return {
      async fresh() {
        await barrier?.close();
        const database = `place${++places}`;
        barrier = await lockBarrier(driver, database);
        const { host, port, user: username, password } = server;
        return { host, port, database, credentials: { username, password }, ...freshPlace(driver, database) };
      },
      restart: () => restartServer(server),
      async stop() {
        await barrier?.close();
        await driver.close();
        await server.stop();
      },
    };
  },
});

/** Makes a node that every other transaction has to wait for, until the session is closed. */
async function lockBarrier(driver: Driver, place: string): Promise<Session> {
  const session = driver.session();
  await session.run('CREATE (:Barrier {place: $place})', { place });
  const transaction = await session.beginTransaction();
  await transaction.run('MATCH (b:Barrier {place: $place}) SET b.locked = true', { place });
  return session;
}

/** Length of the properties that make a 5 MB file: many statements, as a seed has, and none too long to parse. */
const TEXT = 100_000;

function freshPlace(
  driver: Driver,
  place: string,
): Omit<FreshPlace, 'host' | 'port' | 'database' | 'credentials'> {
  const create = (n: number) => `MERGE (:Object {place: '${place}', n: ${n}})`;
  const remove = (n: number) => `MATCH (o:Object {place: '${place}', n: ${n}}) DELETE o`;
  const file = (n: number, ...up: string[]) =>
    `// migrate:up\n${up.join(';\n')};\n// migrate:down\n${remove(n)};\n`;
  const change = (n: number) => file(n, create(n));
  const rows = <Row extends object>(query: string) => read<Row>(driver, query, { place });
  return {
    change,
    // Each statement is a transaction of its own, so the one before the refused one repeats what is there.
    failing: () => file(2, create(2), 'MATCH (o:Object) SET o.n = 1 / 0'),
    slow: (n) => file(n, create(n), `MATCH (b:Barrier {place: '${place}'}) SET b.passed = true`),
    quick: change,
    async insideSlow() {
      const blocked = await rows(
        `SHOW TRANSACTIONS YIELD status, currentQuery WHERE status STARTS WITH 'Blocked' AND currentQuery CONTAINS 'passed' RETURN status`,
      );
      return blocked.length === 1;
    },
    big: (n, bytes) =>
      file(
        n,
        create(n),
        ...Array<string>(Math.ceil(bytes / TEXT)).fill(
          `MATCH (o:Object {place: '${place}', n: ${n}}) SET o.text = '${'x'.repeat(TEXT)}'`,
        ),
      ),
    objects: async () =>
      (await rows<{ n: number }>('MATCH (o:Object {place: $place}) RETURN o.n AS n ORDER BY n')).map(
        ({ n }) => n,
      ),
    dump: async () =>
      JSON.stringify(
        {
          nodes: await rows(
            'MATCH (n) RETURN elementId(n) AS id, labels(n) AS labels, properties(n) AS properties ORDER BY id',
          ),
          relationships: await rows('MATCH ()-[r]->() RETURN r'),
          constraints: await rows('SHOW CONSTRAINTS'),
          indexes: await rows('SHOW INDEXES YIELD id, name, state, type, labelsOrTypes, properties'),
        },
        null,
        1,
      ),
  };
}

async function read<Row extends object>(driver: Driver, query: string, values: object): Promise<Row[]> {
  const session = driver.session();
  try {
    const { records } = await session.run<Row>(query, values);
    return records.map((record) => record.toObject());
  } finally {
    await session.close();
  }
}
