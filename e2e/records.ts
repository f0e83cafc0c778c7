import assert from 'node:assert/strict';
import { ListObjectVersionsCommand } from '@aws-sdk/client-s3';
import type { Clients, ContractOutputs } from './clients';
import { storeCases } from './stores';

/** Everything that the applications of this suite have written, by store. */
export async function recordsOf(
  clients: Clients,
  outputs: ContractOutputs,
): Promise<Record<string, unknown[]>> {
  const records: Record<string, unknown[]> = {};
  for (const storeCase of storeCases) {
    const probe = await storeCase.open(outputs, (reference) => clients.credentials(reference));
    records[storeCase.store] = [...(await probe.written())].sort((a, b) => a - b);
    await probe.close();
  }
  const client = await clients.postgresClient('app', outputs.postgres.primary);
  records['postgres'] = (await client.query('SELECT name FROM platform.projects ORDER BY name')).rows;
  await client.end();
  const s3 = await clients.s3();
  const { Versions = [] } = await s3.send(new ListObjectVersionsCommand({ Bucket: 'raw-documents' }));
  records['minio'] = Versions.map(({ Key, ETag, IsLatest }) => [Key, ETag, IsLatest]).sort();
  s3.destroy();
  for (const [store, found] of Object.entries(records))
    assert.ok(found.length > 0, `${store} has no records`);
  return records;
}
