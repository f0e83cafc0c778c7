import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { aclUsers } from '../../components/redis-acl';
import { type ChangeFolder, readChangeFiles } from '../../migrations/engine/change-files';
import { StoreAccessError } from '../../migrations/engine/errors';
import { migrateUp } from '../../migrations/engine/runner';
import { projectRoot } from '../../migrations/project-root';
import { redisFormat } from '../../migrations/targets/redis/format';
import { redisTarget } from '../../migrations/targets/redis/store';
import { HeldConnection } from '../../migrations/testing/held-connection';
import { startRedis, startRedisCluster } from '../../migrations/testing/redis';
import { eventually, type ScratchServer } from '../../migrations/testing/servers';
import { CopyFolder } from '../testing/copy-folder';
import { useRedisPrograms } from '../testing/programs';
import { everything, LIBRARY, many, writeEdges } from '../testing/redis-edges';
import { RedisDriver } from './redis';
import { ScratchRedis } from './redis-scratch';

const platform = readChangeFiles(join(projectRoot(), 'migrations/redis/platform'), redisFormat);
/** What a restore needs besides the rights of `backup`. */
const RESTORE = [
  ...aclUsers.backup.server,
  '~*',
  '+restore',
  '+flushall',
  '+function|restore',
  '+select',
  '+wait',
];
const SERVED_AS = 'redis-nodes';
const SEEN = 'seen on its way';

let source: ScratchServer;
let second: ScratchServer;
let clients: Redis[] = [];
let copy: CopyFolder;

beforeAll(async () => {
  [source, second] = await Promise.all([startRedis(undefined, SERVED_AS), startRedis(), useRedisPrograms()]);
  for (const server of [source, second]) {
    const { password } = server;
    await atOnce(server);
    await admin(server).call('ACL', 'SETUSER', 'backup', 'on', `>${password}`, ...aclUsers.backup.server);
    await admin(server).call('ACL', 'SETUSER', 'restore', 'on', `>${password}`, ...RESTORE);
  }
}, 300_000);
afterAll(async () => {
  await Promise.all([source?.stop(), second?.stop()]);
}, 120_000);
beforeEach(async () => {
  copy = new CopyFolder();
  for (const server of [source, second]) {
    await admin(server).flushall();
    await admin(server).call('FUNCTION', 'FLUSH');
  }
});
afterEach(() => {
  copy.remove();
  for (const client of clients) client.disconnect();
  clients = [];
});

const tlsOf = ({ ca }: ScratchServer) => (ca ? { tls: { ca, serverName: SERVED_AS } } : {});
function admin(server: ScratchServer, db = 0): Redis {
  const { host, port, password, ca } = server;
  const tls = ca ? { tls: { ca, servername: SERVED_AS } } : {};
  const client = new Redis({ ...{ host, port, password, db }, username: 'admin', ...tls });
  clients.push(client);
  return client;
}
const databases = (server: ScratchServer) => (index: number) => admin(server, index);
/** A copy need not wait for others that might come. */
async function atOnce(server: ScratchServer): Promise<void> {
  await admin(server).config('SET', 'repl-diskless-sync-delay', '0');
}
const address = (server: ScratchServer, user: string) => {
  const { host, port, password } = server;
  return { ...{ host, port, user, password, database: 'platform' }, ...tlsOf(server) };
};
const backup = () => new RedisDriver(address(source, 'backup')).backup(copy);
const content = (server: ScratchServer) => new RedisDriver(address(server, 'backup')).content();
const restore = () => new RedisDriver(address(second, 'restore')).restore(copy.files);
async function migrate(server: ScratchServer, folder: ChangeFolder = platform): Promise<string[]> {
  const target = await redisTarget(address(server, 'migrations'), 'platform');
  const { applied, failed } = await migrateUp({
    target,
    folder,
    folderName: 'platform',
    appliedBy: 'tester',
  });
  await target.close();
  if (failed) throw failed.error;
  return applied.map(({ version }) => version);
}

describe('a round trip', () => {
  test('gives a second server the same keys, expiries, groups, functions and history', async () => {
    await migrate(source);
    await writeEdges(databases(source));
    const report = await backup();
    expect(report.serverVersion).toMatch(/^8\.\d+\.\d+$/);
    expect(report.schema).toEqual(platform.changes.map(({ version, checksum }) => ({ version, checksum })));
    expect(report.position).toMatch(/^[0-9a-f]{40}:\d+$/);
    const keys = Object.keys((await everything(databases(source))).keys);
    const count = (db: string) =>
      keys.filter((key) => key.startsWith(`${db} `) && !/ expires$/.test(key)).length;
    expect(count('1')).toBeGreaterThan(0);
    expect(report.content).toEqual({
      'database 1': { count: count('1'), sha256: expect.any(String) },
      'database 0': { count: count('0'), sha256: expect.any(String) },
      'database 3': { count: 1, sha256: expect.any(String) },
      functions: { count: 1, sha256: expect.any(String) },
    });
    expect(await content(source)).toEqual(report.content);

    await restore();
    expect(await content(second)).toEqual(report.content);
    expect(await everything(databases(second))).toEqual(await everything(databases(source)));
    expect(await admin(second).exists('schema:lock:platform')).toBe(0);
    expect(await admin(second).call('FCALL', 'answer', 0)).toBe(42);
    expect(await migrate(second)).toEqual([]);
  }, 120_000);

  test('replaces what is there', async () => {
    await writeEdges(databases(source));
    const report = await backup();
    for (const db of [0, 3, 5]) await admin(second, db).mset('gone', 'x', 'number', 'other');
    await admin(second).call(
      'FUNCTION',
      'LOAD',
      LIBRARY.replace('name=lib', 'name=gone').replace('answer', 'gone'),
    );
    await admin(second).hset('schema:lock:platform', 'held', 'true');
    await restore();
    expect(await content(second)).toEqual(report.content);
    expect(await everything(databases(second))).toEqual(await everything(databases(source)));
    await restore();
    expect(await content(second)).toEqual(report.content);
  }, 120_000);

  test('that was interrupted is repeated', async () => {
    await writeEdges(databases(source));
    // Values are packed, names are not.
    await admin(source).set(SEEN, 'x');
    const report = await backup();
    await admin(second).mset('gone', 'x');
    const held = await HeldConnection.open(second);
    held.hold(SEEN, 'request');
    const through = { ...address(second, 'restore'), host: held.host, port: held.port };
    const failed = expect(new RedisDriver(through).restore(copy.files)).rejects.toThrow();
    await eventually('values are on their way', 30_000, async () => held.holding);
    await held.close();
    await failed;
    expect(await content(second)).not.toEqual(report.content);
    await restore();
    expect(await content(second)).toEqual(report.content);
  }, 120_000);

  test('of a damaged copy is refused and changes nothing', async () => {
    await writeEdges(databases(source));
    await backup();
    await admin(second).set('kept', 'x');
    for (const name of ['inventory.json', 'master-0.rdb'])
      await expect(new RedisDriver(address(second, 'restore')).restore(copy.without(name))).rejects.toThrow(
        `The copy has no ${name}: it is incomplete. Take another set.`,
      );
    await copy.damage('master-0.rdb');
    await expect(restore()).rejects.toThrow(/^master-0\.rdb is not what was copied/);
    await expect(ScratchRedis.load(copy.files['master-0.rdb']!)).rejects.toThrow(
      /^The copy cannot be read: /,
    );
    copy.truncate('master-0.rdb');
    await expect(restore()).rejects.toThrow(
      /^master-0\.rdb is not what was copied \(\d+ of \d+ bytes, or others\)\. Nothing was restored/,
    );
    await expect(ScratchRedis.load(copy.files['master-0.rdb']!)).rejects.toThrow(/Unexpected EOF|Short read/);
    expect(await admin(second).keys('*')).toEqual(['kept']);
  }, 120_000);

  test('changes go on from the history of an older copy', async () => {
    await migrate(source, { ...platform, changes: platform.changes.slice(0, 1) });
    const report = await backup();
    expect(report.schema.map(({ version }) => version)).toEqual(['000001']);
    await migrate(second);
    await restore();
    expect(await content(second)).toEqual(report.content);
    expect(await migrate(second)).toEqual(platform.changes.slice(1).map(({ version }) => version));
  }, 120_000);

  test('leaves out what has expired since, and compares without it', async () => {
    const client = admin(source);
    await client.set('stays', 'x');
    await client.set('expires', 'x', 'PX', 2_000);
    await client.hset('hash', 'stays', '1', 'expires', '2');
    await client.call('HPEXPIRE', 'hash', 2_000, 'FIELDS', 1, 'expires');
    const report = await backup();
    await eventually('they have expired', 30_000, async () => (await client.hlen('hash')) === 1);
    await restore();
    expect(await content(second)).toEqual(report.content);
    expect((await admin(second).keys('*')).sort()).toEqual(['hash', 'stays']);
    expect(await admin(second).hgetall('hash')).toEqual({ stays: '1' });
  }, 120_000);
});

test('replicas have what was restored when it ends', async () => {
  await writeEdges(databases(source));
  await backup();
  const replica = await startRedis();
  try {
    const follower = admin(replica);
    await follower.config('SET', 'masteruser', 'admin', 'masterauth', second.password);
    await admin(second).set('gone', 'x');
    await follower.replicaof(second.podIp, second.servicePort);
    await eventually('it follows', 60_000, async () => (await follower.exists('gone')) === 1);
    await restore();
    expect(await everything(databases(replica))).toEqual(await everything(databases(source)));
    await follower.call('REPLICAOF', 'NO', 'ONE');
  } finally {
    await replica.stop();
  }
}, 180_000);

test('a copy is of one moment while a writer writes', async () => {
  await admin(source).mset(...many(20_000, (n) => [`filler ${n}`, `value ${n}`]));
  let [written, writing] = [0, true];
  const client = admin(source);
  const writer = (async () => {
    // Both keys change together, and one more comes.
    while (writing) {
      const next = ++written;
      await client.multi().set('a', next).set('z', next).rpush('list', next).exec();
    }
  })();
  await eventually('the writer writes', 30_000, async () => written > 3);
  const before = written;
  const report = await backup();
  await eventually('the writer went on', 30_000, async () => written > before);
  writing = false;
  await writer;
  await restore();
  expect(await content(second)).toEqual(report.content);
  expect(report.content['database 0']!.count).toBe(20_003);
  const [a, z] = await admin(second).mget('a', 'z');
  expect(Number(a)).toBeGreaterThanOrEqual(before);
  expect([z, await admin(second).llen('list')]).toEqual([a, Number(a)]);
}, 120_000);

describe('a digest', () => {
  const digestAfter = async (...commands: string[]) => {
    await admin(second).flushall();
    for (const command of commands) {
      const [name, ...args] = command.split(' ');
      await admin(second).call(name!, ...args);
    }
    return (await content(second))['database 0']?.sha256;
  };

  test.each([
    [['SADD k b a'], ['SADD k a x', 'SADD k b', 'SREM k x']],
    [['SADD k 1 2'], ['SADD k word', 'SADD k 2 1', 'SREM k word']],
    [
      ['HSET k a 1 b 2'],
      [
        'CONFIG SET hash-max-listpack-entries 1',
        'HSET k b 2 a 1',
        'CONFIG SET hash-max-listpack-entries 512',
      ],
    ],
    [
      ['SET a 1', 'SET b 2'],
      ['SET b 2', 'SET a 1'],
    ],
    [['SET k 1'], ['SET k 1', 'SET expires 1 EX 1000']],
    [
      ['HSET k a 1'],
      ['HSET k a 1 b 2', 'HEXPIRE k 1000 FIELDS 1 b', 'HSET e a 1', 'HEXPIRE e 1000 FIELDS 1 a'],
    ],
  ])(
    'of %j is that of %j',
    async (one, other) => {
      expect(await digestAfter(...one)).toBe(await digestAfter(...other));
    },
    30_000,
  );

  test.each([
    [
      ['SET a 1', 'SET b 2'],
      ['SET a 2', 'SET b 1'],
    ],
    [['SET k a'], ['RPUSH k a']],
    [['RPUSH k a b'], ['RPUSH k b a']],
    [['HSET k a 1 b 2'], ['HSET k a 2 b 1']],
    [['ZADD k 1 a'], ['ZADD k 1.0000000000000002 a']],
    [['XADD k 1-1 a 1'], ['XADD k 1-2 a 1']],
    [['XADD k 1-1 a 1'], ['XADD k 1-1 a 1', 'XADD k 2-1 a 1', 'XDEL k 2-1']],
    [['XADD k 1-1 a 1'], ['XADD k 1-1 a 1', 'XGROUP CREATE k g $']],
    [
      ['XADD k 1-1 a 1', 'XGROUP CREATE k g 0', 'XREADGROUP GROUP g c STREAMS k >'],
      ['XADD k 1-1 a 1', 'XGROUP CREATE k g 0', 'XREADGROUP GROUP g c STREAMS k >', 'XACK k g 1-1'],
    ],
  ])(
    'of %j is not that of %j',
    async (one, other) => {
      expect(await digestAfter(...one)).not.toBe(await digestAfter(...other));
    },
    30_000,
  );
});

describe('a Cluster', () => {
  let node: ScratchServer;
  beforeAll(async () => {
    node = await startRedisCluster(`test-redis-backup-${randomBytes(4).toString('hex')}`, SERVED_AS);
    await atOnce(node);
    await admin(node).cluster('ADDSLOTSRANGE', 0, 16383);
    const rules = [...aclUsers.backup.cluster, ...RESTORE.slice(aclUsers.backup.server.length)];
    await admin(node).call('ACL', 'SETUSER', 'restore', 'on', `>${node.password}`, ...rules);
    await admin(node).call('ACL', 'SETUSER', 'backup', 'on', `>${node.password}`, ...aclUsers.backup.cluster);
    await eventually('the node serves', 30_000, async () =>
      /^cluster_state:ok/m.test(await admin(node).cluster('INFO')),
    );
  }, 180_000);
  afterAll(async () => {
    await node?.stop();
  }, 120_000);
  const clustered = (user: string) =>
    new RedisDriver({ ...address(node, user), nodes: { [node.name]: { host: node.host, port: node.port } } });

  test('is copied, and restored from a copy of one server', async () => {
    await writeEdges(databases(source));
    await admin(source, 3).flushdb();
    const report = await backup();
    await admin(node).set('gone', 'x');
    await clustered('restore').restore(copy.files);
    expect(await clustered('backup').content()).toEqual(report.content);
    const second = new CopyFolder();
    try {
      expect((await clustered('backup').backup(second)).content).toEqual(report.content);
      await new RedisDriver(address(source, 'restore')).restore(second.files);
    } finally {
      second.remove();
    }
    expect(await content(source)).toEqual(report.content);
  }, 120_000);

  test('has no other logical databases', async () => {
    await admin(source, 3).set('k', 'x');
    await backup();
    await admin(node).set('kept', 'x');
    await expect(clustered('restore').restore(copy.files)).rejects.toThrow(
      'A Cluster has only database 0, and the copy has database 3. Nothing was changed.',
    );
    expect(await admin(node).get('kept')).toBe('x');
  }, 120_000);
});

describe('what cannot be done is said', () => {
  test('the user is no replica', async () => {
    const driver = new RedisDriver(address(source, 'migrations'));
    await expect(driver.backup(copy)).rejects.toThrow(/gives "migrations" no copy: NOPERM/);
    expect(copy.files).toEqual({});
  });

  test('the user may not write', async () => {
    await backup();
    await admin(second).set('kept', 'x');
    await expect(new RedisDriver(address(second, 'backup')).restore(copy.files)).rejects.toThrow(/NOPERM/);
    expect(await admin(second).get('kept')).toBe('x');
  }, 60_000);

  test('the password is wrong, or the certificate is of somebody else', async () => {
    const wrong = new RedisDriver({ ...address(source, 'backup'), password: 'wrong' });
    await expect(wrong.content()).rejects.toBeInstanceOf(StoreAccessError);
    const other = { ca: source.ca!, serverName: 'other' };
    const elsewhere = new RedisDriver({ ...address(source, 'backup'), tls: other });
    await expect(elsewhere.content()).rejects.toBeInstanceOf(StoreAccessError);
  });

  test('redis-server is not there', async () => {
    const path = process.env.PATH;
    process.env.PATH = '/nowhere';
    try {
      await expect(content(source)).rejects.toThrow('redis-server is not on the PATH');
    } finally {
      process.env.PATH = path;
    }
  }, 60_000);
});
