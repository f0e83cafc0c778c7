import * as fs from 'node:fs';
import { asOrdinaryUser } from '../testing/ordinary-user';
import { refused, Tally, TwoSets } from '../testing/two-sets';
import { type Manifest, ManifestError, parseManifest } from './manifest';
import { sealedText } from './seal';

const tally = new Tally();
let template: TwoSets;
let two: TwoSets;

beforeAll(async () => {
  template = await TwoSets.create('plain');
  await template.sets.markVerified(template.older.id, { stores: [] });
});
afterAll(() => {
  template.remove();
  process.stderr.write(`${tally}\n`);
});
beforeEach(() => (two = template.copy()));
afterEach(() => two.remove());

type Json = Record<string, unknown>;
const manifestFile = () => two.file(two.newer, 'manifest.json');
const rewrite = (change: (text: string) => string | Buffer) => () =>
  fs.writeFileSync(manifestFile(), change(fs.readFileSync(manifestFile(), 'utf8')));
/** Changed by hand, with the seal that it had. */
const edited = (from: string | RegExp, to: string) =>
  rewrite((text) => {
    const changed = text.replace(from, to);
    expect(changed).not.toBe(text);
    return changed;
  });
/** Changed by somebody who knows how to seal. */
const resealed = (change: (manifest: Manifest) => Json) =>
  rewrite(() => sealedText(change(structuredClone(two.newer))));
const withArtifact = (change: object, index = 0) =>
  resealed((manifest) => {
    Object.assign(manifest.stores.one!.artifacts[index]!, change);
    return manifest;
  });
const flip = (at: (length: number) => number, bit: number) =>
  rewrite((text) => {
    const bytes = Buffer.from(text);
    bytes[at(bytes.length)]! ^= 1 << bit;
    return bytes;
  });
const replaceBy = (make: (file: string) => void) => () => {
  fs.rmSync(manifestFile());
  make(manifestFile());
};
const olderText = () => fs.readFileSync(two.file(two.older, 'manifest.json'), 'utf8');
const OTHER = 'e'.repeat(64);

const noJson = 'is damaged: it is no JSON';
const changed = 'was changed: its checksum is not its own';
const invalid = (what: string) => `is damaged: ${what} is not valid`;
const corruptions: [string, () => void, string][] = [
  ['empty', rewrite(() => ''), noJson],
  ['without its last byte', rewrite((text) => text.slice(0, -1)), changed],
  ['cut in half', rewrite((text) => text.slice(0, text.length >> 1)), noJson],
  ['with a bit flipped in the first byte', flip(() => 0, 0), noJson],
  ['with a bit flipped in the last byte', flip((length) => length - 1, 0), noJson],
  ['of zeros', rewrite((text) => Buffer.alloc(text.length)), noJson],
  ['with a space more', rewrite((text) => `${text} `), changed],
  ['with an object more', rewrite((text) => `${text}{}`), noJson],
  ['behind a byte order mark', rewrite((text) => `\ufeff${text}`), noJson],
  ['in other words', rewrite((text) => JSON.stringify(JSON.parse(text))), changed],
  ['in UTF-16', rewrite((text) => Buffer.from(text, 'utf16le')), noJson],
  ['that is null', rewrite(() => 'null\n'), invalid('it')],
  ['that is a list', rewrite((text) => `[${text}]`), invalid('it')],
  ['with another length of a file', edited(/"bytes": \d+/, '"bytes": 7'), changed],
  ['with another digest of a file', edited(/"sha256": "[0-9a-f]/g, '"sha256": "e'), changed],
  ['with another count', edited('"count": 2', '"count": 3'), changed],
  ['with two counts', edited('"count": 2', '"count": 3, "count": 2'), changed],
  ['with a store of another name', edited('"one": {', '"uno": {'), changed],
  ['with a file of another name', edited('one/a.dump', 'one/b.dump'), changed],
  ['with another platform', edited('"platform": "data"', '"platform": "date"'), changed],
  ['with another end', edited(/"finishedAt": "2030/g, '"finishedAt": "2031'), changed],
  ['with another position', edited('0/16B3748', '0/16B3749'), changed],
  ['with another change of the schema', edited('"checksum": "c1"', '"checksum": "c2"'), changed],
  ['that says nothing is compressed', edited('"compression": "zstd"', '"compression": "none"'), changed],
  ['that says all is encrypted', edited('"encryption": "none"', '"encryption": "age"'), changed],
  [
    'with a store less',
    edited(/"two": {[^]*(?=\n {2}},\n {2}"seal")/, '"three": {}'),
    invalid('stores.three.serverVersion'),
  ],
  ['without a seal', edited(/,\n {2}"seal": .*/, ''), invalid('seal')],
  ['with another seal', edited(/"seal": "./, '"seal": "x'), invalid('seal')],
  [
    'with the seal of the set before',
    rewrite((text) => text.replace(/"seal": .*/, /"seal": .*/.exec(olderText())![0])),
    changed,
  ],
  ['with a field more', edited('"format": 1', '"format": 1, "note": ""'), invalid('it')],
  ['of the set before', rewrite(olderText), 'is that of set OLDER'],
  [
    'that is a link to its like',
    replaceBy((file) => fs.symlinkSync(two.file(two.older, 'manifest.json'), file)),
    'is no file',
  ],
  ['that is a link to nothing', replaceBy((file) => fs.symlinkSync('/nowhere', file)), 'is no file'],
  [
    'sealed with a path out of the set',
    withArtifact({ name: 'one/../../x' }),
    invalid('stores.one.artifacts.0.name'),
  ],
  [
    'sealed with a path of the machine',
    withArtifact({ name: '/etc/passwd' }),
    invalid('stores.one.artifacts.0.name'),
  ],
  [
    'sealed with a path of another system',
    withArtifact({ name: 'one\\..\\x' }),
    invalid('stores.one.artifacts.0.name'),
  ],
  [
    'sealed with a file of another store',
    withArtifact({ name: 'two/c.tar' }),
    'is damaged: two/c.tar is listed under another store',
  ],
  [
    'sealed with a store outside',
    resealed(({ stores, ...rest }) => ({ ...rest, stores: { '../x': stores.one } })),
    invalid('stores.../x'),
  ],
];

describe('a manifest', () => {
  test.each(corruptions)('%s is refused, shown, and not passed over', (_what, spoil, why) =>
    tally.count(async () => {
      spoil();
      const { newer, older, sets } = two;
      const says = `The manifest of set ${newer.id} ${why.replace('OLDER', older.id)}; take another set.`;
      await expect(sets.manifest(newer.id)).rejects.toMatchObject({ message: says });
      expect((await sets.list()).map(({ state, problem }) => [state, problem])).toEqual([
        ['complete', undefined],
        ['damaged', says],
      ]);
      await expect(sets.newest()).rejects.toMatchObject({
        message: `${says} It is newer than ${older.id}: name that one with --set if older data will do.`,
      });
      expect(await sets.newest(new Date(older.finishedAt))).toEqual(older);
      expect(await sets.prune({ keepDays: 0, keepLast: 1 }, false)).toEqual([]);
      await two.expectOlderUnharmed();
    }),
  );

  test('with a bit flipped in any byte is refused', () =>
    tally.count(async () => {
      const good = fs.readFileSync(manifestFile());
      const accepted: number[] = [];
      for (let at = 0; at < good.length; at += 1) {
        const bad = Buffer.from(good);
        bad[at]! ^= 1 << (at & 7);
        try {
          parseManifest(bad.toString(), two.newer.id);
          accepted.push(at);
        } catch (error) {
          expect(error).toBeInstanceOf(ManifestError);
        }
      }
      expect(accepted).toEqual([]);
    }));

  test('of a form that is not known yet says what reads it', () =>
    tally.count(async () => {
      edited('"format": 1', '"format": 2')();
      const says = `Set ${two.newer.id} has format 2, which this version does not know; use the version that wrote it.`;
      await expect(two.sets.manifest(two.newer.id)).rejects.toMatchObject({ message: says });
      expect((await two.sets.list())[1]).toMatchObject({ state: 'damaged', problem: says });
      await two.expectOlderUnharmed();
    }));

  test('that may not be read is named, and no older set is taken instead', () =>
    tally.count(async () => {
      fs.chmodSync(manifestFile(), 0);
      const says = expect.stringMatching(
        /^Reading sets\/\S+\/manifest\.json in folder \S+: Access is denied: check the credentials /,
      );
      await asOrdinaryUser(two.folder, async () => {
        await expect(two.sets.newest()).rejects.toMatchObject({ message: says });
        await expect(two.sets.list()).rejects.toMatchObject({ message: says });
      });
      await two.expectOlderUnharmed();
    }));

  test.each([
    ['missing', () => fs.rmSync(manifestFile())],
    ['a folder', replaceBy((file) => fs.mkdirSync(file))],
  ])('that is %s makes no complete set', (what, spoil) =>
    tally.count(async () => {
      spoil();
      const { id } = two.newer;
      const says =
        what === 'missing'
          ? `There is no complete set ${id} in folder ${two.folder}; \`list\` shows those there are.`
          : `The manifest of set ${id} is no file; take another set.`;
      await expect(two.sets.manifest(id)).rejects.toMatchObject({ message: says });
      expect((await two.sets.list()).map(({ state }) => state)).toEqual(['complete', 'incomplete']);
      await two.expectOlderUnharmed();
    }),
  );

  test('that is missing from a set that was proven is missed, and its files stay', () =>
    tally.count(async () => {
      await two.sets.markVerified(two.newer.id, { stores: [] });
      fs.rmSync(manifestFile());
      two.clock = new Date('2031-01-01T00:00:00Z');
      const problem = `The manifest of set ${two.newer.id} is missing; take another set.`;
      expect((await two.sets.list())[1]).toMatchObject({ state: 'damaged', problem });
      await expect(two.sets.newest()).rejects.toThrow(problem);
      expect(await two.sets.prune({ keepDays: 0, keepLast: 1 }, false)).toEqual([]);
      await two.expectOlderUnharmed();
    }));

  test.each([
    ['stored bytes', 'stored', 1],
    ['content', 'content', 0],
  ] as const)('sealed with another digest of the %s is told by the file', (_what, measure, damaged) =>
    tally.count(async () => {
      const { bytes } = two.newer.stores.one!.artifacts[1]![measure];
      withArtifact({ [measure]: { bytes, sha256: OTHER } }, 1)();
      const manifest = await two.sets.manifest(two.newer.id);
      expect((await two.sets.damages(manifest)).length).toBe(damaged);
      expect(await two.restore(manifest)).toEqual(
        refused(
          'one/inventory.json was changed: its SHA-256 is not that of the manifest. Nothing was restored from it; take another set (see `list`).',
        ),
      );
      await two.expectOlderUnharmed();
    }),
  );

  test.each([
    ['shorter', -1, 'is too long: more than 193 bytes'],
    ['longer', 1, 'is cut off: 194 of 195 bytes'],
  ])('sealed with %s content is told by the file', (_what, more, why) =>
    tally.count(async () => {
      const { bytes, sha256 } = two.newer.stores.one!.artifacts[1]!.content;
      withArtifact({ content: { bytes: bytes + more, sha256 } }, 1)();
      expect(await two.restore(await two.sets.manifest(two.newer.id))).toEqual(
        refused(`one/inventory.json ${why}. Nothing was restored from it; take another set (see \`list\`).`),
      );
    }),
  );
});

describe('a proof', () => {
  const proofFile = () => two.file(two.older, 'verified.json');
  const text = () => fs.readFileSync(proofFile(), 'utf8');

  test('that is whole is shown', async () => {
    expect((await two.sets.list())[0]!.verifiedAt).toBe('2030-01-03T00:00:00.000Z');
  });

  test.each<[string, () => void]>([
    ['empty', () => fs.writeFileSync(proofFile(), '')],
    ['cut off', () => fs.writeFileSync(proofFile(), text().slice(0, -1))],
    ['cut in half', () => fs.writeFileSync(proofFile(), text().slice(0, 60))],
    ['of another day', () => fs.writeFileSync(proofFile(), text().replace('2030-01-03', '2030-01-07'))],
    ['that is no proof', () => fs.writeFileSync(proofFile(), 'null')],
    ['that is a link', () => (fs.rmSync(proofFile()), fs.symlinkSync('/dev/zero', proofFile()))],
    ['missing', () => fs.rmSync(proofFile())],
  ])('%s proves nothing, and harms nothing', (_what, spoil) =>
    tally.count(async () => {
      spoil();
      const [older] = await two.sets.list();
      expect([older!.state, older!.verifiedAt]).toEqual(['complete', undefined]);
      await two.expectOlderUnharmed();
    }),
  );

  test('of another set proves nothing', () =>
    tally.count(async () => {
      fs.copyFileSync(proofFile(), two.file(two.newer, 'verified.json'));
      expect((await two.sets.list()).map(({ verifiedAt }) => verifiedAt)).toEqual([
        '2030-01-03T00:00:00.000Z',
        undefined,
      ]);
    }));
});
