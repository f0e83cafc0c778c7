import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { goBinary } from '../../local/go-build';
import { projectRoot } from '../../local/paths';
import { goBuilds } from '../../local/versions';
import type { BenchChange } from './changes';

/** A database of the bench's server. */
export interface BenchDatabase {
  readonly url: string;
  /** Host, port, user, password and database as libpq's environment variables. */
  readonly env: Record<string, string>;
}

/** One command to measure. */
export interface Invocation {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env?: Record<string, string>;
}

/** One migration tool. */
export interface Tool {
  readonly name: string;
  readonly kind: 'floor' | 'ours' | 'node' | 'binary';
  /** Writes the changes in the tool's format. */
  write(folder: string, changes: readonly BenchChange[]): void;
  /** Applies what is pending. */
  invoke(folder: string, database: BenchDatabase): Invocation;
  /** The same as a library in one process, this many times; prints milliseconds as JSON. Only Node.js tools have it. */
  repeat?(folder: string, database: BenchDatabase, times: number): Invocation;
}

/** Folder with the tools that npm installs. */
export const benchFolder = join(projectRoot(), 'bench', 'migrations');

const pad = (change: BenchChange, length = 6) => String(change.number).padStart(length, '0');
const writeEach = (
  folder: string,
  changes: readonly BenchChange[],
  file: (change: BenchChange) => [string, string],
) => {
  mkdirSync(folder, { recursive: true });
  for (const change of changes) {
    const [name, text] = file(change);
    writeFileSync(join(folder, name), text);
  }
};

const psql: Tool = {
  name: 'psql',
  kind: 'floor',
  write(folder, changes) {
    writeEach(folder, changes, (change) => [`${pad(change)}.sql`, change.up]);
    const script = changes.map((change) => `BEGIN;\n\\i ${pad(change)}.sql\nCOMMIT;\n`);
    writeFileSync(join(folder, 'all.sql'), script.join(''));
  },
  invoke: (folder, { env }) => ({
    command: 'psql',
    args: ['--no-psqlrc', '--quiet', '--set=ON_ERROR_STOP=1', '--file=all.sql'],
    cwd: folder,
    env,
  }),
};

function node(
  tool: string,
  folder: string,
  { url }: BenchDatabase,
  extra: readonly string[] = [],
): Invocation {
  const options = JSON.stringify({ url, folder, root: projectRoot() });
  return {
    command: process.execPath,
    args: [join(benchFolder, 'runners', 'run.js'), tool, options, ...extra],
    cwd: folder,
  };
}

const ours: Tool = {
  name: 'ours',
  kind: 'ours',
  write: (folder, changes) =>
    writeEach(folder, changes, (change) => [
      `${pad(change)}-${change.name.replaceAll('_', '-')}.sql`,
      `-- migrate:up\n${change.up}\n-- migrate:down\n${change.down}`,
    ]),
  invoke(folder, { url, env }) {
    const address = new URL(url);
    address.password = '';
    const main = join(projectRoot(), 'dist', 'migrations', 'command', 'main.js');
    return {
      command: process.execPath,
      args: [main, 'migrate', 'up', '--folder', folder, '--url', address.href],
      cwd: folder,
      env,
    };
  },
  repeat: (folder, database, times) => node('ours', folder, database, [String(times)]),
};

/** A Node.js tool, run by runners/tools.js. */
function nodeTool(name: string, write: Tool['write']): Tool {
  return {
    name,
    kind: 'node',
    write,
    invoke: (folder, database) => node(name, folder, database),
    repeat: (folder, database, times) => node(name, folder, database, [String(times)]),
  };
}

const nodeTools: Tool[] = [
  nodeTool('node-pg-migrate', (folder, changes) =>
    writeEach(folder, changes, (change) => [
      `${pad(change)}_${change.name}.sql`,
      `-- Up Migration\n${change.up}\n-- Down Migration\n${change.down}`,
    ]),
  ),
  nodeTool('graphile-migrate', (folder, changes) => {
    let previous = '-';
    writeEach(join(folder, 'committed'), changes, (change) => {
      const text = ((previous === '-' ? '' : previous) + '\n' + change.up.trim()).trim() + '\n';
      const digest = `sha1:${createHash('sha1').update(text).digest('hex')}`;
      const file = `--! Previous: ${previous}\n--! Hash: ${digest}\n\n${change.up}`;
      previous = digest;
      return [`${pad(change)}-${change.name.replaceAll('_', '-')}.sql`, file];
    });
  }),
  nodeTool('umzug', (folder, changes) =>
    writeEach(folder, changes, (change) => [`${pad(change)}_${change.name}.sql`, change.up]),
  ),
  nodeTool('knex', (folder, changes) =>
    writeEach(folder, changes, (change) => [
      `${pad(change)}_${change.name}.js`,
      `exports.up = (knex) => knex.raw(${JSON.stringify(change.up)});\n` +
        `exports.down = (knex) => knex.raw(${JSON.stringify(change.down)});\n`,
    ]),
  ),
  nodeTool('postgres-migrations', (folder, changes) =>
    writeEach(folder, changes, (change) => [`${pad(change)}_${change.name}.sql`, change.up]),
  ),
];

const dbmate: Tool = {
  name: 'dbmate',
  kind: 'binary',
  write: (folder, changes) =>
    writeEach(folder, changes, (change) => [
      `${pad(change)}_${change.name}.sql`,
      `-- migrate:up\n${change.up}\n-- migrate:down\n${change.down}`,
    ]),
  invoke: (folder, { url }) => ({
    // The npm package's own command is a launcher; its binary alone is the faster, so the fairer one.
    command: join(
      benchFolder,
      'node_modules',
      '@dbmate',
      `${process.platform}-${process.arch}`,
      'bin',
      'dbmate',
    ),
    args: ['--url', `${url}?sslmode=disable`, '--migrations-dir', folder, '--no-dump-schema', 'migrate'],
    cwd: folder,
  }),
};

/** Every tool; those written in Go are built when missing. */
export async function benchTools(): Promise<Tool[]> {
  const gooseBinary = join(await goBinary(goBuilds.goose), 'goose');
  const migrateBinary = join(await goBinary(goBuilds.golangMigrate), 'migrate');
  const goose: Tool = {
    name: 'goose',
    kind: 'binary',
    write: (folder, changes) =>
      writeEach(folder, changes, (change) => [
        `${pad(change, 5)}_${change.name}.sql`,
        `-- +goose Up\n${change.up}\n-- +goose Down\n${change.down}`,
      ]),
    invoke: (folder, { url }) => ({
      command: gooseBinary,
      args: ['-dir', folder, 'postgres', `${url}?sslmode=disable`, 'up'],
      cwd: folder,
    }),
  };
  const golangMigrate: Tool = {
    name: 'golang-migrate',
    kind: 'binary',
    write(folder, changes) {
      writeEach(folder, changes, (change) => [`${pad(change)}_${change.name}.up.sql`, change.up]);
      writeEach(folder, changes, (change) => [`${pad(change)}_${change.name}.down.sql`, change.down]);
    },
    invoke: (folder, { url }) => ({
      command: migrateBinary,
      args: ['-path', folder, '-database', `${url}?sslmode=disable`, 'up'],
      cwd: folder,
    }),
  };
  return [psql, ours, ...nodeTools, dbmate, goose, golangMigrate];
}
