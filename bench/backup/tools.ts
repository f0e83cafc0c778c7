/** The tools that are measured; each copies the source and restores its copy into a server of its own. */
import { writeFileSync } from 'node:fs';
import { restoreSet } from '../../ops/command/actions';
import { FolderRepository } from '../../ops/repository/folder';
import { BackupSets } from '../../ops/sets/backup-sets';
import { PostgresDriver } from '../../ops/stores/postgres';
import type { BenchRoot } from './root';
import { BenchPostgres, DATABASE, OWNER } from './server';

/** One tool. */
export interface BackupTool {
  readonly name: string;
  readonly kind: 'ours' | 'logical' | 'physical';
  /** What is proven at the end of a restore. */
  readonly proof: string;
  prepare?(): Promise<void>;
  /** Makes a copy. */
  backup(): Promise<void>;
  /** What the last copy takes. */
  bytes(): Promise<number>;
  /** Restores the last copy into an empty server and proves it, with everything that this takes. */
  restore(): Promise<void>;
  /** Removes what was restored and copied; not measured. */
  clean(): Promise<void>;
}

const SCRATCH_PORT = 54_402;
const quiet = { progress: () => undefined };

/** Every tool; barman-cloud's place is after pgBackRest. */
export function backupTools(root: BenchRoot, source: BenchPostgres): BackupTool[] {
  return [
    ours(root, source),
    pgDump(root, source, 'pg_dump custom', ['--format=custom']),
    pgDump(root, source, 'pg_dump directory -j 2', ['--format=directory', '--jobs=2']),
    pgBackRest(root, source),
  ];
}

function ours(root: BenchRoot, source: BenchPostgres): BackupTool {
  const scratch = new BenchPostgres(root, 'ours-restored', SCRATCH_PORT);
  const sets = new BackupSets(new FolderRepository(root.host('ours')));
  return {
    ...{ name: 'ours', kind: 'ours', proof: 'every row of every table' },
    async backup() {
      const driver = new PostgresDriver(source.address(OWNER));
      await sets.create('bench', { postgres: driver }, { recipients: [], ...quiet });
    },
    bytes: () => root.bytes('ours'),
    async restore() {
      await scratch.create({ scratch: true });
      const drivers = { postgres: new PostgresDriver(scratch.address('postgres')) };
      await restoreSet(sets, await sets.newest(), drivers, { ...quiet, identities: [], force: false });
    },
    async clean() {
      await scratch.remove();
      await root.remove('ours');
    },
  };
}

/** @see https://www.postgresql.org/docs/current/app-pgdump.html */
function pgDump(root: BenchRoot, source: BenchPostgres, name: string, format: string[]): BackupTool {
  const scratch = new BenchPostgres(root, 'dump-restored', SCRATCH_PORT);
  const file = root.inside('dump');
  return {
    ...{ name, kind: 'logical', proof: 'nothing' },
    async backup() {
      await root.run(
        'pg_dump',
        ...source.connection(),
        ...format,
        '--compress=zstd:3',
        `--file=${file}`,
        DATABASE,
      );
    },
    bytes: () => root.bytes('dump'),
    async restore() {
      await scratch.create({ scratch: true });
      const into = [...scratch.connection(), `--dbname=${DATABASE}`, '--exit-on-error', '--jobs=2'];
      await root.run('pg_restore', ...into, file);
    },
    async clean() {
      await scratch.remove();
      await root.remove('dump');
    },
  };
}

/** @see https://pgbackrest.org/configuration.html */
function pgBackRest(root: BenchRoot, source: BenchPostgres): BackupTool {
  const restored = new BenchPostgres(root, 'pgbackrest-restored', SCRATCH_PORT);
  const program = ['pgbackrest', `--config=${root.inside('pgbackrest.conf')}`, '--stanza=bench'] as const;
  const run = (...args: string[]) => root.run(...program, ...args);
  return {
    ...{ name: 'pgBackRest', kind: 'physical', proof: 'checksums of all pages' },
    async prepare() {
      writeFileSync(root.host('pgbackrest.conf'), configuration(root, source));
      await source.query(`ALTER SYSTEM SET archive_command = '${program.join(' ')} archive-push %p'`);
      await source.query('SELECT pg_reload_conf()');
      await run('stanza-create');
    },
    backup: async () => void (await run('--type=full', 'backup')),
    bytes: async () => {
      const [stanza] = JSON.parse(await run('--output=json', 'info'));
      return stanza.backup.at(-1).info.repository.delta as number;
    },
    async restore() {
      const data = root.inside(restored.name);
      await root.run('install', '--directory', '--mode=0700', data);
      await run(`--pg1-path=${data}`, '--archive-mode=off', 'restore');
      // Without reading standbys, the start waits for the end of recovery.
      restored.configure(['fsync = off', 'hot_standby = off']);
      await restored.start();
      await restored.stop();
      await root.run('pg_checksums', '--check', `--pgdata=${data}`);
    },
    clean: () => restored.remove(),
  };
}

function configuration(root: BenchRoot, source: BenchPostgres): string {
  const inside = root.inside;
  return `[global]
repo1-path=${inside('pgbackrest')}
repo1-retention-full=1
compress-type=zst
process-max=2
start-fast=y
log-level-file=off
log-level-console=warn
lock-path=${inside('pgbackrest-lock')}
spool-path=${inside('pgbackrest-spool')}

[bench]
pg1-path=${inside(source.name)}
pg1-port=${source.port}
pg1-socket-path=/mnt
pg1-user=postgres
`;
}
