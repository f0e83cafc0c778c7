/** How a copy gets into a database. */
import { availableParallelism } from 'node:os';
import { once } from './lines';
import type { PostgresPrograms } from './postgres-programs';
import { ProgramError } from './programs';

/** What is run to restore a copy. */
export interface Restoration {
  /** Path of the archive. */
  readonly dump: string;
  /** Path of the list of what is restored of it. */
  readonly list: string;
  /** Begins a transaction that makes missing roles, and empties the database. */
  readonly begin: string;
  /** The same after the roles have been made. */
  readonly emptyAgain: string;
  /** Gives the database its rights and ends a transaction. */
  readonly end: string;
}

/** Terse: a row that the server names in a message would be in the log. */
const PSQL = ['--no-psqlrc', '--quiet', '--set=ON_ERROR_STOP=1', '--set=VERBOSITY=terse', '--file=-'];
/** More connections would be in each other's way. */
const JOBS = Math.min(4, Math.max(2, availableParallelism()));

/** Puts the copy in the place of what there is, in one transaction: without its last line it changes nothing. */
export async function replaceAll(programs: PostgresPrograms, restoration: Restoration): Promise<void> {
  const { dump, list, begin, end } = restoration;
  async function* script(): AsyncGenerator<string | Uint8Array> {
    yield begin;
    yield* programs.start('pg_restore', ['--file=-', `--use-list=${list}`, dump]).output();
    yield end;
  }
  await programs.start('psql', PSQL).read(script());
}

/** Fills a database that nobody uses yet, over several connections at once. @throws ProgramError; it is empty then. */
export async function fillEmpty(
  programs: PostgresPrograms,
  database: string,
  { dump, list, begin, emptyAgain, end }: Restoration,
): Promise<void> {
  const run = (script: string) => programs.start('psql', PSQL).read(once(script));
  await run(`${begin}COMMIT;\n`);
  try {
    const into = [`--dbname=${database}`, `--jobs=${JOBS}`, '--exit-on-error', `--use-list=${list}`];
    await programs.start('pg_restore', [...into, dump]).text();
    await run(`BEGIN;\n${end}`);
  } catch (error) {
    await run(`${emptyAgain}COMMIT;\n`).catch(() => undefined);
    if (!(error instanceof ProgramError)) throw error;
    // What follows the first line may quote rows.
    throw new ProgramError(error.message.split('\n')[0]);
  }
}
