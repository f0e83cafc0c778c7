import { randomBytes } from 'node:crypto';
import { escapeIdentifier, escapeLiteral, type QueryArrayConfig } from 'pg';
import { openSession, type Session } from '../../migrations/targets/postgres/session';
import type { StoreAddress } from '../stores';
import { ANSWER_WITHIN_MS, type Asker } from './asker';

const ROLE = 'platform_drill';

/** Asks a PostgreSQL that belongs to the drill, as a role of its own that reads every row and changes nothing. */
export class PostgresAsker implements Asker {
  private constructor(private readonly session: Session) {}

  /** @param address With the login of a superuser, who makes the role. */
  static async open({ credential, ...address }: StoreAddress): Promise<PostgresAsker> {
    const password = randomBytes(18).toString('hex');
    const where = { ...address, holder: 'drill' };
    const admin = await openSession({
      ...where,
      user: credential('username'),
      password: credential('password'),
    });
    try {
      await admin.client.query(
        `CREATE ROLE ${ROLE} LOGIN BYPASSRLS PASSWORD ${escapeLiteral(password)} IN ROLE pg_read_all_data`,
      );
      await admin.client.query(`GRANT CONNECT ON DATABASE ${escapeIdentifier(address.database)} TO ${ROLE}`);
    } finally {
      await admin.close();
    }
    return new PostgresAsker(await openSession({ ...where, user: ROLE, password }));
  }

  async rows(query: string, most?: number): Promise<string[][]> {
    const { client } = this.session;
    await client.query('BEGIN READ ONLY');
    try {
      await client.query(`SET LOCAL statement_timeout = ${ANSWER_WITHIN_MS}`);
      // Only this protocol refuses a second statement; only a SELECT can stand in parentheses.
      const config: QueryArrayConfig & { queryMode: 'extended' } = {
        text: `SELECT * FROM (\n${query}\n) AS asked${most === undefined ? '' : ` LIMIT ${most}`}`,
        rowMode: 'array',
        queryMode: 'extended',
      };
      const { rows } = await client.query<unknown[]>(config);
      return rows.map((row) => row.map((value) => (value === null ? '' : String(value))));
    } finally {
      await client.query('ROLLBACK');
    }
  }

  close(): Promise<void> {
    return this.session.close();
  }
}
