import { join } from 'node:path';
import { ownerRole } from '../../components/elasticsearch-roles';
import { readChangeFiles } from '../../migrations/engine/change-files';
import { migrateUp } from '../../migrations/engine/runner';
import { basicAuthorization, http } from '../../migrations/targets/http-client';
import { elasticsearchFormat } from '../../migrations/targets/elasticsearch/format';
import { elasticsearchTarget } from '../../migrations/targets/elasticsearch/store';
import { startElasticsearch } from '../../migrations/testing/elasticsearch';
import { HeldConnection } from '../../migrations/testing/held-connection';
import { eventually, type ScratchServer } from '../../migrations/testing/servers';
import { differences } from '../testing/contents';
import { CopyFolder } from '../testing/copy-folder';
import { ElasticsearchDriver } from './elasticsearch';
import { ElasticsearchApi } from './elasticsearch-api';
import { ClusterRestore } from './elasticsearch-restore';

const folder = join(__dirname, '../../migrations/elasticsearch/platform');
const platform = readChangeFiles(folder, elasticsearchFormat);
let source: ScratchServer;
let second: ScratchServer;
let copy: CopyFolder;

beforeAll(async () => {
  source = await startElasticsearch();
  second = await startElasticsearch();
}, 600_000);
afterAll(async () => {
  await source?.stop();
  await second?.stop();
}, 120_000);
beforeEach(() => (copy = new CopyFolder()));
afterEach(() => copy.remove());

type Address = Pick<ScratchServer, 'host' | 'port' | 'user' | 'password'>;
const at = ({ host, port, user, password }: Address) => ({
  ...{ endpoint: `http://${host}:${port}`, user, password },
});
const driver = (server: Address) => new ElasticsearchDriver(at(server));
/** Into the second cluster, which then lets everybody in. */
async function restore(): Promise<void> {
  const restoring = driver(second);
  await restoring.restore(copy.files);
  await restoring.admit();
}
const clear = (server: Address) => new ClusterRestore(new ElasticsearchApi(at(server))).clear();
/** Answer to a request whose body is sent as it is. */
const send = (server: Address, method: 'GET' | 'POST' | 'PUT', path: string, body?: string) =>
  http({
    ...{ method, body, url: at(server).endpoint + path },
    headers: {
      authorization: basicAuthorization(server.user, server.password),
      'content-type': 'application/json',
    },
  });
async function migrate(server: Address, changes = platform) {
  const { endpoint, user: username, password } = { ...at(server) };
  const target = elasticsearchTarget({ endpoint, username, password, database: 'platform' });
  try {
    return await migrateUp({ target, folder: changes, folderName: 'platform', appliedBy: 'tester' });
  } finally {
    await target.close();
  }
}
async function bulk(
  server: Address,
  index: string,
  documents: readonly (readonly [object, string])[],
): Promise<void> {
  const body = documents.map(([create, text]) => `${JSON.stringify({ create })}\n${text}\n`).join('');
  const taken = await send(server, 'POST', `/${index}/_bulk?refresh=true&pipeline=_none`, body);
  expect(taken).toContain('"errors":false');
}
/** Sources by id, as they are stored. */
async function sources(server: Address, index: string): Promise<Record<string, unknown>> {
  const found = await send(
    server,
    'POST',
    `/${index}/_search?size=2000`,
    '{"_source":{"exclude_vectors":false}}',
  );
  const { hits } = JSON.parse(found) as { hits: { hits: { _id: string; _source: unknown }[] } };
  return Object.fromEntries(hits.hits.map(({ _id, _source }) => [_id, _source]));
}
const answer = async (server: Address, path: string) =>
  JSON.parse(await send(server, 'GET', path)) as unknown;

const INDEX = `{
  "settings":{"number_of_replicas":0,"refresh_interval":"7s","default_pipeline":"stamp",
    "analysis":{"analyzer":{"plain":{"type":"custom","tokenizer":"standard","filter":["lowercase"]}}}},
  "mappings":{"dynamic":"strict","_routing":{"required":true},"properties":{"text":{"type":"text","analyzer":"plain"},
    "long":{"type":"long"},"double":{"type":"double"},"date":{"type":"date_nanos"},"bytes":{"type":"binary"},
    "nested":{"type":"nested","properties":{"a":{"type":"keyword"}}},"free":{"type":"object","enabled":false},
    "vector":{"type":"dense_vector","dims":3,"index":false},"place":{"type":"geo_point"},"flag":{"type":"boolean"}}},
  "aliases":{"edges-current":{"is_write_index":true},"edges-flagged":{"filter":{"term":{"flag":true}}}}}`;
const EDGES: [object, string][] = [
  [
    { _id: 'é𝄞 /?#', routing: 'a b' },
    '{"text":"nul \\u0000 é𝄞 \\"\\n","long":9223372036854775807,"double":1.0,"date":"2024-02-29T23:59:59.123456789Z","bytes":"AP8=","nested":[{"a":"1"},{"a":"2"}],"free":{"deep":[1,[2.50],null,1e300]},"vector":[0.1,-1.0,3.5],"place":{"lat":52.5,"lon":13.4},"flag":true}',
  ],
  [{ _id: 'empty', routing: 'x' }, '{}'],
  [{ _id: 'large', routing: 'y' }, `{"text":"${'large '.repeat(300_000)}"}`],
];

async function fill(server: Address): Promise<void> {
  await clear(server);
  await migrate(server);
  await send(
    server,
    'PUT',
    '/_ingest/pipeline/stamp',
    '{"processors":[{"set":{"field":"flag","value":false}}]}',
  );
  await send(server, 'PUT', '/edges', INDEX);
  await bulk(server, 'edges', EDGES);
  await send(server, 'PUT', '/many', '{"settings":{"number_of_shards":3,"number_of_replicas":0}}');
  await bulk(
    server,
    'many',
    Array.from({ length: 1500 }, (_, i) => [{ _id: String(i) }, `{"number":${i}}`] as const),
  );
  await send(server, 'PUT', '/many/_settings', '{"index":{"blocks":{"write":true}}}');
  for (const day of ['01', '02', '03']) {
    const event = `{"@timestamp":"2024-01-${day}T00:00:00Z","message":"on day ${day}"}`;
    await bulk(server, 'logs-audit-platform', [
      [{ _id: `a${day}` }, event],
      [{ _id: `b${day}` }, event],
    ]);
    if (day !== '03') await send(server, 'POST', '/logs-audit-platform/_rollover');
  }
}

describe('a round trip', () => {
  beforeAll(() => fill(source), 180_000);

  test('gives a second cluster the same content, history, definitions and documents', async () => {
    const report = await driver(source).backup(copy);
    expect(report.serverVersion).toMatch(/^9\.\d+\.\d+$/);
    expect(report.schema).toEqual(platform.changes.map(({ version, checksum }) => ({ version, checksum })));
    expect(report.content).toMatchObject({
      ...{ 'index/edges': { count: 3 }, 'index/many': { count: 1500 } },
      ...{ 'stream/logs-audit-platform/1': { count: 2 }, 'stream/logs-audit-platform/3': { count: 2 } },
      // One for each change and the snapshot, not the lock.
      'index/schema-migrations': { count: platform.changes.length + 1 },
    });
    expect(await driver(source).content()).toEqual(report.content);

    await restore();
    expect(await driver(second).content()).toEqual(report.content);
    expect(await sources(second, 'edges')).toEqual(await sources(source, 'edges'));
    const raw = await send(second, 'POST', '/edges/_search', '{"query":{"term":{"flag":true}}}');
    expect(raw).toContain('"long":9223372036854775807');
    expect(await send(second, 'GET', '/edges/_doc/large?routing=y&_source=false')).toContain('"found":true');
    const events = await sources(second, 'logs-audit-platform');
    expect(Object.keys(events).sort()).toEqual(['a01', 'a02', 'a03', 'b01', 'b02', 'b03']);
    for (const path of [
      '/edges/_alias',
      '/edges/_mapping',
      '/_index_template/platform-audit',
      '/_ilm/policy/platform-audit',
    ])
      expect(await answer(second, `${path}?filter_path=-*.modified_date,-**.*_date*`)).toEqual(
        await answer(source, `${path}?filter_path=-*.modified_date,-**.*_date*`),
      );
    expect((await migrate(second)).applied).toEqual([]);
    // The true template makes the next index.
    await send(second, 'POST', '/logs-audit-platform/_rollover');
    expect(await send(second, 'GET', '/_data_stream/logs-audit-platform')).toContain(
      '"template":"platform-audit"',
    );
  });

  test('keeps the age that lifecycles count from', async () => {
    await driver(source).backup(copy);
    await restore();
    const ages = async (server: Address, name: string) => {
      const settings = await answer(server, `/logs-audit-platform/_settings/index.${name}`);
      return Object.values(settings as Record<string, { settings: { index: object } }>).map(({ settings }) =>
        JSON.stringify(settings.index).replace(/\D/g, ''),
      );
    };
    expect(await ages(second, 'lifecycle.origination_date')).toEqual(await ages(source, 'creation_date'));
  });

  test('removes what the copy does not have', async () => {
    const report = await driver(source).backup(copy);
    await clear(second);
    await send(second, 'PUT', '/other', '{"settings":{"blocks":{"read_only":true}}}');
    await send(second, 'PUT', '/edges', '{"mappings":{"properties":{"text":{"type":"long"}}}}');
    await send(second, 'PUT', '/_ingest/pipeline/other', '{"processors":[]}');
    await restore();
    expect(await driver(second).content()).toEqual(report.content);
  });

  test('keeps a log shipper that writes all the time out until it is compared', async () => {
    const report = await driver(source).backup(copy);
    const shipper = { ...second, user: 'shipper' };
    const login = JSON.stringify({ roles: ['platform_shipper'], password: second.password });
    await restore();
    await send(second, 'PUT', '/_security/user/shipper', login);
    let taken = 0;
    let stopped = false;
    const event = `{"@timestamp":"2024-02-01T00:00:00Z","message":"shipped"}`;
    const shipping = (async () => {
      while (!stopped) {
        const id = { _id: `shipped-${taken}` };
        await bulk(shipper, 'logs-audit-platform', [[id, event]]).then(
          () => taken++,
          () => undefined,
        );
      }
    })();
    try {
      await eventually('events are taken', 30_000, async () => taken > 0);
      const restoring = driver(second);
      await restoring.restore(copy.files);
      const whileCompared = taken;
      expect(await restoring.content()).toEqual(report.content);
      expect(taken).toBe(whileCompared);
      await restoring.admit();
      await eventually('events are taken again', 30_000, async () => taken > whileCompared);
    } finally {
      stopped = true;
      await shipping;
    }
  });

  test('that was interrupted is repeated', async () => {
    const report = await driver(source).backup(copy);
    const held = await HeldConnection.open(second);
    held.hold('POST /logs-audit-platform/_rollover', 'answer');
    const interrupted = driver({ ...second, host: held.host, port: held.port }).restore(copy.files);
    const failed = expect(interrupted).rejects.toThrow(/did not answer/);
    await eventually('the restore is among the indices of a stream', 60_000, async () => held.holding);
    await held.close();
    await failed;
    expect(await driver(second).content()).not.toEqual(report.content);
    await restore();
    expect(await driver(second).content()).toEqual(report.content);
  });

  test('of a damaged copy is refused and changes nothing', async () => {
    await driver(source).backup(copy);
    await clear(second);
    await send(second, 'PUT', '/kept');
    const before = await driver(second).content();
    await expect(driver(second).restore(copy.without('inventory.json'))).rejects.toThrow(
      'The copy has no inventory.json: it is incomplete. Take another set.',
    );
    await copy.damage('cluster.jsonl');
    await expect(driver(second).restore(copy.files)).rejects.toThrow(
      /^cluster\.jsonl is not what was copied/,
    );
    copy.truncate('cluster.jsonl');
    await expect(driver(second).restore(copy.files)).rejects.toThrow(
      /^cluster\.jsonl is not what was copied/,
    );
    expect(await driver(second).content()).toEqual(before);
  });

  test('is told from what somebody changed since', async () => {
    await driver(source).backup(copy);
    await restore();
    const changes: [string, string, () => Promise<unknown>][] = [
      [
        'a document',
        'index/edges',
        () => send(second, 'PUT', '/edges/_doc/empty?routing=x&pipeline=_none', '{"double":1.0}'),
      ],
      [
        'the digits of a number',
        'index/edges',
        () => send(second, 'PUT', '/edges/_doc/empty?routing=x&pipeline=_none', '{"double":1}'),
      ],
      [
        'a routing',
        'index/edges',
        () => send(second, 'PUT', '/edges/_doc/empty?routing=z&pipeline=_none', '{}'),
      ],
      [
        'a mapping',
        'index/edges',
        () => send(second, 'PUT', '/edges/_mapping', '{"properties":{"more":{"type":"keyword"}}}'),
      ],
      [
        'an event',
        'stream/logs-audit-platform/3',
        () => bulk(second, 'logs-audit-platform', [[{}, '{"@timestamp":"2024-01-04T00:00:00Z"}']]),
      ],
      [
        'a pipeline',
        'IngestPipeline',
        () => send(second, 'PUT', '/_ingest/pipeline/stamp', '{"processors":[]}'),
      ],
      [
        'an alias',
        'aliases',
        () => send(second, 'PUT', '/edges/_alias/edges-current', '{"is_write_index":false}'),
      ],
    ];
    for (const [what, where, change] of changes) {
      const before = await driver(second).content();
      await change();
      expect([what, differences(before, await driver(second).content())]).toEqual([what, [where]]);
    }
  });

  test('needs no more to read than the owner of the definitions has', async () => {
    const { cluster, indices } = ownerRole;
    const names = ['edges', 'edges-*', 'many'];
    const role = { cluster, indices: [...indices, { names, privileges: ['manage', 'read'] }] };
    const login = { roles: ['owner'], password: source.password };
    await send(source, 'PUT', '/_security/role/owner', JSON.stringify(role));
    await send(source, 'PUT', '/_security/user/owner', JSON.stringify(login));
    const report = await driver({ ...source, user: 'owner' }).backup(copy);
    expect(report.content).toEqual(await driver(source).content());
  });

  test('does not pass over a closed index', async () => {
    await send(source, 'PUT', '/shut');
    await send(source, 'POST', '/shut/_close');
    await expect(driver(source).backup(copy)).rejects.toThrow(
      'Index "shut" is closed and cannot be read. Open it, or delete it.',
    );
    await send(source, 'POST', '/shut/_open');
  });
});

test('a copy of an index is of one moment while a writer writes', async () => {
  await clear(source);
  await clear(second);
  await send(source, 'PUT', '/busy', '{"settings":{"number_of_shards":1,"number_of_replicas":0}}');
  await bulk(
    source,
    'busy',
    Array.from({ length: 1000 }, (_, i) => [{ _id: `r${i}` }, '{"number":0}'] as const),
  );
  let written = 0;
  let writing = true;
  // One request makes a document, removes the one before and counts on.
  const writer = (async () => {
    while (writing) {
      const next = ++written;
      const operations = [
        ...[{ index: { _id: `new${next}` } }, { number: next }],
        ...(next > 1 ? [{ delete: { _id: `new${next - 1}` } }] : []),
        ...[{ index: { _id: 'r0' } }, { number: next }],
      ];
      const body = operations.map((line) => `${JSON.stringify(line)}\n`).join('');
      await send(source, 'POST', '/busy/_bulk?refresh=true', body);
    }
  })();
  await eventually('the writer writes', 30_000, async () => written > 3);
  const before = written;
  const report = await driver(source).backup(copy);
  expect(written).toBeGreaterThan(before);
  writing = false;
  await writer;
  await restore();
  expect(await driver(second).content()).toEqual(report.content);
  const restored = (await sources(second, 'busy')) as Record<string, { number: number }>;
  const old = Object.keys(restored).filter((id) => id.startsWith('r'));
  expect(old).toHaveLength(1000);
});

test('changes go on from the history of an older copy', async () => {
  await clear(source);
  await clear(second);
  await migrate(source, { ...platform, changes: platform.changes.slice(0, 2) });
  const report = await driver(source).backup(copy);
  expect(report.schema.map(({ version }) => version)).toEqual(['000001', '000002']);
  await migrate(second);
  await restore();
  const { applied } = await migrate(second);
  expect(applied.map(({ version }) => version)).toEqual(
    platform.changes.slice(2).map(({ version }) => version),
  );
});
