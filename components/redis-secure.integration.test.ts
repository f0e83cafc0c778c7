import { connect as connectPlain } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { connect as connectSecure } from 'node:tls';
import type { Redis, RedisOptions } from 'ioredis';
import { StoreAccessError } from '../migrations/engine/errors';
import { RedisAccess } from '../migrations/targets/redis/access';
import { eventually } from '../migrations/testing/servers';
import { testAuthority, testCertificate } from '../migrations/testing/tls';
import { newAuthority } from './certificates/x509';
import { redisCertificate } from './redis-certificate';
import type { RedisReloadInputs } from './redis-reload';
import { reloadRedis } from './redis-reload-provider';
import { passwordOf, SentinelPlatform } from './testing/redis';

const namespace = `redis-secure-${process.pid}`;
const data = ['redis-0', 'redis-1', 'redis-2'];
const sentinels = ['redis-sentinel-0', 'redis-sentinel-1', 'redis-sentinel-2'];
const refused = expect.objectContaining({ message: expect.stringMatching(/^NOPERM/) as string });
const attempt = (command: Promise<unknown>) => command.catch((error: unknown) => error);
let redis: SentinelPlatform;

beforeAll(async () => {
  redis = await SentinelPlatform.start(namespace);
}, 300_000);
afterEach(() => redis.stopWriters());
afterAll(() => redis?.stop(), 180_000);

describe('TLS', () => {
  const handshake = (pod: string, ca: string, servername: string) =>
    new Promise<string>((resolve) => {
      const socket = connectSecure({ ...redis.address(pod), ca, servername }, () => {
        resolve(socket.getProtocol() ?? 'unknown');
        socket.destroy();
      });
      socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    });

  test('a client that verifies is content with each name that the certificate has, on every pod it is of', async () => {
    const { dnsNames } = redisCertificate({
      ...{ namespace, image: '', storage: { size: '1Gi' }, maxMemory: 64 },
      ...{ resources: { requests: { cpu: '1', memory: '1Gi' }, limits: { memory: '1Gi' } } },
      sentinelResources: { requests: { cpu: '1', memory: '1Gi' }, limits: { memory: '1Gi' } },
    });
    expect(dnsNames).toHaveLength(19);
    for (const name of dnsNames) {
      const pod = name.includes('sentinel') ? 'redis-sentinel-1' : 'redis-1';
      expect([name, await handshake(pod, redis.ca, name.replace('*', pod))]).toEqual([name, 'TLSv1.3']);
    }
  }, 60_000);

  test('a client refuses another name, and a server of another authority', async () => {
    const other = await newAuthority('other', { from: new Date(), days: 1 });
    for (const pod of ['redis-0', 'redis-sentinel-0']) {
      expect(await handshake(pod, redis.ca, 'minio')).toBe('ERR_TLS_CERT_ALTNAME_INVALID');
      expect(await handshake(pod, other.certificate, 'redis-nodes')).toMatch(/UNABLE_TO_VERIFY|SELF_SIGNED/);
    }
  });

  test('the change files’ connection verifies too, and says so without the password', async () => {
    const login = { user: 'migrations', password: passwordOf('migrations') };
    const { certificate } = await newAuthority('other', { from: new Date(), days: 1 });
    const wrong: [{ ca: string; serverName: string }, RegExp][] = [
      [{ ca: redis.ca, serverName: 'minio' }, /does not match certificate's altnames/],
      [{ ca: certificate, serverName: 'redis-nodes' }, /certificate/],
    ];
    for (const [tls, why] of wrong) {
      const connection = { ...redis.address('redis-0'), ...login, tls };
      const error = await RedisAccess.open(connection).catch((reason: Error) => reason);
      expect(error).toBeInstanceOf(StoreAccessError);
      expect((error as Error).message).toMatch(/^Redis at 127\.0\.0\.1:\d+ cannot be trusted: /);
      expect((error as Error).message).toMatch(why);
      expect(JSON.stringify(error)).not.toContain(login.password);
    }
  });

  test('plain text is refused, with a password too', async () => {
    for (const pod of ['redis-0', 'redis-sentinel-0']) {
      const answer = await new Promise<string>((resolve) => {
        const socket = connectPlain(redis.address(pod));
        let text = '';
        socket.on('data', (chunk) => (text += chunk.toString('latin1')));
        socket.on('error', () => undefined);
        socket.on('close', () => resolve(text));
        socket.write(`AUTH app ${passwordOf('app')}\r\nPING\r\n`);
      });
      expect(answer).not.toMatch(/OK|PONG|NOAUTH|WRONGPASS/);
    }
  });

  test('replicas follow their master, and Sentinels each other, over it: there is no other port', async () => {
    const master = await redis.settled();
    const info = await redis.on(master, (client) => client.info('replication'));
    expect(info.match(/^slave\d:ip=\S+,port=6379,state=online,/gm)).toHaveLength(2);
    for (const i of [0, 1, 2]) {
      expect(await redis.masterAt(i)).toMatchObject({
        port: '6379',
        flags: 'master',
        'num-other-sentinels': '2',
      });
    }
  });
});

describe('roles on a data pod', () => {
  const as = <T>(user: string, run: (client: Redis) => Promise<T>, options: RedisOptions = {}) =>
    redis.settled().then((master) => redis.on(master, run, user, { enableReadyCheck: false, ...options }));

  beforeAll(() => as('app', (client) => client.set('note:1', 'text')));

  test('readonly reads everything and its names, and changes nothing', async () => {
    await as('readonly', async (client) => {
      expect(await client.get('note:1')).toBe('text');
      expect((await client.scan('0', 'MATCH', 'note:*', 'COUNT', 1000))[1]).toEqual(['note:1']);
      expect(await client.type('note:1')).toBe('string');
    });
    await denied('readonly', [
      (client) => client.set('note:1', 'x'),
      (client) => client.del('note:1'),
      (client) => client.expire('note:1', 1),
      (client) => client.eval("return redis.call('SET', KEYS[1], 'x')", 1, 'note:1'),
      (client) => client.publish('a2a:broadcast', 'x'),
      (client) => client.call('SYNC'),
    ]);
  });

  test('monitor sees counters and no data', async () => {
    await as('monitor', async (client) => {
      expect(await client.info('memory')).toContain('used_memory:');
      expect(await client.dbsize()).toBeGreaterThan(0);
      expect(await client.slowlog('LEN')).toEqual(expect.any(Number));
    });
    await denied('monitor', [
      (client) => client.get('note:1'),
      (client) => client.scan('0'),
      (client) => client.set('note:1', 'x'),
      (client) => client.call('SYNC'),
      (client) => client.client('LIST'),
    ]);
  });

  test('backup receives the whole data set, and reads or changes no key', async () => {
    const master = await redis.settled();
    const dump = await new Promise<string>((resolve, reject) => {
      const socket = connectSecure({ ...redis.address(master), ...redis.tls() });
      // Redis takes each only after it has answered the one before.
      const commands = [`AUTH backup ${passwordOf('backup')}`, 'REPLCONF rdb-only 1', 'SYNC'];
      const send = () => socket.write(`${commands.shift()}\r\n`);
      let text = '';
      socket.on('data', (chunk: Buffer) => {
        text += chunk.toString('latin1');
        if (text.endsWith('+OK\r\n')) send();
        else if (text.startsWith('-') || text.includes('note:1')) socket.end(() => resolve(text));
      });
      socket.on('error', reject);
      send();
    });
    expect(dump).toMatch(/^\+OK\r\n\+OK\r\n\n*\$\d+\r\nREDIS\d{4}/);
    await denied('backup', [
      (client) => client.get('note:1'),
      (client) => client.scan('0'),
      (client) => client.set('note:1', 'x'),
      (client) => client.call('BGSAVE'),
    ]);
  }, 30_000);

  /** Neither what is given nor what nobody of them may: administration. */
  async function denied(user: string, commands: ((client: Redis) => Promise<unknown>)[]): Promise<void> {
    const forAll: typeof commands = [
      (client) => client.keys('*'),
      (client) => client.flushall(),
      (client) => client.config('GET', 'masterauth'),
      (client) => client.config('SET', 'maxmemory', '1'),
      (client) => client.acl('LIST'),
      (client) => client.acl('SETUSER', user, '+@all'),
      (client) => client.replicaof('NO', 'ONE'),
      (client) => client.call('SHUTDOWN'),
      (client) => client.subscribe('a2a:broadcast'),
    ];
    for (const command of [...commands, ...forAll]) {
      expect([command.toString(), await as(user, (client) => attempt(command(client)))]).toEqual([
        command.toString(),
        refused,
      ]);
    }
  }
});

test.each(['app', 'readonly', 'backup', 'monitor'])(
  '%s finds the master at a Sentinel and has no power there',
  async (user) => {
    const options = { enableReadyCheck: false };
    await redis.on(
      'redis-sentinel-0',
      async (client) => {
        const masters = (await client.call('SENTINEL', 'MASTERS')) as string[][];
        expect(masters[0]).toContain('platform');
        for (const command of [
          ['SENTINEL', 'FAILOVER', 'platform'],
          ['SENTINEL', 'REMOVE', 'platform'],
          ['SENTINEL', 'SET', 'platform', 'quorum', '1'],
          ['SENTINEL', 'CONFIG', 'GET', '*'],
          ['ACL', 'LIST'],
          ['SHUTDOWN'],
        ] as [string, ...string[]][]) {
          expect([command, await attempt(client.call(...command))]).toEqual([command, refused]);
        }
      },
      user,
      options,
    );
  },
);

/** Logs in anew on every pod; the errors of those that refuse. */
async function refusals(user: string, generation: number): Promise<string[]> {
  const pods = user === 'migrations' ? data : [...data, ...sentinels];
  const answers = pods.map((pod) =>
    redis
      .on(pod, (client) => client.ping(), user, {
        password: passwordOf(user, generation),
        enableReadyCheck: false,
      })
      .then(
        () => [],
        (error: Error) => [error.message],
      ),
  );
  return (await Promise.all(answers)).flat();
}

describe('rotation', () => {
  /** Identities of the running containers: a restart changes one. */
  async function containers(): Promise<string[]> {
    const pods = await redis.cluster.list('v1', 'Pod', namespace);
    return pods
      .flatMap(({ status }) =>
        (status.containerStatuses as { containerID: string }[]).map((c) => c.containerID),
      )
      .sort();
  }

  const fresh = 'WRONGPASS invalid username-password pair or user is disabled.';

  test('under load: the old login works all the time, the new one after it, and nothing restarts', async () => {
    const [running, elections] = [await containers(), await redis.electionCount()];
    const writer = redis.write({ commandTimeout: 10_000 });
    await writer.untilConfirmed(50);
    const before: string[] = [];
    let rotating = true;
    const newcomers = (async () => {
      for (; rotating; await delay(200)) before.push(...(await refusals('app', 1)));
    })();
    expect(await refusals('app', 2)).toEqual(Array(6).fill(fresh));
    await redis.rotate(2);
    await writer.untilConfirmed(50);
    rotating = false;
    await newcomers;
    expect([before, writer.errors]).toEqual([[], []]);
    expect(await writer.finish('rotation')).toEqual([]);
    for (const user of ['app', 'readonly', 'backup', 'monitor', 'migrations']) {
      expect([user, await refusals(user, 1), await refusals(user, 2)]).toEqual([user, [], []]);
    }
    expect(await containers()).toEqual(running);
    expect(await redis.electionCount()).toBe(elections);
  }, 300_000);

  test('one more: the first password is refused, and the pods themselves no longer use it', async () => {
    const [running, elections] = [await containers(), await redis.electionCount()];
    await redis.rotate(3);
    for (const user of ['app', 'migrations']) {
      const pods = user === 'app' ? 6 : 3;
      expect(await refusals(user, 1)).toEqual(Array(pods).fill(fresh));
      expect([await refusals(user, 2), await refusals(user, 3)]).toEqual([[], []]);
    }
    // Links that are open stay, whatever the password: cut all of them.
    const cut = (user: string) => (client: Redis) => client.call('CLIENT', 'KILL', 'USER', user);
    for (const pod of data) await redis.on(pod, cut('replica'), 'crash');
    for (const pod of [...data, ...sentinels]) await redis.on(pod, cut('sentinel'), 'crash');
    await redis.settled();
    await eventually('every Sentinel is linked to the master and to the others', 60_000, async () => {
      const links = await Promise.all([0, 1, 2].map((i) => redis.sentinelLinks(i)));
      return links.every((flags) => flags.join() === 'master,sentinel,sentinel');
    });
    expect(await containers()).toEqual(running);
    expect(await redis.electionCount()).toBe(elections);
  }, 300_000);

  test('a pod that goes away in the middle joins again with the new passwords', async () => {
    const leaving = (await redis.settled()) === 'redis-2' ? 'redis-1' : 'redis-2';
    const uid = await redis.uidOf(leaving);
    await Promise.all([redis.cluster.delete('v1', 'Pod', namespace, leaving), redis.rotate(4)]);
    expect(await redis.uidOf(leaving)).not.toBe(uid);
    await redis.settled();
    expect([await refusals('app', 3), await refusals('app', 4)]).toEqual([[], []]);
  }, 300_000);

  test('a master that stops hands over with the new passwords, and comes back as a replica', async () => {
    const before = await redis.settled();
    const writer = redis.write();
    await writer.untilConfirmed(50);
    await redis.cluster.delete('v1', 'Pod', namespace, before);
    await eventually('another master leads', 120_000, async () => (await redis.settled()) !== before);
    await writer.untilConfirmed(50);
    expect(await writer.finish('hand-over after two rotations')).toEqual([]);
  }, 240_000);
});

describe('a rotation that cannot go on', () => {
  const pods = (what: 'acl' | 'all', workloads: RedisReloadInputs['workloads']) => ({
    ...{ namespace, workloads, what, revision: 'f'.repeat(64) },
  });

  test('has nothing to do before the first start', async () => {
    const none = [{ name: 'absent', container: 'server' }];
    expect((await reloadRedis(pods('all', none), 0)).id).toBe(`${namespace}/absent`);
  });

  test('names the pod and why, and leaves the old passwords valid', async () => {
    const servers = [{ name: 'redis', container: 'server' }];
    const error = await reloadRedis(pods('acl', servers), 0).then(String, (reason: Error) => reason.message);
    expect(error.replace(/redis-[012] /, 'redis-N ')).toBe(
      `Pod ${namespace}/redis-N does not use the passwords of revision ffffffffffff: the kubelet has not brought it the new Secret. The old ones stay valid; see to the pod and run \`pulumi up\` again.`,
    );
    expect(await refusals('app', redis.generation)).toEqual([]);
  }, 60_000);
});

test('a renewed certificate is served by a pod that starts after it', async () => {
  const served = (pod: string) =>
    new Promise<string>((resolve, reject) => {
      const socket = connectSecure({ ...redis.address(pod), ...redis.tls() }, () => {
        resolve(socket.getPeerCertificate().fingerprint256);
        socket.destroy();
      });
      socket.on('error', reject);
    });
  const pod = data.find((name) => name !== 'redis-0')!;
  const before = await served(pod);
  expect((await testAuthority()).certificate).toBe(redis.ca);
  const stringData = await testCertificate(['redis-nodes', `*.redis-nodes.${namespace}.svc.cluster.local`]);
  await redis.cluster.apply(
    { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'redis-tls', namespace }, stringData },
    { fieldManager: 'redis-test' },
  );
  await redis.cluster.delete('v1', 'Pod', namespace, pod);
  await eventually('it serves the new one', 120_000, async () => (await served(pod)) !== before);
  await redis.settled();
}, 240_000);
