import { join } from 'node:path';
import { Redis } from 'ioredis';
import { readChangeFiles } from '../../engine/change-files';
import { LockTimeoutError, StoreAccessError } from '../../engine/errors';
import { migrateDown, migrateUp } from '../../engine/runner';
import type { MigrationTarget } from '../../engine/target';
import { TemporaryFolder } from '../../testing/change-folder';
import { startRedis } from '../../testing/redis';
import type { ScratchServer } from '../../testing/servers';
import { RedisAccess } from './access';
import { auditKeys, type KeyFault } from './audit';
import { redisFormat } from './format';
import { redisTarget } from './store';

const platform = readChangeFiles(join(__dirname, '../../redis/platform'), redisFormat);
const targets: MigrationTarget[] = [];
const clients: Redis[] = [];
let server: ScratchServer;
let admin: Redis;
let folder: TemporaryFolder;

const client = (db = 0, username = 'admin') => {
  const { host, port, password } = server;
  const opened = new Redis({ host, port, username, password, db });
  clients.push(opened);
  return opened;
};
const connection = (password = server.password) => {
  const { host, port, user } = server;
  return { host, port, user, password };
};
const target = async () => {
  const opened = await redisTarget(connection(), 'test');
  targets.push(opened);
  return opened;
};
const options = async (changes = readChangeFiles(folder.path, redisFormat)) => ({
  target: await target(),
  folder: changes,
  folderName: 'folder',
  appliedBy: 'tester',
});
const key = (pattern: string, more: object = {}) => ({
  pattern,
  type: 'string',
  class: 'cache',
  ttl: 60,
  owner: 'notes',
  database: 0,
  description: 'A note',
  ...more,
});
const queue = key('note:queue', {
  type: 'stream',
  class: 'queue',
  ttl: 'none',
  reason: 'trimmed',
  database: 1,
  maxLength: 10,
});
const change = (up: object[], down: object[] = [{ operation: 'unregisterKeys', patterns: ['note:{id}'] }]) =>
  JSON.stringify({ description: 'A change', up, down }, null, 2);
const notes = change([{ operation: 'registerKeys', keys: [key('note:{id}')] }]);

beforeAll(async () => {
  server = await startRedis();
  admin = client();
}, 180_000);
afterAll(async () => {
  for (const opened of clients) opened.disconnect();
  await server?.stop();
}, 60_000);
beforeEach(async () => {
  await admin.flushall();
  folder = new TemporaryFolder({ '000001-a.json': notes });
});
afterEach(async () => {
  folder?.remove();
  await Promise.all(targets.splice(0).map((opened) => opened.close()));
});

describe('the platform registry', () => {
  test('is in Redis with its streams and groups, in their databases', async () => {
    expect((await migrateUp(await options(platform))).failed).toBeUndefined();
    expect(JSON.parse((await admin.hget('schema:keys', 'session:{session_id}'))!)).toEqual({
      pattern: 'session:{session_id}',
      type: 'hash',
      class: 'session',
      ttl: 86400,
      owner: 'gateway',
      database: 0,
      description: 'Data of a user session; each use sets the TTL again.',
    });
    const lines = await (await target()).schema();
    expect(lines.filter((line) => /^(stream|consumer group) /.test(line))).toEqual([
      'consumer group a2a:messages:dead operators',
      'consumer group a2a:messages:pending routers',
      'consumer group a2a:messages:processing agents',
      'stream a2a:messages:dead {}',
      'stream a2a:messages:pending {"deadLetter":{"afterDeliveries":5,"stream":"a2a:messages:dead"}}',
      'stream a2a:messages:processing {"deadLetter":{"afterDeliveries":5,"stream":"a2a:messages:dead"}}',
    ]);
    expect(await client(1).type('a2a:messages:pending')).toBe('stream');
    expect(await admin.type('a2a:messages:pending')).toBe('none');
  });

  test('each change goes away without a trace when it is reverted, and comes again', async () => {
    const schema = async () => (await target()).schema();
    for (const [index, change] of platform.changes.entries()) {
      const folder = { changes: platform.changes.slice(0, index + 1), problems: [] };
      const before = await schema();
      expect((await migrateUp(await options(folder))).applied).toEqual([
        expect.objectContaining({ version: change.version }),
      ]);
      const after = await schema();
      expect(after.length).toBeGreaterThan(before.length);
      await migrateDown({ ...(await options(folder)), to: platform.changes[index - 1]?.version });
      expect(await schema()).toEqual(before);
      expect(await client(1).dbsize()).toBe(0);
      await migrateUp(await options(folder));
      expect(await schema()).toEqual(after);
    }
  });

  test('applying the operations a second time changes nothing', async () => {
    await migrateUp(await options(platform));
    const [before, keys] = [await (await target()).schema(), await admin.hgetall('schema:keys')];
    await admin.del('schema:migrations:test');
    expect((await migrateUp(await options(platform))).failed).toBeUndefined();
    expect(await (await target()).schema()).toEqual(before);
    expect(await admin.hgetall('schema:keys')).toEqual(keys);
  });
});

test('keeps the history as one field per version and has nothing to do the second time', async () => {
  const { applied } = await migrateUp(await options());
  expect(JSON.parse((await admin.hget('schema:migrations:test', '000001'))!)).toEqual(applied[0]);
  expect(applied[0]).toMatchObject({ version: '000001', description: 'a', appliedBy: 'tester' });
  const again = await migrateUp(await options());
  expect([again.history, again.applied]).toEqual([applied, []]);
});

test('a group that someone removed by hand is missing in the definitions', async () => {
  await migrateUp(await options(platform));
  const before = await (await target()).schema();
  await client(1).xgroup('DESTROY', 'a2a:messages:pending', 'routers');
  const after = await (await target()).schema();
  expect(before.filter((line) => !after.includes(line))).toEqual([
    'consumer group a2a:messages:pending routers',
  ]);
});

test('a stream that holds entries, or a group with unfinished ones, is not deleted', async () => {
  const up = [
    { operation: 'registerKeys', keys: [queue] },
    { operation: 'createStream', stream: 'note:queue', groups: ['workers'] },
  ];
  const group = { stream: 'note:queue', group: 'workers' };
  folder.write({
    '000001-a.json': change(up, [{ operation: 'deleteStream', stream: 'note:queue' }]),
    '000002-b.json': change(
      [{ operation: 'createConsumerGroup', ...group }],
      [{ operation: 'deleteConsumerGroup', ...group }],
    ),
  });
  await migrateUp(await options());
  const work = client(1);
  const id = await work.xadd('note:queue', '*', 'text', 'precious');
  await work.xreadgroup('GROUP', 'workers', 'me', 'STREAMS', 'note:queue', '>');
  await expect(migrateDown(await options())).rejects.toThrow(
    '000002-b.json: statement 1 failed at line 11: the consumer group "workers" of "note:queue" has 1 entries that were delivered and not acknowledged; let its consumers finish first.',
  );
  await work.xack('note:queue', 'workers', id!);
  await migrateDown({ ...(await options()), to: '000001' });
  await expect(migrateDown(await options())).rejects.toThrow(
    'the stream "note:queue" still holds 1 entries; let its consumers finish and trim it before it is deleted.',
  );
  expect(await work.xlen('note:queue')).toBe(1);
});

test('an operation that contradicts the registry stops the run and keeps the changes before it', async () => {
  folder.write({
    '000002-b.json': change([{ operation: 'registerKeys', keys: [key('note:{a}:{b}', { owner: 'other' })] }]),
    '000003-c.json': change([{ operation: 'registerKeys', keys: [key('task:{id}')] }]),
  });
  const result = await migrateUp(await options());
  expect(result.failed!.error.message).toBe(
    '000002-b.json: statement 1 failed at line 4: the pattern "note:{a}:{b}" (string, other, database 0) overlaps with "note:{id}" (string, notes, database 0): a key could fit both; give one another prefix.',
  );
  expect(result.history.map((entry) => entry.version)).toEqual(['000001']);
  expect(await admin.hkeys('schema:keys')).toEqual(['note:{id}']);
});

describe('the lock', () => {
  test('a held lock is named with its holder after the wait, and free after its release', async () => {
    const lock = await (await target()).lock({ holder: 'ci@build-1', waitMs: 0 });
    const waiting = (await target()).lock({ holder: 'me', waitMs: 300 });
    await expect(waiting).rejects.toThrow(LockTimeoutError);
    await expect(waiting).rejects.toThrow(/ is held by ci@build-1 and was not free within 0\.3 s\./);
    await lock.release();
    await (await (await target()).lock({ holder: 'me', waitMs: 0 })).release();
  });

  test('a holder whose heartbeats go on is not taken over', async () => {
    const lock = await (await target()).lock({ holder: 'slow', waitMs: 0 });
    await expect((await target()).lock({ holder: 'me', waitMs: 6_000 })).rejects.toThrow('is held by slow');
    await lock.release();
  });
});

test('the user of the change files reads no data', async () => {
  await admin.set('note:1', 'private');
  await admin.hset('session:1', 'token', 'private');
  const migrations = client(0, 'migrations');
  await expect(migrations.get('note:1')).rejects.toThrow(/^NOPERM/);
  await expect(migrations.hgetall('session:1')).rejects.toThrow(/^NOPERM/);
  await expect(migrations.eval("return redis.call('GET', KEYS[1])", 1, 'note:1')).rejects.toThrow(
    /NOPERM|ACL/,
  );
  await expect(migrations.xadd('note:queue', '*', 'a', 'b')).rejects.toThrow(/^NOPERM/);
  await expect(migrations.flushall()).rejects.toThrow(/^NOPERM/);
});

test('refused credentials give a sentence with the fix and without the secret', async () => {
  const attempt = redisTarget(connection('wrong-secret'), 'test');
  await expect(attempt).rejects.toThrow(StoreAccessError);
  await expect(attempt).rejects.toThrow(
    /^Redis at .* refuses "migrations": WRONGPASS .* Connect with credentials that may\.$/,
  );
  const error: unknown = await attempt.catch((reason: unknown) => reason);
  expect(JSON.stringify([error, (error as Error).cause ?? ''])).not.toContain('wrong-secret');
});

describe('the audit', () => {
  test('finds keys that fit no pattern, are in the wrong database, of the wrong type, without or with too long a TTL', async () => {
    await migrateUp(await options(platform));
    await admin.hset('session:good', 'user', '1');
    await admin.expire('session:good', 60);
    await admin.hset('session:eternal', 'user', '1');
    await admin.hset('session:eternal-too', 'user', '1');
    await admin.set('user:7:profile', 'text', 'EX', 60);
    await admin.set('api:ratelimit:7', '1', 'EX', 600);
    await admin.set('surprise:1', 'x');
    await admin.set('top-secret-token', 'x');
    await admin.hset('workflow:templates:cache', 'a', 'b');
    await client(1).hset('a2a:agents:registry', 'agent', 'address');
    const audit = await (await target()).audit();
    const fault = (keys: string, text: string, count = 1, samples?: string[]) => ({
      ...{ database: 0, keys, fault: text, count },
      ...(samples ? { samples } : {}),
      text: `database 0, ${keys}: ${text}, ${count} key${count === 1 ? '' : 's'}${samples ? `, such as ${samples.join(', ')}` : ''}`,
    });
    expect(audit).toEqual({
      scanned: 12,
      complete: true,
      faults: [
        fault('api:ratelimit:{user_id}', 'has a TTL that is too long'),
        fault('keys without a prefix', 'fits no pattern', 1, ['<text> (string)']),
        fault('session:{session_id}', 'has no TTL', 2),
        fault('surprise:*', 'fits no pattern', 1, ['surprise:<number> (string)']),
        fault('user:{user_id}:profile', 'has the wrong type'),
        fault('workflow:templates:cache', 'is in the wrong database'),
      ],
    });
    expect(JSON.stringify(audit)).not.toMatch(/eternal|secret/);
  });

  test('shows what strange keys look like, a few of them, and never what they say', async () => {
    await migrateUp(await options(platform));
    const strange = [
      'cart:7',
      'cart:8',
      'cart:1c6c1f6e-1111-4222-8333-444455556666:items',
      'cart:hunter2:7',
      'cart:a:b:c:d:e:f:g',
      '\u001b[31mred:1',
    ];
    for (const name of strange) await admin.set(name, 'x');
    const faults = (await (await target()).audit())!.faults as KeyFault[];
    expect(faults.map(({ keys, count }) => [keys, count])).toEqual([
      ['?[31mred:*', 1],
      ['cart:*', 5],
    ]);
    const possible = [
      'cart:<number> (string)',
      'cart:<uuid>:<text> (string)',
      'cart:<text>:<number> (string)',
      'cart:<text>:<text>:<text>:<text>:<text>:… (string)',
    ];
    expect(possible).toEqual(expect.arrayContaining([...faults[1]!.samples!]));
    expect(new Set(faults[1]!.samples).size).toBe(3);
    expect(JSON.stringify(faults)).not.toMatch(/hunter2|\\u001b/);
  });

  test('a store full of strange prefixes gives a report that ends', async () => {
    await migrateUp(await options(platform));
    const pipeline = admin.pipeline();
    for (let i = 0; i < 300; i++) pipeline.set(`strange${i}:1`, '1');
    await pipeline.exec();
    const faults = (await (await target()).audit())!.faults as KeyFault[];
    expect(faults).toHaveLength(101);
    expect(faults.find(({ keys }) => keys === 'keys of more prefixes')).toMatchObject({ count: 200 });
  });

  test('stops at its limit and says so', async () => {
    await migrateUp(await options(platform));
    const pipeline = admin.pipeline();
    for (let i = 0; i < 2_000; i++) pipeline.set(`user:${i}:x`, '1');
    await pipeline.exec();
    const access = await RedisAccess.open(connection());
    const audit = await auditKeys(access, 700);
    access.close();
    // The three streams of database 1 are looked at all the same.
    expect([audit.scanned, audit.complete]).toEqual([703, false]);
  });
});
