/** Clients of a Redis Cluster on the test cluster. */
import type { Cluster } from 'ioredis';
import { eventually } from '../../migrations/testing/servers';

const SETTLE_MS = 240_000;

/** Writes one key and waits for its replica, on the connection to the node that has it. */
export async function confirmedSet(client: Cluster, key: string, value: string): Promise<boolean> {
  const replies = await client.pipeline().set(key, value).wait(1, 1000).exec();
  return replies?.[0]?.[1] === 'OK' && Number(replies[1]?.[1]) >= 1;
}

/** Writes as fast as the replicas confirm. */
export class ClusterWriter {
  private readonly confirmed: string[] = [];
  private readonly prefix = `write:${Date.now()}`;
  private running = true;
  private longestGap = 0;
  private readonly loop: Promise<void>;
  /** Writes that were not confirmed. */
  failures = 0;

  constructor(
    private readonly client: Cluster,
    private readonly connect: () => Cluster,
  ) {
    this.loop = this.write();
  }

  private async write(): Promise<void> {
    let last = Date.now();
    for (let i = 0; this.running; i++) {
      const key = `${this.prefix}:${i}`;
      if (await confirmedSet(this.client, key, key).catch(() => false)) {
        this.confirmed.push(key);
        this.longestGap = Math.max(this.longestGap, Date.now() - last);
        last = Date.now();
      } else {
        this.failures++;
        // Through the tunnel a dead pod looks like a silent one: ask for the nodes again.
        this.client.disconnect(true);
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
    }
  }

  async stop(): Promise<void> {
    this.running = false;
    await this.loop;
  }

  async untilConfirmed(more: number): Promise<void> {
    const wanted = this.confirmed.length + more;
    await eventually(`${wanted} confirmed writes`, SETTLE_MS, async () => this.confirmed.length >= wanted);
  }

  /** Stops, reports, and returns the confirmed writes that can no longer be read. */
  async finish(event: string): Promise<string[]> {
    await this.stop();
    const client = this.connect();
    const lost: string[] = [];
    for (const key of this.confirmed) if ((await client.get(key)) !== key) lost.push(key);
    console.log(
      `Redis Cluster, ${event}: ${this.confirmed.length} confirmed, ${lost.length} lost, longest gap ${(this.longestGap / 1000).toFixed(1)} s`,
    );
    return lost;
  }
}
