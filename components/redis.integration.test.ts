import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { readChangeFiles } from '../migrations/engine/change-files';
import { migrateUp } from '../migrations/engine/runner';
import { connect } from '../migrations/provider/connection';
import { redisFormat } from '../migrations/targets/redis/format';
import { eventually } from '../migrations/testing/servers';
import { SentinelPlatform } from './testing/redis';

const namespace = `redis-test-${process.pid}`;
const SETTLE_MS = 180_000;
let redis: SentinelPlatform;

beforeAll(async () => {
  redis = await SentinelPlatform.start(namespace);
}, 300_000);

// A test that failed before its end must not leave its writer to disturb the next one.
afterEach(() => redis.stopWriters());

afterAll(() => redis?.stop(), 180_000);

test('ordinal 0 leads at the very first start', async () => {
  expect(await redis.settled()).toBe('redis-0');
});

test('the ACL keeps applications to their data, and everybody else out', async () => {
  await redis.on('redis-0', async (client) => {
    expect(await client.set('greeting', 'hello')).toBe('OK');
    await expect(client.keys('*')).rejects.toThrow(/^NOPERM/);
    await expect(client.config('GET', 'masterauth')).rejects.toThrow(/^NOPERM/);
    await expect(client.flushall()).rejects.toThrow(/^NOPERM/);
  });
  const stranger = redis.on('redis-0', (client) => client.get('greeting'), 'app', {
    username: undefined,
    password: undefined,
  });
  await expect(stranger).rejects.toThrow(/^NOAUTH/);
});

test('change files find the master through any data pod, and their replicas have them', async () => {
  const follower = 'redis-1';
  await redis.settled();
  const { target, close } = await connect({
    store: 'redis',
    database: 'platform',
    reference: {
      kind: 'service',
      namespace,
      service: redis.spec.endpoints.nodesService,
      port: 6379,
      everyPod: true,
      credentialsSecret: 'redis-migrations',
      caSecret: 'platform-ca',
    },
    holder: 'test',
    budgetMs: 60_000,
  });
  try {
    const folder = readChangeFiles(join(__dirname, '../migrations/redis/platform'), redisFormat);
    const result = await migrateUp({ target, folder, folderName: 'platform', appliedBy: 'test' });
    expect(result.failed).toBeUndefined();
    const versions = await redis.on(follower, (client) => client.hkeys('schema:migrations:platform'));
    expect(versions.sort()).toEqual(folder.changes.map((change) => change.version));
  } finally {
    await close();
  }
}, 120_000);

test('a master that is deleted in order hands over: no confirmed write is lost', async () => {
  const before = await redis.settled();
  const writer = redis.write();
  await writer.untilConfirmed(50);
  await redis.cluster.delete('v1', 'Pod', namespace, before);
  await eventually('another master leads', SETTLE_MS, async () =>
    (await redis.settled()) === before ? undefined : true,
  );
  await writer.untilConfirmed(50);
  expect(await writer.finish('hand-over')).toEqual([]);
}, 240_000);

test.each<[string, (master: string) => Promise<unknown>]>([
  ['whose process dies and restarts at once', (master) => redis.on(master, crash, 'crash')],
  [
    'whose pod is killed',
    (master) => redis.cluster.delete('v1', 'Pod', namespace, master, { gracePeriodSeconds: 0 }),
  ],
])(
  'a master %s is replaced: no write that WAIT confirmed is lost',
  async (event, kill) => {
    const before = await redis.settled();
    const writer = redis.write();
    await writer.untilConfirmed(50);
    await kill(before);
    await eventually('another master leads', SETTLE_MS, async () =>
      (await redis.settled()) === before ? undefined : true,
    );
    await writer.untilConfirmed(50);
    expect(await writer.finish(`a master ${event}`)).toEqual([]);
  },
  240_000,
);

test('after the loss of all pods at once, the elected master leads again with its data', async () => {
  const before = await redis.settled();
  await redis.on(before, async (client) => {
    await client.set('survives', 'the outage');
    expect(await client.wait(2, 5000)).toBe(2);
  });
  const elections = await redis.electionCount();
  const pods = redis.pods;
  const uids = await Promise.all(pods.map(uidOf));
  // First the processes, so that no pod gets to hand over; then the pods, so that all come back elsewhere.
  await Promise.all(pods.map((pod) => redis.on(pod, crash, 'crash')));
  await Promise.all(
    pods.map((pod) => redis.cluster.delete('v1', 'Pod', namespace, pod, { gracePeriodSeconds: 0 })),
  );
  await eventually('all pods are new', SETTLE_MS, async () => {
    const now = await Promise.all(pods.map(uidOf));
    return now.every((uid, i) => uid !== undefined && uid !== uids[i]) || undefined;
  });
  const master = await redis.settled();
  // The six processes do not end at one instant: the first to be back may still find a majority and hold an election.
  if ((await redis.electionCount()) === elections) expect(master).toBe(before);
  await redis.on(master, async (client) => expect(await client.get('survives')).toBe('the outage'));
}, 240_000);

test('an elected master that comes back with an empty volume empties nobody', async () => {
  const before = await redis.settled();
  const uid = await uidOf(before);
  const writer = redis.write();
  await writer.untilConfirmed(50);
  await redis.cluster.delete('v1', 'PersistentVolumeClaim', namespace, `data-${before}`, {
    propagationPolicy: 'Background',
  });
  await redis.cluster.delete('v1', 'Pod', namespace, before, { gracePeriodSeconds: 0 });
  await eventually('the pod is new', SETTLE_MS, async () => {
    const now = await uidOf(before);
    return (now !== undefined && now !== uid) || undefined;
  });
  await writer.untilConfirmed(50);
  expect(await redis.settled()).not.toBe(before);
  expect(await writer.finish('empty volume')).toEqual([]);
  // The replacement has copied everything back.
  await redis.on(before, async (client) => expect(await client.get('survives')).toBe('the outage'));
}, 240_000);

const uidOf = (pod: string) => redis.uidOf(pod);

/** Ends a server as if it were killed: no snapshot, no waiting for replicas. */
async function crash(client: Redis): Promise<void> {
  await client.call('SHUTDOWN', 'NOSAVE', 'NOW', 'FORCE').catch(() => {});
}
