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

const apply = (name: string, stringData: object) =>
  server.cluster.apply(
    { apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace: server.namespace }, stringData },
    { fieldManager: 'test', force: true },
  );
const inputs = (): Neo4jUserInputs => ({
  namespace: server.namespace,
  service: server.name,
  port: server.servicePort,
  adminSecret: 'administrator',
  loginsSecret: 'logins',
  users: ['from_secret', 'from_secret-b'],
  roles: [],
  rotation: 2,
});

test('reads all logins from Secrets and keeps none of them; a new server is known by its first password', async () => {
  const { namespace, password } = server;
  const put = () => putNeo4jUser(inputs());
  const fix = 'run `pulumi refresh` and `pulumi up` again.';
  await expect(put()).rejects.toThrow(`Secret ${namespace}/logins does not exist; ${fix}`);
  await apply('logins', { neo4j: password, from_secret: 'first-in-the-secret' });
  await expect(put()).rejects.toThrow(`Secret ${namespace}/logins has no key from_secret-b; ${fix}`);
  await apply('logins', {
    neo4j: password,
    from_secret: 'first-in-the-secret',
    'from_secret-b': 'second-in-the-secret',
  });
  expect(await put()).toEqual({ id: `${namespace}/from_secret`, outs: inputs() });
  for (const [user, known] of [
    ['from_secret', 'first-in-the-secret'],
    ['from_secret-b', 'second-in-the-secret'],
  ] as const)
    expect(await as(user, known, 'RETURN 1 AS one')).toEqual([{ one: 1 }]);
});

test('the administrator whose password was changed is the one in its Secret; without either, the error says what to do', async () => {
  const { user: username, password } = server;
  const logins = { from_secret: 'third-in-the-secret', 'from_secret-b': 'fourth-in-the-secret' };
  await apply('logins', { ...logins, neo4j: 'not-in-force-yet' });
  await apply('administrator', { username, password });
  await putNeo4jUser(inputs());
  expect(await as('from_secret', 'third-in-the-secret', 'RETURN 1 AS one')).toEqual([{ one: 1 }]);
  await apply('administrator', { username, password: 'not-in-force-either' });
  const refused = putNeo4jUser(inputs());
  await expect(refused).rejects.toThrow(
    "Neo4j takes none of the administrator's passwords in the Secrets; put the one it takes into the administrator's Secret.",
  );
  await expect(refused).rejects.not.toThrow(/in-force/);
});
