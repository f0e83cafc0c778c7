import { Redis } from 'ioredis';
import { startRedis } from '../migrations/testing/redis';
import { eventually, type ScratchServer } from '../migrations/testing/servers';
import { declaredRegistry } from '../migrations/targets/redis/declared';
import { aclFile, aclUserNames } from './redis-acl';
import { applicationRules } from './redis-applications';

const applications = applicationRules(declaredRegistry('platform'));
const names = [...aclUserNames, ...Object.keys(applications)];
const passwords = Object.fromEntries(names.map((user) => [user, [`${user}-of-the-test`]]));
const clients: Redis[] = [];
let server: ScratchServer;

beforeAll(async () => {
  server = await startRedis();
  const admin = client('admin', server.password);
  for (const line of aclFile('server', passwords, applications).trimEnd().split('\n').slice(1)) {
    const [, user, ...rules] = line.split(' ');
    await admin.acl('SETUSER', user!, 'reset', ...rules);
  }
}, 180_000);
afterAll(async () => {
  for (const opened of clients) opened.disconnect();
  await server?.stop();
}, 60_000);

function client(username: string, password = `${username}-of-the-test`, db = 0): Redis {
  const { host, port } = server;
  const opened = new Redis({ host, port, username, password, db });
  clients.push(opened);
  return opened;
}
const refused = expect.objectContaining({ message: expect.stringMatching(/^NOPERM/) as string });
const attempt = (command: Promise<unknown>) => command.catch((error: unknown) => error);

test('an owner works with its keys, and with no others', async () => {
  const gateway = client('gateway');
  expect(await gateway.hset('session:1', 'user', '7')).toBe(1);
  expect(await gateway.expire('session:1', 60)).toBe(1);
  expect(await gateway.hgetall('session:1')).toEqual({ user: '7' });
  expect(await gateway.multi().incr('api:ratelimit:7').expire('api:ratelimit:7', 60).exec()).toEqual([
    [null, 1],
    [null, 1],
  ]);
  expect(await attempt(gateway.set('workflow:1:state', 'x'))).toEqual(refused);
  expect(await attempt(gateway.set('schema:keys', 'x'))).toEqual(refused);
  expect(await attempt(client('rag').hgetall('session:1'))).toEqual(refused);
});

test('a reader only reads, a writer only writes', async () => {
  const [gateway, agents] = [client('gateway'), client('agents')];
  await gateway.hset('user:7:profile', 'name', 'Ada');
  expect(await agents.hget('user:7:profile', 'name')).toBe('Ada');
  expect(await attempt(agents.hset('user:7:profile', 'name', 'x'))).toEqual(refused);
  const message = await gateway.xadd('a2a:messages:pending', 'MAXLEN', '~', 100000, '*', 'text', 'hello');
  expect(message).toMatch(/^\d+-\d+$/);
  expect(await attempt(gateway.xrange('a2a:messages:pending', '-', '+'))).toEqual(refused);
});

test('the router consumes and acknowledges; groups belong to the change files', async () => {
  const admin = client('admin', server.password);
  await admin.xgroup('CREATE', 'a2a:messages:pending', 'routers', '0', 'MKSTREAM');
  await client('workflow').xadd('a2a:messages:pending', '*', 'text', 'hello');
  const router = client('a2a');
  const batch = (await router.xreadgroup(
    'GROUP',
    'routers',
    'one',
    'COUNT',
    1,
    'STREAMS',
    'a2a:messages:pending',
    '>',
  )) as [string, [string, string[]][]][];
  const [id] = batch[0]![1][0]!;
  expect(await router.xack('a2a:messages:pending', 'routers', id)).toBe(1);
  expect(await router.xadd('a2a:messages:dead', '*', 'id', id)).toMatch(/^\d+-\d+$/);
  expect(await attempt(router.xgroup('DESTROY', 'a2a:messages:pending', 'routers'))).toEqual(refused);
});

test('channels are for those who are named', async () => {
  const listener = client('workflow');
  const heard: string[] = [];
  listener.on('message', (_channel, message) => heard.push(message));
  await listener.subscribe('a2a:broadcast');
  expect(await client('a2a').publish('a2a:broadcast', 'hello')).toBe(1);
  await eventually('the message arrives', 10_000, async () => heard.includes('hello'));
  expect(await attempt(client('a2a').publish('workflow:events:1', 'x'))).toEqual(refused);
  expect(await attempt(client('rag').subscribe('a2a:broadcast'))).toEqual(refused);
  expect(await attempt(client('agents').publish('a2a:broadcast', 'x'))).toEqual(refused);
});

test.each<[string, (redis: Redis) => Promise<unknown>]>([
  ['KEYS', (redis) => redis.keys('*')],
  ['SCAN', (redis) => redis.scan('0')],
  ['RANDOMKEY', (redis) => redis.randomkey()],
  ['FLUSHDB', (redis) => redis.flushdb()],
  ['CONFIG', (redis) => redis.config('GET', 'masterauth')],
  ['ACL LIST', (redis) => redis.acl('LIST')],
  ['MOVE', (redis) => redis.move('session:1', 1)],
  ['SWAPDB', (redis) => redis.swapdb(0, 1)],
  ['FUNCTION', (redis) => redis.function('FLUSH')],
  ['SCRIPT FLUSH', (redis) => redis.script('FLUSH')],
  ['SHUTDOWN', (redis) => redis.shutdown('NOSAVE')],
])('no application may use %s', async (_name, run) => {
  for (const user of Object.keys(applications)) {
    expect(await attempt(run(client(user)))).toEqual(refused);
  }
});

test('a script may touch no more than its user', async () => {
  const read = "return redis.call('GET', KEYS[1])";
  const hidden = "return redis.call('GET', 'rag:' .. 'search:1:2')";
  await client('rag').set('rag:search:1:2', 'found', 'EX', 60);
  expect(await client('rag').eval(read, 1, 'rag:search:1:2')).toBe('found');
  expect(await attempt(client('tools').eval(read, 1, 'rag:search:1:2'))).toEqual(refused);
  await expect(client('tools').eval(hidden, 0)).rejects.toThrow(/ACL failure in script/);
});

// Why the patterns carry prefixes: Redis 8.0 cannot keep a user out of a logical database.
test('logical databases are no border between users', async () => {
  expect(await client('gateway', undefined, 4).set('api:cache:a:b', 'x')).toBe('OK');
  expect(await attempt(client('gateway', undefined, 4).set('rag:search:1:2', 'x'))).toEqual(refused);
});
