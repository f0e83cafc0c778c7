import { HeldConnection } from '../../migrations/testing/held-connection';
import { closePools, freshDatabase, query, superuser } from '../../migrations/testing/postgres';
import { eventually, type ScratchServer, startPostgres } from '../../migrations/testing/servers';
import type { PostgresConnection } from '../../migrations/targets/postgres/target';
import { CopyFolder } from '../testing/copy-folder';
import { usePostgresPrograms } from '../testing/programs';
import type { StoreContent } from './driver';
import { PostgresDriver } from './postgres';

jest.setTimeout(120_000);

let server: ScratchServer;
let copied: StoreContent;
let copy: CopyFolder;
let target: PostgresConnection;

beforeAll(async () => {
  [server] = await Promise.all([startPostgres(), usePostgresPrograms()]);
  const source = await freshDatabase(server);
  await query(
    source,
    `CREATE SCHEMA notes;
     CREATE TABLE notes.small (n int PRIMARY KEY);
     INSERT INTO notes.small VALUES (1), (2);
     CREATE TABLE notes.large (n int PRIMARY KEY REFERENCES notes.small, text text);
     INSERT INTO notes.large VALUES (1, repeat('large ', 20000));
     CREATE INDEX ON notes.large (length(text));
     CREATE PUBLICATION changes FOR TABLE notes.small`,
  );
  copy = new CopyFolder();
  copied = (await new PostgresDriver(source).backup(copy)).content;
}, 300_000);
afterAll(async () => {
  copy?.remove();
  await closePools();
  await server?.stop();
}, 120_000);
beforeEach(async () => void (target = await freshDatabase(server)));

const restore = () => new PostgresDriver(target).restore(copy.files);
const content = () => new PostgresDriver(target).content();

test('an empty database gets what was copied, with its indexes and references', async () => {
  expect(await content()).toEqual({});
  await restore();
  expect(await content()).toEqual(copied);
  const [found] = await query<{ indexes: string }>(
    target,
    `SELECT string_agg(indexname, ',' ORDER BY indexname) AS indexes FROM pg_indexes WHERE schemaname = 'notes'`,
  );
  expect(found!.indexes).toBe('large_length_idx,large_pkey,small_pkey');
  await expect(query(target, 'INSERT INTO notes.large VALUES (3)')).rejects.toThrow('foreign key');
});

test('a restore that loses its connections is repeated', async () => {
  const held = await HeldConnection.open(server);
  held.hold('large large', 'request');
  const through = new PostgresDriver({ ...target, host: held.host, port: held.port });
  const failed = expect(through.restore(copy.files)).rejects.toThrow(/^pg_restore failed: [^\n]*$/);
  await eventually('rows are on their way', 30_000, async () => held.holding);
  await held.close();
  await failed;
  // Nothing was left that could have emptied it again.
  expect(await content()).not.toEqual(copied);
  await restore();
  expect(await content()).toEqual(copied);
});

test('a restore that the server refuses in the end leaves it empty', async () => {
  // Made after the rows.
  await query(superuser(server, target.database), 'CREATE PUBLICATION changes');
  await expect(restore()).rejects.toThrow(/^pg_restore failed: [^\n]*publication "changes" already exists$/);
  expect(await content()).toEqual({});
  expect(await query(target, "SELECT FROM pg_namespace WHERE nspname = 'notes'")).toEqual([]);
});
