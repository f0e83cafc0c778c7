import { randomUUID } from 'node:crypto';
import type { LeaseRecord, LeaseStorage } from '../../engine/lease';
import type { RedisClient } from './access';

/** Writes the lease if its token is the expected one, or the new one: then an earlier try had succeeded and its answer was lost. */
const WRITE = `
local current = redis.call('HGET', KEYS[1], 'token') or ''
if current ~= ARGV[1] and current ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], 'token', ARGV[2], 'holder', ARGV[3], 'held', ARGV[4])
return 1
`;

/** A lease kept as one hash, written by a script that compares its token. */
export class KeyLease implements LeaseStorage {
  constructor(
    private readonly client: RedisClient,
    private readonly key: string,
  ) {}

  async read(): Promise<LeaseRecord | undefined> {
    const { token, holder, held } = await this.client.hgetall(this.key);
    return token === undefined ? undefined : { token, holder: holder!, held: held === 'true' };
  }

  async write(
    { holder, held }: Omit<LeaseRecord, 'token'>,
    expected: string | undefined,
  ): Promise<string | undefined> {
    const token = randomUUID();
    const written = await this.client.eval(WRITE, 1, this.key, expected ?? '', token, holder, String(held));
    return written === 1 ? token : undefined;
  }
}
