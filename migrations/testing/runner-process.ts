/** A runner as a process of its own, so that a test can kill it: `node dist/migrations/testing/runner-process.js <store> <folder>`. */
import { readChangeFiles } from '../engine/change-files';
import { migrateUp } from '../engine/runner';
import type { MigrationTarget } from '../engine/target';
import { changeFormat, type StoreName } from '../stores';
import { MinioTarget } from '../targets/minio';
import { PostgresTarget } from '../targets/postgres';

/** Environment: HOST, PORT, USER_NAME, PASSWORD, DATABASE. */
async function connect(store: StoreName): Promise<MigrationTarget> {
  const { HOST = '', PORT = '', USER_NAME = '', PASSWORD = '', DATABASE = '' } = process.env;
  if (store === 'minio') {
    const endpoint = `http://${HOST}:${PORT}`;
    return new MinioTarget({ endpoint, accessKey: USER_NAME, secretKey: PASSWORD, database: DATABASE });
  }
  return PostgresTarget.connect({
    host: HOST,
    port: Number(PORT),
    database: DATABASE,
    user: USER_NAME,
    password: PASSWORD,
    holder: 'child',
  });
}

async function main([store, folder]: string[]): Promise<void> {
  const target = await connect(store as StoreName);
  const changes = readChangeFiles(folder!, changeFormat(store as StoreName));
  const result = await migrateUp({ target, folder: changes, folderName: folder!, appliedBy: 'child' });
  await target.close();
  if (result.failed) throw result.failed.error;
}

main(process.argv.slice(2)).catch((error: Error) => {
  console.error(error.message);
  process.exitCode = 1;
});
