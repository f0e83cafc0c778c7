import { GetObjectCommand, ListObjectVersionsCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KubernetesCluster } from '../migrations/kubernetes/cluster';
import { eventually } from '../migrations/testing/servers';
import type { Endpoint } from '../stacks/outputs';
import { backUpAndRestore } from './backups';
import { Clients, ContractOutputs } from './clients';
import { useClusterDns } from './cluster-dns';
import { type Copies, copiesConfig, startCopies } from './copies';
import { Recovery } from './disaster';
import { type Inventory, inventory, names } from './inventory';
import { kubeconform } from './kubeconform';
import { leaks, podLogs, readableObjects, secretValues } from './leaks';
import { restrictedWarnings } from './pod-security';
import { prodObjects, refusals } from './prod';
import { TestStack } from './pulumi';
import { storeCases } from './stores';
import { killUnderLoad } from './stores/kill-under-load';
import { useVault, VAULT_APPLICATION } from './vault';
import type { StoreProbe } from './stores/store-case';
import { underWrites, type WriteLoopReport } from './write-loop';

jest.setTimeout(15 * 60_000);

const namespace = 'platform-e2e';
const folder = mkdtempSync(join(tmpdir(), 'agent-data-platform-e2e-'));
const cluster = KubernetesCluster.load();
const figures: string[] = [];
let stopClusterDns = () => {};
let outputs: ContractOutputs;
let clients: Clients;

// dev sizes, every store, and the replicas and the quorum of prod: what is promised there is proven here
const postgres = {
  instances: 3,
  storageSize: '1Gi',
  resources: { requests: { cpu: '50m', memory: '384Mi' }, limits: { memory: '512Mi' } },
  synchronous: { number: 1, dataDurability: 'required' },
  // As quickly as a test can wait for it.
  parameters: { archive_timeout: '20s' },
};
const stack = new TestStack('e2e', folder, {
  size: 'dev',
  namespace,
  storage: { provisioner: 'rancher.io/local-path' },
  postgres,
  chroma: { enabled: true },
  vault: { enabled: true, applications: { app: [{ namespace, name: VAULT_APPLICATION }] } },
});

async function timed<T>(what: string, action: () => Promise<T>): Promise<T> {
  const start = Date.now();
  const result = await action();
  figures.push(`${what}: ${((Date.now() - start) / 1000).toFixed(1)} s`);
  return result;
}

const primary = async (): Promise<string> =>
  (await cluster.read('postgresql.cnpg.io/v1', 'Cluster', namespace, 'postgres'))?.status.currentPrimary;

/** Object storage outside of the platform. */
let copies: Copies;
let before: Inventory;

beforeAll(async () => {
  const dnsService = await cluster.read('v1', 'Service', 'kube-system', 'kube-dns');
  stopClusterDns = useClusterDns(dnsService?.spec.clusterIP);
  await eventually('what earlier suites deleted to be gone', 120_000, async () => {
    const namespaces = await cluster.list('v1', 'Namespace');
    const definitions = await cluster.list('apiextensions.k8s.io/v1', 'CustomResourceDefinition');
    return [...namespaces, ...definitions].every((object) => object.metadata.deletionTimestamp === undefined);
  });
  copies = await startCopies();
  before = await inventory(cluster);
  stack.configure(await copiesConfig());
  await stack.init();
});

afterAll(async () => {
  stopClusterDns();
  await copies?.stop();
  rmSync(folder, { recursive: true, force: true });
  console.log(`Figures of this run:\n  ${figures.join('\n  ')}`);
});

test('preview of an empty cluster lists every resource and statement, and writes nothing', async () => {
  const preview = await timed('preview, empty cluster', () => stack.preview());
  expect(Object.keys(preview.summary)).toEqual(['create']);
  expect(preview.text).toContain('CREATE TABLE platform.users');
  expect(preview.text).toContain('raw-documents');
  expect(await inventory(cluster)).toEqual(before);
});

test('an update that is killed half-way is finished by the next one', async () => {
  const interrupted = stack.start(['up', '--yes', '--skip-preview']);
  await copies.giveLogin(namespace);
  await eventually(
    'the first StatefulSet',
    300_000,
    async () => (await names(cluster, 'apps/v1', 'StatefulSet', namespace)).length > 0,
  );
  interrupted.kill();
  await interrupted.exited;
  await stack.cancel();
  await timed('up after the interruption', () => stack.up());
  outputs = await stack.outputs<ContractOutputs>();
  clients = new Clients(cluster, outputs);
});

test('a second update changes nothing', async () => {
  await timed('up without changes', () => stack.up('--expect-no-changes'));
});

test('the outputs are the documented contract', async () => {
  expect(outputs).toMatchObject({
    contract: 1,
    namespace,
    postgres: {
      database: 'platform',
      primary: { host: `postgres-rw.${namespace}.svc`, port: 5432 },
      replicas: { host: `postgres-ro.${namespace}.svc`, port: 5432 },
      pooler: { host: `postgres-pooler-rw.${namespace}.svc`, port: 5432 },
      tls: { mode: 'verify-full', ca: expect.stringContaining('BEGIN CERTIFICATE') },
    },
    redis: { masterName: 'platform' },
    minio: {
      endpoint: `https://minio.${namespace}.svc:9000`,
      tls: { mode: 'verify-full', ca: expect.stringContaining('BEGIN CERTIFICATE') },
      buckets: ['generated-lessons', 'processed-chunks', 'raw-documents', 'system-artifacts'],
    },
  });
});

test('PostgreSQL: the app role writes and reads, on the primary and through the pooler; readonly cannot write', async () => {
  const pooler = outputs.postgres.pooler;
  if (!pooler) throw new Error('the pooler is on in this configuration');
  for (const [name, endpoint] of Object.entries({ primary: outputs.postgres.primary, pooler })) {
    const client = await clients.postgresClient('app', endpoint);
    await client.query('INSERT INTO platform.projects (name) VALUES ($1)', [`through-${name}`]);
    const found = await client.query('SELECT name FROM platform.projects WHERE name = $1', [
      `through-${name}`,
    ]);
    expect(found.rows).toEqual([{ name: `through-${name}` }]);
    await client.end();
  }
  const readonly = await clients.postgresClient('readonly', outputs.postgres.primary);
  await expect(readonly.query("INSERT INTO platform.projects (name) VALUES ('no')")).rejects.toMatchObject({
    code: '42501',
  });
  const { rows } = await readonly.query(
    "SELECT setting FROM pg_settings WHERE name IN ('pgaudit.log', 'synchronous_standby_names') ORDER BY name",
  );
  expect(rows[0].setting).toBe('ddl, write, role');
  expect(rows[1].setting).toMatch(/^ANY 1 \("postgres-\d","postgres-\d"/);
  await readonly.end();
});

test('PostgreSQL: the partition maintenance job runs and finds nothing left to make', async () => {
  const job = await cluster.read('batch/v1', 'CronJob', namespace, 'postgres-partition-maintenance');
  const template = job?.spec.jobTemplate;
  await cluster.apply(
    {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { name: 'maintain-now', namespace },
      spec: template.spec,
    },
    { fieldManager: 'e2e' },
  );
  await eventually('the job', 120_000, async () => {
    const now = await cluster.read('batch/v1', 'Job', namespace, 'maintain-now');
    return now?.status?.succeeded === 1;
  });
  await cluster.delete('batch/v1', 'Job', namespace, 'maintain-now');
});

test('Redis: a write through the sentinels is read from a replica', async () => {
  const master = await clients.redis();
  await eventually('a first write', 30_000, async () => (await master.set('e2e:hello', 'world')) === 'OK');
  expect(await master.wait(2, 5000)).toBe(2);
  const replica = await clients.redis({ role: 'slave' });
  expect(
    await eventually('a read', 30_000, () => replica.get('e2e:hello').then((value) => value ?? undefined)),
  ).toBe('world');
  await expect(master.call('CONFIG', 'GET', '*')).rejects.toThrow(/NOPERM/);
  master.disconnect();
  replica.disconnect();
});

test('MinIO: objects are written, read and versioned', async () => {
  const s3 = await clients.s3();
  for (const body of ['first', 'second']) {
    await s3.send(new PutObjectCommand({ Bucket: 'raw-documents', Key: 'e2e.txt', Body: body }));
  }
  const got = await s3.send(new GetObjectCommand({ Bucket: 'raw-documents', Key: 'e2e.txt' }));
  expect(await got.Body?.transformToString()).toBe('second');
  const versions = await s3.send(
    new ListObjectVersionsCommand({ Bucket: 'raw-documents', Prefix: 'e2e.txt' }),
  );
  expect(versions.Versions?.length).toBe(2);
});

test('every pod is admitted under Pod Security restricted, without a warning', async () => {
  for (const name of [namespace, 'cnpg-system', 'elastic-system']) {
    const { metadata } = (await cluster.read('v1', 'Namespace', undefined, name))!;
    expect([name, metadata.labels?.['pod-security.kubernetes.io/enforce']]).toEqual([name, 'restricted']);
    expect([name, await restrictedWarnings(cluster, name)]).toEqual([name, []]);
  }
  // It reads the folders of the logs on its node, which no level but privileged admits.
  expect(await restrictedWarnings(cluster, `${namespace}-logs`)).toHaveLength(2);
});

test('Vault: an application encrypts with a key that it never sees, and gets logins of PostgreSQL and Redis', async () => {
  await useVault(cluster, clients, await stack.outputs());
});

describe.each(storeCases)('$store', (storeCase) => {
  let probe: StoreProbe;

  beforeAll(async () => {
    probe = await storeCase.open(outputs, (reference) => clients.credentials(reference));
  });
  afterAll(() => probe?.close());

  test('has its schema, and its users may do what they must and no more', () => probe.check());

  test('its pod is killed under a write loop', async () => {
    const { acknowledged, lost, longestGapMs } = await killUnderLoad(cluster, namespace, storeCase, probe);
    figures.push(
      `${storeCase.store} killed: longest write gap ${longestGapMs} ms, ${acknowledged} acknowledged, ${lost.length} lost`,
    );
    if (!storeCase.mayLose) expect(lost).toEqual([]);
    expect(longestGapMs).toBeLessThan(300_000);
  });
});

test('the prod size renders completely: the API server admits every object, and kubeconform finds nothing', async () => {
  const objects = await prodObjects(folder);
  expect(await refusals(cluster, objects)).toEqual([]);
  const { valid, problems } = await kubeconform(cluster, objects);
  expect(problems).toEqual([]);
  expect(valid).toBe(objects.length);
  figures.push(`prod: ${objects.length} objects admitted and valid`);
});

test('a changed setting previews as exactly that change, and nothing else is touched', async () => {
  stack.configure({ postgres: { ...postgres, parameters: { ...postgres.parameters, work_mem: '6MB' } } });
  const { steps } = await stack.preview();
  expect(
    steps.map((step) => ({
      op: step.op,
      type: step.urn.split('::')[2]?.split('$').pop(),
      diff: Object.keys(step.detailedDiff ?? {}),
    })),
  ).toEqual([
    {
      op: 'update',
      type: 'kubernetes:postgresql.cnpg.io/v1:Cluster',
      diff: ['spec.postgresql.parameters.work_mem'],
    },
  ]);
  await stack.up();
  const client = await clients.postgresClient('app', outputs.postgres.primary);
  await eventually(
    'the setting',
    60_000,
    async () => (await client.query('SHOW work_mem')).rows[0].work_mem === '6MB',
  );
  await client.end();
});

test('PostgreSQL: passwords are rotated under write loops on the primary and through the pooler, and no statement fails', async () => {
  const before = await clients.credentials(outputs.postgres.credentials.app);
  const writer = async (endpoint: Endpoint) => {
    const pool = await clients.postgresPool('app', endpoint);
    const write = async (id: string) =>
      (await pool.query('INSERT INTO platform.projects (name) VALUES ($1)', [id])).rowCount === 1;
    return { pool, write };
  };
  const direct = await writer(outputs.postgres.primary);
  const pooled = await writer(outputs.postgres.pooler!);
  stack.configure({
    postgres: { ...postgres, parameters: { ...postgres.parameters, work_mem: '6MB' }, rotation: 2 },
  });
  const reports: WriteLoopReport[] = [];
  reports.push(
    await underWrites('direct', direct.write, async () => {
      reports.push(
        await underWrites('pooled', pooled.write, () =>
          timed('rotation', () => stack.up()).then(() => undefined),
        ),
      );
    }),
  );
  for (const { failures, acknowledged } of reports) {
    expect(failures).toEqual([]);
    expect(acknowledged.length).toBeGreaterThan(100);
  }
  for (const { pool } of [direct, pooled]) await pool.end();
  const after = await clients.credentials(outputs.postgres.credentials.app);
  expect([before.username, after.username]).toEqual(['app', 'app-b']);
  const fresh = await clients.postgresClient('app', outputs.postgres.pooler!);
  expect((await fresh.query('SELECT session_user AS me')).rows).toEqual([{ me: 'app-b' }]);
  await fresh.end();
});

test('PostgreSQL: the primary is killed under a write loop and no acknowledged write is lost', async () => {
  const pool = await clients.postgresPool('app', outputs.postgres.primary);
  const write = async (id: string) =>
    (await pool.query('INSERT INTO platform.projects (name) VALUES ($1)', [id])).rowCount === 1;
  const report = await underWrites('pg', write, async (loop) => {
    await eventually('100 writes', 60_000, async () => loop.count >= 100);
    const victim = await primary();
    await cluster.delete('v1', 'Pod', namespace, victim, { gracePeriodSeconds: 0 });
    // The API forgets the pod before the kubelet has killed it, so writes go on for a moment on the old primary.
    await eventually('the failover', 180_000, async () => (await primary()) !== victim);
    const atFailover = loop.count;
    await eventually('writes on the new primary', 120_000, async () => loop.count >= atFailover + 100);
  });
  const { rows } = await pool.query("SELECT name FROM platform.projects WHERE name LIKE 'pg-%'");
  await pool.end();
  const stored = new Set(rows.map((row: { name: string }) => row.name));
  const lost = report.acknowledged.filter((id) => !stored.has(id));
  figures.push(
    `PostgreSQL primary killed: longest write gap ${report.longestGapMs} ms, ${report.acknowledged.length} acknowledged, ${lost.length} lost`,
  );
  expect(lost).toEqual([]);
  // A standby asks the archive before it follows the new primary, and a commit waits for one.
  expect(report.longestGapMs).toBeLessThan(180_000);
});

test('Redis: the master is killed under a write loop and no write that a replica confirmed is lost', async () => {
  const client = await clients.redis();
  const write = async (id: string) => {
    await client.set(id, 'x');
    return (await client.wait(2, 1000)) >= 2;
  };
  const report = await underWrites('redis', write, async (loop) => {
    await eventually('100 writes', 60_000, async () => loop.count >= 100);
    const master = await clients.redisMasterPod();
    await cluster.delete('v1', 'Pod', namespace, master, { gracePeriodSeconds: 0 });
    await eventually('the failover', 180_000, async () => (await clients.redisMasterPod()) !== master);
    const atFailover = loop.count;
    await eventually(
      'confirmed writes on the new master',
      120_000,
      async () => loop.count >= atFailover + 100,
    );
  });
  const values = await client.mget(report.acknowledged);
  client.disconnect();
  const lost = report.acknowledged.filter((_, index) => values[index] !== 'x');
  figures.push(
    `Redis master killed: longest gap of confirmed writes ${report.longestGapMs} ms, ${report.acknowledged.length} confirmed by 2 replicas, ${lost.length} lost`,
  );
  expect(lost).toEqual([]);
  expect(report.longestGapMs).toBeLessThan(60_000);
});

test('a CronJob copies every store; the set is restored over the stores, which then are what they were', async () => {
  const { backup, restore } = await backUpAndRestore(cluster, clients, outputs, copies);
  figures.push(`backup set of every store by the CronJob: ${backup} s; restored over them: ${restore} s`);
});

test('no secret stands in state, outputs, logs, objects or what Pulumi printed, after rotations and failures', async () => {
  const values = await secretValues(cluster, namespace);
  expect(values.length).toBeGreaterThanOrEqual(30);
  const state = await stack.exportState();
  const places = [
    { where: 'state', text: state },
    { where: 'outputs', text: JSON.stringify(await stack.outputs()) },
    { where: 'what Pulumi printed', text: stack.transcript },
    ...(await podLogs(cluster, [namespace, 'cnpg-system', 'elastic-system'])),
    ...(await readableObjects(cluster, namespace)),
  ];
  expect(places.length).toBeGreaterThan(60);
  expect(leaks(values, places)).toEqual([]);
});

test('refresh finds no drift after all that', async () => {
  await eventually('a healthy PostgreSQL cluster', 180_000, async () => {
    const now = await cluster.read('postgresql.cnpg.io/v1', 'Cluster', namespace, 'postgres');
    return now?.status.readyInstances === 3;
  });
  await stack.refresh('--expect-no-changes');
});

test(
  'the runbook brings a lost platform back: PostgreSQL to its last minute, the others as of the copy',
  async () => {
    const recovery = new Recovery(cluster, stack, copies, postgres);
    const recovered = await recovery.loseAndRecover(outputs, clients);
    ({ outputs, clients } = recovered);
    figures.push(recovered.figure);
  },
  30 * 60_000,
);

test('destroy leaves nothing but the retained volumes', async () => {
  await timed('destroy', () => stack.destroy());
  await eventually(
    'the namespace to go',
    120_000,
    async () => !(await names(cluster, 'v1', 'Namespace')).includes(namespace),
  );
  expect(await inventory(cluster)).toEqual(before);
  const volumes = (await cluster.list('v1', 'PersistentVolume')).filter(
    (volume) => volume.spec.claimRef?.namespace === namespace,
  );
  expect(volumes.map((volume) => volume.spec.persistentVolumeReclaimPolicy)).toEqual(
    volumes.map(() => 'Retain'),
  );
  expect(volumes.length).toBeGreaterThanOrEqual(3 + 3 + 1);
  for (const volume of volumes)
    await cluster.delete('v1', 'PersistentVolume', undefined, volume.metadata.name ?? '');
});
