import type { Driver, ManagedTransaction, RecordShape } from 'neo4j-driver';
import { type OperationStore, OperationTarget } from '../../engine/operation-target';
import type { AppliedChange, SchemaSnapshot, Statement } from '../../engine/target';
import { schemaDefinitions } from './definitions';
import { type Neo4jAddress, openDriver, type OpenDriver } from './driver';
import { NodeLease } from './lease';

/** A server, and the history to keep in it. */
export interface Neo4jConnection extends Neo4jAddress {
  /** Folder under `migrations/neo4j/`; property of the history's nodes. */
  readonly database: string;
}

/** The one graph that Community has; `database` only names the history. */
const GRAPH = 'neo4j';
const INDEXES_ONLINE_WITHIN_S = 600;
const MARKED = ['__SchemaMigration', '__SchemaLock', '__SchemaSnapshot'];

/** A migration target over Bolt. */
export async function neo4jTarget(connection: Neo4jConnection): Promise<OperationTarget> {
  return new OperationTarget(new Neo4jStore(connection, await openDriver(connection)));
}

/**
 * Runs Cypher statements, each in a transaction of its own because Neo4j does not mix schema and data in one; the history
 * is one node `__SchemaMigration` per version.
 * @see https://neo4j.com/docs/javascript-manual/5/transactions/
 */
class Neo4jStore implements OperationStore {
  readonly store = 'neo4j';
  readonly name: string;
  readonly user: string;
  readonly lease: NodeLease;
  private readonly driver: Driver;

  constructor(
    private readonly connection: Neo4jConnection,
    private readonly open: OpenDriver,
  ) {
    const { host, port, user, database } = connection;
    this.name = `neo4j ${host}:${port}`;
    this.user = user;
    this.driver = open.driver;
    this.lease = new NodeLease(this.driver, GRAPH, database);
  }

  async prepare(): Promise<void> {
    const [existing] = await this.read<{ constraints: number }>(
      'SHOW CONSTRAINTS YIELD name WHERE name IN $marked RETURN count(*) AS constraints',
    );
    if (existing?.constraints === MARKED.length) return;
    for (const label of MARKED) {
      const key = label === '__SchemaMigration' ? '(n.database, n.version)' : 'n.database';
      // Runners that start together end in a deadlock, which the driver resolves by trying again.
      await this.write(
        `CREATE CONSTRAINT \`${label}\` IF NOT EXISTS FOR (n:\`${label}\`) REQUIRE ${key} IS UNIQUE`,
        {},
      );
    }
  }

  async history(): Promise<AppliedChange[]> {
    const rows = await this.read<{ entry: string }>(
      'MATCH (m:__SchemaMigration {database: $database}) RETURN m.entry AS entry',
    );
    return rows.map(({ entry }) => JSON.parse(entry) as AppliedChange);
  }

  async record(entry: AppliedChange): Promise<void> {
    const { version, description, checksum, appliedAt, appliedBy } = entry;
    await this.write(
      'MERGE (m:__SchemaMigration {database: $database, version: $version}) SET m += $fields',
      { version, fields: { description, checksum, appliedAt, appliedBy, entry: JSON.stringify(entry) } },
    );
  }

  async forget(version: string): Promise<void> {
    await this.write('MATCH (m:__SchemaMigration {database: $database, version: $version}) DELETE m', {
      version,
    });
  }

  async perform({ text }: Statement): Promise<void> {
    try {
      await this.run(text);
      // The format lets no other CREATE pass than that of an index or a constraint, and a constraint comes complete.
      if (/^CREATE\b(?!\s+CONSTRAINT)/i.test(text)) await this.indexesOnline();
    } catch (error) {
      throw statementError(error);
    }
  }

  async schema(): Promise<readonly string[]> {
    const session = this.driver.session({ database: GRAPH });
    try {
      return await schemaDefinitions(session);
    } finally {
      await session.close();
    }
  }

  async snapshot(): Promise<SchemaSnapshot | undefined> {
    const [row] = await this.read<SchemaSnapshot>(
      'MATCH (s:__SchemaSnapshot {database: $database}) RETURN s.version AS version, s.schema AS schema',
    );
    return row;
  }

  async saveSnapshot(snapshot: SchemaSnapshot): Promise<void> {
    await this.write('MERGE (s:__SchemaSnapshot {database: $database}) SET s += $snapshot', { snapshot });
  }

  isRefusal(error: unknown): boolean {
    return /^Neo\.ClientError\.Security\./.test((error as { code?: string }).code ?? '');
  }

  close(): Promise<void> {
    return this.open.close();
  }

  /** A new index answers no query before it is filled, and only then is known to be sound. */
  private async indexesOnline(): Promise<void> {
    await this.run(`CALL db.awaitIndexes(${INDEXES_ONLINE_WITHIN_S})`);
  }

  /** Runs one statement as the server's own transaction, which schema commands and CALL … IN TRANSACTIONS need. */
  private async run(text: string): Promise<void> {
    const session = this.driver.session({ database: GRAPH });
    try {
      await session.run(text);
    } finally {
      await session.close();
    }
  }

  private read<Row extends object>(query: string): Promise<Row[]> {
    return this.transaction('executeRead', async (tx) => {
      const { records } = await tx.run<Row & RecordShape>(query, {
        database: this.connection.database,
        marked: MARKED,
      });
      return records.map((record) => record.toObject());
    });
  }

  private write(query: string, values: object): Promise<void> {
    return this.transaction('executeWrite', async (tx) => {
      await tx.run(query, { database: this.connection.database, ...values });
    });
  }

  private async transaction<T>(
    kind: 'executeRead' | 'executeWrite',
    work: (tx: ManagedTransaction) => Promise<T>,
  ): Promise<T> {
    const session = this.driver.session({ database: GRAPH });
    try {
      return await session[kind](work);
    } finally {
      await session.close();
    }
  }
}

/** The server repeats the whole statement in quotes below its message. */
function statementError(error: unknown): Error {
  const { message, code } = error as Error & { code?: string };
  const lines = message.split('\n');
  const quoted = lines.findIndex((line) => line.startsWith('"'));
  const words = lines.slice(0, quoted < 0 ? undefined : quoted).join(' ');
  return new Error(`${words} (${code})`, { cause: error });
}
