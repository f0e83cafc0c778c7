import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { zstdCompressSync } from 'node:zlib';
import { generateIdentity, identityToRecipient } from 'age-encryption';
import * as fc from 'fast-check';
import { FolderRepository } from '../repository/folder';
import { type Artifact, damageOf, readArtifact, writeArtifact, type WriteOptions } from './artifact';

let folder: string;
let repository: FolderRepository;
let identity: string;
let recipients: string[];

beforeAll(async () => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'artifact-'));
  repository = new FolderRepository(path.join(folder, 'repository'));
  identity = await generateIdentity();
  recipients = [await identityToRecipient(identity)];
});
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

async function* chunks(...parts: (Buffer | Error)[]): AsyncIterable<Uint8Array> {
  for (const part of parts) {
    if (part instanceof Error) throw part;
    yield part;
  }
}

const target = () => path.join(folder, `read-${randomBytes(4).toString('hex')}`);
const stored = (name: string) => path.join(folder, 'repository', 'set', name);
const write = (name: string, content: Buffer, options?: WriteOptions) =>
  writeArtifact(repository, 'set/', name, chunks(content), options);
const read = async (artifact: Artifact, identities: string[] = [identity]) => {
  const file = target();
  await readArtifact(repository, 'set/', artifact, file, identities);
  return fs.readFileSync(file);
};

const forms: [string, WriteOptions & { encrypt?: boolean }][] = [
  ['compressed', {}],
  ['as it is', { compress: false }],
  ['compressed and encrypted', { encrypt: true }],
  ['encrypted', { compress: false, encrypt: true }],
];

describe.each(forms)('%s', (form, { encrypt, ...given }) => {
  const options = () => ({ ...given, ...(encrypt ? { recipients } : {}) });
  const name = form.replaceAll(' ', '-');

  test('any content comes back as it was', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 70_000 }), { maxLength: 4 }), async (parts) => {
        const buffers = parts.map((part) => Buffer.from(part));
        const artifact = await writeArtifact(repository, 'set/', name, chunks(...buffers), options());
        expect(await read(artifact)).toEqual(Buffer.concat(buffers));
      }),
      { numRuns: 20 },
    );
  });

  test('every changed bit and every cut is found, and leaves no file', async () => {
    const artifact = await write(name, Buffer.from('some content of a store '.repeat(40)), options());
    const good = fs.readFileSync(stored(name));
    await fc.assert(
      fc.asyncProperty(fc.nat(good.length * 8 - 1), fc.boolean(), async (at, cut) => {
        const bad = cut ? good.subarray(0, at >> 3) : Buffer.from(good);
        if (!cut) bad[at >> 3]! ^= 1 << (at & 7);
        fs.writeFileSync(stored(name), bad);
        const file = target();
        const reading = readArtifact(repository, 'set/', artifact, file, [identity]);
        await expect(reading).rejects.toThrow(
          cut
            ? `${name} is cut off: `
            : `${name} was changed: its SHA-256 is not that of the manifest. Nothing was restored from it; take another set (see \`list\`).`,
        );
        expect(fs.existsSync(file)).toBe(false);
      }),
      { numRuns: 60 },
    );
  });
});

test('says how it is stored', async () => {
  const artifact = await write('plain.txt', Buffer.from('abc'), { compress: false });
  const measure = {
    bytes: 3,
    sha256: 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
  };
  const form = { compression: 'none', encryption: 'none' };
  expect(artifact).toEqual({ name: 'plain.txt', ...form, content: measure, stored: measure });
  expect(fs.statSync(stored('plain.txt')).mode & 0o777).toBe(0o600);
});

test('what is encrypted holds nothing in clear, and only its recipients can read it', async () => {
  const artifact = await write('secret', Buffer.from('a secret row'), { compress: false, recipients });
  expect(fs.readFileSync(stored('secret')).includes('a secret row')).toBe(false);
  await expect(read(artifact, [await generateIdentity()])).rejects.toThrow(
    'secret was encrypted for others than the identities given.',
  );
  await expect(read(artifact, [])).rejects.toThrow(
    'secret is encrypted: give the file of an identity (--identity).',
  );
  expect(String(await read(artifact, [await generateIdentity(), identity]))).toBe('a secret row');
});

// Only Linux says how much a process has written.
const testOnLinux = process.platform === 'linux' ? test : test.skip;
testOnLinux('what would unpack to far more than it should is not unpacked', async () => {
  const artifact = await write('bomb', randomBytes(20_000));
  const bomb = zstdCompressSync(Buffer.alloc(2 ** 28));
  fs.writeFileSync(stored('bomb'), bomb);
  const written = () => Number(/wchar: (\d+)/.exec(fs.readFileSync('/proc/self/io', 'utf8'))![1]);
  const before = written();
  await expect(read(artifact)).rejects.toThrow(
    `bomb is cut off: ${bomb.length} of ${artifact.stored.bytes} bytes`,
  );
  expect(written() - before).toBeLessThan(2 ** 20);
});

test('two artifacts in each other’s place are found', async () => {
  const [one, other] = [await write('one', Buffer.from('1')), await write('other', Buffer.from('2'))];
  fs.renameSync(stored('one'), stored('kept'));
  fs.renameSync(stored('other'), stored('one'));
  fs.renameSync(stored('kept'), stored('other'));
  await expect(read(one)).rejects.toThrow('one was changed');
  await expect(read(other)).rejects.toThrow('other was changed');
});

test('one that is missing, or has more than it should', async () => {
  const artifact = await write('gone', Buffer.from('content'), { compress: false });
  fs.appendFileSync(stored('gone'), '!');
  expect((await damageOf(repository, 'set/gone', artifact))?.message).toContain(
    'gone is too long: more than 7 bytes',
  );
  fs.rmSync(stored('gone'));
  await expect(read(artifact)).rejects.toThrow(`gone is not in ${repository.name}`);
  expect((await damageOf(repository, 'set/gone', artifact))?.message).toContain(`gone is not in`);
});

test.each(forms)(
  'a store that fails in the middle leaves nothing: %s',
  async (_form, { encrypt, ...given }) => {
    const source = chunks(randomBytes(200_000), new Error('connection lost'));
    const options = { ...given, ...(encrypt ? { recipients } : {}) };
    await expect(writeArtifact(repository, 'set/', 'half', source, options)).rejects.toThrow(
      new Error('connection lost'),
    );
    expect((await repository.list('set/half')).length).toBe(0);
  },
);
