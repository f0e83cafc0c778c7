/** The Node.js tools as libraries: each applies what is pending in a folder to a database. */
const { readFileSync } = require('node:fs');
const { basename, join } = require('node:path');

module.exports = {
  async 'node-pg-migrate'({ url, folder }) {
    const { runner } = await import('node-pg-migrate');
    await runner({
      databaseUrl: url,
      dir: folder,
      direction: 'up',
      migrationsTable: 'pgmigrations',
      // One transaction per file, as all others have.
      singleTransaction: false,
      log: () => undefined,
    });
  },

  async 'graphile-migrate'({ url, folder }) {
    const { migrate } = require('graphile-migrate');
    await migrate({ connectionString: url, migrationsFolder: folder, logger: quiet() });
  },

  async umzug({ url, folder }) {
    const { Umzug } = require('umzug');
    const { Client } = require('pg');
    const client = new Client(url);
    await client.connect();
    await client.query('CREATE TABLE IF NOT EXISTS umzug (name text PRIMARY KEY)');
    const inTransaction = async (text) => {
      await client.query('BEGIN');
      await client.query(text);
      await client.query('COMMIT');
    };
    const umzug = new Umzug({
      migrations: {
        glob: join(folder, '*.sql'),
        resolve: ({ name, path }) => ({ name, up: () => inTransaction(readFileSync(path, 'utf8')) }),
      },
      storage: {
        logMigration: ({ name }) => client.query('INSERT INTO umzug VALUES ($1)', [name]),
        unlogMigration: ({ name }) => client.query('DELETE FROM umzug WHERE name = $1', [name]),
        executed: async () =>
          (await client.query('SELECT name FROM umzug ORDER BY 1')).rows.map(({ name }) => name),
      },
      logger: undefined,
    });
    await umzug.up();
    await client.end();
  },

  async knex({ url, folder }) {
    const knex = require('knex')({ client: 'pg', connection: url });
    await knex.migrate.latest({ directory: folder });
    await knex.destroy();
  },

  async 'postgres-migrations'({ url, folder }) {
    const { migrate } = require('postgres-migrations');
    const { hostname: host, port, username: user, password, pathname } = new URL(url);
    await migrate({ host, port: Number(port), user, password, database: basename(pathname) }, folder);
  },

  /** Ours, as the command runs it. */
  async ours({ url, folder, root }) {
    const engine = (file) => require(join(root, 'dist/migrations', file));
    const { hostname: host, port, username, password, pathname } = new URL(url);
    const credentials = { username, password };
    const opening = engine('stores').openTarget('postgres', {
      host,
      port: Number(port),
      database: basename(pathname),
      credential: (key) => credentials[key],
      holder: 'bench',
    });
    const changes = engine('engine/change-files').readChangeFiles(
      folder,
      engine('stores').changeFormat('postgres'),
    );
    const target = await opening;
    const options = { target, folder: changes, folderName: folder, appliedBy: 'bench' };
    const result = await engine('engine/runner').migrateUp(options);
    await target.close();
    if (result.failed) throw result.failed.error;
  },
};

function quiet() {
  const { Logger } = require('@graphile/logger');
  return new Logger(() => () => undefined);
}
