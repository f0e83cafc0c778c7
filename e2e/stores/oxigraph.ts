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
    const { oxigraph } = outputs as { oxigraph: Oxigraph };
    const authorization = async (role: keyof OxigraphOutputs['credentials']) => {
      const { username = '', password = '' } = await credentials(oxigraph.credentials[role]);
      return basicAuthorization(username, password);
    };
    const roles = ['app', 'readonly', 'backup', 'monitor'] as const;
    const found = await Promise.all(roles.map(async (role) => [role, await authorization(role)] as const));
    return probe(oxigraph, Object.fromEntries(found) as Authorizations);
  },
};

/** What each role sends to be known. */
type Authorizations = Readonly<Record<keyof OxigraphOutputs['credentials'], string>>;
/** The outputs as JSON. */
type Oxigraph = Omit<OxigraphOutputs, 'tls'> & { readonly tls: { readonly ca: string } };

function probe(oxigraph: Oxigraph, logins: Authorizations): StoreProbe {
  const { app } = logins;
  const { send, select } = clientOf(oxigraph);
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
      await checkOntology(oxigraph, logins);
      await checkRights(oxigraph, logins);
    },
    close: () => Promise.resolve(),
  };
}

async function checkOntology(oxigraph: Oxigraph, { readonly }: Authorizations): Promise<void> {
  const { readOnlyQueryUrl, graphs } = oxigraph;
  const kinds = await clientOf(oxigraph).select(
    readOnlyQueryUrl,
    readonly,
    `SELECT ?label { GRAPH <${graphs.ontology}> {
       ?class <${RDFS}subClassOf>+ <${graphs.ontology}:Activity> ; <${RDFS}label> ?label } } ORDER BY ?label`,
  );
  assert.deepEqual(kinds, ['Process', 'Step', 'Task', 'Workflow']);
}

async function checkRights(oxigraph: Oxigraph, logins: Authorizations): Promise<void> {
  const { app, readonly, backup, monitor } = logins;
  const { send, get } = clientOf(oxigraph);
  const clear = (url: string, authorization: string) =>
    refusal(send(url, authorization, 'application/sparql-update', 'CLEAR GRAPH <urn:e2e:nothing>'));
  const beside = (path: string) => oxigraph.readOnlyQueryUrl.replace(/query$/, path);
  for (const reader of [app, readonly, backup, monitor])
    assert.equal(await clear(beside('update'), reader), 403);
  for (const reader of [readonly, backup, monitor])
    assert.equal(await clear(oxigraph.updateUrl, reader), 403);
  assert.equal(await clear(oxigraph.updateUrl, basicAuthorization('app', 'wrong')), 401);
  const dump = await get(beside('store'), backup);
  assert.ok(dump.includes(`<${oxigraph.graphs.ontology}> .`), 'a backup has every graph');
  assert.equal(await refusal(get(beside('store'), readonly)), 403);
  await get(beside('health'), monitor);
  assert.equal(await refusal(get(beside('store'), monitor)), 403);
  assert.equal(await refusal(get(beside('health').replace('https:', 'http:'), monitor)), 400);
}

async function refusal(request: Promise<unknown>): Promise<number | undefined> {
  const error = await request.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return error instanceof HttpError ? error.status : undefined;
}

function clientOf({ tls: { ca } }: Oxigraph) {
  const trust = (url: string) => ({ url, tls: { ca, serverName: new URL(url).hostname } });
  const get = (url: string, authorization: string) => {
    const headers = { authorization, accept: 'application/n-quads, */*;q=0.1' };
    return http({ method: 'GET', ...trust(url), headers, timeoutMs: DEADLINE_MS });
  };
  const send = (url: string, authorization: string, type: string, body: string) => {
    const headers = {
      authorization,
      'content-type': type,
      accept: 'application/sparql-results+json, */*;q=0.1',
    };
    return http({ method: 'POST', ...trust(url), headers, body, timeoutMs: DEADLINE_MS });
  };
  /** Values of the query's only variable. */
  const select = async (url: string, authorization: string, query: string): Promise<string[]> => {
    const answer = JSON.parse(await send(url, authorization, 'application/sparql-query', query)) as {
      head: { vars: string[] };
      results: { bindings: Record<string, { value: string }>[] };
    };
    const [variable = ''] = answer.head.vars;
    return answer.results.bindings.map((binding) => binding[variable]!.value);
  };
  return { get, send, select };
}
