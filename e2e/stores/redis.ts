import assert from 'node:assert/strict';
import { Cluster, Redis, type RedisOptions } from 'ioredis';
import type { RedisOutputs } from '../../stacks/stores/redis';
import type { SecretReference } from '../../stacks/outputs';
import type { ReadCredentials, StoreCase, StoreProbe } from './store-case';

type Outputs = Omit<RedisOutputs, 'schemaVersion' | 'tls'> & {
  readonly schemaVersion: string;
  readonly tls: { readonly ca: string };
};

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
    await this.checkRoles();
    await this.checkPlainText();
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

  /** Logins beside those of applications do what they are for. */
  private async checkRoles(): Promise<void> {
    const { outputs, logins } = this;
    const { database } = outputs.streams.find(({ stream }) => stream === STREAM)!;
    const as = async (user: string, use: (client: Redis | Cluster) => Promise<unknown>, db = 0) => {
      const client = connect(outputs, logins[user]!, db);
      await use(client).finally(() => client.disconnect());
    };
    const reads = async (client: Redis | Cluster) => {
      assert.equal(await client.type(STREAM), 'stream');
      await refused(client.del(STREAM), 'a reader deletes');
    };
    await as('readonly', reads, database);
    await as('monitor', async (client) => {
      assert.match(await client.info('memory'), /used_memory:/);
      await refused(client.xlen(STREAM), 'monitoring reads data');
    });
    await as('backup', (client) => refused(client.xlen(STREAM), 'a backup reads by key'));
  }

  /** Without TLS nobody gets an answer, whatever the password. */
  private async checkPlainText(): Promise<void> {
    const [endpoint] = [...this.outputs.sentinels, ...this.outputs.clusterNodes];
    const client = new Redis({
      ...{ ...endpoint, ...login(this.logins.app!) },
      ...{ connectTimeout: 2_000, maxRetriesPerRequest: 0, retryStrategy: null },
    });
    client.on('error', () => undefined);
    await assert.rejects(client.ping(), 'plain text is answered').finally(() => client.disconnect());
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
      const sentinel = new Redis({
        ...{ ...endpoint, ...login(this.logins.app!) },
        tls: { ca: this.outputs.tls.ca },
      });
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
    tls: { ca: outputs.tls.ca },
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
          sentinelTLS: options.tls,
          enableTLSForSentinelMode: true,
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
