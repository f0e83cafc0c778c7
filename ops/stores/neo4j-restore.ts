import type { Driver } from 'neo4j-driver';
import type { CopiedNode, CopiedRelationship, CopyLine } from './neo4j-copy';
import { decodeProperties } from './neo4j-values';

/** Label, property and index by which relationships find their nodes; gone when the restore has ended. */
const RESTORED = '__AgentDataPlatformRestored';
const NUMBER = '__agentDataPlatformNumber';

const BATCH_ROWS = 1000;
/** Of lines; a transaction takes some times that of the server's memory. */
const BATCH_BYTES = 4 * 1024 * 1024;
const INDEXES_ONLINE_WITHIN_S = 3600;

/** What a server writes for the definitions that change files make. */
const SCHEMA_STATEMENT = /^CREATE (CONSTRAINT|(RANGE|TEXT|POINT|FULLTEXT|VECTOR) INDEX) `/;

const NODES = `
  UNWIND $rows AS row
  CREATE (n:\`${RESTORED}\`)
  SET n = row.properties, n.\`${NUMBER}\` = row.node
  SET n:$(row.labels)
  RETURN count(n) AS created`;
const RELATIONSHIPS = `
  UNWIND $rows AS row
  MATCH (a:\`${RESTORED}\` {\`${NUMBER}\`: row.from}) USING INDEX a:\`${RESTORED}\`(\`${NUMBER}\`)
  MATCH (b:\`${RESTORED}\` {\`${NUMBER}\`: row.to}) USING INDEX b:\`${RESTORED}\`(\`${NUMBER}\`)
  CREATE (a)-[r:$(row.relationship)]->(b)
  SET r = row.properties
  RETURN count(r) AS created`;
const CLEAN = `
  MATCH (n:\`${RESTORED}\`)
  CALL (n) { REMOVE n.\`${NUMBER}\`, n:\`${RESTORED}\` } IN TRANSACTIONS OF 10000 ROWS`;

/** Writes the lines of a copy into the graph of a server, in their order. */
export class GraphRestore {
  private readonly schema: string[] = [];
  private kind: 'node' | 'relationship' = 'node';
  private rows: object[] = [];
  private bytes = 0;

  constructor(
    private readonly driver: Driver,
    private readonly graph: string,
  ) {}

  /** Removes all nodes, relationships, constraints and indexes but the lookup indexes, which every graph has. */
  async clear(): Promise<void> {
    for (const name of await this.names('SHOW CONSTRAINTS YIELD name')) await this.drop('CONSTRAINT', name);
    for (const name of await this.names("SHOW INDEXES YIELD name, type WHERE type <> 'LOOKUP'"))
      await this.drop('INDEX', name);
    // A node with many relationships would take a transaction that is too large.
    await this.run('MATCH ()-[r]->() CALL (r) { DELETE r } IN TRANSACTIONS OF 10000 ROWS');
    await this.run('MATCH (n) CALL (n) { DETACH DELETE n } IN TRANSACTIONS OF 10000 ROWS');
    await this.run(`CREATE INDEX \`${RESTORED}\` FOR (n:\`${RESTORED}\`) ON (n.\`${NUMBER}\`)`);
    await this.indexesOnline();
  }

  /** @param bytes Length of the line. */
  async add(line: CopyLine, bytes: number): Promise<void> {
    if ('schema' in line) {
      if (!SCHEMA_STATEMENT.test(line.schema))
        throw new Error(
          `The copy has a definition that is none: ${line.schema.slice(0, 200)}. Take another set.`,
        );
      this.schema.push(line.schema);
      return;
    }
    const kind = 'node' in line ? 'node' : 'relationship';
    if (kind !== this.kind || this.rows.length >= BATCH_ROWS || this.bytes + bytes > BATCH_BYTES)
      await this.send();
    this.kind = kind;
    this.rows.push('node' in line ? nodeRow(line) : relationshipRow(line));
    this.bytes += bytes;
  }

  /** Writes what is left, then makes constraints and indexes and waits until they are filled. */
  async finish(): Promise<void> {
    await this.send();
    await this.run(CLEAN);
    await this.drop('INDEX', RESTORED);
    for (const statement of this.schema) await this.run(statement);
    await this.indexesOnline();
  }

  private async send(): Promise<void> {
    const { rows } = this;
    this.rows = [];
    this.bytes = 0;
    if (rows.length === 0) return;
    const [answer] = await this.run<{ created: bigint }>(this.kind === 'node' ? NODES : RELATIONSHIPS, {
      rows,
    });
    if (Number(answer!.created) !== rows.length)
      throw new Error(
        `The server made ${answer!.created} of ${rows.length} ${this.kind}s: somebody changes the graph, or the copy ` +
          'has relationships without their nodes. Repeat the restore while nobody writes.',
      );
  }

  private async drop(kind: 'CONSTRAINT' | 'INDEX', name: string): Promise<void> {
    await this.run(`DROP ${kind} \`${name.replaceAll('`', '``')}\` IF EXISTS`);
  }

  private async indexesOnline(): Promise<void> {
    await this.run(`CALL db.awaitIndexes(${INDEXES_ONLINE_WITHIN_S})`);
  }

  private async names(query: string): Promise<string[]> {
    return (await this.run<{ name: string }>(query)).map(({ name }) => name);
  }

  /** As a transaction of the server's own, which definitions and `IN TRANSACTIONS` need. */
  private async run<Row extends object>(query: string, values: object = {}): Promise<Row[]> {
    const session = this.driver.session({ database: this.graph });
    try {
      const { records } = await session.run(query, values);
      return records.map((record) => record.toObject() as Row);
    } finally {
      await session.close();
    }
  }
}

function nodeRow({ node, labels, properties }: CopiedNode): object {
  return { node: BigInt(node), labels, properties: decodeProperties(properties) };
}

function relationshipRow({ relationship, from, to, properties }: CopiedRelationship): object {
  return {
    ...{ relationship, from: BigInt(from), to: BigInt(to) },
    properties: decodeProperties(properties),
  };
}
