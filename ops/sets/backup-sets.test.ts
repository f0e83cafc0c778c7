import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { FolderRepository } from '../repository/folder';
import type { CopyReport, StoreDriver } from '../stores/driver';
import { BackupSets } from './backup-sets';

const day = 24 * 3600 * 1000;
let folder: string;
let clock: Date;
let sets: BackupSets;

beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'sets-'));
  clock = new Date('2030-01-01T00:00:00Z');
  sets = new BackupSets(new FolderRepository(folder), () => clock);
});
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

const report: CopyReport = {
  serverVersion: '1.2.3',
  schema: [{ version: '000001', checksum: 'c1' }],
  content: { rows: { count: 2, sha256: 'a'.repeat(64) } },
  position: '0/16B3748',
};

/** Gives its files, and fails where one of them is an error. */
function driver(files: Record<string, string | Error>): StoreDriver {
  return {
    backup: async (sink) => {
      for (const [name, content] of Object.entries(files)) {
        if (content instanceof Error) throw content;
        await sink.write(
          name,
          (async function* () {
            yield Buffer.from(content);
          })(),
        );
      }
      return report;
    },
    content: async () => report.content,
    restore: async () => undefined,
    close: async () => undefined,
  };
}

const messages: string[] = [];
const create = (stores: Record<string, StoreDriver> = { one: driver({ 'a.dump': 'A', 'b.dump': 'B' }) }) =>
  sets.create('data', stores, { recipients: [], progress: (message) => messages.push(message) });
const states = async () => (await sets.list()).map(({ state }) => state);
const file = (id: string, name: string) => path.join(folder, 'sets', id, name);

test('a set has its stores, what they held, and files that come back', async () => {
  const manifest = await create({ one: driver({ 'a.dump': 'A' }), two: driver({ 'b.dump': 'BB' }) });
  expect(manifest).toMatchObject({
    format: 1,
    platform: 'data',
    startedAt: '2030-01-01T00:00:00.000Z',
    stores: {
      one: { ...report, artifacts: [{ name: 'one/a.dump', content: { bytes: 1 } }] },
      two: { ...report, artifacts: [{ name: 'two/b.dump', content: { bytes: 2 } }] },
    },
  });
  expect(manifest.id).toMatch(/^20300101T000000Z-[0-9a-f]{6}$/);
  expect(await sets.manifest(manifest.id)).toEqual(manifest);
  const files = await sets.fetch(manifest, 'two', path.join(folder, 'here'), []);
  expect(Object.keys(files)).toEqual(['b.dump']);
  expect(fs.readFileSync(files['b.dump']!, 'utf8')).toBe('BB');
  expect(messages.slice(-4).map((line) => line.replace(/\d+ bytes/, 'n bytes'))).toEqual([
    'one: copying',
    'one: 1 files, n bytes',
    'two: copying',
    'two: 1 files, n bytes',
  ]);
});

test('a store that fails leaves a set that nobody takes for complete', async () => {
  const failing = { one: driver({ a: 'A' }), two: driver({ b: 'B', c: new Error('disk on fire.') }) };
  await expect(create(failing)).rejects.toThrow(
    /^two could not be backed up: disk on fire\. The set \S+ is incomplete\.$/,
  );
  expect(await states()).toEqual(['incomplete']);
  const { id } = (await sets.list())[0]!;
  await expect(sets.manifest(id)).rejects.toThrow(
    `There is no complete set ${id} in folder ${folder}; \`list\` shows those there are.`,
  );
  await expect(sets.newest()).rejects.toThrow('has no complete set that was finished by 2030-01-01');
});

test.each([
  ['no JSON', (text: string) => text.slice(0, -20), 'is damaged: it is no JSON'],
  [
    'another number',
    (text: string) => text.replace('"count": 2', '"count": 3'),
    'was changed: its checksum is not its own',
  ],
  [
    'a field less',
    (text: string) => text.replace('"platform": "data",', ''),
    'is damaged: platform is not valid',
  ],
  [
    'a path out of the set',
    (text: string) => text.replace('one/a.dump', 'one/../../x'),
    'is damaged: stores.one.artifacts.0.name is not valid',
  ],
  [
    'a newer format',
    (text: string) => text.replace('"format": 1', '"format": 2'),
    'has format 2, which this version does not know; use the version that wrote it.',
  ],
])('a manifest with %s is refused and shown as damaged', async (_what, spoil, why) => {
  const { id } = await create();
  fs.writeFileSync(file(id, 'manifest.json'), spoil(fs.readFileSync(file(id, 'manifest.json'), 'utf8')));
  await expect(sets.manifest(id)).rejects.toThrow(why);
  expect(await states()).toEqual(['damaged']);
  await expect(sets.newest()).rejects.toThrow('has no complete set');
});

test('the manifest of another set is refused', async () => {
  const first = await create();
  clock = new Date(clock.getTime() + day);
  const second = await create();
  fs.copyFileSync(file(first.id, 'manifest.json'), file(second.id, 'manifest.json'));
  await expect(sets.manifest(second.id)).rejects.toThrow(
    `The manifest of set ${second.id} is that of set ${first.id}; take another set.`,
  );
});

test('the newest set by a time', async () => {
  const first = await create();
  clock = new Date(clock.getTime() + day);
  const second = await create();
  expect(await sets.newest()).toEqual(second);
  expect(await sets.newest(new Date('2030-01-01T12:00:00Z'))).toEqual(first);
  await expect(sets.newest(new Date('2029-12-31T00:00:00Z'))).rejects.toThrow('2029-12-31T00:00:00.000Z');
});

test('every damaged file of a set is found', async () => {
  const manifest = await create();
  expect(await sets.damages(manifest)).toEqual([]);
  fs.appendFileSync(file(manifest.id, 'one/a.dump'), 'x');
  fs.rmSync(file(manifest.id, 'one/b.dump'));
  expect((await sets.damages(manifest)).map(({ artifact }) => artifact)).toEqual([
    'one/a.dump',
    'one/b.dump',
  ]);
});

test('prune removes what is too old and what was abandoned, and nothing else', async () => {
  const old = await create();
  clock = new Date(clock.getTime() + day);
  const proven = await create();
  await sets.markVerified(proven.id, { seconds: 12 });
  clock = new Date(clock.getTime() + day);
  const damaged = await create();
  fs.writeFileSync(file(damaged.id, 'manifest.json'), '{');
  await create({ one: driver({ a: 'A', b: new Error('stopped') }) }).catch(() => undefined);
  const running = (await sets.list()).find(({ state }) => state === 'incomplete')!;
  fs.utimesSync(file(running.id, 'one/a'), clock, clock);
  clock = new Date(clock.getTime() + 40 * day);
  const newest = await create();

  const policy = { keepDays: 30, keepLast: 1 };
  expect(await sets.prune(policy, true)).toEqual([old.id, running.id]);
  expect((await sets.list()).length).toBe(5);
  expect(await sets.prune(policy, false)).toEqual([old.id, running.id]);
  expect((await sets.list()).map(({ id, verifiedAt }) => [id, verifiedAt])).toEqual([
    [proven.id, '2030-01-02T00:00:00.000Z'],
    [damaged.id, undefined],
    [newest.id, undefined],
  ]);
  expect(fs.existsSync(file(old.id, 'one/a.dump'))).toBe(false);
});

test('a set that is being written is not abandoned', async () => {
  await create({ one: driver({ a: 'A', b: new Error('stopped') }) }).catch(() => undefined);
  const [set] = await sets.list();
  fs.utimesSync(file(set!.id, 'one/a'), clock, clock);
  clock = new Date(clock.getTime() + day / 2);
  expect(await sets.prune({ keepDays: 0, keepLast: 1 }, false)).toEqual([]);
});

test('a store that a set does not have', async () => {
  const manifest = await create();
  await expect(sets.fetch(manifest, 'redis', path.join(folder, 'x'), [])).rejects.toThrow(
    `Set ${manifest.id} has no redis; it has one.`,
  );
});

test('a proof that cannot be read proves nothing', async () => {
  const { id } = await create();
  await sets.markVerified(id, {});
  fs.writeFileSync(file(id, 'verified.json'), '{"verifiedAt": 5');
  expect((await sets.list())[0]).toMatchObject({ state: 'complete' });
  expect((await sets.list())[0]!.verifiedAt).toBeUndefined();
});
