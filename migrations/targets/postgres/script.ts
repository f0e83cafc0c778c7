import { type Client, type Connection, DatabaseError, Query, type QueryResult } from 'pg';

const SEPARATOR = ';\n';

/** Where a script failed. */
export class ScriptError extends Error {
  constructor(
    /** Index of the statement that failed. */
    readonly index: number,
    /** The server's position (from 1, in characters) inside that statement, where it gives one. */
    readonly position: number | undefined,
    override readonly cause: Error,
  ) {
    super(cause.message, { cause });
  }
}

/** What pg's Query does on each answer; part of its class, but not of its types. */
interface CommandCompleteHandler {
  handleCommandComplete(message: object, connection: Connection): void;
}
const base = Query.prototype as unknown as CommandCompleteHandler;

/** A query of several statements that knows how many of them have finished. */
class CountingQuery extends Query implements CommandCompleteHandler {
  finished = 0;

  handleCommandComplete(message: object, connection: Connection): void {
    this.finished++;
    base.handleCommandComplete.call(this, message, connection);
  }
}

/**
 * Runs statements (none of them empty or ending in a comment) as one message, so that they cost one round trip together; one result for each.
 * @throws ScriptError
 * @see https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-MULTI-STATEMENT
 */
export function runScript(client: Client, statements: readonly string[]): Promise<QueryResult[]> {
  return new Promise((resolve, reject) => {
    const query: CountingQuery = new CountingQuery(statements.join(SEPARATOR), (error, results) => {
      if (error) reject(located(statements, query.finished, error));
      else resolve([results].flat());
    });
    client.query(query);
  });
}

function located(statements: readonly string[], finished: number, error: Error): ScriptError {
  const position = error instanceof DatabaseError && error.position ? Number(error.position) : undefined;
  if (position === undefined) return new ScriptError(finished, undefined, error);
  // A syntax error is found before the first statement runs, so only the position tells where it is.
  let start = 0;
  for (const [index, statement] of statements.entries()) {
    const end = start + [...statement].length + SEPARATOR.length;
    if (position <= end) return new ScriptError(index, position - start, error);
    start = end;
  }
  return new ScriptError(statements.length - 1, undefined, error);
}
