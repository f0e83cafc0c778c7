import { canonicalJson } from '../../engine/canonical-json';
import { type OperationStore, OperationTarget } from '../../engine/operation-target';
import type { AppliedChange, SchemaSnapshot, Statement } from '../../engine/target';
import { isRefusal, RedisAccess, type RedisClient, type RedisConnection } from './access';
import { auditKeys, type KeyAudit } from './audit';
import type { RedisOperation } from './definitions';
import { KeyLease } from './lease';
import { consumerGroups, performRedisOperation, readRegistry } from './operations';

/**
 * Opens a migration target over Redis: one server, a master with replicas, or a Cluster.
 * @param database Folder under `migrations/redis/`: the name of the history.
 * @throws Error when Redis cannot be reached or refuses the user.
 */
export async function redisTarget(connection: RedisConnection, database: string): Promise<OperationTarget> {
  return new OperationTarget(new RedisStore(await RedisAccess.open(connection), connection, database));
}

/** Keeps the key registry; its history is the hash `schema:migrations:<database>` in database 0, one field per version. */
class RedisStore implements OperationStore {
  readonly store = 'redis';
  readonly name: string;
  readonly user: string;
  readonly lease: KeyLease;
  private readonly client: RedisClient;

  constructor(
    private readonly access: RedisAccess,
    { host, port, user }: RedisConnection,
    private readonly database: string,
  ) {
    this.name = `Redis at ${host}:${port}`;
    this.user = user;
    this.client = access.client(0);
    this.lease = new KeyLease(this.client, this.key('lock'));
  }

  async prepare(): Promise<void> {
    // Redis makes hashes when they are written.
  }

  async history(): Promise<AppliedChange[]> {
    const entries = await this.client.hvals(this.key('migrations'));
    return entries.map((text) => JSON.parse(text) as AppliedChange);
  }

  async record(entry: AppliedChange): Promise<void> {
    await this.client.hset(this.key('migrations'), entry.version, JSON.stringify(entry));
    await this.access.confirm();
  }

  async forget(version: string): Promise<void> {
    await this.client.hdel(this.key('migrations'), version);
    await this.access.confirm();
  }

  perform({ text }: Statement): Promise<void> {
    return performRedisOperation(this.access, JSON.parse(text) as RedisOperation);
  }

  async schema(): Promise<readonly string[]> {
    const { keys, streams, channels } = await readRegistry(this.client);
    const lines = [
      ...[...keys.values()].map((key) => `key ${key.pattern} ${canonicalJson(key)}`),
      ...[...channels.values()].map((channel) => `channel ${channel.channel} ${canonicalJson(channel)}`),
    ];
    for (const [stream, { deadLetter }] of streams) {
      const client = this.access.client(keys.get(stream)?.database ?? 0);
      lines.push(`stream ${stream} ${canonicalJson({ deadLetter })}`);
      for (const { name } of await consumerGroups(client, stream)) {
        lines.push(`consumer group ${stream} ${name}`);
      }
    }
    return lines;
  }

  audit(): Promise<KeyAudit> {
    return auditKeys(this.access);
  }

  async snapshot(): Promise<SchemaSnapshot | undefined> {
    const text = await this.client.get(this.key('snapshot'));
    return text === null ? undefined : (JSON.parse(text) as SchemaSnapshot);
  }

  async saveSnapshot(snapshot: SchemaSnapshot): Promise<void> {
    await this.client.set(this.key('snapshot'), JSON.stringify(snapshot));
  }

  isRefusal(error: unknown): boolean {
    return isRefusal(error);
  }

  async close(): Promise<void> {
    this.access.close();
  }

  private key(purpose: 'lock' | 'migrations' | 'snapshot'): string {
    return `schema:${purpose}:${this.database}`;
  }
}
