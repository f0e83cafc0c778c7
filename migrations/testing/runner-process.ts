/** A runner as a process of its own, so that a test can kill it: `node dist/migrations/testing/runner-process.js <store> <folder>`. */
import { readChangeFiles } from '../engine/change-files';
import { migrateUp } from '../engine/runner';
import type { MigrationTarget } from '../engine/target';
import { changeFormat, openTarget, type StoreName } from '../stores';

/** Environment: HOST, PORT, DATABASE, and CREDENTIALS as JSON. */
function connect(store: StoreName): Promise<MigrationTarget> {
  const { HOST = '', PORT = '', DATABASE = '', CREDENTIALS = '{}' } = process.env;
  const credentials = JSON.parse(CREDENTIALS) as Record<string, string>;
  return openTarget(store, {
    host: HOST,
    port: Number(PORT),
    database: DATABASE,
    credential: (key) => credentials[key]!,
    holder: 'child',
  });
}

async function main([store, folder]: string[]): Promise<void> {
  const opening = connect(store as StoreName);
  const changes = readChangeFiles(folder!, changeFormat(store as StoreName));
  const target = await opening;
  const result = await migrateUp({ target, folder: changes, folderName: folder!, appliedBy: 'child' });
  await target.close();
  if (result.failed) throw result.failed.error;
}

main(process.argv.slice(2)).catch((error: Error) => {
  console.error(error.message);
  process.exitCode = 1;
});
