import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readChangeFiles } from '../engine/change-files';
import { migrateDown, migrateUp } from '../engine/runner';
import { projectRoot } from '../project-root';
import { sqlFormat } from '../targets/postgres/format';
import { type PostgresConnection, PostgresTarget } from '../targets/postgres/target';
import { closePools, freshDatabase, migratedDatabase, query, schemaFingerprint } from '../testing/postgres';
import { type ScratchServer, startPostgres } from '../testing/servers';

const all = readChangeFiles(join(__dirname, 'platform'), sqlFormat);
const documentation = readFileSync(join(projectRoot(), 'docs/schema.md'), 'utf8');

let server: ScratchServer;
let database: PostgresConnection;

beforeAll(async () => {
  server = await startPostgres();
  database = await migratedDatabase(server);
}, 180_000);
afterAll(async () => {
  await closePools();
  await server?.stop();
}, 60_000);

/** First column of a query's rows, sorted. */
async function names(text: string): Promise<string[]> {
  const rows = await query<Record<string, string>>(database, text);
  return rows.map((row) => Object.values(row)[0]!).sort();
}

const TABLES = `
  SELECT format('%s.%s', nspname, relname) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
  WHERE relkind IN ('r', 'p') AND NOT relispartition AND nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema'`;

test('the files have no problems', () => {
  expect(all.problems).toEqual([]);
  expect(all.changes.map((change) => change.version)).toEqual(
    Array.from({ length: 16 }, (_, index) => String(index + 1).padStart(6, '0')),
  );
});

test('each change reverts to exactly what was there before and applies again to the same', async () => {
  const empty = await freshDatabase(server);
  const target = await PostgresTarget.connect(empty);
  const run = (count: number) => ({
    target,
    folder: { changes: all.changes.slice(0, count), problems: [] },
    folderName: 'platform',
    appliedBy: 'tester',
  });
  const up = async (count: number) => {
    const { failed } = await migrateUp(run(count));
    if (failed) throw failed.error;
  };
  // The rows of the policies are part of what a change makes.
  const fingerprint = async () => {
    const [policies] = await query<{ there: boolean }>(
      empty,
      `SELECT to_regclass('platform.partition_policies') IS NOT NULL AS there`,
    );
    const rows = policies!.there ? await query(empty, 'SELECT * FROM platform.partition_policies') : [];
    return [...(await schemaFingerprint(empty)), ...rows.map((row) => JSON.stringify(row)).sort()];
  };
  try {
    await (await target.lock({ holder: 'tester', waitMs: 0 })).release();
    const untouched = await fingerprint();
    for (const [index, change] of all.changes.entries()) {
      const before = await fingerprint();
      await up(index + 1);
      const after = await fingerprint();
      expect(after).not.toEqual(before);
      await target.revert(change);
      expect(await fingerprint()).toEqual(before);
      await up(index + 1);
      expect(await fingerprint()).toEqual(after);
    }
    await migrateDown(run(all.changes.length));
    expect(await fingerprint()).toEqual(untouched);
  } finally {
    await target.close();
  }
}, 180_000);

describe('conventions', () => {
  test('every table has a primary key and a comment', async () => {
    expect(
      await names(
        `${TABLES} AND NOT EXISTS (SELECT FROM pg_constraint WHERE conrelid = c.oid AND contype = 'p')`,
      ),
    ).toEqual([]);
    expect(await names(`${TABLES} AND obj_description(c.oid, 'pg_class') IS NULL`)).toEqual([]);
  });

  test('every foreign key has an index that begins with its columns', async () => {
    expect(
      await names(
        `SELECT format('%s %s', conrelid::regclass, conname) FROM pg_constraint f
         WHERE contype = 'f' AND conparentid = 0 AND NOT EXISTS (
           SELECT FROM pg_index WHERE indrelid = conrelid AND indpred IS NULL
             AND (string_to_array(indkey::text, ' ')::int2[])[1:cardinality(conkey)] @> conkey)`,
      ),
    ).toEqual([]);
  });

  test('every table with updated_at has the trigger that moves it', async () => {
    const having = await names(
      `${TABLES} AND EXISTS (SELECT FROM pg_attribute WHERE attrelid = c.oid AND attname = 'updated_at')`,
    );
    expect(having.length).toBeGreaterThan(15);
    expect(
      await names(
        `${TABLES} AND EXISTS (SELECT FROM pg_trigger WHERE tgrelid = c.oid AND tgname = relname || '_touch_updated_at')`,
      ),
    ).toEqual(having);
  });

  test('every partitioned table has a policy and a DEFAULT partition', async () => {
    const partitioned = await names(`${TABLES} AND relkind = 'p'`);
    expect(partitioned).toEqual([
      'a2a.messages',
      'observability.health_checks',
      'observability.metrics',
      'observability.spans',
      'observability.traces',
      'platform.outbox',
      'platform.user_interactions',
      'security.audit_logs',
    ]);
    expect(
      await names(`SELECT format('%s.%s', schema_name, table_name) FROM platform.partition_policies`),
    ).toEqual(partitioned);
    expect(
      await names(`SELECT partrelid::regclass::text FROM pg_partitioned_table WHERE partdefid <> 0`),
    ).toEqual(partitioned);
  });
});

describe('documentation', () => {
  /** Tables in code style in the second column of docs/schema.md's mapping, and in the first where there are only two. */
  const mapped = () =>
    documentation
      .slice(documentation.indexOf('## Where each required table is'))
      .split('\n')
      .filter((line) => line.startsWith('|'))
      .map((line) => line.split('|').map((cell) => cell.trim()))
      .flatMap((cells) => [...(cells.length === 5 ? cells[2]! : cells[1]!).matchAll(/`(\w+\.\w+)`/g)])
      .map((match) => match[1]!);

  test('schema.md maps to every table there is, and to no other', async () => {
    expect([...new Set(mapped())].sort()).toEqual(await names(TABLES));
  });

  test('schema.md names the granularity, the horizon and the retention of every partitioned table', async () => {
    const [, section] = documentation.split(/^## (?:Partitions|Outbox)$/m);
    const documented = [
      ...section!.matchAll(/^\| `([\w.]+)` +\| ([\w ]+?) +\| (\d+) +\| (\d+ \w+)(, then detached)? +\|$/gm),
    ];
    const policies = await query<{ policy: string }>(
      database,
      `SELECT concat_ws(' ', schema_name || '.' || table_name, granularity, periods_ahead, retention::text, expiry) AS policy
       FROM platform.partition_policies ORDER BY 1`,
    );
    const asPolicies = await Promise.all(
      documented.map(([, table, granularity, ahead, kept, detached]) =>
        query<{ policy: string }>(
          database,
          `SELECT concat_ws(' ', $1::text, $2::text, $3::text, $4::interval::text, $5::text) AS policy`,
          [table, granularity!.replace('ISO ', ''), ahead, kept, detached ? 'detach' : 'drop'],
        ),
      ),
    );
    expect(asPolicies.flat().sort((a, b) => (a.policy < b.policy ? -1 : 1))).toEqual(policies);
    expect(policies).toHaveLength(8);
  });
});
