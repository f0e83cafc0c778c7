import assert from 'node:assert/strict';
import { Cluster, Redis, type RedisOptions } from 'ioredis';
import type { RedisOutputs } from '../../stacks/stores/redis';
import type { SecretReference } from '../../stacks/outputs';
import type { ReadCredentials, StoreCase, StoreProbe } from './store-case';

type Outputs = Omit<RedisOutputs, 'schemaVersion'> & { readonly schemaVersion: string };

const STREAM = 'a2a:messages:pending';
const KEYS_TIMEOUT_MS = 2_500;

/** The queues of Redis, used by the applications that the key registry names. */
export const redisCase: StoreCase = {
  store: 'redis',
  async open(outputs: { redis: Outputs }, credentials) {
    return RedisProbe.open(outputs.redis, credentials);
  },
  victim: (probe) => (probe as RedisProbe).masterPod(),
  // A write counts once all replicas have it; the platform runs two beside the master.
  mayLose: false,
};

class RedisProbe implements StoreProbe {
  private constructor(
    private readonly outputs: Outputs,
    private readonly logins: Readonly<Record<string, Record<string, string>>>,
    private readonly writer: Redis | Cluster,
    private readonly reader: Redis | Cluster,
  ) {}

  static async open(outputs: Outputs, credentials: ReadCredentials): Promise<RedisProbe> {
    const logins: Record<string, Record<string, string>> = {};
    const references: Record<string, SecretReference> = { ...outputs.users, ...outputs.credentials };
    for (const [user, reference] of Object.entries(references)) logins[user] = await credentials(reference);
    const { database } = outputs.streams.find(({ stream }) => stream === STREAM)!;
    const open = (user: string) => connect(outputs, logins[user]!, database);
    return new RedisProbe(outputs, logins, open('workflow'), open('a2a'));
  }

  async write(id: number): Promise<void> {
    const { writer } = this;
    const replicas = writer instanceof Cluster ? 1 : 2;
    // On one connection, since WAIT is about what the same connection wrote.
    const pipeline = writer.pipeline().xadd(STREAM, '*', 'probe', String(id)).wait(replicas, 2_000);
    const replies = await pipeline.exec();
    const failure = replies?.find(([error]) => error)?.[0];
    if (failure) throw failure;
    if (Number(replies?.[1]?.[1]) < replicas) throw new Error('not confirmed by all replicas');
  }

  async written(): Promise<Set<number>> {
    const entries = await this.reader.xrange(STREAM, '-', '+');
    return new Set(entries.filter(([, [name]]) => name === 'probe').map(([, [, id]]) => Number(id)));
  }

  async check(): Promise<void> {
    const { outputs, reader, writer } = this;
    assert.match(outputs.schemaVersion, /^\d{6}$/);
    const groups = (await reader.xinfo('GROUPS', STREAM)) as unknown[][];
    assert.deepEqual(
      groups.map((group) => group[1]),
      ['routers'],
    );
    await refused(writer.xrange(STREAM, '-', '+'), 'a writer reads the queue');
    await refused(reader.set('session:1', 'x'), "the router writes another application's key");
    await refused(reader.xgroup('DESTROY', STREAM, 'routers'), 'an application removes a consumer group');
    await refused(reader.keys('*'), 'an application lists all keys');
    const gateway = connect(outputs, this.logins.gateway!, 0);
    try {
      await gateway.hset('session:e2e', 'user', '1');
      await gateway.expire('session:e2e', 60);
      assert.equal(await gateway.hget('session:e2e', 'user'), '1');
      await refused(gateway.hgetall('schema:keys'), 'an application reads the registry');
    } finally {
      gateway.disconnect();
    }
  }

  /** The master that has the stream. */
  async masterPod(): Promise<string> {
    const client = connect(this.outputs, this.logins.app!, 0);
    try {
      if (client instanceof Cluster) {
        const slot = Number(await client.cluster('KEYSLOT', STREAM));
        const ranges = await client.cluster('SLOTS');
        const owner = ranges.find(([first, last]) => first <= slot && slot <= last)?.[2];
        if (!owner) throw new Error(`no node has slot ${slot}`);
        return podOf(owner[0]);
      }
      const [endpoint] = this.outputs.sentinels;
      const sentinel = new Redis({ ...endpoint, ...login(this.logins.app!) });
      try {
        const name = this.outputs.masterName;
        return podOf(((await sentinel.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', name)) as [string])[0]);
      } finally {
        sentinel.disconnect();
      }
    } finally {
      client.disconnect();
    }
  }

  async close(): Promise<void> {
    this.writer.disconnect();
    this.reader.disconnect();
  }
}

function login({ username, password }: Record<string, string>) {
  return { username, password };
}

function connect(outputs: Outputs, credentials: Record<string, string>, db: number): Redis | Cluster {
  const options = {
    ...login(credentials),
    connectTimeout: 2_000,
    commandTimeout: KEYS_TIMEOUT_MS,
    maxRetriesPerRequest: 0,
  } satisfies RedisOptions;
  const client =
    outputs.mode === 'cluster'
      ? new Cluster([...outputs.clusterNodes], {
          redisOptions: options,
          clusterRetryStrategy: () => 200,
          // Names are resolved where they are connected to.
          dnsLookup: (name, done) => done(null, name),
        })
      : new Redis({
          ...options,
          sentinels: [...outputs.sentinels],
          name: outputs.masterName,
          sentinelUsername: credentials.username,
          sentinelPassword: credentials.password,
          db,
          retryStrategy: () => 100,
          sentinelRetryStrategy: () => 100,
        });
  client.on('error', () => undefined); // whoever uses it counts failed commands
  return client;
}

function podOf(host: string): string {
  return host.split('.')[0]!;
}

async function refused(command: Promise<unknown>, what: string): Promise<void> {
  await assert.rejects(command, /^(ReplyError: )?NOPERM/, what);
}
