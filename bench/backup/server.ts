/** PostgreSQL in the bench's root. */
import { appendFileSync } from 'node:fs';
import { Client } from 'pg';
import { THROWAWAY } from '../../ops/scratch/scratch-stores';
import type { PostgresAddress } from '../../ops/stores/postgres';
import type { BenchRoot } from './root';

/** What all servers of the bench have, those that are restored into, too. */
const SETTINGS = [
  "listen_addresses = '127.0.0.1'",
  "unix_socket_directories = '/mnt'",
  'shared_buffers = 512MB',
  'maintenance_work_mem = 256MB',
  'max_wal_size = 8GB',
  'checkpoint_timeout = 30min',
  'wal_level = replica',
  'archive_mode = on',
  "archive_command = 'true'",
];
/** What `verify` starts its servers with; the other tools get the same. */
const SCRATCH = Object.entries({ ...THROWAWAY, archive_mode: 'off' }).map(
  ([name, value]) => `${name} = ${value}`,
);

export const DATABASE = 'platform';
export const OWNER = 'platform_owner';

/** One server, in a folder of the root. */
export class BenchPostgres {
  constructor(
    private readonly root: BenchRoot,
    /** Folder of its data. */
    readonly name: string,
    readonly port: number,
  ) {}

  /** Makes an empty one with the platform's database, and starts it. */
  async create({ scratch }: { scratch: boolean }): Promise<void> {
    const data = this.root.inside(this.name);
    await this.root.run(
      'initdb',
      '--no-sync',
      '--data-checksums',
      '--auth=trust',
      '--locale=C.UTF-8',
      `--pgdata=${data}`,
    );
    this.configure([...SETTINGS, ...(scratch ? SCRATCH : [])]);
    await this.start();
    await this.query(`CREATE ROLE ${OWNER} LOGIN`, 'postgres');
    await this.query(`CREATE DATABASE ${DATABASE} OWNER ${OWNER}`, 'postgres');
  }

  /** Settings of a server that does not run. */
  configure(settings: readonly string[]): void {
    appendFileSync(this.root.host(`${this.name}/postgresql.conf`), `\n${settings.join('\n')}\n`);
  }

  async start(): Promise<void> {
    const log = this.root.inside(`${this.name}.log`);
    await this.root.run('pg_ctl', ...this.options(), '--wait', '--timeout=300', `--log=${log}`, 'start');
  }

  async stop(): Promise<void> {
    await this.root.run('pg_ctl', ...this.options(), '--wait', '--mode=fast', 'stop').catch(() => undefined);
  }

  /** Stops it and removes what it has. */
  async remove(): Promise<void> {
    await this.stop();
    await this.root.remove(this.name);
  }

  async query<Row extends object>(text: string, database = DATABASE): Promise<Row[]> {
    const client = new Client({ ...this.address('postgres'), database });
    await client.connect();
    try {
      return (await client.query<Row>(text)).rows;
    } finally {
      await client.end();
    }
  }

  /** How this machine reaches it; any password will do. */
  address(user: string): PostgresAddress {
    return { host: '127.0.0.1', port: this.port, database: DATABASE, user, password: 'any' };
  }

  /** Options of PostgreSQL's programs in the root. */
  connection(): string[] {
    return ['--host=127.0.0.1', `--port=${this.port}`, '--username=postgres'];
  }

  private options(): string[] {
    return [`--pgdata=${this.root.inside(this.name)}`, `--options=-p ${this.port}`];
  }
}
