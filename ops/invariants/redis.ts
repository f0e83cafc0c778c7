import { randomBytes } from 'node:crypto';
import { Redis } from 'ioredis';
import type { Check, RedisRequest } from '../../migrations/invariants/checks';
import { RedisAccess } from '../../migrations/targets/redis/access';
import { auditKeys } from '../../migrations/targets/redis/audit';
import type { StoreAddress } from '../stores';
import { ANSWER_WITHIN_MS, type Asker } from './asker';

const USER = 'platform-drill';

/** Asks a Redis that belongs to the drill: commands of the files as a user of its own that may only read. */
export class RedisAsker implements Asker {
  private readonly clients = new Map<number, Redis>();

  private constructor(
    private readonly address: StoreAddress,
    private readonly access: RedisAccess,
    private readonly password: string,
  ) {}

  /** @param address With the login of an administrator, who makes the user. */
  static async open(address: StoreAddress): Promise<RedisAsker> {
    const { credential, ...where } = address;
    const [user, password] = [credential('username'), credential('password')];
    const access = await RedisAccess.open({ ...where, user, password });
    const own = randomBytes(18).toString('hex');
    const rights = ['reset', 'on', `>${own}`, '~*', '+@read', '+select'];
    try {
      for (const master of access.masters(0)) await master.call('ACL', 'SETUSER', USER, ...rights);
      return new RedisAsker(address, access, own);
    } catch (error) {
      access.close();
      throw error;
    }
  }

  async answer(request: Check['request']): Promise<unknown> {
    const asked = request as RedisRequest;
    if ('command' in asked) {
      const [command, ...args] = asked.command.map(String);
      return this.client(asked.database ?? 0).call(command!, ...args);
    }
    const { faults } = await auditKeys(this.access, Infinity);
    return faults;
  }

  async close(): Promise<void> {
    for (const client of this.clients.values()) client.disconnect();
    this.access.close();
  }

  private client(database: number): Redis {
    const { host, port, tls } = this.address;
    let client = this.clients.get(database);
    if (!client) {
      client = new Redis({
        ...{ host, port, db: database, username: USER, password: this.password },
        // What it asks for is none of what the user may.
        enableReadyCheck: false,
        ...{ commandTimeout: ANSWER_WITHIN_MS, maxRetriesPerRequest: 1 },
        ...(tls ? { tls: { ca: tls.ca, servername: tls.serverName } } : {}),
      });
      // What goes wrong, the command says.
      client.on('error', () => undefined);
      this.clients.set(database, client);
    }
    return client;
  }
}
