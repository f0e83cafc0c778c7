import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { Client } from 'pg';
import { type ScratchServer, startPostgres } from '../../migrations/testing/servers';
import type { BenchDatabase } from './tool';

/** The PostgreSQL that all tools are measured on. */
export interface BenchServer {
  /** What it is, for the report. */
  readonly name: string;
  /** Gives an empty database, and drops it afterwards. */
  withDatabase<T>(use: (database: BenchDatabase) => Promise<T>): Promise<T>;
  /** @throws Error when the changes did not all arrive. */
  assertApplied(database: BenchDatabase, changes: number): Promise<void>;
  stop(): Promise<void>;
}

/** The server of a URL of its superuser, such as `postgres://postgres:…@127.0.0.1:5432`. */
export async function existingServer(
  url: string,
  stop = async () => undefined as void,
): Promise<BenchServer> {
  const admin = new Client(`${url}/postgres`);
  await admin.connect();
  const { rows } = await admin.query<{ name: string }>(
    `SELECT format('PostgreSQL %s, fsync %s', current_setting('server_version'), current_setting('fsync')) AS name`,
  );
  return {
    name: rows[0]!.name,
    async withDatabase(use) {
      const name = `bench_${randomBytes(4).toString('hex')}`;
      await admin.query(`CREATE DATABASE ${name}`);
      // What one tool left to write must not be written in the next one's time.
      await admin.query('CHECKPOINT');
      try {
        return await use(databaseOf(`${url}/${name}`));
      } finally {
        await admin.query(`DROP DATABASE ${name} WITH (FORCE)`);
      }
    },
    async assertApplied({ url: database }, changes) {
      const client = new Client(database);
      await client.connect();
      const found = await client.query<{ count: number }>(
        `SELECT count(*)::int AS count FROM pg_constraint WHERE conname ~ '^notes_\\d+_state_check$'`,
      );
      await client.end();
      if (found.rows[0]!.count !== Math.floor(changes / 4)) throw new Error('Not all changes were applied.');
    },
    async stop() {
      await admin.end();
      await stop();
    },
  };
}

/** A PostgreSQL with its default settings in the test cluster; reached at its pod's address where the machine can. */
export async function clusterServer(): Promise<BenchServer> {
  const server = await startPostgres('');
  const { host, port } = (await podAddress(server)) ?? server;
  return existingServer(`postgres://${server.user}:${server.password}@${host}:${port}`, () => server.stop());
}

async function podAddress(server: ScratchServer): Promise<{ host: string; port: number } | undefined> {
  const pod = await server.cluster.read('v1', 'Pod', server.namespace, server.name);
  const address = { host: pod?.status?.podIP as string, port: server.servicePort };
  return (await reachable(address)) ? address : undefined;
}

/** Whether this machine gets a connection within a second. */
export function reachable({ host, port }: { host: string; port: number }): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: 1_000 });
    const answer = (open: boolean) => {
      socket.destroy();
      resolve(open);
    };
    socket.once('connect', () => answer(true));
    socket.once('timeout', () => answer(false));
    socket.once('error', () => answer(false));
  });
}

function databaseOf(url: string): BenchDatabase {
  const { hostname, port, username, password, pathname } = new URL(url);
  return {
    url,
    env: {
      PGHOST: hostname,
      PGPORT: port,
      PGUSER: username,
      PGPASSWORD: password,
      PGDATABASE: pathname.slice(1),
    },
  };
}
