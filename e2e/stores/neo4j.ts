import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import neo4j, { type Driver, type RecordShape } from 'neo4j-driver';
import type { Neo4jOutputs } from '../../stacks/stores/neo4j';
import type { StoreCase, StoreProbe } from './store-case';

const DEADLINE_MS = 3_000;
const ONTOLOGY = 'urn:agent-data-platform:ontology:';

/** Neo4j as an application uses it. */
export const neo4jCase: StoreCase = {
  store: 'neo4j',
  mayLose: false,
  victim: () => Promise.resolve('neo4j-0'),
  async open(outputs, credentials) {
    const { neo4j: contract } = outputs as { neo4j: Omit<Neo4jOutputs, 'tls'> & { tls: { ca: string } } };
    const { uri, database, edition, tls, credentials: secrets } = contract;
    const { username = '', password = '' } = await credentials(secrets.app);
    const folder = await mkdtemp(join(tmpdir(), 'neo4j-ca-'));
    const authority = join(folder, 'ca.crt');
    await writeFile(authority, tls.ca);
    // The scheme with "+s" takes authorities from the environment at the start of the process.
    const driver = neo4j.driver(uri.replace(/^neo4j\+s:/, 'neo4j:'), neo4j.auth.basic(username, password), {
      encrypted: 'ENCRYPTION_ON',
      trust: 'TRUST_CUSTOM_CA_SIGNED_CERTIFICATES',
      trustedCertificates: [authority],
      disableLosslessIntegers: true,
      connectionTimeout: 2_000,
      connectionAcquisitionTimeout: 2_000,
      maxTransactionRetryTime: 1_000,
    });
    const close = async () => {
      await driver.close();
      await rm(folder, { recursive: true });
    };
    return { ...probe(driver, database, edition), close };
  },
};

function probe(
  driver: Driver,
  database: string,
  edition: Neo4jOutputs['edition'],
): Omit<StoreProbe, 'close'> {
  const run = async <Row extends RecordShape>(query: string, values: object = {}): Promise<Row[]> => {
    const { records } = await driver.executeQuery<{ records: { toObject(): Row }[] }>(query, values, {
      database,
    });
    return records.map((record) => record.toObject());
  };
  return {
    async write(id) {
      await inTime(run('MERGE (:EndToEnd {id: $id})', { id }));
    },
    async written() {
      return new Set((await run<{ id: number }>('MATCH (n:EndToEnd) RETURN n.id AS id')).map(({ id }) => id));
    },
    async check() {
      await checkSchema(run);
      await checkSearch(run);
      if (edition === 'enterprise') await checkRoles(run);
    },
  };
}

type Run = <Row extends RecordShape>(query: string, values?: object) => Promise<Row[]>;

/** A connection to a pod that is gone may stay open without an answer. */
async function inTime<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${DEADLINE_MS} ms`)), DEADLINE_MS);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

async function checkSchema(run: Run): Promise<void> {
  const constraints = await run<{ name: string }>('SHOW CONSTRAINTS YIELD name RETURN name');
  const names = new Set(constraints.map(({ name }) => name));
  const missing = ['document_id', 'ontology_class_iri', 'process_id', 'agent_id', 'task_id'].filter(
    (name) => !names.has(name),
  );
  assert.deepEqual(missing, []);
  const indexes = await run<{ state: string; count: number }>(
    'SHOW INDEXES YIELD state RETURN state, count(*) AS count',
  );
  assert.deepEqual(
    indexes.map(({ state }) => state),
    ['ONLINE'],
  );
  const classes = await run<{ iri: string }>(
    'MATCH (:OntologyClass {iri: $task})-[:SUBCLASS_OF*]->(c) RETURN c.iri AS iri ORDER BY iri',
    { task: `${ONTOLOGY}Task` },
  );
  assert.deepEqual(
    classes.map(({ iri }) => iri.slice(ONTOLOGY.length)),
    ['Activity', 'Step', 'Thing'],
  );
}

/** A chunk is found by its vector, and its id is taken. */
async function checkSearch(run: Run): Promise<void> {
  const embedding = Array.from({ length: 768 }, (_, axis) => (axis === 7 ? 1 : 0.01));
  await run('MERGE (c:Chunk {id: $id}) SET c.embedding = $embedding', { id: 'e2e', embedding });
  const found = await run<{ id: string }>(
    "CALL db.index.vector.queryNodes('chunk_embedding', 1, $embedding) YIELD node RETURN node.id AS id",
    { embedding },
  );
  assert.deepEqual(found, [{ id: 'e2e' }]);
  await assert.rejects(run('CREATE (:Chunk {id: $id})', { id: 'e2e' }), {
    code: 'Neo.ClientError.Schema.ConstraintValidationFailed',
  });
  await run('MATCH (c:Chunk {id: $id}) DELETE c', { id: 'e2e' });
}

/** Community has no roles: there the application's user may do everything. */
async function checkRoles(run: Run): Promise<void> {
  await assert.rejects(run('CREATE INDEX e2e_forbidden FOR (n:EndToEnd) ON (n.id)'), {
    code: 'Neo.ClientError.Security.Forbidden',
  });
}
