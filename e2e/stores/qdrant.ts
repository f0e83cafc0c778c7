import assert from 'node:assert/strict';
import { QdrantClient } from '@qdrant/js-client-rest';
import { openTlsTunnel } from '../../migrations/targets/qdrant/tls-tunnel';
import type { QdrantOutputs } from '../../stacks/stores/qdrant';
import type { StoreCase, StoreProbe } from './store-case';

/** Alias that applications use; the records of the suite are points of a project of their own. */
const DOCUMENTS = 'documents';
const PROJECT = 'e2e';
const filter = { must: [{ key: 'project_id', match: { value: PROJECT } }] };
const PAGE = 1_000;

/** Vector of a record: its direction tells records apart, as cosine distance asks for. */
function vector(id: number): number[] {
  return Array.from({ length: 768 }, (_, axis) => (axis === id % 768 ? 1 : 0.01));
}

/** Qdrant as an application uses it. */
export const qdrantCase: StoreCase = {
  store: 'qdrant',
  mayLose: false,
  victim: () => Promise.resolve('qdrant-0'),
  async open(outputs, credentials) {
    const { qdrant } = outputs as { qdrant: Omit<QdrantOutputs, 'tls'> & { tls: { ca: string } } };
    const { host, httpPort: port, tls, credentials: secrets } = qdrant;
    const { url, close } = await openTlsTunnel({ host, port, ca: tls.ca, serverName: host });
    const clientOf = async (secret: keyof QdrantOutputs['credentials']) => {
      const { apiKey } = await credentials(secrets[secret]);
      const headers = { 'api-key': apiKey };
      return () => new QdrantClient({ url, headers, timeout: 3_000, checkCompatibility: false });
    };
    const readonly = await clientOf('readonly');
    return probe(await clientOf('app'), readonly(), close);
  },
};

function probe(connect: () => QdrantClient, readonly: QdrantClient, close: () => Promise<void>): StoreProbe {
  let app = connect();
  return {
    async write(id) {
      const point = { id, vector: { dense: vector(id) }, payload: { project_id: PROJECT } };
      try {
        const { status } = await app.upsert(DOCUMENTS, { wait: true, points: [point] });
        assert.equal(status, 'completed');
      } catch (error) {
        // A connection opened while the Service had no pod may have left the cluster, and would be kept alive.
        app = connect();
        throw error;
      }
    },
    async written() {
      const ids = new Set<number>();
      let offset: number | undefined;
      do {
        const page = await app.scroll(DOCUMENTS, { filter, limit: PAGE, offset, with_payload: false });
        for (const { id } of page.points) ids.add(Number(id));
        offset = (page.next_page_offset ?? undefined) as number | undefined;
      } while (offset !== undefined);
      return ids;
    },
    async check() {
      await checkSchema(app);
      await checkSearch(app, readonly);
      await checkRights(app, readonly);
    },
    close,
  };
}

async function checkSchema(app: QdrantClient): Promise<void> {
  const { collections } = await app.getCollections();
  assert.deepEqual(collections.map(({ name }) => name).toSorted(), [
    'agent_capabilities',
    'document_embeddings',
    'recommendations',
    'semantic_search',
    'tool_descriptions',
  ]);
  const { aliases } = await app.getAliases();
  const targets = Object.fromEntries(
    aliases.map(({ alias_name, collection_name }) => [alias_name, collection_name]),
  );
  assert.deepEqual(targets, { documents: 'document_embeddings', search: 'semantic_search' });
  const { config, payload_schema } = await app.getCollection(DOCUMENTS);
  assert.deepEqual(Object.keys(config.params.vectors!), ['dense']);
  assert.deepEqual(config.params.sparse_vectors, { text: { modifier: 'idf' } });
  assert.deepEqual(payload_schema.project_id!.params, { type: 'keyword', is_tenant: true });
}

/** Hybrid search finds a record by its vector and by its words, with the read-only token too. */
async function checkSearch(app: QdrantClient, readonly: QdrantClient): Promise<void> {
  const id = 1_000_000_007;
  const words = { indices: [7], values: [1] };
  const point = { id, vector: { dense: vector(id), text: words }, payload: { project_id: 'e2e-search' } };
  await app.upsert(DOCUMENTS, { wait: true, points: [point] });
  for (const client of [app, readonly]) {
    const { points } = await client.query(DOCUMENTS, {
      prefetch: [
        { query: vector(id), using: 'dense' },
        { query: words, using: 'text' },
      ],
      query: { fusion: 'rrf' },
      filter: { must: [{ key: 'project_id', match: { value: 'e2e-search' } }] },
    });
    assert.deepEqual(
      points.map((found) => found.id),
      [id],
    );
  }
  await app.delete(DOCUMENTS, { wait: true, points: [id] });
}

async function checkRights(app: QdrantClient, readonly: QdrantClient): Promise<void> {
  const forbidden = { status: 403 };
  await assert.rejects(app.deleteCollection('document_embeddings'), forbidden);
  await assert.rejects(app.getCollection('schema_migrations'), forbidden);
  await assert.rejects(readonly.upsert(DOCUMENTS, { points: [{ id: 1, vector: {} }] }), forbidden);
  await assert.rejects(readonly.delete(DOCUMENTS, { points: [1] }), forbidden);
  await assert.rejects(readonly.deleteCollection('document_embeddings'), forbidden);
}
