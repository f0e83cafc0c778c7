import { CreateBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import Redis from 'ioredis';
import { backupDrillSpec } from '../../components/backup-drill-spec';
import { opsImageName } from '../../components/ops-image';
import { images } from '../../components/versions';
import type { KubernetesObject } from '../../migrations/kubernetes/cluster';
import { openDriver as openNeo4j } from '../../migrations/targets/neo4j/driver';
import { http } from '../../migrations/targets/http-client';
import { eventually, podReport, type ScratchServer, startMinio } from '../../migrations/testing/servers';
import { S3Repository } from '../repository/s3';
import { BackupSets } from '../sets/backup-sets';
import { type BackupStore, drilledStores, endpointOf, type StoreAddress } from '../stores';
import { FilledStore, runSql } from '../testing/filled-store';
import { usePostgresPrograms, useRedisPrograms } from '../testing/programs';
import { DrillRecords } from './record';

jest.setTimeout(900_000);

const NAME = 'backup-drill';
const BUCKET = 'copies';
const SECRET = 'backup-repository';
const DOCUMENT = '5eed0000-0000-4000-8000-00000000000d';
/** Other tests run at the same time. */
const SMALL = { requests: { cpu: '20m', memory: '128Mi' }, limits: { memory: '1536Mi' } };
const manager = { fieldManager: 'test', force: true };

let minio: ScratchServer;
let endpoint: string;
const quiet = { recipients: [], progress: () => undefined };

beforeAll(async () => {
  await Promise.all([usePostgresPrograms(), useRedisPrograms()]);
  minio = await startMinio();
  // Pods and this machine reach it there.
  endpoint = `http://${minio.podIp}:${minio.servicePort}`;
  const { cluster, namespace, user: accessKeyId, password: secretAccessKey } = minio;
  const restricted = { 'pod-security.kubernetes.io/enforce': 'restricted' };
  await cluster.apply(
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels: restricted } },
    manager,
  );
  const stringData = { accessKeyId, secretAccessKey };
  await cluster.apply(
    { apiVersion: 'v1', kind: 'Secret', metadata: { name: SECRET, namespace }, stringData },
    manager,
  );
  await s3(endpoint, accessKeyId, secretAccessKey, (client) =>
    client.send(new CreateBucketCommand({ Bucket: BUCKET })),
  );
});
afterAll(() => minio?.stop());

async function s3(
  endpoint: string,
  accessKeyId: string,
  secretAccessKey: string,
  use: (client: S3Client) => Promise<unknown>,
): Promise<void> {
  const credentials = { accessKeyId, secretAccessKey };
  const client = new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true, credentials });
  await use(client).finally(() => client.destroy());
}

/** A repository that only one test uses. */
const setsIn = (schedule: string) =>
  new BackupSets(
    new S3Repository({
      ...{ endpoint, bucket: BUCKET, prefix: `team/${schedule}` },
      credentials: { accessKeyId: minio.user, secretAccessKey: minio.password },
    }),
  );

const document = (path: string) => `
  INSERT INTO services.documents (id, title, filename, file_type, file_size, file_hash, storage_path, processing_status)
  VALUES ('${DOCUMENT}', 'A', 'a.txt', 'text', 1, '${'a'.repeat(64)}', '${path}', 'completed')`;

/** What each store holds besides the definitions of the change files. */
const contents: Partial<Record<BackupStore, (address: StoreAddress) => Promise<void>>> = {
  postgres: (address) => runSql(address, document('raw-documents/a.txt')),
  minio: (address) =>
    s3(endpointOf(address), address.credential('accessKey'), address.credential('secretKey'), (client) =>
      client.send(new PutObjectCommand({ Bucket: 'raw-documents', Key: 'a.txt', Body: 'a' })),
    ),
  async redis({ host, port, credential }) {
    const client = new Redis({
      host,
      port,
      username: credential('username'),
      password: credential('password'),
    });
    await client.hset('session:1', 'user', 'ada');
    await client.expire('session:1', 3600);
    client.disconnect();
  },
  async neo4j({ host, port, credential }) {
    const [user, password] = [credential('username'), credential('password')];
    const { driver, close } = await openNeo4j({ host, port, user, password });
    await driver.executeQuery('CREATE (:Document {id: $id})', { id: DOCUMENT });
    await close();
  },
  async qdrant(address) {
    const point = { id: 1, vector: { dense: new Array(768).fill(0.5) }, payload: { document_id: DOCUMENT } };
    await http({
      ...{ method: 'PUT', url: `${endpointOf(address)}/collections/document_embeddings/points?wait=true` },
      headers: { 'api-key': address.credential('apiKey'), 'content-type': 'application/json' },
      body: JSON.stringify({ points: [point] }),
    });
  },
};

/** Runs the drill's Job now, as `kubectl create job --from` does, until it is done; `command` replaces what it runs. */
async function runDrill(of: string, stores: readonly BackupStore[], command?: string[]) {
  const { cluster, namespace } = minio;
  const { serviceAccount, configMap, cronJob } = backupDrillSpec({
    ...{ namespace, stores, of, rpoMinutes: 60, images, image: opsImageName() },
    ...{ schedule: '0 5 * * 0', rtoMinutes: 30, size: '5Gi' },
    ...{ resources: SMALL, servers: Object.fromEntries(stores.map((store) => [store, SMALL])) },
    repository: { address: `s3://${BUCKET}/team`, endpoint, credentialsSecret: SECRET },
    schedules: { [of]: { schedule: '0 2 * * *', keepDays: 1, keepLast: 1 } },
  });
  const name = `${NAME}-${command?.at(-1) ?? of}`;
  const { metadata, spec } = cronJob.spec.jobTemplate;
  if (command) spec.template.spec.containers[0]!.command = command;
  const objects: KubernetesObject[] = [
    { apiVersion: 'v1', kind: 'ServiceAccount', ...serviceAccount },
    { apiVersion: 'v1', kind: 'ConfigMap', ...configMap },
    { apiVersion: 'batch/v1', kind: 'Job', metadata: { ...metadata, name, namespace }, spec },
  ];
  for (const object of objects) await cluster.apply(object, manager);
  const job = `batch.kubernetes.io/job-name=${name}`;
  const pods = () => cluster.list('v1', 'Pod', namespace, job);
  const report = async () => {
    const found = await pods();
    return (await Promise.all(found.map((pod) => podReport(cluster, namespace, pod.metadata.name!)))).join();
  };
  await eventually(
    `${name} is done`,
    600_000,
    async () => {
      const conditions: { type: string; status: string }[] =
        (await cluster.read('batch/v1', 'Job', namespace, name))?.status?.conditions ?? [];
      return conditions.some(({ type, status }) => /^(Complete|Failed)$/.test(type) && status === 'True');
    },
    report,
  );
  const done = await pods();
  const pod = done.at(-1)!;
  const path = await cluster.path('v1', 'Pod', namespace, pod.metadata.name!);
  const log = await cluster.request<string>('GET', `${path}/log`, { query: { container: 'drill' } });
  const [status] = pod.status.containerStatuses as { state: { terminated: { exitCode: number } } }[];
  return { exitCode: status!.state.terminated.exitCode, log, runs: done.length };
}

test('every store of a set is restored in the pod, and the data is right', async () => {
  const sets = setsIn('daily');
  const stores = Object.fromEntries(
    drilledStores.map((store) => [store, new FilledStore(store, contents[store])]),
  );
  const manifest = await sets.create('team', stores, quiet);
  const { exitCode, log } = await runDrill('daily', drilledStores);
  expect({ exitCode, log }).toEqual({
    exitCode: 0,
    log: expect.stringContaining(`of set ${manifest.id} passed`),
  });
  const record = (await new DrillRecords(sets.repository).newest())!;
  expect(record).toMatchObject({ set: manifest.id, platform: 'team', problems: [] });
  expect(Object.keys(record.stores).sort()).toEqual([...drilledStores].sort());
  expect(record.invariants.length).toBeGreaterThanOrEqual(16);
  expect(record.invariants.filter(({ state }) => state !== 'holds')).toEqual([]);
  expect((await sets.list())[0]!.verifiedAt).toMatch(/^\d{4}-/);
  console.log(
    `Drill of ${drilledStores.length} stores: ${JSON.stringify(record.rto)} ${JSON.stringify(record.stores)}`,
  );
});

describe('a set of two stores', () => {
  const broken: Record<string, FilledStore> = {
    postgres: new FilledStore('postgres', async (address) => {
      await runSql(address, document('raw-documents/lost.txt'));
      await runSql(address, 'ALTER TABLE platform.users DISABLE ROW LEVEL SECURITY');
    }),
    minio: new FilledStore('minio', contents.minio),
  };

  test('whose data violates invariants fails by their names, once', async () => {
    const sets = setsIn('broken');
    const manifest = await sets.create('team', broken, quiet);
    const { exitCode, log, runs } = await runDrill('broken', ['postgres', 'minio']);
    expect({ exitCode, runs }).toEqual({ exitCode: 3, runs: 1 });
    expect(log).toContain('raw-documents/lost.txt of postgres is not in minio');
    const record = (await new DrillRecords(sets.repository).newest())!;
    expect(record).toMatchObject({
      set: manifest.id,
      problems: [
        'postgres/platform/row-security-is-on is violated 1 times',
        'cross-store/platform/documents-have-their-file is violated 1 times',
      ],
    });
    expect(JSON.stringify(record)).not.toContain('lost.txt');
    expect((await sets.list())[0]!.verifiedAt).toBeUndefined();
  });

  test('is verified in the same pod, where only the content counts', async () => {
    const sets = setsIn('broken');
    const [set] = await sets.list();
    const { exitCode, log } = await runDrill('broken', ['postgres', 'minio'], ['platform', 'verify']);
    expect({ exitCode, log }).toEqual({
      exitCode: 0,
      log: expect.stringContaining(`${set!.id} is verified.`),
    });
    expect((await sets.list())[0]!.verifiedAt).toMatch(/^\d{4}-/);
  });

  test('with a damaged file is not restored', async () => {
    const sets = setsIn('damaged');
    const { id, stores } = await sets.create('team', { minio: broken.minio! }, quiet);
    const name = stores.minio!.artifacts.find((artifact) =>
      artifact.name.endsWith('raw-documents.objects'),
    )!.name;
    await s3(endpoint, minio.user, minio.password, (client) =>
      client.send(
        new PutObjectCommand({ Bucket: BUCKET, Key: `team/damaged/sets/${id}/${name}`, Body: 'x' }),
      ),
    );
    const { exitCode, log } = await runDrill('damaged', ['minio']);
    expect({ exitCode, log }).toEqual({ exitCode: 1, log: expect.stringContaining(name) });
    expect(await new DrillRecords(sets.repository).newest()).toMatchObject({
      set: id,
      problems: [expect.stringContaining(name)],
    });
  });
});
