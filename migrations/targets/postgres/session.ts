import type { Socket } from 'node:net';
import { Client, DatabaseError } from 'pg';
import { StoreAccessError } from '../../engine/errors';

/** How to reach a PostgreSQL database; directly, never through PgBouncer, whose pooled sessions lose the lock. */
export interface PostgresConnection {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  readonly password: string;
  /** TLS with verification of the server's certificate; omitted means plain TCP. */
  readonly tls?: { readonly ca: string; readonly serverName: string };
  /** Who connects; shown in pg_stat_activity and to runners that wait for the lock. */
  readonly holder: string;
}

/** An open session. */
export interface Session {
  readonly client: Client;
  close(): Promise<void>;
}

const CONNECT_TIMEOUT_MS = 10_000;

/**
 * Session defaults. The first five end a dead runner's session, and with it the lock, within seconds; lock_timeout keeps a
 * change that waits for a table from blocking everyone behind it.
 * @see https://www.postgresql.org/docs/current/runtime-config-connection.html
 */
const SESSION = {
  client_connection_check_interval: '1s',
  tcp_keepalives_idle: '2',
  tcp_keepalives_interval: '1',
  tcp_keepalives_count: '2',
  tcp_user_timeout: '4s',
  idle_in_transaction_session_timeout: '60s',
  lock_timeout: '30s',
  timezone: 'UTC',
  // Compiling the catalog queries takes longer than running them.
  jit: 'off',
};

/**
 * Opens a session that sends queries without waiting for the answers to earlier ones.
 * @throws StoreAccessError when the server refuses the user or the database; the driver's error when it cannot be reached.
 * @see https://node-postgres.com/features/pipelining
 */
export async function openSession(connection: PostgresConnection): Promise<Session> {
  const { host, port, database, user, password, tls, holder } = connection;
  const config = {
    host,
    port,
    database,
    user,
    password,
    ssl: tls ? { ca: tls.ca, servername: tls.serverName, rejectUnauthorized: true } : false,
    application_name: `migrate ${holder}`.slice(0, 63),
    options: Object.entries(SESSION)
      .map(([name, value]) => `-c ${name}=${value}`)
      .join(' '),
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: 2_000,
    pipeline: true,
  };
  const client = new Client(config);
  // A connection lost while idle shows in the next query; without a listener it would end the process.
  client.on('error', () => undefined);
  try {
    await client.connect();
  } catch (error) {
    await client.end().catch(() => undefined);
    throw accessError(connection, error);
  }
  return {
    client,
    async close() {
      const ended = client.end();
      // The server takes its time to end a process, and there is nothing to wait for.
      streamOf(client).destroySoon();
      await ended;
    },
  };
}

/** A client's socket, which is not part of its types. */
function streamOf(client: Client): Socket {
  return (client as unknown as { connection: { stream: Socket } }).connection.stream;
}

/** The database in messages. */
export function describeDatabase({ host, port, database }: PostgresConnection): string {
  return `PostgreSQL database "${database}" at ${host}:${port}`;
}

/** Turns a refusal (SQLSTATE 28…, 3D000, 42501) into a sentence with its fix; leaves other errors alone. */
export function accessError(
  connection: PostgresConnection,
  error: unknown,
  doing = 'the connection was refused',
): unknown {
  if (!(error instanceof DatabaseError) || !/^(28...|3D000|42501)$/.test(error.code ?? '')) return error;
  return new StoreAccessError(
    `${describeDatabase(connection)}: ${doing} as user "${connection.user}": ${error.message}. ` +
      "Connect with the credentials of the database's owner.",
    { cause: error },
  );
}
