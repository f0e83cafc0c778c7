import assert from 'node:assert/strict';
import { basicAuthorization, http, HttpError } from '../../migrations/targets/http-client';
import type { OxigraphOutputs } from '../../stacks/stores/oxigraph';
import type { StoreCase, StoreProbe } from './store-case';

const DEADLINE_MS = 3_000;
const RDFS = 'http://www.w3.org/2000/01/rdf-schema#';

/** Oxigraph as an application uses it: over the SPARQL protocol. */
export const oxigraphCase: StoreCase = {
  store: 'oxigraph',
  mayLose: false,
  victim: () => Promise.resolve('oxigraph-0'),
  async open(outputs, credentials) {
    const oxigraph = (outputs as { oxigraph: OxigraphOutputs }).oxigraph;
    const authorization = async (role: keyof OxigraphOutputs['credentials']) => {
      const { username = '', password = '' } = await credentials(oxigraph.credentials[role]);
      return basicAuthorization(username, password);
    };
    return probe(oxigraph, await authorization('app'), await authorization('readonly'));
  },
};

function probe(oxigraph: OxigraphOutputs, app: string, readonly: string): StoreProbe {
  const graph = `${oxigraph.graphs.projectPrefix}e2e`;
  const write = (body: string) => send(oxigraph.updateUrl, app, 'application/sparql-update', body);
  return {
    async write(id) {
      await write(`INSERT DATA { GRAPH <${graph}> { <urn:e2e> <urn:e2e:record> ${id} } }`);
    },
    async written() {
      const found = await select(
        oxigraph.queryUrl,
        app,
        `SELECT ?id { GRAPH <${graph}> { <urn:e2e> <urn:e2e:record> ?id } }`,
      );
      return new Set(found.map(Number));
    },
    async check() {
      await checkOntology(oxigraph, readonly);
      await checkRights(oxigraph, app, readonly);
    },
    close: () => Promise.resolve(),
  };
}

async function checkOntology({ readOnlyQueryUrl, graphs }: OxigraphOutputs, readonly: string): Promise<void> {
  const kinds = await select(
    readOnlyQueryUrl,
    readonly,
    `SELECT ?label { GRAPH <${graphs.ontology}> {
       ?class <${RDFS}subClassOf>+ <${graphs.ontology}:Activity> ; <${RDFS}label> ?label } } ORDER BY ?label`,
  );
  assert.deepEqual(kinds, ['Process', 'Step', 'Task', 'Workflow']);
}

async function checkRights(oxigraph: OxigraphOutputs, app: string, readonly: string): Promise<void> {
  const clear = (url: string, authorization: string) =>
    refusal(send(url, authorization, 'application/sparql-update', 'CLEAR GRAPH <urn:e2e:nothing>'));
  const readOnlyUpdateUrl = oxigraph.readOnlyQueryUrl.replace(/query$/, 'update');
  assert.equal(await clear(readOnlyUpdateUrl, app), 403);
  assert.equal(await clear(readOnlyUpdateUrl, readonly), 403);
  assert.equal(await clear(oxigraph.updateUrl, readonly), 403);
  assert.equal(await clear(oxigraph.updateUrl, basicAuthorization('app', 'wrong')), 401);
}

async function refusal(request: Promise<unknown>): Promise<number | undefined> {
  const error = await request.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return error instanceof HttpError ? error.status : undefined;
}

/** Values of the query's only variable. */
async function select(url: string, authorization: string, query: string): Promise<string[]> {
  const answer = JSON.parse(await send(url, authorization, 'application/sparql-query', query)) as {
    head: { vars: string[] };
    results: { bindings: Record<string, { value: string }>[] };
  };
  const [variable = ''] = answer.head.vars;
  return answer.results.bindings.map((binding) => binding[variable]!.value);
}

function send(url: string, authorization: string, type: string, body: string): Promise<string> {
  const headers = {
    authorization,
    'content-type': type,
    accept: 'application/sparql-results+json, */*;q=0.1',
  };
  return http({ method: 'POST', url, headers, body, timeoutMs: DEADLINE_MS });
}
