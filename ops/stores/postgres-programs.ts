/** PostgreSQL's own programs for one database. */
import { lookup } from 'node:dns/promises';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PostgresConnection } from '../../migrations/targets/postgres/session';
import { Program } from './programs';

/** Ends the server's side of a program that died, also while it waits for a lock. */
const OPTIONS = '-c client_connection_check_interval=1s';

/**
 * Starts `pg_dump`, `pg_restore` and `psql` of the server's major version or a newer one, connected to a database by
 * environment variables, which other users of this machine cannot read.
 * @see https://www.postgresql.org/docs/current/libpq-envars.html
 */
export class PostgresPrograms {
  private readonly started: Program[] = [];

  private constructor(
    private readonly folder: string,
    private readonly env: Readonly<Record<string, string>>,
  ) {}

  static async open(connection: Omit<PostgresConnection, 'holder'>): Promise<PostgresPrograms> {
    const folder = await mkdtemp(join(tmpdir(), 'agent-data-platform-postgres-'));
    const { host, port, database, user, password } = connection;
    return new PostgresPrograms(folder, {
      ...{ PGPORT: String(port), PGDATABASE: database, PGUSER: user, PGPASSWORD: password },
      ...{
        PGOPTIONS: OPTIONS,
        PGAPPNAME: 'platform backup',
        PGCONNECT_TIMEOUT: '10',
        PGCLIENTENCODING: 'UTF8',
      },
      ...(connection.tls
        ? await verified(host, connection.tls, folder)
        : { PGHOST: host, PGSSLMODE: 'disable' }),
    });
  }

  start(command: 'pg_dump' | 'pg_restore' | 'psql', args: readonly string[]): Program {
    const program = new Program(command, args, this.env);
    this.started.push(program);
    return program;
  }

  /** Stops what still runs. */
  stop(): void {
    for (const program of this.started) program.stop();
  }

  /** Path of a file that lasts until {@link close}. */
  async file(name: string, text: string): Promise<string> {
    const path = join(this.folder, name);
    await writeFile(path, text, { mode: 0o600 });
    return path;
  }

  async close(): Promise<void> {
    this.stop();
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** The server is called what its certificate says, and reached where it is. */
async function verified(
  host: string,
  { ca, serverName }: NonNullable<PostgresConnection['tls']>,
  folder: string,
): Promise<Record<string, string>> {
  const PGSSLROOTCERT = join(folder, 'ca.crt');
  await writeFile(PGSSLROOTCERT, ca, { mode: 0o600 });
  const { address } = await lookup(host);
  return { PGHOST: serverName, PGHOSTADDR: address, PGSSLMODE: 'verify-full', PGSSLROOTCERT };
}
