import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { goBinary } from '../../local/go-build';
import { projectRoot } from '../../local/paths';
import { goBuilds } from '../../local/versions';
import { flyway, liquibase } from './java-tools';
import { type BenchDatabase, type Invocation, pad, type Tool, type UnavailableTool, writeEach } from './tool';

/** Folder with the tools that npm installs. */
export const benchFolder = join(projectRoot(), 'bench', 'migrations');

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

/** Our command, as `npm run migrate` starts it for an address. */
export const ourCommand = join(projectRoot(), 'dist', 'migrations', 'command', 'main.js');

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
    return {
      command: process.execPath,
      args: [ourCommand, 'migrate', 'up', '--folder', folder, '--url', address.href],
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
  kind: 'other',
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

async function goose(): Promise<Tool> {
  const command = join(await goBinary(goBuilds.goose), 'goose');
  return {
    name: 'goose',
    kind: 'other',
    write: (folder, changes) =>
      writeEach(folder, changes, (change) => [
        `${pad(change, 5)}_${change.name}.sql`,
        `-- +goose Up\n${change.up}\n-- +goose Down\n${change.down}`,
      ]),
    invoke: (folder, { url }) => ({
      command,
      args: ['-dir', folder, 'postgres', `${url}?sslmode=disable`, 'up'],
      cwd: folder,
    }),
  };
}

async function golangMigrate(): Promise<Tool> {
  const command = join(await goBinary(goBuilds.golangMigrate), 'migrate');
  return {
    name: 'golang-migrate',
    kind: 'other',
    write(folder, changes) {
      writeEach(folder, changes, (change) => [`${pad(change)}_${change.name}.up.sql`, change.up]);
      writeEach(folder, changes, (change) => [`${pad(change)}_${change.name}.down.sql`, change.down]);
    },
    invoke: (folder, { url }) => ({
      command,
      args: ['-path', folder, '-database', `${url}?sslmode=disable`, 'up'],
      cwd: folder,
    }),
  };
}

/** Tools that are built or fetched when missing, which not every machine can. */
const installed: Readonly<Record<string, () => Promise<Tool>>> = {
  goose,
  'golang-migrate': golangMigrate,
  flyway,
  liquibase,
};

/** Every tool that this machine has or can install, and the others with the reason. */
export async function benchTools(): Promise<{ tools: Tool[]; unavailable: UnavailableTool[] }> {
  const tools = [psql, ours, ...nodeTools, dbmate];
  const unavailable: UnavailableTool[] = [];
  for (const [name, install] of Object.entries(installed)) {
    try {
      tools.push(await install());
    } catch (error) {
      unavailable.push({ name, reason: (error as Error).message.split('\n')[0]! });
    }
  }
  return { tools, unavailable };
}
