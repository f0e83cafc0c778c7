import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { CreateBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { type Client, errors } from '@elastic/elasticsearch';
import { readChangeFiles } from '../migrations/engine/change-files';
import { migrateUp } from '../migrations/engine/runner';
import type { KubernetesCluster, KubernetesObject } from '../migrations/kubernetes/cluster';
import { elasticsearchFormat } from '../migrations/targets/elasticsearch/format';
import { elasticsearchTarget } from '../migrations/targets/elasticsearch/store';
import { elasticsearchClient, startElasticsearch } from '../migrations/testing/elasticsearch';
import { eventually, type ScratchServer } from '../migrations/testing/servers';
import { testAuthority, testCertificate } from '../migrations/testing/tls';
import {
  auditWebhookContainer,
  auditWebhookEndpoint,
  auditWebhookFiles,
  auditWebhookVolumes,
} from './audit-webhook';
import { newAuthority } from './certificates/x509';
import { dataStreams, frontKeys, loginLine } from './log-shipper-config';
import { logShipperSpec } from './log-shipper-spec';
import { containerSecurityContext, podSecurityContext } from './metadata';
import { images } from './versions';

jest.setTimeout(600_000);

const id = randomBytes(4).toString('hex');
const namespace = `audit-${id}`;
const others = `audit-${id}-other`;
const servers = `audit-${id}-servers`;
const host = `elasticsearch.${servers}.svc`;
const login = { username: 'shipper', password: 'test-password' };
let server: ScratchServer;
let cluster: KubernetesCluster;
let client: Client;
let tls: { ca: string; servername: string };

beforeAll(async () => {
  server = await startElasticsearch({ namespace: servers, certificate: await testCertificate([host]) });
  cluster = server.cluster;
  tls = { ca: (await testAuthority()).certificate, servername: host };
  client = elasticsearchClient(server, tls);
  const folder = readChangeFiles(
    join(__dirname, '../migrations/elasticsearch/platform'),
    elasticsearchFormat,
  );
  const { failed } = await migrateUp({
    target: elasticsearchTarget({
      endpoint: `https://${server.host}:${server.port}`,
      username: server.user,
      password: server.password,
      database: 'platform',
      tls: { ca: tls.ca, serverName: host },
    }),
    folder,
    folderName: 'platform',
    appliedBy: 'tester',
  });
  expect(failed).toBeUndefined();
  await client.security.putUser({ ...login, roles: ['platform_shipper'] });
  for (const name of [namespace, others]) await apply('v1', 'Namespace', { metadata: { name } });
  await startShipper();
}, 600_000);
afterAll(async () => {
  await client?.close();
  for (const name of [`${namespace}-logs`, namespace, others])
    await cluster?.delete('v1', 'Namespace', undefined, name);
  await server?.stop();
}, 120_000);

const apply = (apiVersion: string, kind: string, object: object) =>
  cluster.apply({ apiVersion, kind, ...object } as KubernetesObject, { fieldManager: 'audit-test' });

const shipperSpec = () =>
  logShipperSpec({
    namespace,
    images: { rsyslog: images.rsyslog, nginx: images.nginx },
    elasticsearch: { host, port: 9200, pods: { matchLabels: { app: 'elasticsearch' } } },
    networkPolicies: false,
  });

/** The component's objects, as it declares them. */
async function startShipper(): Promise<void> {
  const spec = shipperSpec();
  await apply('v1', 'Namespace', spec.namespace);
  await apply('v1', 'ServiceAccount', spec.serviceAccount);
  await apply('v1', 'ConfigMap', spec.configMap);
  await trust(tls.ca);
  await apply('apps/v1', 'DaemonSet', spec.daemonSet);
  await shipperReady();
}

function trust(ca: string) {
  const loggedIn = loginLine(login.username, login.password);
  const stringData = { [frontKeys.login]: loggedIn, [frontKeys.ca]: ca };
  return apply('v1', 'Secret', { ...shipperSpec().front, stringData });
}

/** What nginx says in the shipper's pod. */
async function frontLog(): Promise<string> {
  const [pod] = await shipperPods();
  const path = await cluster.path('v1', 'Pod', `${namespace}-logs`, pod!.metadata.name!);
  return cluster.request<string>('GET', `${path}/log`, { query: { container: 'nginx' } });
}

/** Kills the shipper without warning and waits for the pod that takes its place. */
async function killShipper(): Promise<void> {
  const before = (await shipperPods()).map(({ metadata }) => metadata.name!);
  for (const name of before)
    await cluster.delete('v1', 'Pod', `${namespace}-logs`, name, { gracePeriodSeconds: 0 });
  await shipperReady(before);
}

const shipperPods = () => cluster.list('v1', 'Pod', `${namespace}-logs`);

/** @param other Names of pods that do not count. */
const shipperReady = (other: readonly string[] = []) =>
  eventually('the shipper is ready', 120_000, async () => {
    const pods = (await shipperPods()).filter(({ metadata }) => !other.includes(metadata.name!));
    return pods.some(({ status }) =>
      status?.conditions?.some(
        ({ type, status: is }: { type: string; status: string }) => type === 'Ready' && is === 'True',
      ),
    );
  });

/** A pod that runs a script once, and stays: of one that ends, containerd may lose what still stands in the pipe. */
async function write(name: string, script: string, where = namespace): Promise<void> {
  await apply('v1', 'Pod', {
    metadata: { name, namespace: where },
    spec: {
      restartPolicy: 'Never',
      terminationGracePeriodSeconds: 1,
      automountServiceAccountToken: false,
      securityContext: podSecurityContext(999),
      containers: [
        {
          name: 'postgres',
          image: images.redis,
          imagePullPolicy: 'IfNotPresent',
          command: ['sh', '-c', `${script}; exec sleep 3600`],
          securityContext: containerSecurityContext(),
        },
      ],
    },
  });
}

const print = (...lines: (string | object)[]) =>
  lines
    .map((line) => (typeof line === 'string' ? line : JSON.stringify(line)))
    .map((line) => `printf '%s\\n' '${line.replaceAll("'", `'"'"'`)}'`)
    .join('; ');

type Document = Record<string, unknown>;

/** Everything in a data stream from one pod, oldest first, without what differs each time. */
async function documents(index: string, pod: string): Promise<Document[]> {
  await client.indices.refresh({ index });
  const { hits } = await client.search<Document & { event?: Document }>({
    index,
    size: 10_000,
    query: { term: { 'host.name': pod } },
    sort: ['@timestamp'],
  });
  return hits.hits.map(({ _source }) => {
    const { '@timestamp': _time, host: _host, event: { ingested: _at, ...event } = {}, ...rest } = _source!;
    return Object.keys(event).length > 0 ? { event, ...rest } : rest;
  });
}

const pgaudit = (statement: string) => ({
  level: 'info',
  ts: '2026-01-01T00:00:00Z',
  logger: 'pgaudit',
  msg: 'record',
  logging_pod: 'postgres-1',
  record: {
    log_time: '2026-01-01 00:00:00.000 UTC',
    user_name: 'app',
    database_name: 'platform',
    process_id: '42',
    connection_from: '10.0.0.7:53422',
    session_id: '6790a1b2.2a',
    error_severity: 'LOG',
    audit: {
      audit_type: 'SESSION',
      statement_id: '1',
      substatement_id: '1',
      class: 'WRITE',
      command: 'INSERT',
      object_type: 'TABLE',
      object_name: 'public.secrets',
      statement,
      parameter: '<not logged>',
    },
  },
});
const written = {
  event: { dataset: 'postgresql.audit', category: 'database' },
  service: { name: 'postgres' },
  user: { name: 'app' },
  database: {
    name: 'platform',
    statement: { class: 'WRITE', command: 'INSERT' },
    object: { type: 'TABLE', name: 'public.secrets' },
  },
  source: { address: '10.0.0.7:53422' },
};

test('audit trails and other lines go to their data streams, without the values in statements', async () => {
  await write('other', print(pgaudit("INSERT INTO t VALUES ('of-another-namespace')"), 'other'), others);
  await write(
    'writer',
    print(
      pgaudit(`INSERT INTO secrets VALUES ('a-value', '"user_name":"admin"')`),
      // Longer than the 16 KiB that the container runtime keeps in one line of its file.
      pgaudit(`INSERT INTO secrets VALUES ('a-value${'x'.repeat(20_000)}')`),
      {
        log: 'access',
        time: '2026-01-01T00:00:00+00:00',
        role: 'readonly',
        user: 'readonly-b',
        method: 'GET',
        path: '/query',
        status: 403,
        bytes: 153,
      },
      {
        logger: 'postgres',
        record: {
          error_severity: 'ERROR',
          message: 'duplicate key value violates unique constraint "k"',
          detail: 'Key (a)=(a-value) already exists.',
          query: "INSERT INTO secrets VALUES ('a-value')",
        },
      },
      'plain "text" with \\ and ü',
      'last',
    ),
  );
  await eventually('the last line is there', 60_000, async () => {
    const found = await documents(dataStreams.stores, 'writer');
    return found.some(({ message }) => message === 'last');
  });
  expect(await documents(dataStreams.audit, 'writer')).toEqual([
    written,
    written,
    {
      event: { dataset: 'proxy.access', category: 'web' },
      service: { name: 'postgres' },
      user: { name: 'readonly-b', roles: 'readonly' },
      http: { request: { method: 'GET' }, response: { status_code: 403 } },
      url: { path: '/query' },
    },
  ]);
  const service = { name: 'postgres' };
  expect(await documents(dataStreams.stores, 'writer')).toEqual([
    {
      service,
      message: 'duplicate key value violates unique constraint "k"',
      log: { level: 'error', logger: 'postgres' },
    },
    { service, message: 'plain "text" with \\ and ü' },
    { service, message: 'last' },
  ]);
  for (const index of Object.values(dataStreams)) expect(await documents(index, 'other')).toEqual([]);
});

test('MinIO’s audit entries become an audit trail, without headers', async () => {
  const name = 'minio';
  await apply('v1', 'ConfigMap', { metadata: { name: 'audit', namespace }, data: auditWebhookFiles });
  const env = {
    MINIO_ROOT_USER: 'rootuser',
    MINIO_ROOT_PASSWORD: login.password,
    MINIO_AUDIT_WEBHOOK_ENABLE_PLATFORM: 'on',
    MINIO_AUDIT_WEBHOOK_ENDPOINT_PLATFORM: auditWebhookEndpoint,
  };
  await apply('v1', 'Pod', {
    metadata: { name, namespace },
    spec: {
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      securityContext: podSecurityContext(1000),
      containers: [
        {
          name,
          image: images.minio,
          imagePullPolicy: 'IfNotPresent',
          command: ['/usr/bin/minio', 'server', '/data/minio'],
          env: Object.entries(env).map(([key, value]) => ({ name: key, value })),
          securityContext: containerSecurityContext(),
          volumeMounts: [{ name: 'data', mountPath: '/data' }],
        },
        auditWebhookContainer(images.nginx),
      ],
      volumes: [{ name: 'data', emptyDir: {} }, ...auditWebhookVolumes('audit')],
    },
  });
  const tunnel = await cluster.forward(namespace, name, 9000);
  const s3 = new S3Client({
    endpoint: `http://${tunnel.host}:${tunnel.port}`,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: { accessKeyId: 'rootuser', secretAccessKey: login.password },
  });
  try {
    await eventually('the bucket is there', 60_000, async () => {
      await s3.send(new CreateBucketCommand({ Bucket: 'bucket' }));
      return true;
    });
    const Metadata = { note: 'a-value' };
    await s3.send(new PutObjectCommand({ Bucket: 'bucket', Key: 'folder/key', Body: 'a-value', Metadata }));
    const entry = await eventually('the entry is there', 60_000, async () => {
      const found = await documents(dataStreams.audit, name);
      return found.find(({ event }) => (event as Document).action === 'PutObject');
    });
    expect(entry).toEqual({
      event: { dataset: 'minio.audit', category: 'file', action: 'PutObject' },
      service: { name: 'audit' },
      user: { name: 'rootuser' },
      source: { address: expect.stringMatching(/^[0-9.]+$/) },
      database: { name: 'bucket', object: { name: 'folder/key' } },
      http: { response: { status_code: 200 } },
    });
  } finally {
    s3.destroy();
    await tunnel.close();
  }
});

test('no line is lost or comes twice when the shipper is killed and while its login is refused', async () => {
  const lines = 300;
  const burst = 25_000;
  await write('counter', `for i in $(seq ${lines}); do echo "line $i"; sleep 0.1; done`);
  const arrived = async () => (await documents(dataStreams.stores, 'counter')).length;
  await eventually('the first lines are there', 60_000, async () => (await arrived()) > 10);
  await killShipper();
  const then = await arrived();
  await eventually('more lines are there', 60_000, async () => (await arrived()) > then);
  await client.security.changePassword({ username: login.username, password: 'another-password' });
  await eventually('the login is refused', 60_000, async () =>
    (await frontLog()).includes('Elasticsearch answers 401, trying again'),
  );
  // More than the queue on the disk takes.
  await write('burst', `seq ${burst}`);
  await eventually('the burst is written', 60_000, async () => {
    const path = await cluster.path('v1', 'Pod', namespace, 'burst');
    return Number(await cluster.request('GET', `${path}/log`, { query: { tailLines: '1' } })) === burst;
  });
  await client.security.changePassword(login);
  await eventually('every line is there', 300_000, async () => (await arrived()) >= lines);
  const messages = (await documents(dataStreams.stores, 'counter')).map(({ message }) => message);
  expect(messages).toEqual(Array.from({ length: lines }, (_, index) => `line ${index + 1}`));
  const query = { term: { 'host.name': 'burst' } };
  const count = async () => (await client.count({ index: dataStreams.stores, query })).count;
  const state = async () =>
    `${await count()} of ${burst}; the front says: ${(await frontLog()).slice(-2000)}`;
  await eventually('the burst is there', 300_000, async () => (await count()) >= burst, state);
  expect(await count()).toBe(burst);
});

test('a server whose certificate another authority signed is sent nothing', async () => {
  const other = await newAuthority('another authority', { from: new Date(), days: 1 });
  await trust(other.certificate);
  await killShipper();
  await write('untrusted', print('line'));
  await eventually('the certificate is refused', 60_000, async () =>
    (await frontLog()).includes('upstream SSL certificate verify error'),
  );
  expect(await documents(dataStreams.stores, 'untrusted')).toEqual([]);
  await trust(tls.ca);
  await killShipper();
  await eventually('the line is there', 60_000, async () => {
    return (await documents(dataStreams.stores, 'untrusted')).length === 1;
  });
});

test('the login adds documents to these data streams, and can do nothing else', async () => {
  const shipper = elasticsearchClient({ ...server, user: login.username, password: login.password }, tls);
  const refusal = (attempt: Promise<unknown>) =>
    attempt.then(
      () => 'allowed',
      (error: unknown) => (error as errors.ResponseError).statusCode,
    );
  const document = { '@timestamp': '2026-01-01T00:00:00Z', host: { name: 'test' } };
  const create = (index: string) => shipper.index({ index, op_type: 'create', document });
  const match = { query: { match_all: {} } };
  try {
    expect(await refusal(create(dataStreams.audit))).toBe('allowed');
    expect(await refusal(create(dataStreams.stores))).toBe('allowed');
    expect(await refusal(create('logs-platform-default'))).toBe(403);
    expect(await refusal(create('logs-audit-of-somebody-else'))).toBe(403);
    for (const index of Object.values(dataStreams)) {
      expect(await refusal(shipper.search({ index }))).toBe(403);
      expect(await refusal(shipper.deleteByQuery({ index, ...match }))).toBe(403);
      expect(await refusal(shipper.indices.deleteDataStream({ name: index }))).toBe(403);
    }
    expect(await refusal(shipper.cluster.health())).toBe(403);
  } finally {
    await shipper.close();
  }
});

test('the data streams have their lifecycles', async () => {
  const { data_streams: streams } = await client.indices.getDataStream({
    name: Object.values(dataStreams).join(','),
  });
  expect(Object.fromEntries(streams.map(({ name, ilm_policy }) => [name, ilm_policy]))).toEqual({
    'logs-audit-platform': 'platform-audit',
    'logs-stores-platform': 'platform-logs',
  });
});
