import { ChangeFailedError, StoreAccessError } from '../../engine/errors';
import type {
  AppliedChange,
  Change,
  MigrationLock,
  MigrationTarget,
  SchemaSnapshot,
  Statement,
} from '../../engine/target';
import { HttpError } from '../http-client';
import { OxigraphClient, type OxigraphConnection, type Row } from './client';
import { definitionLines } from './definitions';
import { historyGraph, sparqlString } from './names';
import { takeTicketLock, type Ticket, type TicketLock, type TicketStorage } from './ticket-lock';

/** What a history entry's triples are called. */
const FIELDS = [
  'version',
  'description',
  'checksum',
  'rollback',
  'appliedAt',
  'appliedBy',
  'durationMs',
] as const;

/**
 * Applies SPARQL changes to one Oxigraph server; a change and its history entry are one update, so both are done or neither.
 * @see https://www.w3.org/TR/sparql11-update/
 */
export class OxigraphTarget implements MigrationTarget {
  readonly store = 'oxigraph';
  private readonly client: OxigraphClient;
  /** Start of the names of everything of this history. */
  private readonly root: string;
  private held: TicketLock | undefined;

  constructor(
    private readonly connection: OxigraphConnection & {
      /** Folder under `migrations/oxigraph/`: the name of the history. */
      readonly database: string;
    },
  ) {
    if (!/^[A-Za-z0-9_-]+$/.test(connection.database)) {
      throw new Error(`A history's name has letters, digits, "-" and "_", got "${connection.database}".`);
    }
    this.client = new OxigraphClient(connection);
    this.root = `${historyGraph}:${connection.database}`;
  }

  async lock(options: { holder: string; waitMs: number }): Promise<MigrationLock> {
    const lock = await this.access('the lock cannot be written', () =>
      takeTicketLock(this.tickets(), this.describe(), options),
    );
    this.held = lock;
    return {
      release: async () => {
        this.held = undefined;
        await lock.release();
      },
    };
  }

  async applied(): Promise<AppliedChange[]> {
    const rows = await this.access('the history cannot be read', () =>
      this.client.select(
        `SELECT * { GRAPH <${historyGraph}> { ?entry <${this.root}:entry> ?version ;
          ${FIELDS.slice(1)
            .map((field) => `<${historyGraph}:${field}> ?${field}`)
            .join(' ; ')} } } ORDER BY ?version`,
      ),
    );
    // Two entries of one version: its first runner was taken for dead while the server still performed its update.
    return [...new Map(rows.map((row) => [row.version, toAppliedChange(row)])).values()];
  }

  async apply(change: Change, appliedBy: string): Promise<AppliedChange> {
    const { version, description, checksum, rollback } = change;
    const appliedAt = new Date().toISOString();
    const started = performance.now();
    const entry = { version, description, checksum, rollback, appliedAt, appliedBy, durationMs: 0 };
    await this.run(change.file, change.up, `${this.removal(version)} ; ${this.insertion(entry)}`);
    const durationMs = Math.round(performance.now() - started);
    // Only known now. The change is recorded already, so that it must not count as failed without this.
    await this.client.update(this.timing(version, durationMs)).catch(() => undefined);
    return { ...entry, durationMs };
  }

  async revert(change: Change): Promise<void> {
    await this.run(change.file, change.down, this.removal(change.version));
  }

  schema(): Promise<readonly string[]> {
    return this.access('its definitions cannot be read', () => definitionLines(this.client));
  }

  async snapshot(): Promise<SchemaSnapshot | undefined> {
    const [row] = await this.access('the recorded definitions cannot be read', () =>
      this.client.select(
        `SELECT ?value { GRAPH <${historyGraph}> { <${this.root}> <${historyGraph}:snapshot> ?value } }`,
      ),
    );
    return row && (JSON.parse(row.value!) as SchemaSnapshot);
  }

  async saveSnapshot(snapshot: SchemaSnapshot): Promise<void> {
    await this.client.update(
      `DELETE WHERE { GRAPH <${historyGraph}> { <${this.root}> <${historyGraph}:snapshot> ?old } } ;
       INSERT DATA { GRAPH <${historyGraph}> {
         <${this.root}> <${historyGraph}:snapshot> ${sparqlString(JSON.stringify(snapshot))} } }`,
    );
  }

  async close(): Promise<void> {
    // Requests share no connection that needs closing.
  }

  /** Performs statements and what follows them as one update, which Oxigraph refuses once the lock's fence is gone. */
  private async run(file: string, statements: readonly Statement[], finish: string): Promise<void> {
    const lock = this.held;
    await lock?.assertHeld();
    // Last, because Oxigraph takes prefixes only at the start of a request.
    const fence = lock ? ` ; CLEAR GRAPH <${this.fence(lock.id)}>` : '';
    const text = statements.map((statement) => `${statement.text}\n;\n`).join('');
    try {
      await this.client.update(text + finish + fence);
    } catch (error) {
      const message = (error as Error).message;
      if (lock && message.includes(this.fence(lock.id))) throw lock.takenOver();
      throw failure(file, statements, error as Error);
    }
  }

  private entry(version: string): string {
    return `${this.root}:${version}`;
  }

  private removal(version: string): string {
    return `DELETE WHERE { GRAPH <${historyGraph}> { <${this.entry(version)}> ?p ?o } }`;
  }

  private insertion(entry: AppliedChange): string {
    const fields = FIELDS.map((field) => `<${historyGraph}:${field}> ${sparqlString(String(entry[field]))}`);
    return `INSERT DATA { GRAPH <${historyGraph}> { <${this.entry(entry.version)}>
      <${this.root}:entry> ${sparqlString(entry.version)} ; ${fields.join(' ; ')} } }`;
  }

  /** Changes nothing where the entry is gone. */
  private timing(version: string, durationMs: number): string {
    const value = (object: string) =>
      `{ GRAPH <${historyGraph}> { <${this.entry(version)}> <${historyGraph}:durationMs> ${object} } }`;
    return `DELETE ${value('?old')} INSERT ${value(sparqlString(String(durationMs)))} WHERE ${value('?old')}`;
  }

  /** An empty graph per contender: updates that name it fail once it is dropped. */
  private fence(id: string): string {
    return `${this.root}:fence:${id}`;
  }

  /**
   * Tickets are JSON texts in one graph: Oxigraph's updates are atomic, but two at once may both find what they replace.
   * Of two versions of a ticket that were written at once the later one counts.
   */
  private tickets(): TicketStorage {
    const graph = `${this.root}:lock`;
    const quick = { quick: true };
    const removal = (id: string) => `DELETE WHERE { GRAPH <${graph}> { <${graph}:${id}> ?p ?o } }`;
    return {
      list: async () => {
        const rows = await this.client.select(`SELECT ?ticket { GRAPH <${graph}> { ?id ?p ?ticket } }`);
        const tickets = rows.map((row) => JSON.parse(row.ticket!) as Ticket);
        const newest = new Map<string, Ticket>();
        for (const ticket of tickets.sort((a, b) => a.beat - b.beat)) newest.set(ticket.id, ticket);
        return [...newest.values()];
      },
      put: (ticket) =>
        this.client.update(
          `CREATE SILENT GRAPH <${this.fence(ticket.id)}> ; ${removal(ticket.id)} ;
           INSERT DATA { GRAPH <${graph}> {
             <${graph}:${ticket.id}> <${historyGraph}:ticket> ${sparqlString(JSON.stringify(ticket))} } }`,
          quick,
        ),
      remove: (id) => this.client.update(`DROP SILENT GRAPH <${this.fence(id)}> ; ${removal(id)}`, quick),
    };
  }

  private describe(): string {
    return `Oxigraph at ${this.connection.endpoint}`;
  }

  /** Turns a refusal of the credentials into a sentence with its fix. */
  private async access<T>(doing: string, run: () => Promise<T>): Promise<T> {
    try {
      return await run();
    } catch (error) {
      if (!(error instanceof HttpError) || (error.status !== 401 && error.status !== 403)) throw error;
      throw new StoreAccessError(
        `${this.describe()}: ${doing} as "${this.connection.user}": it was refused with status ${error.status}. ` +
          'Connect with the credentials of the owner.',
        { cause: error },
      );
    }
  }
}

function toAppliedChange(row: Row): AppliedChange {
  return {
    version: row.version!,
    description: row.description!,
    checksum: row.checksum!,
    rollback: row.rollback!,
    appliedAt: row.appliedAt!,
    appliedBy: row.appliedBy!,
    durationMs: Number(row.durationMs),
  };
}

/** Oxigraph does not say which update of a request failed; most of its messages name the graph that is at fault. */
function failure(file: string, statements: readonly Statement[], error: Error): Error {
  // Not an answer of the server: nothing is known about the change, and the run may be repeated.
  if (error instanceof HttpError && error.code) return error;
  const iri = /<[^>]+>/.exec(error.message)?.[0];
  const index = Math.max(
    0,
    statements.findIndex(({ text }) => iri !== undefined && text.includes(iri)),
  );
  const reason = /[.!?]$/.test(error.message) ? error.message : `${error.message}.`;
  return new ChangeFailedError(file, index + 1, { line: statements[index]!.line }, reason, { cause: error });
}
