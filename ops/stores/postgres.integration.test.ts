import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { type ChangeFolder, readChangeFiles } from '../../migrations/engine/change-files';
import { StoreAccessError } from '../../migrations/engine/errors';
import { migrateUp } from '../../migrations/engine/runner';
import { projectRoot } from '../../migrations/project-root';
import { changeFolder } from '../../migrations/stores';
import { sqlFormat } from '../../migrations/targets/postgres/format';
import { type PostgresConnection, PostgresTarget } from '../../migrations/targets/postgres/target';
import { HeldConnection } from '../../migrations/testing/held-connection';
import {
  as,
  closePools,
  freshDatabase,
  query,
  queryFor,
  schemaFingerprint,
  superuser,
} from '../../migrations/testing/postgres';
import { eventually, type ScratchServer, startPostgres } from '../../migrations/testing/servers';
import { CopyFolder } from '../testing/copy-folder';
import { usePostgresPrograms } from '../testing/programs';
import { PostgresDriver } from './postgres';

const FOLDER = changeFolder('postgres', 'platform');
const platform = readChangeFiles(join(projectRoot(), FOLDER), sqlFormat);
const ADA = '00000000-0000-4000-8000-00000000000a';

let first: ScratchServer;
let second: ScratchServer;
let source: PostgresConnection;
let target: PostgresConnection;
let copy: CopyFolder;

beforeAll(async () => {
  [first, second] = await Promise.all([
    startPostgres(),
    startPostgres(undefined, undefined, { tls: true }),
    usePostgresPrograms(),
  ]);
  source = await freshDatabase(first);
  await addServersExtension(first, source);
  await migrate(source);
  await query(source, EDGES);
}, 300_000);
afterAll(async () => {
  await closePools();
  await Promise.all([first?.stop(), second?.stop()]);
}, 120_000);
beforeEach(async () => {
  copy = new CopyFolder();
  target = await freshDatabase(second);
  await addServersExtension(second, target);
});
afterEach(() => copy.remove());

/** As the operator makes some; the owner can neither make nor drop it. */
async function addServersExtension(server: ScratchServer, { database }: PostgresConnection): Promise<void> {
  await query(superuser(server, database), 'CREATE EXTENSION IF NOT EXISTS pageinspect SCHEMA public');
}

async function migrate(connection: PostgresConnection, folder: ChangeFolder = platform): Promise<string[]> {
  const opened = await PostgresTarget.connect(connection);
  const { applied, failed } = await migrateUp({
    target: opened,
    ...{ folder, folderName: FOLDER, appliedBy: 'tester' },
  });
  await opened.close();
  if (failed) throw failed.error;
  return applied.map(({ version }) => version);
}

/** Backups are made as `backup`, restores as the owner; the second server is reached with TLS. */
const backup = (connection = source) => new PostgresDriver(as('backup', connection)).backup(copy);
const driver = (connection: PostgresConnection) =>
  new PostgresDriver({
    ...connection,
    ...(connection.port === second.port ? { tls: { ca: second.ca!, serverName: second.name } } : {}),
  });
const restore = (files = copy.files) => driver(target).restore(files);

const EDGES = `
  CREATE SCHEMA edge;
  CREATE EXTENSION citext SCHEMA edge;
  CREATE TYPE edge.mood AS ENUM ('good', 'bad');
  CREATE TYPE edge.pair AS (a int, b text);
  CREATE TABLE edge."values" (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, t text, dropped int, b bytea, j jsonb, js json, n numeric, f float8,
    d date, ts timestamptz, i interval, m money, a text[], r int4range, p point, bits bit(3), v tsvector, h inet,
    mood edge.mood, pair edge.pair, ci edge.citext, x xml,
    doubled numeric GENERATED ALWAYS AS (n * 2) STORED
  );
  ALTER TABLE edge."values" DROP COLUMN dropped;
  INSERT INTO edge."values" (t, b, j, js, n, f, d, ts, i, m, a, r, p, bits, v, h, mood, pair, ci, x) VALUES
    (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
    ('', '', '{}', '{ "kept":  1, "kept": 2 }', 1.00, '-0', '-infinity', 'infinity', '1 mon -1 day', -1.5, '{}', 'empty', '(0,-0)',
     B'101', '', '::1', 'good', '(1,)', 'Case', '<a/>'),
    (E'tab\\t nl\\n cr\\r back\\\\ \\\\. "quoted" é 𝄞 \\u0001', '\\x00ff0a5c', '"\\ud834\\udd1e"', 'null', 'NaN', 'NaN', '4713-01-01 BC',
     '2024-02-29 12:00+05:30', '-178000000 years', 92233720368547758.07, '{NULL,"",",\\""}', '[1,)', '(1e300,NaN)', B'000',
     'a:1A b', '10.0.0.0/8', 'bad', '(,"x,y")', '', '<a>é</a>'),
    (repeat('large ', 700000), decode(repeat('00ff', 500000), 'hex'), NULL, NULL, 1e1000, 5e-324, NULL, NULL, NULL, NULL, NULL,
     NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
  CREATE TABLE edge."odd ""name" ("odd ""column" int);
  CREATE TABLE edge.nothing ();
  INSERT INTO edge.nothing DEFAULT VALUES;
  CREATE TABLE edge.parent (n int);
  CREATE TABLE edge.child (extra text) INHERITS (edge.parent);
  INSERT INTO edge.parent VALUES (1);
  INSERT INTO edge.child VALUES (2, 'c'), (2, 'c');
  CREATE TABLE edge.parted (k int, at date) PARTITION BY RANGE (at);
  CREATE TABLE edge.parted_old PARTITION OF edge.parted FOR VALUES FROM (MINVALUE) TO ('2020-01-01') PARTITION BY HASH (k);
  CREATE TABLE edge.parted_old_0 PARTITION OF edge.parted_old FOR VALUES WITH (MODULUS 2, REMAINDER 0);
  CREATE TABLE edge.parted_old_1 PARTITION OF edge.parted_old FOR VALUES WITH (MODULUS 2, REMAINDER 1);
  CREATE TABLE edge.parted_rest PARTITION OF edge.parted DEFAULT;
  INSERT INTO edge.parted SELECT k, date '2019-12-31' + k % 2 FROM generate_series(1, 100) k;
  CREATE SEQUENCE edge.counter AS smallint START 5 INCREMENT 5 MAXVALUE 100 CYCLE;
  SELECT nextval('edge.counter'), nextval('edge.counter');
  CREATE UNLOGGED TABLE edge.unlogged AS SELECT 1 AS one;
  CREATE MATERIALIZED VIEW edge.summed AS SELECT count(*) FROM edge.parted;
  CREATE TABLE public.shared (n int CHECK (n > 0));
  GRANT SELECT ON public.shared TO readonly WITH GRANT OPTION;
  REVOKE USAGE ON SCHEMA public FROM PUBLIC;
  GRANT USAGE ON SCHEMA public TO readonly;
  CREATE PUBLICATION of_edge FOR TABLE edge.parent;
  SELECT lo_from_bytea(4711, '\\x00010203');
  GRANT SELECT ON LARGE OBJECT 4711 TO backup;
  INSERT INTO platform.users (id, username, email, password_hash, first_name)
    VALUES ('${ADA}', 'ada', 'ada@example.org', 'hash', 'Ada'),
           ('00000000-0000-4000-8000-00000000000b', 'bob', 'bob@example.org', 'hash', 'Bob');
  INSERT INTO platform.user_profiles (user_id) SELECT id FROM platform.users`;

describe('a round trip', () => {
  test('gives a second server the same rows, definitions, rights and history', async () => {
    const report = await backup();
    expect(report.serverVersion).toMatch(/^17\.\d+$/);
    expect(report.schema).toEqual(platform.changes.map(({ version, checksum }) => ({ version, checksum })));
    expect(report.position).toMatch(/^[0-9A-F]+\/[0-9A-F]+$/);
    expect(report.content).toMatchObject({
      'edge."values"': { count: 4 },
      'edge."odd ""name"': { count: 0 },
      'edge.nothing': { count: 1 },
      'edge.parent': { count: 1 },
      'edge.child': { count: 2 },
      'edge.parted': { count: 100 },
      'edge.unlogged': { count: 1 },
      'public.shared': { count: 0 },
      'large objects': { count: 1 },
      'platform.users': { count: 2 },
      'platform.user_profiles': { count: 2 },
      'platform.schema_migrations': { count: platform.changes.length },
    });
    expect(Object.keys(report.content).filter((name) => /parted_|summed|pg_/.test(name))).toEqual([]);
    expect(await driver(source).content()).toEqual(report.content);

    await restore();
    expect(await driver(target).content()).toEqual(report.content);
    expect(await schemaFingerprint(target)).toEqual(await schemaFingerprint(source));
    for (const text of [
      `SELECT nextval('edge.counter')::int AS answer`,
      `INSERT INTO edge."values" (n) VALUES (2) RETURNING id::int + doubled::int AS answer`,
      `SELECT count::int AS answer FROM edge.summed`,
      `SELECT encode(lo_get(4711), 'hex') AS answer`,
      `SELECT string_agg(tablename, ',') AS answer FROM pg_publication_tables WHERE pubname = 'of_edge'`,
      `SELECT string_agg(format('%s %s', tableoid::regclass, n), ',' ORDER BY 1) AS answer
       FROM (SELECT tableoid, count(*) AS n FROM edge.parted GROUP BY 1)`,
    ])
      expect([text, await query(target, text)]).toEqual([text, await query(source, text)]);
    await query(source, 'DELETE FROM edge."values" WHERE id > 4');
    const seen = await queryFor(target, ADA, 'SELECT user_id FROM platform.user_profiles');
    expect(seen).toEqual([{ user_id: ADA }]);
    await expect(query(as('readonly', target), 'SELECT * FROM platform.users')).rejects.toMatchObject({
      code: '42501',
    });
    expect(await migrate(target)).toEqual([]);
  }, 120_000);

  test('replaces what is there', async () => {
    await migrate(target);
    await query(
      target,
      `CREATE SCHEMA other;
       CREATE TABLE other.gone AS SELECT 1 AS one;
       CREATE TABLE public.gone (n int);
       CREATE FUNCTION public.gone(int) RETURNS int LANGUAGE sql RETURN 1;
       CREATE TABLE platform.users_too (n text REFERENCES platform.schema_migrations);
       ALTER TABLE platform.schema_migrations ADD COLUMN gone int;
       CREATE PUBLICATION gone FOR TABLE other.gone;
       GRANT ALL ON SCHEMA public TO app;
       ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO app;
       SELECT lo_create(4712)`,
    );
    await query(target, `GRANT CREATE, TEMPORARY ON DATABASE ${target.database} TO app`);
    // The owner may do it too.
    const report = await driver(source).backup(copy);
    await restore();
    expect(await driver(target).content()).toEqual(report.content);
    expect(await schemaFingerprint(target)).toEqual(await schemaFingerprint(source));
    expect(await query(target, 'SELECT pubname FROM pg_publication')).toEqual([{ pubname: 'of_edge' }]);
    await restore();
    expect(await driver(target).content()).toEqual(report.content);
  }, 120_000);

  test('that was interrupted has changed nothing, and is repeated', async () => {
    await query(target, 'CREATE TABLE public.mine AS SELECT 1 AS one');
    const before = await driver(target).content();
    const report = await backup();
    const held = await HeldConnection.open(second);
    // Within the rows of a table; in the clear, so that it can be seen.
    held.hold('large large', 'request');
    const through = new PostgresDriver({ ...target, host: held.host, port: held.port });
    const failed = expect(through.restore(copy.files)).rejects.toThrow(/^psql failed: .*connection/s);
    await eventually('rows are on their way', 30_000, async () => held.holding);
    await held.close();
    await failed;
    expect(await driver(target).content()).toEqual(before);
    await restore();
    expect(await driver(target).content()).toEqual(report.content);
  }, 120_000);

  test('of a damaged copy is refused and changes nothing', async () => {
    await backup();
    await query(target, 'CREATE TABLE public.mine AS SELECT 1 AS one');
    const before = await driver(target).content();
    for (const name of ['inventory.json', 'database.dump', 'database.json'])
      await expect(restore(copy.without(name))).rejects.toThrow(
        `The copy has no ${name}: it is incomplete. Take another set.`,
      );
    await copy.damage('database.dump');
    await expect(restore()).rejects.toThrow(/^database\.dump is not what was copied/);
    copy.truncate('database.dump');
    await expect(restore()).rejects.toThrow(
      /^database\.dump is not what was copied \(\d+ of \d+ bytes, or others\)\. Nothing was restored/,
    );
    expect(await driver(target).content()).toEqual(before);
  }, 120_000);

  test('changes go on from the history of an older copy', async () => {
    const older = await freshDatabase(first);
    const last = platform.changes.length - 3;
    await migrate(older, { ...platform, changes: platform.changes.slice(0, last) });
    // It may connect from the last change on.
    await query(older, `GRANT CONNECT ON DATABASE ${older.database} TO backup`);
    const report = await backup(older);
    expect(report.schema).toHaveLength(last);
    await migrate(target);
    await restore();
    expect(await driver(target).content()).toEqual(report.content);
    expect(await migrate(target)).toEqual(platform.changes.slice(last).map(({ version }) => version));
  }, 120_000);
});

describe('a copy is of one moment', () => {
  let busy: PostgresConnection;
  beforeEach(async () => {
    busy = await freshDatabase(first);
    await query(
      busy,
      `CREATE TABLE a AS SELECT n, 0 AS moved, repeat('x', 200) AS filler FROM generate_series(1, 50000) n;
       CREATE TABLE b AS SELECT n, 0 AS moved FROM generate_series(1, 50000) n;
       CREATE TABLE emptied AS SELECT n FROM generate_series(1, 1000) n`,
    );
  });

  test('while a writer writes', async () => {
    let [written, writing] = [0, true];
    // Both tables change together.
    const writer = (async () => {
      while (writing) {
        const n = 1 + (written % 20_000);
        const set = (table: string) =>
          `UPDATE ${table} SET moved = moved + 1 WHERE n IN (${n}, 50001 - ${n})`;
        await query(busy, `BEGIN; ${set('a')}; ${set('b')}; INSERT INTO a VALUES (0, 0); COMMIT`);
        written++;
      }
    })();
    await eventually('the writer writes', 30_000, async () => written > 20);
    const before = written;
    const report = await backup(busy);
    await eventually('the writer went on', 30_000, async () => written > before);
    writing = false;
    await writer;
    await restore();
    expect(await driver(target).content()).toEqual(report.content);
    const moved = async (table: string) =>
      (await query<{ n: number }>(target, `SELECT sum(moved)::int AS n FROM ${table}`))[0]!.n;
    expect(await moved('a')).toBeGreaterThan(40);
    expect(await moved('b')).toBe(await moved('a'));
    expect(report.content['public.a']!.count).toBe(50_000 + (await moved('a')) / 2);
  }, 120_000);

  test('while a table is truncated', async () => {
    let truncated: Promise<unknown> | undefined;
    const waits = () =>
      query(busy, `SELECT FROM pg_locks WHERE NOT granted AND relation = 'emptied'::regclass`);
    const report = await new PostgresDriver(as('backup', busy)).backup({
      async write(...file) {
        truncated ??= query(busy, 'TRUNCATE emptied');
        if (file[0] === 'database.dump')
          await eventually('it waits', 30_000, async () => (await waits()).length === 1);
        await copy.write(file[0], file[1]);
      },
    });
    await truncated;
    expect(report.content['public.emptied']!.count).toBe(1000);
    await restore();
    expect(await driver(target).content()).toEqual(report.content);
    expect((await driver(busy).content())['public.emptied']!.count).toBe(0);
  }, 120_000);

  test('when tables are rewritten as it begins', async () => {
    let copied = false;
    const locked = async () =>
      (await query(busy, `SELECT FROM pg_locks WHERE relation = 'emptied'::regclass`)).length > 0;
    const rewriting = (async () => {
      for (let n = 0; n < 3 && !copied; n++) {
        await eventually('a copy begins', 30_000, async () => copied || locked());
        await query(busy, `BEGIN; TRUNCATE emptied; INSERT INTO emptied VALUES (${n}), (${n}); COMMIT`);
      }
    })();
    const report = await backup(busy);
    copied = true;
    await rewriting;
    await restore();
    expect(await driver(target).content()).toEqual(report.content);
  }, 120_000);
});

test.each([
  [`UPDATE t SET n = '1.00' WHERE n = '1'`, 3],
  [`UPDATE t SET n = NULL WHERE n = ''`, 3],
  [`DELETE FROM t WHERE n = '1'; INSERT INTO t VALUES ('')`, 3],
  [`INSERT INTO t VALUES ('1')`, 4],
  [`ALTER TABLE t ADD COLUMN m int`, 3],
])('%s gives another digest', async (change, count) => {
  await query(target, `CREATE TABLE t (n text); INSERT INTO t VALUES ('1'), (''), ('2')`);
  const before = (await driver(target).content())['public.t']!;
  await query(target, `DELETE FROM t; INSERT INTO t VALUES ('2'), (''), ('1')`);
  expect((await driver(target).content())['public.t']).toEqual(before);
  await query(target, change);
  const after = (await driver(target).content())['public.t']!;
  expect(after.count).toBe(count);
  expect(after.sha256).not.toBe(before.sha256);
});

describe('what cannot be done is said, and changes nothing', () => {
  test('a role is missing, but a superuser makes it', async () => {
    const role = `only_here_${randomBytes(4).toString('hex')}`;
    await query(superuser(first), `CREATE ROLE ${role}`);
    const own = await freshDatabase(first);
    await query(own, `CREATE TABLE t (n int); GRANT SELECT ON t TO ${role}`);
    const report = await backup(own);
    await query(target, 'CREATE TABLE mine ()');
    await expect(restore()).rejects.toThrow(
      `The server lacks roles of the copy: ${role}. Make them first, as the stack does, or restore as a superuser.`,
    );
    expect(Object.keys(await driver(target).content())).toEqual(['public.mine']);
    await driver(superuser(second, target.database)).restore(copy.files);
    expect(await driver(target).content()).toEqual(report.content);
    expect(await query(target, `SELECT has_table_privilege('${role}', 't', 'SELECT') AS may`)).toEqual([
      { may: true },
    ]);
  });

  test('the login is not the owner', async () => {
    await backup();
    await expect(driver(as('app', target)).restore(copy.files)).rejects.toThrow(
      '"app" may not restore the database. Log in as its owner, "platform_owner", or a superuser.',
    );
  });

  test('the owner is a superuser', async () => {
    await backup();
    await expect(driver(superuser(second)).restore(copy.files)).rejects.toThrow(
      'The database belongs to the superuser "postgres"',
    );
  });

  test('the login does not read everything', async () => {
    await expect(new PostgresDriver(as('app', source)).backup(copy)).rejects.toThrow(/permission denied/);
    expect(copy.files).toEqual({});
  });

  test('the password is wrong, or the certificate is of somebody else', async () => {
    const wrong = new PostgresDriver({ ...source, password: 'wrong' });
    await expect(wrong.content()).rejects.toBeInstanceOf(StoreAccessError);
    const other = { ...target, tls: { ca: second.ca!, serverName: 'other' } };
    await expect(new PostgresDriver(other).content()).rejects.toThrow(/altnames/);
  });

  test('there is no room for the copy, or the connection is lost', async () => {
    const write = async (_: string, bytes: AsyncIterable<Uint8Array>) => {
      for await (const chunk of bytes) if (chunk.length > 0) throw new Error('The bucket is full.');
    };
    const ended = () =>
      eventually('every session has ended', 30_000, async () => {
        const left = `SELECT FROM pg_stat_activity WHERE application_name IN ('platform backup', 'migrate backup')`;
        return (await query(superuser(first), left)).length === 0;
      });
    await expect(driver(source).backup({ write })).rejects.toThrow('The bucket is full.');
    await ended();
    const sessions = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'platform backup'`;
    const cutOff = async (name: string, bytes: AsyncIterable<Uint8Array>) => {
      expect(await query(superuser(first), sessions)).toHaveLength(1);
      await copy.write(name, bytes);
    };
    await expect(driver(source).backup({ write: cutOff })).rejects.toThrow(/^pg_dump failed: .*terminat/s);
    await ended();
  }, 60_000);

  test('pg_dump is not there', async () => {
    const path = process.env.PATH;
    process.env.PATH = '/nowhere';
    try {
      await expect(backup()).rejects.toThrow('pg_dump is not on the PATH; install it, or use the image.');
    } finally {
      process.env.PATH = path;
    }
    expect(copy.files).toEqual({});
  });
});
