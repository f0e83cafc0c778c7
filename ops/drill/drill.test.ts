import * as fs from 'node:fs';
import * as path from 'node:path';
import { text } from 'node:stream/consumers';
import type { Invariant } from '../../migrations/invariants/invariants';
import type { Asker } from '../invariants/asker';
import type { ScratchStore } from '../scratch/scratch-store';
import { RecordingDriver, textsOf, TwoSets } from '../testing/two-sets';
import { drillSet } from './drill';
import { DrillRecords } from './record';

let two: TwoSets;
let started: Record<string, RecordingDriver>;
let stopped: string[];
beforeEach(async () => {
  two = await TwoSets.create('plain');
  [started, stopped] = [{}, []];
});
afterEach(() => two.remove());

const DAY_SECONDS = 24 * 3600;
const asker = (rows: Asker['rows']): Asker => ({ rows, close: async () => undefined });

/** An invariant of the store `one`, which asks for rows of that name. */
const invariant = (query: string, store = 'one') =>
  ({
    store,
    name: `${store}/platform/${query}`,
    description: query,
    sha256: 'x',
    query,
  }) as unknown as Invariant;

/** Drills the newer set, whose copies are a day old. */
function drill({
  manifest = two.newer,
  invariants = [] as Invariant[],
  rpoSeconds = DAY_SECONDS,
  rows = (async () => []) as Asker['rows'],
  start = async (_store: string) => undefined as unknown,
}) {
  return drillSet(two.sets, manifest, {
    ...{ identities: [two.identity], invariants, rtoSeconds: 60, rpoSeconds },
    now: () => two.clock,
    progress: () => undefined,
    startScratch: async (store): Promise<ScratchStore> => {
      await start(store);
      const driver = new RecordingDriver();
      started[store] = driver;
      return { driver, ask: async () => asker(rows), stop: async () => void stopped.push(store) };
    },
  });
}

const records = () => new DrillRecords(two.sets.repository);

test('all stores are restored beside each other, and the record says what was reached', async () => {
  const { record } = await drill({ invariants: [invariant('fine'), invariant('elsewhere', 'three')] });
  expect(Object.fromEntries(Object.entries(started).map(([name, { restores }]) => [name, restores]))).toEqual(
    Object.fromEntries(Object.entries(textsOf('newer')).map(([name, texts]) => [name, [texts]])),
  );
  expect(stopped).toEqual(['one', 'two']);
  expect(record).toEqual({
    format: 1,
    id: expect.stringMatching(/^20300103T000000Z-[a-f0-9]{6}$/),
    ...{ set: two.newer.id, platform: 'data', problems: [] },
    ...{ startedAt: '2030-01-03T00:00:00.000Z', finishedAt: '2030-01-03T00:00:00.000Z' },
    rto: { targetSeconds: 60, reachedSeconds: 0 },
    rpo: { targetSeconds: DAY_SECONDS, reachedSeconds: DAY_SECONDS },
    stores: {
      one: { ageSeconds: DAY_SECONDS, restoredInSeconds: expect.any(Number), entries: 1 },
      two: { ageSeconds: DAY_SECONDS, restoredInSeconds: expect.any(Number), entries: 1 },
    },
    invariants: [
      { name: 'one/platform/fine', sha256: 'x', state: 'holds', violations: 0 },
      { name: 'three/platform/elsewhere', sha256: 'x', state: 'unchecked', violations: 0 },
    ],
  });
  expect(await records().newest()).toEqual(record);
  expect((await two.sets.list()).map(({ verifiedAt }) => verifiedAt)).toEqual([
    undefined,
    '2030-01-03T00:00:00.000Z',
  ]);
});

test('data that violates an invariant fails the drill, and is not in the record', async () => {
  const { record, results } = await drill({
    invariants: [invariant('orphans'), invariant('refused')],
    rows: async (query) => {
      if (query === 'refused') throw new Error('no such table');
      return [
        ['ada', '1'],
        ['grace', '2'],
      ];
    },
  });
  expect(record.problems).toEqual([
    'one/platform/orphans is violated 2 times',
    'one/platform/refused could not be checked',
  ]);
  expect(results.map(({ examples }) => examples)).toEqual([['ada, 1', 'grace, 2'], ['no such table']]);
  const stored = await two.sets.repository.get(`drills/${record.id}.json`);
  expect(await text(stored)).not.toContain('ada');
  expect((await two.sets.list()).at(-1)!.verifiedAt).toBeUndefined();
});

test('a copy that is too old fails the drill, but its restore is proven', async () => {
  const { record } = await drill({ rpoSeconds: DAY_SECONDS - 1 });
  expect(record.problems).toEqual(
    ['one', 'two'].map((store) => `the copy of ${store} was 86400 s old instead of at most 86399 s`),
  );
  expect((await two.sets.list()).at(-1)!.verifiedAt).toBe('2030-01-03T00:00:00.000Z');
});

test('a recovery that takes too long fails the drill', async () => {
  const { record } = await drill({
    start: async () => void (two.clock = new Date('2030-01-03T00:00:30.5Z')),
    invariants: [invariant('slow')],
    rows: async () => {
      two.clock = new Date('2030-01-03T00:01:00.1Z');
      return [];
    },
  });
  expect(record.rto).toEqual({ targetSeconds: 60, reachedSeconds: 60.1 });
  expect(record.problems).toEqual(['the recovery time was 60.1 s instead of at most 60 s']);
});

test('a damaged file fails the drill before any store is touched, and that is recorded', async () => {
  fs.appendFileSync(two.file(two.newer, 'two/c.tar'), 'x');
  await expect(drill({})).rejects.toThrow('two/c.tar is too long');
  expect(started.one!.restores).toEqual([]);
  expect(stopped).toEqual(['one', 'two']);
  expect(await records().newest()).toMatchObject({
    set: two.newer.id,
    problems: [expect.stringContaining('two/c.tar is too long')],
    rto: { targetSeconds: 60 },
  });
  await two.expectOlderUnharmed();
});

test('Vault, whose keys a drill has not, is not restored; its files are whole', async () => {
  const vault = new RecordingDriver({ 'raft.snap': 'sealed' });
  const stores = { one: new RecordingDriver({ a: 'A' }), vault };
  const manifest = await two.sets.create('data', stores, { recipients: [], progress: () => undefined });
  const { record } = await drill({ manifest });
  expect(Object.keys(started)).toEqual(['one']);
  expect(record.problems).toEqual([]);
  expect(record.stores.vault).toEqual({ ageSeconds: 0 });
  fs.appendFileSync(two.file(manifest, 'vault/raft.snap'), 'x');
  await expect(drill({ manifest })).rejects.toThrow('vault/raft.snap is too long');
});

test('a server that does not start takes the others with it', async () => {
  const start = async (store: string) => {
    if (store === 'two') throw new Error('two has no image');
  };
  await expect(drill({ start })).rejects.toThrow('two has no image');
  expect(stopped).toEqual(['one']);
});

test('records that are damaged prove nothing, and the newest hundred are kept', async () => {
  const { record } = await drill({});
  const file = (id: string) => path.join(two.folder, 'drills', `${id}.json`);
  const of = (n: number) => ({ ...record, id: `20310101T${String(n).padStart(6, '0')}Z-abcdef` });
  for (let n = 1; n <= 100; n++) await records().write(of(n));
  fs.writeFileSync(file(of(100).id), fs.readFileSync(file(of(100).id), 'utf8').replace('60', '61'));
  fs.copyFileSync(file(of(98).id), file(of(99).id));
  expect((await records().newest())!.id).toBe(of(98).id);
  await records().prune();
  expect(fs.readdirSync(path.join(two.folder, 'drills'))).toHaveLength(100);
  expect(fs.existsSync(file(record.id))).toBe(false);
  expect((await records().list()).map(({ id }) => id)).toHaveLength(98);
});
