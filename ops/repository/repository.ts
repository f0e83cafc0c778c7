import { Readable } from 'node:stream';

/** An object of a repository. */
export interface StoredObject {
  readonly key: string;
  readonly bytes: number;
  readonly modified: Date;
}

/** Where backups are kept. Keys are paths with `/`; an object appears whole or not at all. */
export interface Repository {
  /** Address without credentials, for messages. */
  readonly name: string;
  /** @throws RepositoryError when it cannot be written; then there is no such object, or the one before. */
  put(key: string, content: Readable): Promise<void>;
  /** @throws RepositoryError; `missing` when there is no such object. */
  get(key: string): Promise<Readable>;
  /** Every object whose key begins so, in order of the keys; also what a writer that was killed left, which is no object yet. */
  list(prefix: string): Promise<StoredObject[]>;
  /** Deletes an object; none is no error. */
  delete(key: string): Promise<void>;
  close(): void;
}

/** Why a repository did not do what it was asked. */
export type RepositoryFault = 'missing' | 'irregular' | 'denied' | 'full' | 'unreachable' | 'failed';

const advice: Readonly<Record<RepositoryFault, string>> = {
  missing: 'It is not there: compare the address with the one that backups were written to.',
  irregular: 'A link, a folder or a device is in its place: a repository consists of files.',
  denied: 'Access is denied: check the credentials and what they may do there.',
  full: 'There is no room left: prune old sets or make the storage larger.',
  unreachable: 'It cannot be reached: check the address and the network.',
  failed: 'It answered with an error.',
};

/** A repository failed; the message says what was tried, why it failed and what to do. */
export class RepositoryError extends Error {
  constructor(
    readonly fault: RepositoryFault,
    what: string,
    cause: unknown,
  ) {
    super(`${what}: ${advice[fault]} (${(cause as Error)?.message ?? String(cause)})`, { cause });
    this.name = 'RepositoryError';
  }
}

/** A stream whose failures in the middle are those of its repository. */
export function readingOf(stream: Readable, failure: (error: unknown) => RepositoryError): Readable {
  const bytes = async function* () {
    try {
      yield* stream;
    } catch (error) {
      throw failure(error);
    }
  };
  return Readable.from(bytes(), { objectMode: false });
}
