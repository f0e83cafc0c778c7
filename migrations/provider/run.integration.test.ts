import { relative } from 'node:path';
import { changeFileDigests } from '../engine/change-files';
import { projectRoot } from '../project-root';
import { sqlChange, TemporaryFolder } from '../testing/change-folder';
import { closePools, query, superuser } from '../testing/postgres';
import { eventually, type ScratchServer, startPostgres } from '../testing/servers';
import { create, diff, type Inputs, type Outputs, read, update } from './run';

let server: ScratchServer;
let folder: TemporaryFolder;
let shown: string[];

beforeAll(async () => {
  server = await startPostgres();
  await eventually('the Service has a ready endpoint', 30_000, async () => {
    const slices = await server.cluster.list('discovery.k8s.io/v1', 'EndpointSlice', server.namespace);
    return slices.some((slice) =>
      slice.endpoints?.some((endpoint: { conditions?: { ready?: boolean } }) => endpoint.conditions?.ready),
    );
  });
}, 180_000);
afterAll(async () => {
  await closePools();
  await server?.stop();
}, 60_000);
beforeEach(() => {
  folder = new TemporaryFolder({
    '000001-a.sql': sqlChange('CREATE TABLE a (id int);', 'DROP TABLE a;'),
    '000002-b.sql': sqlChange("CREATE TABLE b (id int);\nINSERT INTO b VALUES ('x');"),
  });
  shown = [];
  jest.spyOn(console, 'log').mockImplementation((line: string) => void shown.push(line));
});
afterEach(() => {
  jest.restoreAllMocks();
  folder?.remove();
});

const inputs = (connection: object = {}): Inputs => ({
  store: 'postgres',
  database: 'postgres',
  folder: relative(projectRoot(), folder.path),
  files: changeFileDigests(folder.path),
  connection: {
    kind: 'service',
    namespace: server.namespace,
    service: server.name,
    port: server.servicePort,
    credentialsSecret: server.name,
    ...connection,
  } as Inputs['connection'],
  reportTo: 'urn',
});
const tables = async () =>
  (
    await query<{ name: string }>(
      superuser(server),
      `SELECT relname AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' ORDER BY 1`,
    )
  ).map((row) => row.name);

test('a failed create keeps what was applied, the next update continues, refresh follows the store', async () => {
  const failure = await create(inputs()).then(
    () => undefined,
    (error: { id: string; properties: Inputs & Outputs; reasons: string[] }) => error,
  );
  expect(failure).toMatchObject({
    id: 'postgres/postgres',
    properties: { ...inputs(), version: '000001', appliedCount: 1, serverCa: '' },
    reasons: [
      'Applied: 000001-a; stopped at 000002-b.sql: statement 2 failed at line 3, column 23: invalid input syntax for type integer: "x".',
    ],
  });
  expect(JSON.stringify(failure)).not.toContain(server.password);
  expect(await tables()).toEqual(['a']);

  folder.write({ '000002-b.sql': sqlChange('CREATE TABLE b (id int);', 'DROP TABLE b;') });
  expect(await diff('postgres/postgres', failure!.properties, inputs())).toEqual({ changes: true });
  const { outs } = await update('postgres/postgres', failure!.properties, inputs());
  expect(outs).toMatchObject({ version: '000002', appliedCount: 2 });
  expect(await tables()).toEqual(['a', 'b']);
  expect(await diff('postgres/postgres', outs, inputs())).toEqual({ changes: false });
  expect(await read('postgres/postgres', outs)).toEqual({ id: 'postgres/postgres', props: outs });

  shown = [];
  await query(superuser(server), `DELETE FROM platform.schema_migrations WHERE version = '000002'`);
  const refreshed = await read('postgres/postgres', outs);
  expect(refreshed.props).toMatchObject({ version: '000001', appliedCount: 1 });
  expect(shown).toEqual([
    'The history of postgres/postgres is not what the state says: only in the state: 000002-b; only in the store: none.',
  ]);
});

test.each([
  [
    'credentialsSecret',
    { credentialsSecret: 'nowhere' },
    /^Secret test-postgres-\w+\/nowhere does not exist\. /,
  ],
  [
    'caSecret',
    { caSecret: 'postgres' },
    /^Secret postgres has no key "ca\.crt"; it has: (password, username|username, password)\. /,
  ],
])('a wrong %s is one sentence with the fix', async (_name, connection, message) => {
  await expect(create(inputs(connection))).rejects.toThrow(message);
});
