import { openSession } from '../../migrations/targets/postgres/session';
import type { StoreAddress } from '../stores';

/** Makes the database of an empty server that a restore goes into, with the owner that the stack's has. */
export async function preparePostgres({ credential, ...address }: StoreAddress): Promise<void> {
  const [user, password] = [credential('username'), credential('password')];
  const session = await openSession({ ...address, database: 'postgres', user, password, holder: 'drill' });
  try {
    await session.client.query('CREATE ROLE platform_owner');
    await session.client.query(`CREATE DATABASE ${address.database} OWNER platform_owner`);
  } finally {
    await session.close();
  }
}
