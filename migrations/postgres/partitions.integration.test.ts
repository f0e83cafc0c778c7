import type { PostgresConnection } from '../targets/postgres/target';
import { as, closePools, migratedDatabase, query } from '../testing/postgres';
import { type ScratchServer, startPostgres } from '../testing/servers';

const DAY_MS = 86_400_000;

let server: ScratchServer;
let database: PostgresConnection;

beforeAll(async () => {
  server = await startPostgres();
}, 180_000);
afterAll(async () => {
  await closePools();
  await server?.stop();
}, 60_000);
beforeEach(async () => {
  database = await migratedDatabase(server);
}, 60_000);

interface Step {
  readonly action: string;
  readonly relation: string;
}

const maintain = (at: Date) =>
  query<Step & Record<string, string>>(
    database,
    'SELECT action, relation FROM platform.maintain_partitions($1)',
    [at],
  );
const maintainTraces = (at: Date) =>
  query<Step & Record<string, string>>(
    database,
    `SELECT action, relation FROM platform.maintain_table('observability', 'traces', $1)`,
    [at],
  );
/** Names of a table's partitions without the common beginning, in order of time. */
const partitions = async (table: string) =>
  (
    await query<{ name: string }>(
      database,
      `SELECT partition::text AS name FROM platform.partitions($1) WHERE lower_bound IS NOT NULL ORDER BY lower_bound`,
      [table],
    )
  ).map((row) => row.name.replace(`${table}_`, ''));
const trace = (id: string, at: Date) =>
  query(
    as('app', database),
    `INSERT INTO observability.traces (trace_id, service_name, operation_name, start_time) VALUES ($1, 's', 'o', $2)`,
    [id, at],
  );
const rowsIn = async (relation: string) =>
  (await query<{ id: string }>(database, `SELECT trace_id AS id FROM ${relation} ORDER BY 1`)).map(
    (row) => row.id,
  );
/** First of a month, `months` after the current one, UTC. */
const month = (months: number) => {
  const now = new Date();
  return new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + months, 1));
};
const suffixOf = (at: Date) => `y${at.getUTCFullYear()}m${String(at.getUTCMonth() + 1).padStart(2, '0')}`;
const nameOf = (at: Date) => `observability.traces_${suffixOf(at)}`;

test('the change itself makes this month and three more', async () => {
  expect(await partitions('observability.traces')).toEqual(
    [0, 1, 2, 3].map((ahead) => suffixOf(month(ahead))),
  );
});

test('a second run the same day does nothing', async () => {
  expect(await maintain(new Date())).toEqual([]);
});

describe('run daily from July 2026 to August 2027', () => {
  const first = Date.UTC(2026, 6, 1);
  const days = 400;

  /** Removes what the change made for the days on which the test runs. */
  const forget = () =>
    query(
      database,
      `DO $$
       DECLARE old regclass;
       BEGIN
         FOR old IN SELECT p.partition FROM platform.partition_policies,
             platform.partitions(format('%I.%I', schema_name, table_name)::regclass) p WHERE p.lower_bound IS NOT NULL
         LOOP EXECUTE format('DROP TABLE %s', old); END LOOP;
       END $$`,
    );
  /** A row for each of some days in every table but that of users' interactions. */
  const write = (from: Date, count: number) =>
    query(
      as('app', database),
      `WITH days AS (SELECT $1::timestamptz + n * interval '1 day' AS at FROM generate_series(0, $2::int - 1) n),
            trace AS (INSERT INTO observability.traces (trace_id, service_name, operation_name, start_time)
                      SELECT at::text, 's', 'o', at FROM days),
            span AS (INSERT INTO observability.spans (trace_id, span_id, service_name, operation_name, start_time)
                     SELECT at::text, 's', 's', 'o', at FROM days),
            health AS (INSERT INTO observability.health_checks (service_name, endpoint_url, status, checked_at)
                       SELECT 's', 'u', 'healthy', at FROM days),
            message AS (INSERT INTO a2a.messages (message_id, from_agent, method, created_at) SELECT 'm', 'a', 'm', at FROM days),
            event AS (INSERT INTO platform.outbox (object_type, object_id, event, created_at) SELECT 't', '1', 'created', at FROM days),
            entry AS (INSERT INTO security.audit_logs (action, actor_type, created_at) SELECT 'a', 'system', at FROM days)
       INSERT INTO observability.metrics (metric_name, metric_type, service_name, value, recorded_at)
       SELECT 'm', 'gauge', 's', 1, at FROM days`,
      [from, count],
    );
  const inDefaultPartitions = async () => {
    const policies = await query<{ name: string }>(
      database,
      `SELECT format('%s.%s_default', schema_name, table_name) AS name FROM platform.partition_policies ORDER BY 1`,
    );
    const counts = await Promise.all(
      policies.map(({ name }) => query<{ n: string }>(database, `SELECT count(*) AS n FROM ${name}`)),
    );
    return Object.fromEntries(policies.map(({ name }, index) => [name, Number(counts[index]![0]!.n)]));
  };
  const madeOn = (at: Date) => {
    const months = at.getUTCDate() === 1 ? 6 : 0;
    const weeks = at.getUTCDay() === 1 ? 1 : 0;
    return months + weeks + 1;
  };

  test('every day has its partitions, nothing is kept past its time, and the year with 53 weeks has 53', async () => {
    await forget();
    const made: string[] = [];
    for (let day = 0; day < days; day++) {
      const at = new Date(first + day * DAY_MS);
      const created = (await maintain(at)).filter((step) => step.action === 'create');
      if (day > 0) expect([at, created.length]).toEqual([at, madeOn(at)]);
      made.push(...created.map((step) => step.relation));
      if (day % 7 === 0) await write(at, Math.min(7, days - day));
    }
    expect(await inDefaultPartitions()).toEqual({
      'a2a.messages_default': 0,
      'observability.health_checks_default': 0,
      'observability.metrics_default': 0,
      'observability.spans_default': 0,
      'observability.traces_default': 0,
      'platform.outbox_default': 0,
      'platform.user_interactions_default': 0,
      'security.audit_logs_default': 0,
    });

    // The last day is 4 August 2027, a Wednesday of week 31.
    const kept = async (table: string) => {
      const found = await partitions(table);
      return [found[0], found.at(-1), found.length];
    };
    expect(await kept('observability.traces')).toEqual(['y2026m08', 'y2027m11', 16]);
    expect(await kept('observability.spans')).toEqual(['y2026m08', 'y2027m11', 16]);
    expect(await kept('a2a.messages')).toEqual(['y2026m08', 'y2027m11', 16]);
    expect(await kept('observability.health_checks')).toEqual(['y2027m05', 'y2027m11', 7]);
    expect(await kept('observability.metrics')).toEqual(['y2027w18', 'y2027w35', 18]);
    expect(await kept('platform.outbox')).toEqual(['y2027m07d21', 'y2027m08d11', 22]);
    expect(await kept('platform.user_interactions')).toEqual(['y2026m07', 'y2027m11', 17]);
    expect(await kept('security.audit_logs')).toEqual(['y2026m07', 'y2027m11', 17]);
    const weeks = made.filter((name) => name.startsWith('observability.metrics_'));
    const yearEnd = weeks.indexOf('observability.metrics_y2026w53');
    expect(weeks.slice(yearEnd - 1, yearEnd + 2)).toEqual([
      'observability.metrics_y2026w52',
      'observability.metrics_y2026w53',
      'observability.metrics_y2027w01',
    ]);

    const gaps = await query(
      database,
      `SELECT table_name, lower_bound FROM (
         SELECT table_name, p.lower_bound, lag(p.upper_bound) OVER (PARTITION BY table_name ORDER BY p.lower_bound) AS before
         FROM platform.partition_policies, platform.partitions(format('%I.%I', schema_name, table_name)::regclass) p
         WHERE p.lower_bound IS NOT NULL) bounds
       WHERE before <> lower_bound`,
    );
    expect(gaps).toEqual([]);
    // Wednesdays' horizon lies within week 18, which is kept whole: from Monday 3 May.
    expect(
      await query(
        database,
        'SELECT count(*)::int AS n, min(recorded_at) AS oldest FROM observability.metrics',
      ),
    ).toEqual([{ n: 94, oldest: new Date(Date.UTC(2027, 4, 3)) }]);
  }, 600_000);
});

describe('late and early rows', () => {
  test('a row beyond the horizon waits in the DEFAULT partition and moves when its own is made', async () => {
    const far = new Date(month(5).getTime() + DAY_MS);
    await trace('far', far);
    await trace('never', month(30));
    expect(await rowsIn('observability.traces_default')).toEqual(['far', 'never']);
    expect(await maintainTraces(month(2))).toEqual([
      { action: 'create', relation: nameOf(month(4)) },
      { action: 'create', relation: nameOf(month(5)) },
    ]);
    expect(await rowsIn(nameOf(month(5)))).toEqual(['far']);
    expect(await rowsIn('observability.traces_default')).toEqual(['never']);
  });

  test('an identity column keeps its numbers when rows move', async () => {
    const add = () =>
      query<{ position: string }>(
        as('app', database),
        `INSERT INTO platform.outbox (object_type, object_id, event, created_at)
         VALUES ('t', '1', 'created', date_trunc('day', now(), 'UTC') + interval '20 days 1 hour') RETURNING position`,
      );
    const [before] = await add();
    await query(database, `SELECT platform.maintain_table('platform', 'outbox', now() + interval '15 days')`);
    const [after] = await add();
    expect(await query(database, 'SELECT position FROM platform.outbox_default')).toEqual([]);
    expect(await query(database, 'SELECT position FROM platform.outbox ORDER BY 1')).toEqual([before, after]);
    expect(Number(after!.position)).toBe(Number(before!.position) + 1);
  });

  test('expired rows of the DEFAULT partition go too, and "detach" keeps a partition as a table', async () => {
    await trace('old', month(-14));
    await trace('kept', month(0));
    await query(database, `UPDATE platform.partition_policies SET expiry = 'detach'`);
    const done = await maintainTraces(month(13));
    expect(done.filter((step) => step.action !== 'create')).toEqual([
      { action: 'detach', relation: nameOf(month(0)) },
      { action: 'delete', relation: 'observability.traces_default' },
    ]);
    expect(await rowsIn('observability.traces')).toEqual([]);
    expect(await rowsIn(nameOf(month(0)))).toEqual(['kept']);
  });
});

test('runs at the same time, among writers, make each partition once and lose no row', async () => {
  const at = month(3);
  const writes = Array.from({ length: 200 }, (_, index) => trace(`t${index}`, month(4 + (index % 3))));
  const done = await Promise.all([...Array.from({ length: 4 }, () => maintainTraces(at)), ...writes]);
  expect(
    (done.slice(0, 4) as Step[][])
      .flat()
      .map((step) => step.relation)
      .sort(),
  ).toEqual([4, 5, 6].map((ahead) => nameOf(month(ahead))).sort());
  expect(await rowsIn('observability.traces')).toHaveLength(200);
});

describe('run_partition_upkeep', () => {
  test('does the same for every table', async () => {
    await query(database, 'CALL platform.run_partition_upkeep($1)', [month(1)]);
    expect((await partitions('observability.traces')).at(-1)).toBe(suffixOf(month(4)));
    expect((await partitions('security.audit_logs')).at(-1)).toBe(suffixOf(month(4)));
    expect(await maintain(month(1))).toEqual([]);
  });

  test('a table that fails is named and does not stop the others', async () => {
    await query(
      database,
      `INSERT INTO platform.partition_policies VALUES ('a2a', 'absent', 'month', 1, NULL)`,
    );
    await expect(query(database, 'CALL platform.run_partition_upkeep($1)', [month(1)])).rejects.toThrow(
      'partition upkeep failed for a2a.absent: relation "a2a.absent" does not exist',
    );
    expect((await partitions('a2a.messages')).at(-1)).toBe(suffixOf(month(4)));
    expect((await partitions('observability.traces')).at(-1)).toBe(suffixOf(month(4)));
  });
});
