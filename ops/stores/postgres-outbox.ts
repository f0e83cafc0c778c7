/** How far the other stores have followed PostgreSQL's outbox, and how they follow on after a restore. */
import type { Client } from 'pg';
import { openSession, type PostgresConnection } from '../../migrations/targets/postgres/session';
import type { Cut, Outbox } from './driver';

/** Older than every transaction of any server. @see https://www.postgresql.org/docs/current/transaction-id.html */
const FIRST_TRANSACTION = '3';

/** The outbox of change 000014: `platform.outbox`, and `platform.outbox_consumers` for each store that follows it. */
export class PostgresOutbox implements Outbox {
  constructor(private readonly address: Omit<PostgresConnection, 'holder'>) {}

  async cut(): Promise<Cut | undefined> {
    return this.connected(async (client) => {
      if (!(await hasOutbox(client))) return undefined;
      const { rows } = await client.query<Cut>(
        `SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS at,
           coalesce(jsonb_object_agg(name, jsonb_build_object(
             'transactionId', transaction_id::text, 'position', position::text)) FILTER (WHERE name IS NOT NULL), '{}'
           ) AS consumers
         FROM (SELECT) AS one LEFT JOIN platform.outbox_consumers ON true`,
      );
      return rows[0]!;
    });
  }

  async resume({ consumers }: Cut): Promise<void> {
    await this.connected(async (client) => {
      if (!(await hasOutbox(client))) return;
      await client.query('BEGIN');
      await client.query(`SET LOCAL lock_timeout = '30s'`);
      // Whoever follows now waits, and then goes on from the cut.
      await client.query('LOCK TABLE platform.outbox_consumers IN EXCLUSIVE MODE');
      await client.query(SET_BACK, [JSON.stringify(consumers)]);
      const { rows } = await client.query<{ foreign: boolean }>(HAS_FOREIGN_TRANSACTIONS);
      if (rows[0]!.foreign) for (const statement of RENUMBER) await client.query(statement);
      await client.query('COMMIT');
    });
  }

  private async connected<T>(use: (client: Client) => Promise<T>): Promise<T> {
    const session = await openSession({ ...this.address, holder: 'backup' });
    try {
      return await use(session.client);
    } finally {
      await session.close();
    }
  }
}

async function hasOutbox(client: Client): Promise<boolean> {
  const { rows } = await client.query<{ found: boolean }>(
    `SELECT to_regclass('platform.outbox_consumers') IS NOT NULL AS found`,
  );
  return rows[0]!.found;
}

/** Never forward; a consumer that the cut does not know begins anew. */
const SET_BACK = `
  UPDATE platform.outbox_consumers c
  SET transaction_id = least_of.transaction_id, position = least_of.position
  FROM (
    SELECT name, coalesce((cut ->> 'transactionId')::xid8, '0') AS transaction_id,
      coalesce((cut ->> 'position')::bigint, 0) AS position
    FROM (SELECT name, $1::jsonb -> name::text AS cut FROM platform.outbox_consumers) AS known
  ) AS least_of
  WHERE c.name = least_of.name
    AND (c.transaction_id, c.position) > (least_of.transaction_id, least_of.position)`;

/** A dump brings numbers of the old server's transactions, which the new one has not come to. */
const HAS_FOREIGN_TRANSACTIONS = `
  SELECT EXISTS (SELECT FROM platform.outbox WHERE transaction_id >= pg_current_xact_id())
    OR EXISTS (SELECT FROM platform.outbox_consumers WHERE transaction_id >= pg_current_xact_id()) AS foreign`;

/** All that is there is committed, so that the order of positions will do; nothing is left out, some comes twice. */
const RENUMBER = [
  `UPDATE platform.outbox_consumers c SET transaction_id = '${FIRST_TRANSACTION}', position = coalesce(
     (SELECT min(o.position) - 1 FROM platform.outbox o
      WHERE (o.transaction_id, o.position) > (c.transaction_id, c.position)),
     (SELECT max(position) FROM platform.outbox), 0)`,
  `UPDATE platform.outbox SET transaction_id = '${FIRST_TRANSACTION}'`,
];
