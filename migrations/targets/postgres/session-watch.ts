import type { Socket } from 'node:net';
import { Client, type ClientConfig } from 'pg';

const LOOK_EVERY_MS = 5_000;
const PROBE_TIMEOUT_MS = 4_000;

/**
 * Ends a connection when its server process is gone, so that a waiting query fails instead of waiting for ever: the API
 * server's port-forward keeps a connection open whose other end has closed.
 * @returns Stops watching.
 */
export function watchSession(client: Client, config: ClientConfig): () => void {
  let looking = false;
  const timer = setInterval(() => {
    if (looking) return;
    looking = true;
    sessionIsGone(client, config)
      .then((gone) => {
        if (gone) streamOf(client).destroy();
      })
      .finally(() => (looking = false));
  }, LOOK_EVERY_MS);
  timer.unref();
  return () => clearInterval(timer);
}

/** Whether the server answers and does not know the session any more; a server that does not answer may be busy. */
async function sessionIsGone(client: Client, config: ClientConfig): Promise<boolean> {
  const { processID } = client as unknown as { processID: number };
  const probe = new Client({
    ...config,
    connectionTimeoutMillis: PROBE_TIMEOUT_MS,
    query_timeout: PROBE_TIMEOUT_MS,
  });
  probe.on('error', () => undefined);
  try {
    await probe.connect();
    // A server that started again may have given the number to another session.
    const { rowCount } = await probe.query(
      'SELECT FROM pg_stat_activity WHERE pid = $1 AND application_name = $2 AND pid <> pg_backend_pid()',
      [processID, config.application_name],
    );
    return rowCount === 0;
  } catch {
    return false;
  } finally {
    streamOf(probe).destroy();
  }
}

function streamOf(client: Client): Socket {
  return (client as unknown as { connection: { stream: Socket } }).connection.stream;
}
