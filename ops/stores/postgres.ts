import { readFile } from 'node:fs/promises';
import type { Client } from 'pg';
import { openSession, type PostgresConnection } from '../../migrations/targets/postgres/session';
import type { ArtifactFiles, ArtifactSink, CopyReport, StoreContent, StoreDriver } from './driver';
import { checkInventory, InventoriedSink } from './inventory';
import { once } from './lines';
import { Snapshot, TableBusyError } from './postgres-content';
import { PostgresOutbox } from './postgres-outbox';
import { PostgresPrograms } from './postgres-programs';
import {
  databaseFacts,
  type DatabaseFacts,
  emptying,
  finishing,
  inspectTarget,
  restorable,
} from './postgres-restore';
import { fillEmpty, replaceAll } from './postgres-scripts';
import type { Program } from './programs';

/** How to reach a database, as a role that reads everything (`backup`), or for a restore as its owner. */
export type PostgresAddress = Omit<PostgresConnection, 'holder'>;

const DUMP = 'database.dump';
const FACTS = 'database.json';
// What compresses is the sink.
const DUMP_OPTIONS = ['--format=custom', '--compress=none', '--no-subscriptions', '--lock-wait-timeout=30s'];
const ATTEMPTS = 5;

/**
 * Copies one database with `pg_dump`, as of one moment: the digests are read in the same snapshot. Sequences, which have no
 * snapshots, are as they are a little later. Not kept: roles, which the stack makes (a superuser's restore makes those that are
 * missing, without login), settings of the database, subscriptions.
 *
 * A restore is one transaction: it replaces everything that belongs to the database's owner, or changes nothing. Where the owner has
 * nothing yet, several connections fill the database at once, and one that fails leaves it
 * empty again as long as the server is there.
 * Extensions of other owners stay as they are.
 * @see https://www.postgresql.org/docs/current/app-pgdump.html
 */
export class PostgresDriver implements StoreDriver {
  readonly outbox: PostgresOutbox;

  constructor(private readonly address: PostgresAddress) {
    this.outbox = new PostgresOutbox(address);
  }

  async backup(sink: ArtifactSink): Promise<CopyReport> {
    return this.connected(async (client, programs) => {
      const inventoried = new InventoriedSink(sink);
      const { snapshot, dump } = await begin(client, programs);
      const written = inventoried.write(DUMP, dump);
      try {
        const [content] = await Promise.all([snapshot.content({ alone: false }), written]);
        const schema = await snapshot.schema();
        const facts = await databaseFacts(client);
        await inventoried.write(FACTS, once(JSON.stringify(facts)));
        await inventoried.finish();
        await snapshot.end();
        return { serverVersion: await serverVersion(client), schema, content, position: snapshot.position };
      } catch (error) {
        programs.stop();
        await written.catch(() => undefined);
        throw error;
      }
    });
  }

  async content(): Promise<StoreContent> {
    return this.connected(async (client) => {
      const snapshot = await Snapshot.begin(client);
      await snapshot.lock({ wait: true });
      const content = await snapshot.content({ alone: true });
      await snapshot.end();
      return content;
    });
  }

  async restore(files: ArtifactFiles): Promise<void> {
    await checkInventory(files);
    const dump = files[DUMP]!;
    const { rights, roles } = JSON.parse(await readFile(files[FACTS]!, 'utf8')) as DatabaseFacts;
    await this.connected(async (client, programs) => {
      const target = await inspectTarget(client, roles);
      const contents = await programs.start('pg_restore', ['--list', dump]).text();
      const list = await programs.file('contents', restorable(contents, target.keptExtensions));
      const restoration = {
        ...{ dump, list, begin: emptying(target), emptyAgain: emptying({ ...target, missingRoles: [] }) },
        end: finishing(this.address.database, rights),
      };
      if (target.empty) await fillEmpty(programs, this.address.database, restoration);
      else await replaceAll(programs, restoration);
    });
  }

  async close(): Promise<void> {
    // Every connection ends with what it was opened for.
  }

  private async connected<T>(use: (client: Client, programs: PostgresPrograms) => Promise<T>): Promise<T> {
    const session = await openSession({ ...this.address, holder: 'backup' });
    const programs = await PostgresPrograms.open(this.address);
    try {
      return await use(session.client, programs);
    } finally {
      await programs.close();
      await session.close();
    }
  }
}

interface Begun {
  readonly snapshot: Snapshot;
  readonly dump: AsyncGenerator<Uint8Array>;
}

/** Begins a copy that both sessions have locked the tables for; they must not wait for somebody who waits for one of them. */
async function begin(client: Client, programs: PostgresPrograms): Promise<Begun> {
  for (let attempt = 1; ; attempt++) {
    const snapshot = await Snapshot.begin(client);
    try {
      const dump = await begun(programs.start('pg_dump', [...DUMP_OPTIONS, `--snapshot=${snapshot.id}`]));
      await snapshot.lock({ wait: false });
      return { snapshot, dump };
    } catch (error) {
      programs.stop();
      await snapshot.end();
      if (!(error instanceof TableBusyError) || attempt === ATTEMPTS) throw error;
    }
  }
}

/** What `pg_dump` prints, once it prints something: then it has its locks. */
async function begun(program: Program): Promise<AsyncGenerator<Uint8Array>> {
  const output = program.output();
  const first = await output.next();
  return (async function* () {
    try {
      if (!first.done) yield first.value;
      yield* output;
    } finally {
      program.stop();
    }
  })();
}

async function serverVersion(client: Client): Promise<string> {
  const { rows } = await client.query<{ server_version: string }>('SHOW server_version');
  // Packagers add their own version.
  return rows[0]!.server_version.split(' ')[0]!;
}
