import { createReadStream } from 'node:fs';
import type { Driver, Transaction } from 'neo4j-driver';
import { type Neo4jAddress, openDriver, type OpenDriver } from '../../migrations/targets/neo4j/driver';
import type { ArtifactFiles, ArtifactSink, CopyReport, StoreContent, StoreDriver } from './driver';
import { checkInventory, InventoriedSink } from './inventory';
import { bytesOf, linesOf } from './lines';
import { CopyDigests, type CopyLine } from './neo4j-copy';
import { GraphRestore } from './neo4j-restore';
import { encodeProperties } from './neo4j-values';

type Pairs = [string, unknown][];

interface NodeRow {
  readonly node: bigint;
  readonly labels: string[];
  readonly properties: Pairs;
}

interface RelationshipRow {
  readonly from: bigint;
  readonly to: bigint;
  readonly relationship: string;
  readonly properties: Pairs;
}

const FILE = 'graph.jsonl';
/** The one graph that Community has. */
const GRAPH = 'neo4j';
/** How often a copy is begun anew because somebody wrote during it. */
const ATTEMPTS = 3;
/** A runner's; a copy would lock nobody out, but keep everybody waiting. */
const LOCK = '__SchemaLock';

const CONSTRAINTS = 'SHOW CONSTRAINTS YIELD name, createStatement';
/** Without those behind constraints, and the lookup indexes that every graph has. */
const INDEXES = `
  SHOW INDEXES YIELD name, type, owningConstraint, createStatement
  WHERE owningConstraint IS NULL AND type <> 'LOOKUP'`;
/** Numbers of nodes, unlike their element ids, are dense and the same length. */
const NODES = `
  MATCH (n) WHERE NOT n:\`${LOCK}\`
  RETURN id(n) AS node, labels(n) AS labels, [key IN keys(n) | [key, n[key]]] AS properties`;
const RELATIONSHIPS = `
  MATCH (a)-[r]->(b)
  RETURN id(a) AS from, id(b) AS to, type(r) AS relationship, [key IN keys(r) | [key, r[key]]] AS properties`;

/**
 * Copies all nodes, relationships, constraints and indexes over Bolt, in one read transaction. Writers are not stopped.
 *
 * Neo4j isolates no better than "read committed": such a transaction sees what others commit meanwhile. Therefore the
 * server's bookmarks before and after are compared. When they are the same, the copy is of exactly one moment, and the
 * report has that bookmark as its `position`. Otherwise it is begun anew, three times in all; the last copy is kept and has
 * no position: it has what was there all the time, each property as it was at a moment during the copy, and no relationship
 * without its nodes. A value that moved from one node to another may then be in both, which a restore refuses where a
 * constraint makes it unique: back up when nobody writes, or use Enterprise's online backup.
 *
 * Digests do not tell nodes apart whose labels and properties are equal. Users are not copied. After a string of megabytes
 * Neo4j reads each string and list slowly (6 MB: a tenth of a second).
 * In Community every user may do everything, so that a backup needs no rights of its own.
 * @see https://neo4j.com/docs/operations-manual/5/database-internals/concurrent-data-access/
 */
export class Neo4jDriver implements StoreDriver {
  private opened: Promise<OpenDriver> | undefined;

  constructor(private readonly address: Neo4jAddress) {}

  async backup(sink: ArtifactSink): Promise<CopyReport> {
    const driver = await this.driver();
    const serverVersion = await version(driver);
    for (let attempt = 1; ; attempt++) {
      const reader = new GraphReader(driver);
      const inventoried = new InventoriedSink(sink);
      try {
        await inventoried.write(FILE, bytesOf(reader.copy(attempt < ATTEMPTS)));
      } catch (error) {
        // What was written of it is thrown away with it; the repository may say it in its own words.
        if (reader.moved) continue;
        throw error;
      }
      await inventoried.finish();
      const { digests, position } = reader;
      return {
        ...{ serverVersion, schema: digests.schema(), content: digests.content() },
        ...(position === undefined ? {} : { position }),
      };
    }
  }

  async content(): Promise<StoreContent> {
    const reader = new GraphReader(await this.driver());
    for await (const line of reader.copy(false)) void line;
    return reader.digests.content();
  }

  async restore(files: ArtifactFiles): Promise<void> {
    await checkInventory(files);
    const restore = new GraphRestore(await this.driver(), GRAPH);
    await restore.clear();
    for await (const text of linesOf(createReadStream(files[FILE]!)))
      await restore.add(JSON.parse(text) as CopyLine, text.length);
    await restore.finish();
  }

  async close(): Promise<void> {
    const opened = await this.opened?.catch(() => undefined);
    await opened?.close();
  }

  private async driver(): Promise<Driver> {
    this.opened ??= openDriver(this.address, 'bigint');
    return (await this.opened).driver;
  }
}

/** Reads the graph once. */
class GraphReader {
  readonly digests = new CopyDigests();
  /** Bookmark of the moment that was read; undefined until then, and where somebody wrote meanwhile. */
  position: string | undefined;
  /** Whether that ended the copy. */
  moved = false;

  constructor(private readonly driver: Driver) {}

  /**
   * Lines of JSON, of which the digests are then.
   * @param strict Whether to throw when somebody wrote meanwhile.
   */
  async *copy(strict: boolean): AsyncGenerator<string> {
    const before = await bookmarks(this.driver);
    // Its transaction begins when what was committed by then can be read.
    const session = this.driver.session({ database: GRAPH, defaultAccessMode: 'READ', bookmarks: before });
    try {
      const transaction = await session.beginTransaction();
      for await (const line of lines(transaction)) {
        if ('relationship' in line && !(this.digests.has(line.from) && this.digests.has(line.to))) continue;
        this.digests.add(line);
        yield JSON.stringify(line);
      }
      await transaction.commit();
    } finally {
      await session.close();
    }
    const after = await bookmarks(this.driver);
    if (JSON.stringify(after) === JSON.stringify(before)) this.position = after.join(' ');
    else if (strict) {
      this.moved = true;
      throw new Error('Somebody wrote while the graph was read.');
    }
  }
}

async function* lines(transaction: Transaction): AsyncGenerator<CopyLine> {
  for (const query of [CONSTRAINTS, INDEXES]) {
    const { records } = await transaction.run<{ createStatement: string }>(query);
    for (const schema of records.map((record) => record.get('createStatement')).sort()) yield { schema };
  }
  for await (const record of transaction.run<NodeRow>(NODES)) {
    const { node, labels, properties } = record.toObject();
    yield { node: Number(node), labels: labels.sort(), properties: encodeProperties(properties) };
  }
  for await (const record of transaction.run<RelationshipRow>(RELATIONSHIPS)) {
    const { from, to, relationship, properties } = record.toObject();
    yield {
      ...{ relationship, from: Number(from), to: Number(to) },
      properties: encodeProperties(properties),
    };
  }
}

/** Of the last transaction that was committed, which may not be applied yet. */
async function bookmarks(driver: Driver): Promise<string[]> {
  const session = driver.session({ database: GRAPH, defaultAccessMode: 'READ' });
  try {
    await session.executeRead((transaction) => transaction.run('RETURN 1'));
    return session.lastBookmarks();
  } finally {
    await session.close();
  }
}

async function version(driver: Driver): Promise<string> {
  const session = driver.session({ database: GRAPH, defaultAccessMode: 'READ' });
  try {
    const { records } = await session.run<{ versions: string[] }>(
      'CALL dbms.components() YIELD versions RETURN versions',
    );
    return records[0]!.get('versions')[0]!;
  } finally {
    await session.close();
  }
}
