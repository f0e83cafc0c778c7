import { randomUUID } from 'node:crypto';
import type { Driver, ManagedTransaction, QueryResult } from 'neo4j-driver';
import type { LeaseRecord, LeaseStorage } from '../../engine/lease';

/** Errors of a node that a uniqueness constraint refuses, because another runner made it first. */
const NOT_UNIQUE = 'Neo.ClientError.Schema.ConstraintValidationFailed';

const READ = `
  MATCH (lock:__SchemaLock {database: $database})
  RETURN lock.holder AS holder, lock.held AS held, lock.token AS token`;
const CREATE = `
  CREATE (lock:__SchemaLock {database: $database, holder: $holder, held: $held, token: $token})
  RETURN lock.token AS token`;
/** Takes the node's lock, which is held until the transaction ends: what is read afterwards cannot change. */
const TAKE_NODE_LOCK = `
  MATCH (lock:__SchemaLock {database: $database}) SET lock.writer = $token`;
const REPLACE = `
  MATCH (lock:__SchemaLock {database: $database}) WHERE lock.token = $expected
  SET lock.holder = $holder, lock.held = $held, lock.token = $token
  RETURN lock.token AS token`;

/**
 * A lease kept as one node, unique by constraint, with writes under the node's lock.
 * @see https://neo4j.com/docs/operations-manual/5/database-internals/concurrent-data-access/
 */
export class NodeLease implements LeaseStorage {
  constructor(
    private readonly driver: Driver,
    private readonly graph: string,
    private readonly database: string,
  ) {}

  async read(): Promise<LeaseRecord | undefined> {
    const { database } = this;
    const session = this.driver.session({ database: this.graph, defaultAccessMode: 'READ' });
    try {
      const { records } = await session.executeRead((tx) => tx.run<LeaseRecord>(READ, { database }));
      return records[0]?.toObject();
    } finally {
      await session.close();
    }
  }

  async write(
    content: Omit<LeaseRecord, 'token'>,
    expected: string | undefined,
  ): Promise<string | undefined> {
    const token = randomUUID();
    const values = { ...content, database: this.database, token, expected };
    const session = this.driver.session({ database: this.graph });
    try {
      const { records } = await session.executeWrite((tx) =>
        expected === undefined ? tx.run(CREATE, values) : replace(tx, values),
      );
      if (records.length > 0) return token;
    } catch (error) {
      if ((error as { code?: string }).code !== NOT_UNIQUE) throw error;
    } finally {
      await session.close();
    }
    // The driver repeats a write whose answer was lost; then it is refused because it was made already.
    return (await this.read())?.token === token ? token : undefined;
  }
}

async function replace(tx: ManagedTransaction, values: object): Promise<QueryResult> {
  await tx.run(TAKE_NODE_LOCK, values);
  return tx.run(REPLACE, values);
}
