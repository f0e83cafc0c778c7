/** Stores with the definitions of the platform that exist only while they are copied. */
import { join } from 'node:path';
import { Client } from 'pg';
import { readChangeFiles } from '../../migrations/engine/change-files';
import { migrateUp } from '../../migrations/engine/runner';
import { projectRoot } from '../../migrations/project-root';
import { changeFolder, changeFormat, openTarget } from '../../migrations/stores';
import { startScratchServer } from '../scratch/scratch-stores';
import { type DrilledStore, openDriver, type StoreAddress } from '../stores';
import type { ArtifactSink, CopyReport, StoreContent, StoreDriver } from '../stores/driver';
import { PLATFORM_DATABASE } from '../stores/logins';

const OWNER_PASSWORD = 'scratch';
/** Beside the owner, which every scratch server has. */
const ROLES = ['app', 'readonly', 'backup', 'monitor'];

/** Copies a server with every change file of a store, and what is written into it then. */
export class FilledStore implements StoreDriver {
  constructor(
    private readonly store: DrilledStore,
    private readonly fill: (address: StoreAddress) => Promise<void> = async () => undefined,
  ) {}

  async backup(sink: ArtifactSink): Promise<CopyReport> {
    const { address, stop } = await startScratchServer(this.store);
    try {
      await migrate(this.store, address);
      await this.fill(address);
      const driver = openDriver(this.store, address);
      return await driver.backup(sink).finally(() => driver.close());
    } finally {
      await stop();
    }
  }

  content(): Promise<StoreContent> {
    return Promise.reject(new Error('It is there only while it is copied.'));
  }

  restore(): Promise<void> {
    return Promise.reject(new Error('It is there only while it is copied.'));
  }

  async close(): Promise<void> {
    // It ends with its copy.
  }
}

/** Runs SQL as a superuser in the platform's database. */
export async function runSql({ host, port, credential }: StoreAddress, text: string): Promise<void> {
  const [user, password] = [credential('username'), credential('password')];
  const client = new Client({ host, port, user, password, database: PLATFORM_DATABASE });
  await client.connect();
  await client.query(text).finally(() => client.end());
}

async function migrate(store: DrilledStore, address: StoreAddress): Promise<void> {
  if (store === 'postgres') await makeRoles(address);
  const credential = (key: string) => {
    if (store !== 'postgres') return address.credential(key);
    return key === 'username' ? 'platform_owner' : OWNER_PASSWORD;
  };
  const folderName = changeFolder(store, PLATFORM_DATABASE);
  const folder = readChangeFiles(join(projectRoot(), folderName), changeFormat(store));
  const target = await openTarget(store, { ...address, credential, holder: 'test' });
  const { failed } = await migrateUp({ target, folder, folderName, appliedBy: 'test' });
  await target.close();
  if (failed) throw failed.error;
}

/** As the operator makes them. */
async function makeRoles(address: StoreAddress): Promise<void> {
  const roles = ROLES.map((role) => `CREATE ROLE ${role};`).join('\n');
  await runSql(address, `${roles}\nALTER ROLE platform_owner LOGIN PASSWORD '${OWNER_PASSWORD}'`);
}
