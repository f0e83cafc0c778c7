import { DatabaseError } from 'pg';
import { ChangeFailedError } from '../../engine/errors';
import type { Statement } from '../../engine/target';
import type { ScriptError } from './script';

const NOT_NULL_VIOLATION = '23502';

/** Statements that run in one transaction. */
export interface Transaction {
  /** File in messages. */
  readonly file: string;
  readonly statements: readonly Statement[];
  /** The engine's own statement after them; its result is the transaction's. */
  readonly last?: string;
  /** Version that is applied, or else nothing of this runs: it is sent before that is known. */
  readonly after?: string;
}

/** What made a transaction fail; `first` is the index of its first statement in the script. */
export function transactionError(
  { file, statements, last }: Transaction,
  { cause, index, position }: ScriptError,
  first: number,
): Error {
  if (!(cause instanceof DatabaseError)) {
    const hint = 'The connection was lost; run again: the history says what was applied.';
    return statementError(file, 0, statements[0]!, cause, undefined, hint);
  }
  const number = index - first;
  if (number < 0) return new Error(`${file} was not run: the change before it is not applied.`, { cause });
  const statement = statements[number];
  if (statement) return statementError(file, number, statement, cause, position);
  if (last !== undefined && number === statements.length) return recordError(file, cause);
  const hint = 'It was refused at COMMIT.';
  return statementError(file, statements.length - 1, statements.at(-1)!, cause, undefined, hint);
}

/** What the server, or the driver, says about one statement; `index` counts from 0 in its section. */
export function statementError(
  file: string,
  index: number,
  statement: Statement,
  error: Error,
  /** The server's position (from 1, in characters) inside the statement, where it gives one. */
  position?: number,
  hint?: string,
): ChangeFailedError {
  const { message, detail, hint: serverHint } = error as DatabaseError;
  const reason = [message, detail, serverHint].filter(Boolean).map(sentence).join(' ');
  return new ChangeFailedError(file, index + 1, locate(statement, position), reason, { cause: error, hint });
}

function recordError(file: string, error: DatabaseError): Error {
  if (error.code !== NOT_NULL_VIOLATION) return error;
  return new Error(`${file} was applied by another runner meanwhile.`, { cause: error });
}

function sentence(text: string | undefined): string {
  return /[.!?]$/.test(text!) ? text! : `${text}.`;
}

/** Line and column in the file of the server's position in a statement. */
function locate(statement: Statement, position: number | undefined): { line: number; column?: number } {
  if (position === undefined) return { line: statement.line };
  const before = [...statement.text].slice(0, position - 1).join('');
  const lines = before.split('\n');
  return { line: statement.line + lines.length - 1, column: lines.at(-1)!.length + 1 };
}
