/** Connections to a Redis, however it is run: one server, a master with replicas, or a Cluster. */
import { Cluster, Redis, type RedisOptions } from 'ioredis';
import { StoreAccessError } from '../../engine/errors';

interface Address {
  readonly host: string;
  readonly port: number;
}

/** Where a Redis is and who connects. */
export interface RedisConnection {
  /** Any server: a replica names its master, a node of a Cluster the others. */
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  /** Where the servers can be reached, by pod: the first label of the names they have for each other; default at those names. */
  readonly nodes?: Readonly<Record<string, Address>>;
  readonly tls?: { readonly ca: string; readonly serverName: string };
}

/** A client of one logical database. */
export type RedisClient = Redis | Cluster;

/** An error that says that the store cannot be reached now; connectPolicy tries again. */
class UnreachableError extends Error {
  readonly code = 'ECONNREFUSED';
}

const CONNECT_MS = 5_000;
const COMMAND_MS = 10_000;
/** How long replicas may take to confirm what was written. */
const CONFIRM_MS = 10_000;
/** Answers of a server that starts, or has just lost its role. */
const NOT_NOW = /^(LOADING|MASTERDOWN|CLUSTERDOWN|NOREPLICAS|READONLY|TRYAGAIN)\b/;
/** Codes of what Node finds wrong with a server's certificate. @see https://nodejs.org/api/tls.html#x509-certificate-error-codes */
const UNTRUSTED = /^(CERT_|DEPTH_ZERO_|ERR_TLS_|SELF_SIGNED_|UNABLE_TO_)/;
const REFUSED = /^(NOPERM|WRONGPASS|NOAUTH)\b/;

/** Whether an error says that the credentials are wrong or may not do this. */
export function isRefusal(error: unknown): boolean {
  return REFUSED.test((error as Error).message);
}

/** An open Redis. */
export class RedisAccess {
  private readonly clients = new Map<number, RedisClient>();

  private constructor(
    private readonly connection: RedisConnection,
    /** The master, or any node of a Cluster. */
    private readonly address: Address,
    readonly isCluster: boolean,
  ) {}

  /**
   * Finds the master, or the nodes of the Cluster, and connects.
   * @throws Error whose code says that trying again makes sense when it cannot be reached; without the password in any case.
   */
  static async open(connection: RedisConnection): Promise<RedisAccess> {
    const { address, isCluster } = await findMaster(connection);
    const access = new RedisAccess(connection, address, isCluster);
    try {
      await ready(access.client(0), connection);
      return access;
    } catch (error) {
      access.close();
      throw error;
    }
  }

  /** Client of the master (in a Cluster: of the node that has the key) in one logical database; a Cluster has only 0. */
  client(database: number): RedisClient {
    const index = this.isCluster ? 0 : database;
    let client = this.clients.get(index);
    if (!client) {
      client = this.connect(index);
      // Failed commands report it; an unheard event would end the process.
      client.on('error', () => undefined);
      this.clients.set(index, client);
    }
    return client;
  }

  /** Every server that takes writes, in one logical database. */
  masters(database: number): Redis[] {
    const client = this.client(database);
    return client instanceof Cluster ? client.nodes('master') : [client];
  }

  /**
   * Waits until every connected replica has what these connections wrote.
   * @throws Error when they do not within 10 s.
   * @see https://redis.io/docs/latest/commands/wait/
   */
  async confirm(): Promise<void> {
    for (const master of this.masters(0)) {
      const replicas = Number(/^connected_slaves:(\d+)/m.exec(await master.info('replication'))?.[1] ?? 0);
      if (replicas === 0) continue;
      const confirmed = await master.wait(replicas, CONFIRM_MS - 1_000);
      if (confirmed >= replicas) continue;
      throw new Error(
        `only ${confirmed} of ${replicas} replicas confirmed the change within ${CONFIRM_MS / 1000} s; run again when they are in sync.`,
      );
    }
  }

  close(): void {
    for (const client of this.clients.values()) client.disconnect();
  }

  private connect(db: number): RedisClient {
    const { nodes } = this.connection;
    const { retryStrategy, ...options } = clientOptions(this.connection);
    if (!this.isCluster) return new Redis({ ...options, ...this.address, db, retryStrategy });
    return new Cluster([this.address], {
      lazyConnect: true,
      slotsRefreshTimeout: CONNECT_MS,
      clusterRetryStrategy: (times) => (times < 3 ? 500 : null),
      redisOptions: options,
      // Names are resolved by whoever connects to them, so that TLS can check them and natMap can find them.
      dnsLookup: (name, done) => done(null, name),
      ...(nodes ? { natMap: (address) => reachable(this.connection, address) } : {}),
    });
  }
}

function clientOptions({ user, password, tls }: RedisConnection) {
  return {
    username: user,
    password,
    lazyConnect: true,
    connectTimeout: CONNECT_MS,
    commandTimeout: COMMAND_MS,
    maxRetriesPerRequest: 5,
    retryStrategy: (times: number) => Math.min(times * 100, 500),
    ...(tls ? { tls: { ca: tls.ca, servername: tls.serverName } } : {}),
  } satisfies RedisOptions;
}

/** Where a server can be reached that others call `<host>:<port>`. */
function reachable({ nodes }: RedisConnection, address: string): Address {
  const [, host = '', port] = /^(.*):(\d+)$/.exec(address) ?? [];
  return nodes?.[host.split('.')[0]!] ?? { host, port: Number(port) };
}

/** Asks the servers that are known, one after the other, until one answers. */
async function findMaster(connection: RedisConnection): Promise<{ address: Address; isCluster: boolean }> {
  const { host, port, nodes } = connection;
  let last: unknown;
  for (const address of nodes ? Object.values(nodes) : [{ host, port }]) {
    try {
      const info = await infoOf(connection, address);
      const isCluster = field(info, 'redis_mode') === 'cluster';
      if (isCluster || field(info, 'role') === 'master') return { address, isCluster };
      const master = `${field(info, 'master_host')}:${field(info, 'master_port')}`;
      if (field(info, 'role') === 'slave') return { address: reachable(connection, master), isCluster };
      last = new Error(`${host}:${port} is not a Redis data server; connect to one that is.`);
    } catch (error) {
      if (error instanceof StoreAccessError) throw error;
      last = error;
    }
  }
  throw last ?? new UnreachableError('Redis has no pods to connect to.');
}

async function infoOf(connection: RedisConnection, address: Address): Promise<string> {
  const options = { ...clientOptions(connection), retryStrategy: null, enableReadyCheck: false };
  const client = new Redis({ ...options, ...address });
  client.on('error', () => undefined);
  try {
    await ready(client, connection);
    return await client.info();
  } finally {
    client.disconnect();
  }
}

function field(info: string, name: string): string | undefined {
  return new RegExp(`^${name}:(.*?)\r?$`, 'm').exec(info)?.[1];
}

/** Connects; the first error event says why it failed, where the promise only says that the connection is closed. */
async function ready(client: RedisClient, connection: RedisConnection): Promise<void> {
  let first: Error | undefined;
  const remember = (error: Error) => (first ??= error);
  client.on('error', remember);
  try {
    await client.connect();
    await client.ping();
  } catch (error) {
    throw plain(first ?? error, connection);
  } finally {
    client.off('error', remember);
  }
}

/** The error without the command it belongs to: that of AUTH carries the password. */
function plain(error: unknown, { host, port, user }: RedisConnection): Error {
  const { lastNodeError = error } = error as { lastNodeError?: unknown };
  const { message: text, code = '' } = lastNodeError as NodeJS.ErrnoException;
  if (UNTRUSTED.test(code)) {
    return new StoreAccessError(
      `Redis at ${host}:${port} cannot be trusted: ${text.replace(/\.$/, '')}. Verify it with the authority that signed its certificate, and under one of its names.`,
    );
  }
  if (REFUSED.test(text)) {
    return new StoreAccessError(
      `Redis at ${host}:${port} refuses "${user}": ${text.replace(/\.$/, '')}. Connect with credentials that may.`,
    );
  }
  return new UnreachableError(NOT_NOW.test(text) ? `Redis is not ready: ${text}` : text);
}
