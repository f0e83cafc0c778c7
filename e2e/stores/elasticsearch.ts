import assert from 'node:assert/strict';
import { Client, errors } from '@elastic/elasticsearch';
import { eventually } from '../../migrations/testing/servers';
import type { ElasticsearchOutputs } from '../../stacks/stores/elasticsearch';
import type { StoreCase, StoreProbe } from './store-case';

const DEADLINE_MS = 3_000;
/** The log shipper starts last. */
const AUDIT_WITHIN_MS = 60_000;

/** Elasticsearch as an application uses it: over TLS, as the login of applications. */
export const elasticsearchCase: StoreCase = {
  store: 'elasticsearch',
  // One node with its volume: a write is acknowledged after its translog is synced.
  mayLose: false,
  victim: () => Promise.resolve('elasticsearch-es-default-0'),
  async open(outputs, credentials) {
    const { elasticsearch } = outputs as { elasticsearch: ElasticsearchOutputs };
    const { tls, credentials: secrets } = elasticsearch;
    const { certificateAuthority: ca } = await credentials(tls.caSecret);
    const as = async (login: keyof typeof secrets) => {
      const { username = '', password = '' } = await credentials(secrets[login]);
      return new Client({
        node: elasticsearch.url,
        auth: { username, password },
        tls: { ca },
        requestTimeout: DEADLINE_MS,
        maxRetries: 0,
      });
    };
    return probe(elasticsearch, await as('app'), await as('readonly'), await as('auditor'));
  },
};

function probe(
  { documents, dataStreams, serverLogs }: ElasticsearchOutputs,
  app: Client,
  reader: Client,
  auditor: Client,
): StoreProbe {
  return {
    async write(id) {
      await app.index({
        index: documents.alias,
        id: `e2e-${id}`,
        document: { document_id: `e2e-${id}`, type: 'e2e' },
      });
    },
    async written() {
      await app.indices.refresh({ index: documents.alias });
      const query = { term: { type: 'e2e' } };
      const ids = new Set<number>();
      for await (const hit of app.helpers.scrollDocuments<{ document_id: string }>({
        index: documents.alias,
        query,
        size: 1_000,
      })) {
        ids.add(Number(hit.document_id.slice('e2e-'.length)));
      }
      return ids;
    },
    async check() {
      await checkStreams(app, Object.values(dataStreams));
      await checkSearch(app, documents);
      await checkRights(app, reader, documents.alias, dataStreams.logs);
      await checkAudit(auditor, reader, serverLogs.audit);
    },
    close: async () => void (await Promise.all([app.close(), reader.close(), auditor.close()])),
  };
}

async function checkStreams(app: Client, streams: readonly string[]): Promise<void> {
  for (const index of streams) {
    const event = {
      '@timestamp': new Date().toISOString(),
      message: 'Authorization: Bearer abc',
      event: { id: 'e2e' },
    };
    const { _id, _index } = await app.index({ index, op_type: 'create', document: event, refresh: true });
    const { _source: stored } = await app.get<typeof event & { event: { ingested?: string } }>({
      index: _index,
      id: _id!,
    });
    assert.equal(stored!.message, 'Authorization: Bearer [removed]');
    assert.ok(stored!.event.ingested);
  }
}

async function checkSearch(
  app: Client,
  { alias, searchTemplate }: ElasticsearchOutputs['documents'],
): Promise<void> {
  const document = { document_id: 'guide', title: 'A guide to large language models', type: 'guide' };
  await app.index({ index: alias, id: 'guide', document, refresh: true });
  const { hits, aggregations } = await app.searchTemplate<typeof document>({
    index: alias,
    id: searchTemplate,
    params: { query: 'llm', filters: [{ term: { type: 'guide' } }] },
  });
  assert.deepEqual(
    hits.hits.map((hit) => hit._id),
    ['guide'],
  );
  assert.deepEqual((aggregations!.types as { buckets: object[] }).buckets, [{ key: 'guide', doc_count: 1 }]);
}

async function checkRights(app: Client, reader: Client, alias: string, logs: string): Promise<void> {
  assert.equal(await refusal(app.indices.delete({ index: 'documents-000001' })), 403);
  assert.equal(await refusal(app.deleteByQuery({ index: logs, query: { match_all: {} } })), 403);
  assert.equal(await refusal(app.search({ index: 'schema-migrations' })), 403);
  assert.equal(await refusal(app.cluster.putSettings({ persistent: { 'cluster.name': 'x' } })), 403);
  assert.equal(await refusal(reader.index({ index: alias, document: { title: 'x' } })), 403);
  assert.ok((await reader.count({ index: logs })).count > 0);
}

/** What the migrations of PostgreSQL did is in the audit trail, which only auditors read. */
async function checkAudit(auditor: Client, reader: Client, index: string): Promise<void> {
  const filter = [
    { term: { 'event.dataset': 'postgresql.audit' } },
    { term: { 'database.statement.class': 'DDL' } },
  ];
  await eventually('the audit trail of PostgreSQL is there', AUDIT_WITHIN_MS, async () => {
    return (await auditor.count({ index, query: { bool: { filter } } })).count > 0;
  });
  assert.equal(await refusal(reader.search({ index })), 403);
  assert.equal(await refusal(auditor.deleteByQuery({ index, query: { match_all: {} } })), 403);
}

async function refusal(request: Promise<unknown>): Promise<number | undefined> {
  const error = await request.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return error instanceof errors.ResponseError ? error.statusCode : undefined;
}
