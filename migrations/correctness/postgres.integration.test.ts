import { sqlChange } from '../testing/change-folder';
import { as, closePools, freshDatabase, query, superuser } from '../testing/postgres';
import { restartServer, type ScratchServer, startPostgres } from '../testing/servers';
import { DEFINITIONS } from '../targets/postgres/definitions';
import type { PostgresConnection } from '../targets/postgres/target';
import type { CorrectnessServer, FreshPlace } from './store-adapter';
import { correctnessSuite } from './suite';

correctnessSuite({
  store: 'postgres',
  async start(): Promise<CorrectnessServer> {
    const server = await startPostgres();
    return {
      fresh: async () => freshPlace(server, await freshDatabase(server)),
      async restart() {
        await restartServer(server);
        await closePools();
      },
      async stop() {
        await closePools();
        await server.stop();
      },
    };
  },
});

/** Statements that make a 5 MB file: as many as a large seed has. */
const BIG_ROW = `INSERT INTO public.object_3 VALUES (repeat('x', 10));\n`;

function freshPlace(server: ScratchServer, database: PostgresConnection): FreshPlace {
  const create = (n: number) => `CREATE TABLE IF NOT EXISTS public.object_${n} (text text);\n`;
  const drop = (n: number) => `DROP TABLE IF EXISTS public.object_${n};`;
  const credentials = ({ user, password }: PostgresConnection) => ({ username: user, password });
  return {
    ...database,
    credentials: credentials(database),
    readOnly: credentials(as('readonly', database)),
    change: (n) => sqlChange(create(n), drop(n)),
    failing: () => sqlChange(`${create(99)}SELECT 1 / 0;`),
    slow: (n) => sqlChange(`${create(n)}SELECT pg_sleep(600);`, drop(n)),
    quick: (n) => sqlChange(create(n), drop(n)),
    async insideSlow() {
      const sleeping = await query(
        superuser(server),
        `SELECT FROM pg_stat_activity WHERE datname = $1 AND wait_event = 'PgSleep'`,
        [database.database],
      );
      return sleeping.length === 1;
    },
    big: (n, bytes) => sqlChange(create(n) + BIG_ROW.repeat(Math.ceil(bytes / BIG_ROW.length)), drop(n)),
    objects: async () =>
      (
        await query<{ n: number }>(
          database,
          `SELECT substring(relname from 8)::int AS n FROM pg_class WHERE relname ~ '^object_\\d+$' ORDER BY 1`,
        )
      ).map(({ n }) => n),
    dump: () => dump({ ...superuser(server), database: database.database }),
  };
}

/** The definitions, every relation that exists (the history too), and the history's rows. */
async function dump(database: PostgresConnection): Promise<string> {
  const definitions = await query(database, DEFINITIONS);
  const relations = await query(
    database,
    `SELECT relnamespace::regnamespace::text AS namespace, relname FROM pg_class WHERE relnamespace::regnamespace::text !~ '^pg_' ORDER BY 1, 2`,
  );
  const [history] = await query(
    database,
    `SELECT to_regclass('platform.schema_migrations') IS NOT NULL AS exists`,
  );
  const rows = history!.exists
    ? await query(database, 'SELECT * FROM platform.schema_migrations, platform.schema_snapshot ORDER BY 1')
    : [];
  return JSON.stringify({ definitions, relations, rows }, null, 1);
}
