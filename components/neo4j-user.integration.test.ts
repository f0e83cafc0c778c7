import { neo4jDriver, startNeo4j } from '../migrations/testing/neo4j';
import type { ScratchServer } from '../migrations/testing/servers';
import type { Neo4jUserInputs } from './neo4j-user';
import { putNeo4jUser, putUser } from './neo4j-user-provider';

let server: ScratchServer;

beforeAll(async () => {
  server = await startNeo4j();
}, 180_000);
afterAll(() => server?.stop(), 60_000);

/** Answer to a query as one user; the code of the error when it is refused. */
async function as(user: string, password: string, query: string, database = 'neo4j'): Promise<unknown> {
  const driver = neo4jDriver({ ...server, user, password });
  const session = driver.session({ database });
  try {
    return (await session.run(query)).records.map((record) => record.toObject());
  } catch (error) {
    return (error as { code: string }).code;
  } finally {
    await session.close();
    await driver.close();
  }
}

test('a user can log in without a change of password, again after the next run, and with another password', async () => {
  const write = 'MERGE (n:Seen {by: "app"}) RETURN n.by AS by';
  for (const password of ['first-password', 'first-password', 'other-password']) {
    await putUser(server, { username: 'app', password }, []);
    expect(await as('app', password, write)).toEqual([{ by: 'app' }]);
  }
  expect(await as('app', 'first-password', write)).toBe('Neo.ClientError.Security.Unauthorized');
});

test('a name and a password are values, whatever they look like', async () => {
  const user = { username: 'x SET STATUS SUSPENDED', password: "'; DROP USER neo4j; //" };
  await expect(putUser(server, user, [])).rejects.toThrow(/Username .* contains illegal characters/);
  await putUser(server, { ...user, username: 'odd' }, []);
  expect(await as('odd', user.password, 'RETURN 1 AS one')).toEqual([{ one: 1 }]);
});

test('Community refuses roles, and the error holds no password', async () => {
  const attempt = putUser(server, { username: 'app', password: 'with-a-role' }, ['publisher']);
  await expect(attempt).rejects.toThrow(/GRANT ROLE/);
  await expect(attempt).rejects.not.toThrow(/with-a-role/);
});

test('reads both logins from Secrets and keeps none of them', async () => {
  const inputs: Neo4jUserInputs = {
    namespace: server.namespace,
    service: server.name,
    port: server.servicePort,
    adminSecret: server.name,
    userSecret: 'app',
    roles: [],
  };
  await expect(putNeo4jUser(inputs)).rejects.toThrow(
    `Secret ${server.namespace}/app does not exist; run \`pulumi refresh\` and \`pulumi up\` again.`,
  );
  const secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'app', namespace: server.namespace },
    stringData: { username: 'from_secret', password: 'kept-in-the-secret' },
  };
  await server.cluster.apply(secret, { fieldManager: 'test' });
  expect(await putNeo4jUser(inputs)).toEqual({ id: `${server.namespace}/app`, outs: inputs });
  expect(await as('from_secret', 'kept-in-the-secret', 'RETURN 1 AS one')).toEqual([{ one: 1 }]);
});
