import { join } from 'node:path';
import { readChangeFiles } from '../../migrations/engine/change-files';
import { migrateUp } from '../../migrations/engine/runner';
import { OxigraphClient } from '../../migrations/targets/oxigraph/client';
import { sparqlFormat } from '../../migrations/targets/oxigraph/format';
import { OxigraphTarget } from '../../migrations/targets/oxigraph/target';
import { HeldConnection } from '../../migrations/testing/held-connection';
import { startOxigraph } from '../../migrations/testing/oxigraph';
import { eventually, type ScratchServer } from '../../migrations/testing/servers';
import { CopyFolder } from '../testing/copy-folder';
import { OxigraphDriver } from './oxigraph';

const platform = readChangeFiles(join(__dirname, '../../migrations/oxigraph/platform'), sparqlFormat);
const ROOT = 'urn:agent-data-platform';
let source: ScratchServer;
let second: ScratchServer;
let copy: CopyFolder;

beforeAll(async () => {
  source = await startOxigraph();
  second = await startOxigraph();
}, 360_000);
afterAll(async () => {
  await source?.stop();
  await second?.stop();
}, 120_000);
beforeEach(() => (copy = new CopyFolder()));
afterEach(() => copy.remove());

const at = ({ host, port, user, password }: Pick<ScratchServer, 'host' | 'port' | 'user' | 'password'>) => ({
  ...{ endpoint: `http://${host}:${port}`, user, password },
});
const client = (server: ScratchServer) => new OxigraphClient(at(server));
const driver = (server: ScratchServer, requestBytes?: number) =>
  new OxigraphDriver({ ...at(server), requestBytes });
const update = (server: ScratchServer, text: string) => client(server).update(text);
const select = (server: ScratchServer, query: string) => client(server).selectTerms(query);
const clear = (server: ScratchServer) => update(server, 'DROP ALL');
const migrate = (server: ScratchServer, changes = platform) =>
  migrateUp({
    target: new OxigraphTarget({ ...at(server), database: 'platform' }),
    ...{ folder: changes, folderName: 'platform', appliedBy: 'tester' },
  });

/** Little more than the largest quad of the edge cases, so that the rest takes other requests. */
const REQUEST_BYTES = 1_200_500;
const EDGES = `
  CREATE GRAPH <urn:empty> ;
  INSERT DATA {
    <urn:s> <urn:text> "nul \\u0000, tab \\t, line\\nend, \\"quoted\\", 𝄞 _:not_blank", "", "x"@en, "x"@de-AT ;
            <urn:number> 1, 1.5, 1e300, -0.0e0, "x"^^<urn:own>, "2024-02-29T00:00:00Z"^^<http://www.w3.org/2001/XMLSchema#dateTime> ;
            <urn:é> <urn:ü> .
    _:a <urn:p> _:b . _:b <urn:p> "leaf" .
    GRAPH <urn:g> { _:a <urn:q> <urn:s> . <urn:s> <urn:list> (1 2 3) }
    GRAPH <urn:agent-data-platform:project:p1> { <urn:s> <urn:p> "${'large '.repeat(200_000)}" }
  }`;

describe('a round trip', () => {
  beforeAll(async () => {
    await migrate(source);
    await update(source, EDGES);
  }, 60_000);
  afterAll(() => clear(source));
  beforeEach(() => clear(second));

  test('gives a second server the same content, history and answers', async () => {
    const report = await driver(source).backup(copy);
    expect(report.serverVersion).toMatch(/^0\.\d+\.\d+$/);
    expect(report.schema).toEqual(platform.changes.map(({ version, checksum }) => ({ version, checksum })));
    expect(report.content).toMatchObject({
      default: { count: 13 },
      'urn:g': { count: 8 },
      'urn:empty': { count: 0 },
      [`${ROOT}:project:p1`]: { count: 1 },
    });
    expect(Object.keys(report.content).filter((graph) => /:(lock|fence)/.test(graph))).toEqual([]);
    expect(await driver(source).content()).toEqual(report.content);

    await driver(second).restore(copy.files);
    expect(await driver(second).content()).toEqual(report.content);
    const terms = 'SELECT ?p ?o { <urn:s> ?p ?o } ORDER BY ?p ?o';
    expect(await select(second, terms)).toEqual(await select(source, terms));
    expect(
      await select(second, 'SELECT ?leaf { GRAPH ?g { ?a <urn:q> ?s } ?a <urn:p>/<urn:p> ?leaf }'),
    ).toEqual([['"leaf"']]);
    expect((await migrate(second)).applied).toEqual([]);
  });

  test('in several requests keeps blank nodes together', async () => {
    const nodes = Array.from(
      { length: 300 },
      (_, i) => `_:n${i} <urn:name> ${i} . _:n${i} <urn:of> _:n${i - (i % 3)} .`,
    );
    await update(source, `INSERT DATA { GRAPH <urn:many> { ${nodes.join('\n')} } }`);
    const report = await driver(source).backup(copy);
    expect(report.content['urn:many']!.count).toBe(600);
    await driver(second, REQUEST_BYTES).restore(copy.files);
    expect(await driver(second).content()).toEqual(report.content);
    await update(source, 'DROP GRAPH <urn:many>');
  });

  test('removes what the copy does not have', async () => {
    const report = await driver(source).backup(copy);
    await update(
      second,
      'CREATE GRAPH <urn:other> ; INSERT DATA { <urn:s> <urn:old> 1 . GRAPH <urn:old> { <urn:s> <urn:old> 1 } }',
    );
    await driver(second).restore(copy.files);
    expect(await driver(second).content()).toEqual(report.content);
    expect(await select(second, 'SELECT ?g { GRAPH ?g {} FILTER(?g IN (<urn:old>, <urn:other>)) }')).toEqual(
      [],
    );
  });

  test('that was interrupted is repeated', async () => {
    const report = await driver(source).backup(copy);
    const held = await HeldConnection.open(second);
    held.hold('POST /store', 'request');
    const interrupted = new OxigraphDriver({
      ...at({ ...second, ...held, port: held.port }),
      requestBytes: REQUEST_BYTES,
    }).restore(copy.files);
    const failed = expect(interrupted).rejects.toThrow(/did not answer/);
    await eventually('the first request is through', 30_000, async () => held.holding);
    await held.close();
    await failed;
    expect(await driver(second).content()).not.toEqual(report.content);
    await driver(second).restore(copy.files);
    expect(await driver(second).content()).toEqual(report.content);
  });

  test('of a damaged copy is refused and changes nothing', async () => {
    await driver(source).backup(copy);
    await update(second, 'INSERT DATA { <urn:s> <urn:kept> 1 }');
    const before = await driver(second).content();
    await expect(driver(second).restore(copy.without('inventory.json'))).rejects.toThrow(
      'The copy has no inventory.json: it is incomplete. Take another set.',
    );
    await expect(driver(second).restore(copy.without('store.nq'))).rejects.toThrow(
      'The copy has no store.nq',
    );
    await copy.damage('store.nq');
    await expect(driver(second).restore(copy.files)).rejects.toThrow(/^store\.nq is not what was copied/);
    copy.truncate('store.nq');
    await expect(driver(second).restore(copy.files)).rejects.toThrow(
      /^store\.nq is not what was copied \(\d+ of \d+ bytes, or others\)\. Nothing was restored/,
    );
    expect(await driver(second).content()).toEqual(before);
  });
});

test('a copy is of one moment while a writer writes', async () => {
  await clear(source);
  await clear(second);
  const filler = Array.from({ length: 20_000 }, (_, i) => `<urn:f${i}> <urn:p> "${i}" .`);
  await update(source, `INSERT DATA { GRAPH <urn:filler> { ${filler.join('\n')} } }`);
  let written = 0;
  let writing = true;
  // Each update moves a token to the next number, in two graphs at once.
  const writer = (async () => {
    while (writing) {
      const next = ++written;
      await update(
        source,
        `DELETE WHERE { GRAPH <urn:a> { <urn:t> <urn:n> ?n } GRAPH <urn:z> { <urn:t> <urn:n> ?n } } ;
         INSERT DATA { GRAPH <urn:a> { <urn:t> <urn:n> ${next} } GRAPH <urn:z> { <urn:t> <urn:n> ${next} } }`,
      );
    }
  })();
  await eventually('the writer writes', 30_000, async () => written > 3);
  const before = written;
  const report = await driver(source).backup(copy);
  await eventually('the writer went on', 30_000, async () => written > before);
  writing = false;
  await writer;
  await driver(second).restore(copy.files);
  expect(await driver(second).content()).toEqual(report.content);
  const tokens = await select(
    second,
    'SELECT ?a ?z { GRAPH <urn:a> { <urn:t> <urn:n> ?a } GRAPH <urn:z> { <urn:t> <urn:n> ?z } }',
  );
  expect(tokens).toHaveLength(1);
  expect(tokens[0]![0]).toBe(tokens[0]![1]);
});

test('changes go on from the history of an older copy', async () => {
  await clear(source);
  await clear(second);
  await migrate(source, { ...platform, changes: platform.changes.slice(0, 1) });
  const report = await driver(source).backup(copy);
  expect(report.schema.map(({ version }) => version)).toEqual(['000001']);
  await migrate(second);
  await driver(second).restore(copy.files);
  const { applied } = await migrate(second);
  expect(applied.map(({ version }) => version)).toEqual(
    platform.changes.slice(1).map(({ version }) => version),
  );
});
