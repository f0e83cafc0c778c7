import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Redis from 'ioredis';
import { closePools, query, superuser } from '../../migrations/testing/postgres';
import { startRedis } from '../../migrations/testing/redis';
import { type ScratchServer, startPostgres } from '../../migrations/testing/servers';
import { verifySet } from '../command/actions';
import { FolderRepository } from '../repository/folder';
import { BackupSets } from '../sets/backup-sets';
import { type BackupStore, openDriver } from '../stores';
import { usePostgresPrograms, useRedisPrograms } from '../testing/programs';
import { startScratchStore } from './scratch-stores';

jest.setTimeout(300_000);

const folder = mkdtempSync(join(tmpdir(), 'verify-'));
const servers: ScratchServer[] = [];

beforeAll(() => Promise.all([usePostgresPrograms(), useRedisPrograms()]));
afterAll(async () => {
  await closePools();
  for (const server of servers) await server.stop();
  rmSync(folder, { recursive: true });
});

function driverOf(store: BackupStore, { host, port, password }: ScratchServer, username: string) {
  const credentials: Record<string, string> = { username, password };
  return openDriver(store, { host, port, database: 'platform', credential: (key) => credentials[key]! });
}

async function platformPostgres() {
  const server = await startPostgres('-c fsync=off -c shared_preload_libraries=pgaudit');
  servers.push(server);
  const admin = superuser(server);
  await query(admin, `CREATE ROLE platform_owner LOGIN PASSWORD '${server.password}'`);
  await query(admin, 'CREATE ROLE app');
  await query(admin, 'CREATE DATABASE platform OWNER platform_owner');
  await query(superuser(server, 'platform'), 'CREATE EXTENSION pgaudit');
  const owner = { ...superuser(server, 'platform'), user: 'platform_owner' };
  await query(owner, 'CREATE TABLE notes (id int PRIMARY KEY, text text)');
  await query(owner, "INSERT INTO notes SELECT i, 'note ' || i FROM generate_series(1, 1000) i");
  await query(owner, 'GRANT SELECT ON notes TO app');
  return server;
}

async function filledRedis() {
  const server = await startRedis();
  servers.push(server);
  const { host, port, password } = server;
  const admin = new Redis({ host, port, username: 'admin', password });
  await admin.mset({ one: '1', two: '2' });
  await admin.xadd('queue', '*', 'field', 'value');
  admin.disconnect();
  return server;
}

test('a set is proven in empty servers with what the platform’s have', async () => {
  const sets = new BackupSets(new FolderRepository(folder));
  const progress = () => undefined;
  const [postgres, redis] = await Promise.all([platformPostgres(), filledRedis()]);
  const drivers = {
    postgres: driverOf('postgres', postgres, 'platform_owner'),
    redis: driverOf('redis', redis, 'admin'),
  };
  const manifest = await sets.create('test', drivers, { recipients: [], progress });
  expect(manifest.stores.postgres!.content).toMatchObject({ 'public.notes': { count: 1000 } });
  const started: string[] = [];
  const verified = await verifySet(sets, manifest, {
    ...{ identities: [], progress },
    startScratch: (store) => {
      started.push(store);
      return startScratchStore(store as BackupStore);
    },
  });
  expect(verified.map(({ store }) => store)).toEqual(['postgres', 'redis']);
  expect(started).toEqual(['postgres', 'redis']);
  expect((await sets.list())[0]!.verifiedAt).toMatch(/^\d{4}-/);
});
