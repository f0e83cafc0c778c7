import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readChangeFiles } from '../../engine/change-files';
import { LockTimeoutError } from '../../engine/errors';
import { isUnreachable } from '../../engine/retry';
import { migrateDown, migrateUp } from '../../engine/runner';
import { TemporaryFolder } from '../../testing/change-folder';
import { startOxigraph } from '../../testing/oxigraph';
import { roundTrips } from '../../testing/round-trip';
import type { ScratchServer } from '../../testing/servers';
import { OxigraphClient } from './client';
import { sparqlFormat } from './format';
import { loadRdfFile } from './loader';
import { projectGraph } from './names';
import { OxigraphTarget } from './target';

const platform = readChangeFiles(join(__dirname, '../../oxigraph/platform'), sparqlFormat);
let server: ScratchServer;
let client: OxigraphClient;
let folder: TemporaryFolder;
let number = 0;
/** A history and a graph of its own for each test. */
let database: string;

const connection = () => ({
  endpoint: `http://${server.host}:${server.port}`,
  user: server.user,
  password: server.password,
});

beforeAll(async () => {
  server = await startOxigraph();
  client = new OxigraphClient(connection());
}, 180_000);
afterAll(() => server?.stop(), 60_000);
beforeEach(() => {
  database = `test${++number}`;
  folder = new TemporaryFolder({
    '000001-a.sparql': change(`CREATE GRAPH <${graph('a')}>`, `DROP GRAPH <${graph('a')}>`),
  });
});
afterEach(() => folder?.remove());

const graph = (suffix: string) => `urn:${database}:${suffix}`;
const change = (up: string, down = 'CLEAR SILENT GRAPH <urn:none>') =>
  `# migrate:up\n${up}\n# migrate:down\n${down}\n`;
const target = () => new OxigraphTarget({ ...connection(), database });
const options = (changes = readChangeFiles(folder.path, sparqlFormat)) => ({
  target: target(),
  folder: changes,
  folderName: 'folder',
  appliedBy: 'tester',
});
const graphs = async () =>
  (await client.select('SELECT ?g { GRAPH ?g {} }'))
    .map((row) => row.g!)
    .filter((name) => name.startsWith(`urn:${database}:`))
    .sort();

describe('the platform ontology', () => {
  test('answers SPARQL, and each change goes away whole and comes again the same', async () => {
    await roundTrips(target(), platform);
    const activities = await client.select(
      `PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#>
       SELECT ?label { GRAPH <urn:agent-data-platform:ontology> {
         ?class rdfs:subClassOf+ <urn:agent-data-platform:ontology:Activity> ; rdfs:label ?label } } ORDER BY ?label`,
    );
    expect(activities.map((row) => row.label)).toEqual(['Process', 'Step', 'Task', 'Workflow']);
    const before = await target().schema();
    expect(before).toContain('graph <urn:agent-data-platform:ontology>');
    expect(before).toContain(
      'resource <urn:agent-data-platform:ontology:Agent> <urn:agent-data-platform:ontology:nodeLabel> "Agent" <urn:agent-data-platform:ontology>',
    );
    expect(await target().snapshot()).toEqual({ version: '000002', schema: before });
    await migrateDown({ ...options(platform), to: '000001' });
    expect((await target().schema()).filter((line) => /Project|prefix/.test(line))).toEqual([]);
    await migrateDown(options(platform));
    expect(await target().schema()).toEqual([]);
  });

  test('data of projects is no definition', async () => {
    await client.update(`INSERT DATA { GRAPH <${projectGraph('p1')}> { <urn:a> <urn:b> 1 } }`);
    expect(await target().schema()).toEqual([]);
    await client.update(`DROP GRAPH <${projectGraph('p1')}>`);
  });
});

test('keeps the history in the store and has nothing to do the second time', async () => {
  expect(await target().applied()).toEqual([]);
  const { applied } = await migrateUp(options());
  expect(applied[0]).toMatchObject({
    version: '000001',
    description: 'a',
    appliedBy: 'tester',
    rollback: `DROP GRAPH <${graph('a')}>;`,
  });
  expect(await target().applied()).toEqual(applied);
  expect(await migrateUp(options())).toEqual({ history: applied, applied: [] });
});

test('a version that two runners recorded, because the server outlasted the first, is one entry', async () => {
  const { applied } = await migrateUp(options());
  const history = 'urn:agent-data-platform:schema-migrations';
  const fields = { appliedAt: '2999-01-01T00:00:00.000Z', appliedBy: 'other', durationMs: '1' };
  for (const [field, value] of Object.entries(fields)) {
    const triple = `<${history}:${database}:000001> <${history}:${field}> "${value}"`;
    await client.update(`INSERT DATA { GRAPH <${history}> { ${triple} } }`);
  }
  expect((await target().applied()).map(({ version, checksum }) => [version, checksum])).toEqual([
    ['000001', applied[0]!.checksum],
  ]);
  expect((await migrateDown(options())).map(({ version }) => version)).toEqual(['000001']);
  expect(await target().applied()).toEqual([]);
});

test('text with quotes, line ends and other scripts comes back from the history as it was', async () => {
  const down = `DELETE DATA { GRAPH <${graph('a')}> { <urn:a> <urn:b> """it's "x"\n\\\\ ж\r""" } }`;
  folder.write({ '000001-a.sparql': change(down.replace('DELETE', 'INSERT'), down) });
  await migrateUp(options());
  expect((await target().applied())[0]!.rollback).toBe(`${down.replace('\r', '\n')};`);
  await migrateDown(options());
});

test('a change that fails in its middle leaves nothing, and those before it stay', async () => {
  folder.write({
    '000002-b.sparql': change(`CREATE GRAPH <${graph('b')}> ;\nDROP GRAPH <${graph('missing')}> ;`),
    '000003-c.sparql': change(`CREATE GRAPH <${graph('c')}>`),
  });
  const result = await migrateUp(options());
  expect(result.failed!.error.message).toBe(
    `000002-b.sparql: statement 2 failed at line 3: The graph <${graph('missing')}> does not exist.`,
  );
  expect(result.history.map((entry) => entry.version)).toEqual(['000001']);
  expect(await graphs()).toEqual([graph('a')]);
  folder.write({ '000002-b.sparql': change(`CREATE GRAPH <${graph('b')}>`) });
  expect((await migrateUp(options())).applied.map((entry) => entry.version)).toEqual(['000002', '000003']);
});

test('a change of five megabytes is applied and reverted', async () => {
  const triples = Array.from(
    { length: 60_000 },
    (_, index) => `<urn:resource:${index}> <urn:label> "The resource with the number ${index}" .`,
  ).join('\n');
  const data = `GRAPH <${graph('big')}> {\n${triples}\n}`;
  folder.write({ '000002-big.sparql': change(`INSERT DATA { ${data} }`, `DROP GRAPH <${graph('big')}>`) });
  await migrateUp(options());
  const [row] = await client.select(`SELECT (COUNT(*) AS ?n) { GRAPH <${graph('big')}> { ?s ?p ?o } }`);
  expect(row).toEqual({ n: '60000' });
  await migrateDown({ ...options(), to: '000001' });
  expect(await graphs()).toEqual([graph('a')]);
}, 300_000);

describe('the lock', () => {
  test('a held lock is named with its holder after the wait, and free after its release', async () => {
    const lock = await target().lock({ holder: 'ci@build-1', waitMs: 0 });
    const waiting = target().lock({ holder: 'me', waitMs: 300 });
    await expect(waiting).rejects.toThrow(LockTimeoutError);
    await expect(waiting).rejects.toThrow(/ is held by ci@build-1 and was not free within 0\.3 s\./);
    await lock.release();
    await (await target().lock({ holder: 'me', waitMs: 0 })).release();
    expect(
      (await client.select('SELECT ?g { GRAPH ?g {} }')).filter((row) => row.g!.includes(':fence:')),
    ).toEqual([]);
  });

  test('a holder whose heartbeats go on is not taken over', async () => {
    const lock = await target().lock({ holder: 'slow', waitMs: 0 });
    await expect(target().lock({ holder: 'me', waitMs: 6_000 })).rejects.toThrow('is held by slow');
    await lock.release();
  }, 20_000);

  test('a runner whose ticket was removed by another one can change nothing', async () => {
    const stale = target();
    const lock = await stale.lock({ holder: 'stale', waitMs: 0 });
    for (const { g } of await client.select('SELECT ?g { GRAPH ?g {} }'))
      if (g!.includes(':fence:')) await client.update(`DROP GRAPH <${g}>`);
    await expect(
      stale.apply(readChangeFiles(folder.path, sparqlFormat).changes[0]!, 'stale'),
    ).rejects.toThrow(/was taken over by another runner; run again\./);
    expect([await graphs(), await stale.applied()]).toEqual([[], []]);
    await lock.release();
  });
});

test('a server that is away is told from one that refuses', async () => {
  const nobody = new OxigraphTarget({
    endpoint: 'http://127.0.0.1:9',
    user: 'owner',
    password: 'x',
    database,
  });
  const error = await nobody.applied().catch((reason: unknown) => reason);
  expect(isUnreachable(error)).toBe(true);
  const refusal = await client.update('DROP GRAPH <urn:missing>').catch((reason: unknown) => reason);
  expect(isUnreachable(refusal)).toBe(false);
});

describe('the loader', () => {
  const write = (name: string, text: string) => {
    const file = join(folder.path, name);
    writeFileSync(file, text);
    return file;
  };
  const triples = async (project: string) =>
    (await client.selectTerms(`SELECT ?s ?p ?o { GRAPH <${projectGraph(project)}> { ?s ?p ?o } }`)).sort();
  const named = (key: string) => `<urn:agent-data-platform:ontology:${key}>`;

  test('loads Turtle and JSON-LD into the same resources', async () => {
    const turtle = write(
      'a.ttl',
      '@prefix adp: <urn:agent-data-platform:ontology:> .\n<urn:node:Document:1> a adp:Document ; adp:about <urn:node:Concept:7> .\n',
    );
    const jsonLd = write(
      'a.jsonld',
      JSON.stringify({
        '@context': {
          adp: 'urn:agent-data-platform:ontology:',
          about: { '@id': 'adp:about', '@type': '@id' },
        },
        '@id': 'urn:node:Document:1',
        '@type': 'adp:Document',
        about: 'urn:node:Concept:7',
      }),
    );
    const expected = [
      ['<urn:node:Document:1>', '<http://www.w3.org/1999/02/22-rdf-syntax-ns#type>', named('Document')],
      ['<urn:node:Document:1>', named('about'), '<urn:node:Concept:7>'],
    ];
    await loadRdfFile(connection(), { file: turtle, graph: projectGraph('turtle') });
    expect(await triples('turtle')).toEqual(expected);
    await loadRdfFile(connection(), { file: jsonLd, graph: projectGraph('json') });
    expect(await triples('json')).toEqual(expected);
    const other = write('b.ttl', '<urn:x> <urn:y> <urn:z> .');
    await loadRdfFile(connection(), { file: other, graph: projectGraph('json') });
    expect(await triples('json')).toHaveLength(3);
    await loadRdfFile(connection(), { file: other, graph: projectGraph('json'), mode: 'replace' });
    expect(await triples('json')).toEqual([['<urn:x>', '<urn:y>', '<urn:z>']]);
  });

  test.each([
    [
      'bad.ttl',
      '<urn:a> <urn:b> 1 .\n<urn:a> oops 2 .\n',
      /^bad\.ttl is not valid and nothing of it was loaded: .*line 2/,
    ],
    ['bad.jsonld', '{\n "@id": [}', /^bad\.jsonld is not valid and nothing of it was loaded: .*line 2/],
  ])('%s: the error has the line, and nothing is loaded', async (name, text, message) => {
    const file = write(name, text);
    await expect(loadRdfFile(connection(), { file, graph: projectGraph('bad') })).rejects.toThrow(message);
    expect(await triples('bad')).toEqual([]);
  });

  test('refuses other formats, large files and names that are no IRI', async () => {
    const file = write('a.ttl', '<urn:x> <urn:y> <urn:z> .');
    const load = (settings: object) =>
      loadRdfFile(connection(), { file, graph: projectGraph('p'), ...settings });
    await expect(load({ file: 'a.csv' })).rejects.toThrow('a.csv must end with .ttl or .jsonld');
    await expect(load({ maxBytes: 10 })).rejects.toThrow(
      `${file} has 25 bytes, and at most 10 are loaded at once`,
    );
    await expect(load({ graph: 'no iri' })).rejects.toThrow(
      'A graph is named by an absolute IRI, got "no iri".',
    );
  });
});
