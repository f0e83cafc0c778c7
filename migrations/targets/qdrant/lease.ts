import { randomUUID } from 'node:crypto';
import type { LeaseRecord, LeaseStorage } from '../../engine/lease';
import type { HistoryPoints } from './history';

/** What no token is: a lease that exists never has it. */
const NO_TOKEN = 'none';

/**
 * A lease kept as one point with conditional upserts (Qdrant 1.16 or newer).
 * @see https://qdrant.tech/documentation/concepts/points/#conditional-updates
 */
export class PointLease implements LeaseStorage {
  constructor(private readonly points: HistoryPoints) {}

  read(): Promise<LeaseRecord | undefined> {
    return this.points.get<LeaseRecord>('lock');
  }

  async write(
    content: Omit<LeaseRecord, 'token'>,
    expected: string | undefined,
  ): Promise<string | undefined> {
    const token = randomUUID();
    await this.points.put('lock', '', { ...content, token }, { field: 'token', value: expected ?? NO_TOKEN });
    // Qdrant answers alike whether the condition held or not.
    return (await this.read())?.token === token ? token : undefined;
  }
}
