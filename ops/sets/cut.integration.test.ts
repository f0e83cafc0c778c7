import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { Redis } from 'ioredis';
import type { PostgresConnection } from '../../migrations/targets/postgres/target';
import {
  as,
  closePools,
  freshDatabase,
  migratedDatabase,
  query,
  superuser,
} from '../../migrations/testing/postgres';
import { startRedis } from '../../migrations/testing/redis';
import { type ScratchServer, startPostgres } from '../../migrations/testing/servers';
import { followOn, restoreSet } from '../command/actions';
import { FolderRepository } from '../repository/folder';
import type { StoreDriver } from '../stores/driver';
import { PostgresDriver } from '../stores/postgres';
import { RedisDriver } from '../stores/redis';
import { usePostgresPrograms, useRedisPrograms } from '../testing/programs';
import { BackupSets } from './backup-sets';

/** PostgreSQL, and a Redis that follows it. */
interface Platform {
  readonly database: PostgresConnection;
  readonly redis: Redis;
  readonly drivers: Readonly<Record<string, StoreDriver>>;
}

const CONSUMER = 'search';
const FOLLOWED = 'projects';
/** More transactions than a new server has had. */
const TRANSACTIONS = 5000;

let servers: ScratchServer[] = [];
let first: Platform;
let folder: string;
let sets: BackupSets;

beforeAll(async () => {
  servers = await Promise.all([startPostgres(), startPostgres(), startRedis(), startRedis()]);
  await Promise.all([usePostgresPrograms(), useRedisPrograms()]);
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'cut-'));
  sets = new BackupSets(new FolderRepository(folder));
  first = platform(servers[2]!, await migratedDatabase(servers[0]!));
  await query(
    superuser(servers[0]!),
    `DO $$ BEGIN FOR i IN 1..${TRANSACTIONS} LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$`,
  );
  await query(first.database, `INSERT INTO platform.outbox_consumers (name) VALUES ('${CONSUMER}')`);
}, 300_000);
afterAll(async () => {
  first?.redis.disconnect();
  await closePools();
  await Promise.all(servers.map((server) => server.stop()));
  fs.rmSync(folder, { recursive: true, force: true });
}, 120_000);

function platform(store: ScratchServer, database: PostgresConnection): Platform {
  const { host, port, password } = store;
  const redis = new Redis({ host, port, username: 'admin', password });
  const drivers = {
    redis: new RedisDriver({ host, port, user: 'admin', password, database: 'platform' }),
    postgres: new PostgresDriver(database),
  };
  return { database, redis, drivers };
}

/** A project is made, or a second one removed, and the outbox says so. */
async function write({ database }: Platform, name: string): Promise<void> {
  const app = as('app', database);
  const event = (kind: string) =>
    `INSERT INTO platform.outbox (object_type, object_id, event) SELECT 'platform.projects', name, '${kind}' FROM changed`;
  await query(
    app,
    `WITH changed AS (INSERT INTO platform.projects (name) VALUES ($1), ($1 || '-gone') RETURNING name) ${event('created')}`,
    [name],
  );
  await query(
    app,
    `WITH changed AS (DELETE FROM platform.projects WHERE name = $1 || '-gone' RETURNING name) ${event('deleted')}`,
    [name],
  );
}

/** As a consumer does: first the store, then how far it is. @returns how many changes there were. */
async function follow({ database, redis }: Platform, rows = 7): Promise<number> {
  const changes = await query<Record<'object_id' | 'event' | 'transaction_id' | 'position', string>>(
    as('app', database),
    `SELECT o.* FROM platform.outbox_consumers c, platform.read_outbox(c.transaction_id, c.position, ${rows}) o
     WHERE name = '${CONSUMER}' ORDER BY o.transaction_id, o.position`,
  );
  for (const { object_id: name, event } of changes)
    await (event === 'deleted' ? redis.srem(FOLLOWED, name) : redis.sadd(FOLLOWED, name));
  const last = changes.at(-1);
  if (last)
    await query(
      as('app', database),
      `UPDATE platform.outbox_consumers SET transaction_id = $1, position = $2 WHERE name = '${CONSUMER}'`,
      [last.transaction_id, last.position],
    );
  return changes.length;
}

const followAll = async (of: Platform) => {
  while ((await follow(of)) > 0);
};
const projects = async ({ database }: Platform) =>
  (await query<{ name: string }>(database, 'SELECT name FROM platform.projects'))
    .map(({ name }) => name)
    .sort();
const followed = async ({ redis }: Platform) => (await redis.smembers(FOLLOWED)).sort();
const quiet = { progress: () => undefined };

/** A set that is made while one writes and one follows. */
async function backUpUnderLoad() {
  let done = false;
  const whileCopying = async (work: (round: number) => Promise<unknown>) => {
    for (let round = 0; !done; round++) await work(round);
  };
  const working = [
    whileCopying((round) => write(first, `during-${round}`)),
    whileCopying(() => follow(first)),
  ];
  const manifest = await sets
    .create('data', first.drivers, { recipients: [], ...quiet })
    .finally(() => (done = true));
  await Promise.all(working);
  return manifest;
}

test('a set made under load is followed on another server: nothing is missing, nothing is left over', async () => {
  for (let index = 0; index < 20; index++) await write(first, `before-${index}`);
  await follow(first, 10);
  const manifest = await backUpUnderLoad();
  expect(Object.keys(manifest.cut!.consumers)).toEqual([CONSUMER]);
  expect(BigInt(manifest.cut!.consumers[CONSUMER]!.transactionId)).toBeGreaterThan(BigInt(TRANSACTIONS));

  const second = platform(servers[3]!, await freshDatabase(servers[1]!));
  try {
    await restoreSet(sets, manifest, second.drivers, { identities: [], force: false, ...quiet });
    const inPostgres = await projects(second);
    expect(inPostgres).toEqual(expect.arrayContaining(['before-0', 'before-19']));
    // What follows lags behind, and has nothing that PostgreSQL does not have or had.
    const behind = await followed(second);
    expect(behind).not.toEqual(inPostgres);
    expect(behind.filter((name) => !name.endsWith('-gone') && !inPostgres.includes(name))).toEqual([]);

    expect(await followOn(manifest, second.drivers)).toBe(manifest.cut!.at);
    await followAll(second);
    expect(await followed(second)).toEqual(inPostgres);

    // The new server counts its transactions from the beginning.
    await write(second, 'after');
    await followAll(second);
    expect(await followed(second)).toEqual([...inPostgres, 'after'].sort());
  } finally {
    second.redis.disconnect();
  }
}, 120_000);

test('on the same server consumers go back to the cut, and never forward', async () => {
  await followAll(first);
  const { outbox } = first.drivers.postgres!;
  const cut = (await outbox!.cut())!;
  const position = async () => (await outbox!.cut())!.consumers[CONSUMER];
  for (let index = 0; index < 3; index++) await write(first, `later-${index}`);
  await followAll(first);
  const later = (await outbox!.cut())!;
  expect(await position()).not.toEqual(cut.consumers[CONSUMER]);

  await outbox!.resume(cut);
  expect(await position()).toEqual(cut.consumers[CONSUMER]);
  await outbox!.resume(later);
  expect(await position()).toEqual(cut.consumers[CONSUMER]);
  await followAll(first);
  expect(await position()).toEqual(later.consumers[CONSUMER]);

  // A consumer that the cut does not know had read nothing by then.
  await outbox!.resume({ at: cut.at, consumers: {} });
  expect(await position()).toEqual({ transactionId: '0', position: '0' });
});

test('a database without an outbox has no cut', async () => {
  const { outbox } = new PostgresDriver(await freshDatabase(servers[1]!));
  expect(await outbox.cut()).toBeUndefined();
  await outbox.resume({ at: '2030-01-01T00:00:00Z', consumers: {} });
});
