import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { generateIdentity, identityToRecipient } from 'age-encryption';
import { encrypted } from '../archive/encryption';
import { asOrdinaryUser } from '../testing/ordinary-user';
import { type Form, refused, Tally, TwoSets } from '../testing/two-sets';

const forms: Form[] = ['plain', 'encrypted'];
const files = ['one/a.dump', 'one/inventory.json', 'two/c.tar'];
const tally = new Tally();
const templates = {} as Record<Form, TwoSets>;
let two: TwoSets;

beforeAll(async () => {
  for (const form of forms) templates[form] = await TwoSets.create(form);
});
afterAll(() => {
  for (const template of Object.values(templates)) template.remove();
  process.stderr.write(`${tally}\n`);
});
afterEach(() => two.remove());

/** What a test damages, and what it takes for that. */
interface Target {
  readonly form: Form;
  /** Of the newer set. */
  readonly name: string;
  readonly file: string;
  readonly stale: string;
}

const rewrite = ({ file }: Target, change: (good: Buffer) => Uint8Array) =>
  fs.writeFileSync(file, change(fs.readFileSync(file)));
const flip = (at: (length: number) => number, bit: number) => (target: Target) =>
  rewrite(target, (bytes) => {
    bytes[at(bytes.length)]! ^= 1 << bit;
    return bytes;
  });
const replaceBy = (make: (target: Target) => void) => (target: Target) => {
  fs.rmSync(target.file);
  make(target);
};
const exchange = (one: string, other: string) => {
  fs.renameSync(one, `${one}.kept`);
  fs.renameSync(other, one);
  fs.renameSync(`${one}.kept`, other);
};
/** As a store's file is written: in a frame of zstd, and encrypted where the others are. */
const packed = async (bytes: Buffer, { form }: Target, identity = two.identity) => {
  const frame = zstdCompressSync(bytes);
  if (form === 'plain') return frame;
  return buffer(Readable.from(encrypted(Readable.from([frame]), [await identityToRecipient(identity)])));
};

const corruptions: [string, (target: Target) => unknown][] = [
  ['empty', (target) => rewrite(target, () => Buffer.alloc(0))],
  ['without its last byte', (target) => rewrite(target, (bytes) => bytes.subarray(0, -1))],
  ['without its first byte', (target) => rewrite(target, (bytes) => bytes.subarray(1))],
  ['cut in half', (target) => rewrite(target, (bytes) => bytes.subarray(0, bytes.length >> 1))],
  ['with a bit flipped in the first byte', flip(() => 0, 0)],
  ['with a bit flipped in the header', flip(() => 5, 7)],
  ['with a bit flipped in the middle', flip((length) => length >> 1, 3)],
  ['with a bit flipped in the last byte', flip((length) => length - 1, 6)],
  ['with a lost block', (target) => rewrite(target, (bytes) => bytes.fill(0, bytes.length >> 1))],
  ['with a byte more', ({ file }) => fs.appendFileSync(file, '\0')],
  ['twice in itself', (target) => rewrite(target, (bytes) => Buffer.concat([bytes, bytes]))],
  ['of the set before', ({ file, stale }) => fs.copyFileSync(stale, file)],
  [
    'of another store',
    ({ file, name }) => exchange(file, two.file(two.newer, name.startsWith('one') ? files[2]! : files[0]!)),
  ],
  ['exchanged between two sets', ({ file, stale }) => exchange(file, stale)],
  ['as somebody else would compress it', (target) => rewrite(target, recompressed)],
  ['that is no archive', (target) => fs.writeFileSync(target.file, 'no backup but a page of a proxy')],
  [
    'that unpacks to more than it should',
    async (target) => fs.writeFileSync(target.file, await packed(Buffer.alloc(2 ** 26), target)),
  ],
  [
    'for the key of somebody else',
    async (target) =>
      fs.writeFileSync(target.file, await packed(Buffer.from('x'), target, await generateIdentity())),
  ],
  ['that is a folder', replaceBy(({ file }) => fs.mkdirSync(file))],
  ['that is a link to its like', replaceBy(({ file, stale }) => fs.symlinkSync(stale, file))],
  ['that is a link to nothing', replaceBy(({ file }) => fs.symlinkSync('/nowhere', file))],
  ['that is a link to what never ends', replaceBy(({ file }) => fs.symlinkSync('/dev/zero', file))],
  ['that is a pipe', replaceBy(({ file }) => execFileSync('mkfifo', [file]))],
  ['that is missing', ({ file }) => fs.rmSync(file)],
];

/** The same content in other bytes; what is encrypted is only padded. */
function recompressed(bytes: Buffer): Buffer {
  try {
    return zstdCompressSync(zstdDecompressSync(bytes), {
      params: { [constants.ZSTD_c_compressionLevel]: 19, [constants.ZSTD_c_checksumFlag]: 1 },
    });
  } catch {
    return Buffer.concat([bytes, Buffer.alloc(16)]);
  }
}

/** What is to be said of a file that had so many bytes. */
function damageOf({ name, file }: Target, bytes: number): string {
  const status = fs.lstatSync(file, { throwIfNoEntry: false });
  const why = () => {
    if (!status) return `is not in folder ${two.folder}`;
    if (!status.isFile()) return `is no file in folder ${two.folder}`;
    if (status.size < bytes) return `is cut off: ${status.size} of ${bytes} bytes`;
    if (status.size > bytes) return `is too long: more than ${bytes} bytes`;
    return 'was changed: its SHA-256 is not that of the manifest';
  };
  return `${name} ${why()}. Nothing was restored from it; take another set (see \`list\`).`;
}

describe.each(forms)('of an %s set', (form) => {
  beforeEach(() => (two = templates[form].copy()));

  describe.each(files)('the file %s', (name) => {
    test.each(corruptions)('%s is found before a store is touched', (what, spoil) =>
      tally.count(async () => {
        const [file, stale] = [two.file(two.newer, name), two.file(two.older, name)];
        const target = { form, name, file, stale };
        const { size } = fs.statSync(file);
        const untouched = fs.readFileSync(stale);
        await spoil(target);
        const says = damageOf(target, size);
        const damages = (await two.sets.damages(two.newer)).map(({ message }) => message);
        expect(damages.filter((message) => message.startsWith(name))).toEqual([says]);
        const { error, ...touched } = await two.restore(two.newer);
        expect(touched).toEqual({ one: undefined, two: undefined });
        // Of two files in each other's place, the first one is named.
        expect(what === 'of another store' ? damages : [says]).toContain(error);
        if (what === 'exchanged between two sets')
          expect((await two.sets.damages(two.older)).map(({ artifact }) => artifact)).toEqual([name]);
        fs.writeFileSync(stale, untouched);
        await two.expectOlderUnharmed();
      }),
    );

    test('that may not be read is named', () =>
      tally.count(async () => {
        const file = two.file(two.newer, name);
        fs.chmodSync(file, 0);
        const says =
          `Reading sets/${two.newer.id}/${name} in folder ${two.folder}: Access is denied: check the credentials ` +
          `and what they may do there. (EACCES: permission denied, open '${file}')`;
        await asOrdinaryUser(two.folder, async () => {
          await expect(two.sets.damages(two.newer)).rejects.toMatchObject({ message: says });
          expect(await two.restore(two.newer)).toEqual(refused(says));
        });
        await two.expectOlderUnharmed();
      }));
  });

  test('a file too many is not restored', async () => {
    fs.writeFileSync(two.file(two.newer, 'one/z.dump'), 'x');
    expect(Object.keys((await two.restore(two.newer)).one!)).toEqual(['a.dump', 'inventory.json']);
  });
});

describe('the key', () => {
  const open = async (form: Form, identities: string[]) => {
    two = templates[form].copy();
    const outcome = await two.restore(two.newer, identities);
    expect(await two.sets.damages(two.newer)).toEqual([]);
    await two.expectOlderUnharmed();
    return outcome;
  };

  test('that is not given is asked for', () =>
    tally.count(async () =>
      expect(await open('encrypted', [])).toEqual(
        refused('one/a.dump is encrypted: give the file of an identity (--identity).'),
      ),
    ));

  test('of somebody else is refused', () =>
    tally.count(async () =>
      expect(await open('encrypted', [await generateIdentity()])).toEqual(
        refused('one/a.dump was encrypted for others than the identities given.'),
      ),
    ));

  test('that nothing needs is not used', async () => {
    expect((await open('plain', [await generateIdentity()])).error).toBeUndefined();
  });
});
