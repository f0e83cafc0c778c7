import { randomUUID } from 'node:crypto';
import type { LeaseRecord, LeaseStorage } from '../../engine/lease';
import type { ChromaClient } from './client';

/**
 * A lease kept as a collection without records, whose name ends with its generation. Chroma's one conditional write is
 * that a name can be taken once: each write of the lease takes the next generation, and the token is the generation.
 */
export class CollectionLease implements LeaseStorage {
  /** Recognises the own writes. */
  private readonly writer = randomUUID();

  constructor(
    private readonly client: ChromaClient,
    /** Start of the collections' names. */
    private readonly prefix: string,
  ) {}

  async read(): Promise<LeaseRecord | undefined> {
    const newest = (await this.generations()).at(-1);
    const found = newest === undefined ? undefined : await this.client.collection(this.name(newest));
    // Replaced since the generations were listed.
    if (newest !== undefined && !found) return this.read();
    return (
      found && {
        holder: String(found.metadata!['holder']),
        held: found.metadata!['held'] === true,
        token: String(newest),
      }
    );
  }

  async write(
    content: Omit<LeaseRecord, 'token'>,
    expected: string | undefined,
  ): Promise<string | undefined> {
    const next = Number(expected ?? 0) + 1;
    const { holder, held } = content;
    const metadata = { holder, held, writer: this.writer };
    if (!(await this.client.create(this.name(next), { metadata })) && !(await this.isOwn(next)))
      return undefined;
    const generations = await this.generations();
    // The expected one was replaced and removed long ago, so that its successor's name was free again.
    if (generations.at(-1) !== next) {
      await this.client.delete(this.name(next));
      return undefined;
    }
    for (const old of generations.slice(0, -1)) await this.client.delete(this.name(old));
    return String(next);
  }

  /** Whether a name is taken because an earlier attempt, whose answer was lost, took it. */
  private async isOwn(generation: number): Promise<boolean> {
    const found = await this.client.collection(this.name(generation));
    return found?.metadata?.['writer'] === this.writer;
  }

  /** In ascending order. The newest one is removed by nobody. */
  private async generations(): Promise<number[]> {
    const names = (await this.client.collections()).map(({ name }) => name);
    return names
      .filter((name) => name.startsWith(this.prefix))
      .map((name) => Number(name.slice(this.prefix.length)))
      .sort((a, b) => a - b);
  }

  private name(generation: number): string {
    return `${this.prefix}${generation}`;
  }
}
