/** How Neo4j divides the memory of its container. */
export interface Neo4jMemory {
  /** Java heap: queries and transactions. */
  readonly heapMiB: number;
  /** Page cache: the graph's files. */
  readonly pageCacheMiB: number;
}

/** The least that a server runs with. */
export const LEAST_MEMORY_MIB = 1024;

/** The largest heap whose references the JVM can keep in 32 bits. */
const LARGEST_HEAP_MIB = 31 * 1024;
/** What the JVM needs beside the heap: code, classes, threads and network buffers. */
const overheadMiB = (limit: number) => Math.max(448, Math.ceil(limit * 0.2));

/**
 * Divides a container's memory limit (MiB): 20 % of it, at least 448 MiB, stay for the JVM itself, and heap and page cache
 * get half of the rest each, the heap at most 31 GiB.
 * @see https://neo4j.com/docs/operations-manual/5/performance/memory-configuration/
 */
export function neo4jMemory(limitMiB: number): Neo4jMemory {
  const rest = limitMiB - overheadMiB(limitMiB);
  const heapMiB = Math.min(Math.floor(rest / 2), LARGEST_HEAP_MIB);
  return { heapMiB, pageCacheMiB: rest - heapMiB };
}

const FACTORS: Readonly<Record<string, number>> = {
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
};

/** Whole MiB of a Kubernetes quantity such as `1Gi`; NaN when it is none. */
export function mebibytes(quantity: string): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?)(k|M|G|T|Ki|Mi|Gi|Ti)?$/.exec(quantity) ?? [];
  return Math.floor((Number(number ?? NaN) * FACTORS[unit ?? '']!) / 2 ** 20);
}
