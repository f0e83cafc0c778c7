import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { Command } from 'commander';
import { generateIdentity, identityToRecipient } from 'age-encryption';
import type { Invariant } from '../../migrations/invariants/invariants';
import { FolderRepository } from '../repository/folder';
import type { ScratchStore, StartScratch } from '../scratch/scratch-store';
import { BackupSets } from '../sets/backup-sets';
import type { Cut, StoreContent, StoreDriver } from '../stores/driver';
import { contentDifference, restoreSet } from './actions';
import type { OpenStores } from './places';
import { addBackups } from './program';

let folder: string;
let out: string;
let notes: string;
let exitCode: number | undefined;
let clock: Date;
/** Scratch servers that `verify` gets, and those that were stopped. */
let scratch: StartScratch;
/** What must hold of the stores. */
let invariants: Invariant[];
let stopped: string[];
let terminal: boolean;
let openStores: (wanted: readonly string[]) => Promise<OpenStores>;

beforeEach(() => {
  openStores = () => Promise.reject(new Error('No cluster was to be asked.'));
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'backups-'));
  clock = new Date('2020-01-01T00:00:00Z');
  [out, notes, exitCode] = ['', '', undefined];
  stopped = [];
  terminal = false;
  scratch = empty;
  invariants = [];
  delete process.env.PLATFORM_BACKUPS;
});
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

/** An empty scratch server, whose rows violate every invariant that asks for them. */
async function empty(store: string): Promise<ScratchStore> {
  return {
    driver: new Lines([]),
    ask: async () => ({ rows: async (query) => [[query]], close: async () => undefined }),
    stop: async () => void stopped.push(store),
  };
}

async function run(...args: string[]): Promise<number | undefined> {
  const program = new Command().exitOverride().configureOutput({
    writeOut: (text) => (out += text),
    writeErr: (text) => (notes += text),
  });
  addBackups(program, {
    ...(terminal ? { terminal: { write: (text: string) => (notes += text) } } : {}),
    io: { out: (text) => (out += `${text}\n`), note: (text) => (notes += `${text}\n`) },
    openStores: (_stack, wanted) => openStores(wanted),
    scratchStores: () => Promise.resolve(scratch),
    invariants: () => invariants,
    finish: (code) => (exitCode = code),
  });
  for (const command of program.commands) command.exitOverride().copyInheritedSettings(program);
  await program.parseAsync(args, { from: 'user' }).catch(() => (exitCode ??= 2));
  return exitCode;
}

/** A store of lines; a restore gives what its file says. */
class Lines implements StoreDriver {
  restores = 0;
  constructor(public lines: string[]) {}
  async backup(sink: Parameters<StoreDriver['backup']>[0]) {
    const text = this.lines.join('\n');
    await sink.write(
      'lines',
      (async function* () {
        yield Buffer.from(text);
      })(),
    );
    return { serverVersion: '1', schema: [], content: await this.content() };
  }
  async content(): Promise<StoreContent> {
    return this.lines.length === 0 ? {} : { lines: { count: this.lines.length } };
  }
  async restore(files: Readonly<Record<string, string>>) {
    this.restores += 1;
    this.lines = fs.readFileSync(files.lines!, 'utf8').split('\n');
  }
  async close() {}
}

/** One that others follow. */
class Followed extends Lines {
  readonly resumed: Cut[] = [];
  readonly outbox = {
    cut: () => Promise.resolve(CUT),
    resume: (cut: Cut) => Promise.resolve(void this.resumed.push(cut)),
  };
}

const CUT = { at: '2019-12-31T23:59:59.000Z', consumers: { search: { transactionId: '9', position: '4' } } };

const sets = () => new BackupSets(new FolderRepository(path.join(folder, 'r')), () => clock);
const create = (stores: Record<string, StoreDriver>, recipients: string[] = []) =>
  sets().create('data', stores, { recipients, progress: () => undefined });
const at = () => ['--repository', path.join(folder, 'r')];

describe('wrong usage is exit code 2 and one sentence', () => {
  test.each([
    [['list'], 'error: Name the --repository, or set PLATFORM_BACKUPS.'],
    [['list', '--repository', 's3:/bucket'], 'error: "s3:/bucket" is no address'],
    [
      ['list', '--repository', 'ftp://x/y'],
      'error: "ftp://x/y" is no address of a repository; it is a folder, or has the form s3://bucket/prefix.',
    ],
    [['list', '--repository', 's3://UP/x'], 'error: "s3://UP/x" is no address'],
    [
      ['list', '--repository', 'here', '--endpoint', 'http://x'],
      'error: --endpoint belongs to an address such as s3://bucket/prefix.',
    ],
    [['list', '--repository', 's3://bucket', '--ca-file', '/none'], 'error: --ca-file /none does not exist.'],
    [['prune', '--repository', 'x'], "error: required option '--keep-days <days>' not specified"],
    [['prune', '--repository', 'x', '--keep-days', 'all'], 'It is a number, such as 30.'],
    [
      ['prune', '--repository', 'x', '--keep-days', '1', '--keep-last', '0'],
      'error: --keep-last is at least 1.',
    ],
    [
      ['backup', '--repository', 'x', '--recipient', 'AGE-SECRET'],
      'error: "AGE-SECRET" is no public key of age; one begins with age1',
    ],
    [['backup', '--repository', 'x', '--store', 'paper'], "argument 'paper' is invalid"],
    [
      ['restore', '--repository', 'x', '--set', 'a', '--at', '2030-01-01'],
      'error: Name a --set or a time (--at), not both.',
    ],
    [['restore', '--repository', 'x', '--at', 'noon'], 'It is a time such as 2030-01-31T12:00:00Z.'],
    [['restore', '--repository', 'x', '--identity', '/none'], 'ENOENT'],
  ])('%j', async (args, message) => {
    expect(await run(...args)).toBe(2);
    expect(notes).toContain(message);
    expect(out).toBe('');
  });
});

test('list shows every set, and says with its exit code whether all are well', async () => {
  expect(await run('list', ...at())).toBe(0);
  expect(out).toBe('There are no sets.\n');
  const { id } = await create({ one: new Lines(['a']), two: new Lines(['b']) });
  out = '';
  expect(await run('list', ...at())).toBe(0);
  expect(out.split('\n').map((line) => line.split(/ {2,}/))).toEqual([
    ['set', 'state', 'stores', 'MiB', 'verified'],
    [id, 'complete', 'one, two', '0.0', 'never'],
    [''],
  ]);
  fs.writeFileSync(path.join(folder, 'r', 'sets', id, 'manifest.json'), '{');
  expect(await run('list', ...at())).toBe(3);
  expect(notes).toContain(`The manifest of set ${id} is damaged: it is no JSON; take another set.`);
  out = '';
  expect(await run('list', ...at(), '--json')).toBe(3);
  expect(JSON.parse(out)).toMatchObject([{ id, state: 'damaged' }]);
});

test('prune asks, says what would go, and removes it', async () => {
  const old = await create({ one: new Lines(['a']) });
  clock = new Date('2020-03-01T00:00:00Z');
  const { id } = await create({ one: new Lines(['a']) });
  expect(await run('prune', ...at(), '--keep-days', '30', '--dry-run')).toBe(0);
  expect(out).toBe(`${old.id} would be removed\n`);
  expect(await run('prune', ...at(), '--keep-days', '30')).toBe(2);
  expect(notes).toContain(
    `${old.id} will be removed. There is no terminal to ask on: add --yes if it is meant.`,
  );
  out = '';
  expect(await run('prune', ...at(), '--keep-days', '30', '--yes')).toBe(0);
  expect(out).toBe(`${old.id} removed\n`);
  expect((await sets().list()).map((set) => set.id)).toEqual([id]);
  out = '';
  expect(await run('prune', ...at(), '--keep-days', '30', '--json')).toBe(0);
  expect(JSON.parse(out)).toEqual({ removed: [], dryRun: false });
});

describe('restore', () => {
  const options = { identities: [], force: false, progress: () => undefined };

  test('gives every store what it held, and compares', async () => {
    const manifest = await create({ one: new Lines(['a', 'b']), two: new Lines(['c']) });
    const [one, two] = [new Lines([]), new Lines([])];
    expect(await restoreSet(sets(), manifest, { one, two }, options)).toEqual([
      { store: 'one', seconds: expect.any(Number), entries: 1 },
      { store: 'two', seconds: expect.any(Number), entries: 1 },
    ]);
    expect([one.lines, two.lines]).toEqual([['a', 'b'], ['c']]);
  });

  test('refuses stores that hold something, all of them named, and touches none', async () => {
    const manifest = await create({ one: new Lines(['a']), two: new Lines(['b']), three: new Lines(['c']) });
    const stores = { one: new Lines([]), two: new Lines(['mine']), three: new Lines(['x', 'y']) };
    await expect(restoreSet(sets(), manifest, stores, options)).rejects.toThrow(
      'These stores hold data, which a restore replaces: two (1 in 1), three (2 in 1). Nothing was changed; add --force if it is meant.',
    );
    expect(Object.values(stores).map(({ restores }) => restores)).toEqual([0, 0, 0]);
    await restoreSet(sets(), manifest, stores, { ...options, force: true });
    expect(stores.two.lines).toEqual(['b']);
  });

  test('one damaged file stops it before the first store is touched', async () => {
    const manifest = await create({ one: new Lines(['a']), two: new Lines(['b']) });
    fs.appendFileSync(path.join(folder, 'r', 'sets', manifest.id, 'two', 'lines'), 'x');
    const [one, two] = [new Lines([]), new Lines([])];
    await expect(restoreSet(sets(), manifest, { one, two }, options)).rejects.toThrow(
      'two/lines is too long',
    );
    expect([one.restores, two.restores]).toEqual([0, 0]);
  });

  test('says so when a store holds something else afterwards', async () => {
    const manifest = await create({ one: new Lines(['a', 'b']) });
    const one = new Lines([]);
    one.content = async () => ({ lines: { count: 1 } });
    await expect(restoreSet(sets(), manifest, { one }, { ...options, force: true })).rejects.toThrow(
      'one does not hold what was copied: lines has 1 instead of 2. Restore it again.',
    );
  });

  test('needs the identity of an encrypted set, and leaves nothing of it on this machine', async () => {
    const identity = await generateIdentity();
    const manifest = await create({ one: new Lines(['secret']) }, [await identityToRecipient(identity)]);
    const one = new Lines([]);
    const TMPDIR = process.env.TMPDIR;
    process.env.TMPDIR = fs.mkdtempSync(path.join(folder, 'tmp-'));
    try {
      await expect(restoreSet(sets(), manifest, { one }, options)).rejects.toThrow(
        'one/lines is encrypted: give the file of an identity (--identity).',
      );
      await restoreSet(sets(), manifest, { one }, { ...options, identities: [identity] });
      expect(fs.readdirSync(process.env.TMPDIR)).toEqual([]);
    } finally {
      if (TMPDIR === undefined) delete process.env.TMPDIR;
      else process.env.TMPDIR = TMPDIR;
    }
    expect(one.lines).toEqual(['secret']);
  });
});

describe('verify', () => {
  test('restores each store into a server of its own, compares, and the set says when', async () => {
    const { id } = await create({ one: new Lines(['a', 'b']), two: new Lines(['c']) });
    expect(await run('verify', ...at())).toBe(0);
    expect(out).toMatch(new RegExp(`^one: restored .*\ntwo: restored .*\n${id} is verified.\n$`));
    expect(stopped).toEqual(['one', 'two']);
    const [set] = await sets().list();
    expect(set!.verifiedAt).toMatch(/^\d{4}-\d\d-\d\dT/);
  });

  test('a restore that gives something else proves nothing, and its server goes', async () => {
    await create({ one: new Lines(['a', 'b']) });
    scratch = async () => {
      const driver = new Lines([]);
      driver.restore = async () => void (driver.lines = ['a']);
      return { ...(await empty('one')), driver };
    };
    expect(await run('verify', ...at())).toBe(1);
    expect(notes).toContain('one does not hold what was copied: lines has 1 instead of 2.');
    expect(stopped).toEqual(['one']);
    expect((await sets().list())[0]!.verifiedAt).toBeUndefined();
  });

  test('a damaged file is named before any server starts', async () => {
    const { id } = await create({ one: new Lines(['a']) });
    fs.appendFileSync(path.join(folder, 'r', 'sets', id, 'one', 'lines'), 'x');
    for (const quick of [[], ['--quick']]) {
      expect(await run('verify', ...at(), ...quick)).toBe(1);
      expect(notes).toContain('one/lines');
      expect(notes).toContain(`Set ${id} has 1 damaged files; take another set.`);
    }
    expect(stopped).toEqual([]);
  });

  test('--quick reads every file, and is no proof of a restore', async () => {
    const { id } = await create({ one: new Lines(['a']) });
    expect(await run('verify', ...at(), '--quick', '--json')).toBe(0);
    expect(JSON.parse(out)).toEqual({ set: id, restored: false, verified: [] });
    expect((await sets().list())[0]!.verifiedAt).toBeUndefined();
  });
});

describe('drill', () => {
  const invariant: Invariant = {
    ...{ store: 'postgres', name: 'postgres/platform/all-is-well', description: 'All is well.' },
    ...{ sha256: 'x', query: 'a row' },
  };
  const drilled = async () => {
    clock = new Date();
    return create({ postgres: new Lines(['a', 'b']), redis: new Lines(['c']) });
  };

  test('restores all stores beside each other, and says how long it took', async () => {
    const { id } = await drilled();
    expect(await run('drill', ...at())).toBe(0);
    expect(out.split('\n').map((line) => line.replaceAll(/\d+(\.\d+)? s/g, 'N s'))).toEqual([
      'store     restored in  entries  age of the copy',
      expect.stringMatching(/^postgres  N s +1 +N s$/),
      expect.stringMatching(/^redis     N s +1 +N s$/),
      'Invariants: 0 hold, 0 do not, 0 are about stores that the set lacks.',
      expect.stringMatching(
        new RegExp(`^\\S+ of set ${id} passed: recovery time N s of N s, recovery point N s of N s\\.$`),
      ),
      '',
    ]);
    expect(stopped).toEqual(['postgres', 'redis']);
    const last = out.trim().split('\n').at(-1);
    out = '';
    expect(await run('list', ...at())).toBe(0);
    expect(out).toContain(`Last drill: ${last}`);
  });

  test('a violated invariant is named, with what violates it in the log only', async () => {
    const { id } = await drilled();
    invariants = [invariant];
    expect(await run('drill', ...at(), '--json')).toBe(3);
    expect(notes).toContain('postgres/platform/all-is-well: All is well.\n  a row\n');
    expect(JSON.parse(out)).toMatchObject({
      set: id,
      problems: ['postgres/platform/all-is-well is violated 1 times'],
      rto: { targetSeconds: 14_400 },
      rpo: { targetSeconds: 900 },
    });
    expect(out).not.toContain('a row');
    out = '';
    await run('list', ...at(), '--json');
    expect(JSON.parse(out)).toMatchObject([{ id, drill: { set: id, problems: [expect.anything()] } }]);
  });

  test('a missed target is exit code 3', async () => {
    clock = new Date(Date.now() - 3_600_000);
    await create({ redis: new Lines(['c']) });
    expect(await run('drill', ...at(), '--set', (await sets().list())[0]!.id)).toBe(3);
    expect(out).toMatch(/^- the copy of redis was 36\d\d(\.\d)? s old instead of at most 900 s$/m);
    expect(await run('drill', ...at(), '--set', (await sets().list())[0]!.id, '--rpo', '62.5')).toBe(0);
  });

  test('what could not run is exit code 1, wrong usage 2', async () => {
    const { id } = await drilled();
    fs.appendFileSync(path.join(folder, 'r', 'sets', id, 'redis', 'lines'), 'x');
    expect(await run('drill', ...at())).toBe(1);
    expect(notes).toContain('redis/lines is too long');
    expect(stopped).toEqual(['postgres', 'redis']);
    exitCode = undefined;
    expect(await run('drill', ...at(), '--rto', 'soon')).toBe(2);
    expect(notes).toContain('It is a number of minutes, such as 240.');
  });
});

test.each([
  [{ a: { count: 1 } }, { a: { count: 1 } }, undefined],
  [{ a: { count: 1 } }, {}, 'a is missing'],
  [{}, { b: { count: 1 } }, 'b is not in the copy'],
  [{ a: { count: 1 } }, { a: { count: 2 } }, 'a has 2 instead of 1'],
  [{ a: { count: 1, sha256: 'x' } }, { a: { sha256: 'y', count: 1 } }, 'a has other content than the copy'],
])('difference of %j and %j: %s', (expected, got, difference) => {
  expect(contentDifference(expected, got)).toBe(difference);
});

describe('stores that follow an outbox', () => {
  const restore = async (store: string, postgres: Followed) => {
    await create({ neo4j: new Lines(['a']), postgres: new Followed(['b']), minio: new Lines(['c']) });
    const opened: string[] = [];
    openStores = async (wanted) => {
      opened.push(...wanted);
      const drivers = { neo4j: new Lines([]), minio: new Lines([]), postgres };
      return { platform: 'data', drivers, close: async () => undefined };
    };
    expect(await run('restore', ...at(), '--store', store)).toBe(0);
    return opened;
  };

  test('go on from the cut, also when PostgreSQL is not restored', async () => {
    const postgres = new Followed(['in use']);
    expect(await restore('neo4j', postgres)).toEqual(['neo4j', 'postgres']);
    expect(postgres).toMatchObject({ lines: ['in use'], restores: 0, resumed: [CUT] });
    expect(notes).toContain("Stores that follow PostgreSQL's outbox go on from 2019-12-31T23:59:59.000Z.");
  });

  test('are left alone when only MinIO is restored', async () => {
    const postgres = new Followed([]);
    expect(await restore('minio', postgres)).toEqual(['minio']);
    expect(postgres.resumed).toEqual([]);
  });
});

test('a terminal shows how far it is, and neither JSON nor a log does', async () => {
  await create({ one: new Lines(['a'.repeat(1000)]) });
  expect(await run('verify', '--quick', ...at())).toBe(0);
  expect(notes).toMatch(/: reading every file\n$/);
  expect(notes).not.toContain('\r');
  terminal = true;
  notes = '';
  expect(await run('verify', '--quick', ...at())).toBe(0);
  expect(notes).toContain('\r\x1b[K  [########################] 100 %');
  notes = '';
  expect(await run('verify', '--quick', '--json', ...at())).toBe(0);
  expect(notes).not.toContain('\r');
});
