import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { textsOf, TwoSets } from '../testing/two-sets';

/** What a set takes of a disk is 340 KiB. */
const ROOM = '900k';
let disk: string;
let two: TwoSets;

/** Mounting needs root, which the servers that CI runs on let a user become. */
function asRoot(program: string, ...args: string[]): void {
  const sudo = process.getuid?.() === 0 ? [] : ['sudo', '--non-interactive'];
  const [command, ...rest] = [...sudo, program, ...args];
  execFileSync(command!, rest);
}

beforeEach(async () => {
  disk = fs.mkdtempSync(path.join(os.tmpdir(), 'full-'));
  asRoot('mount', '-t', 'tmpfs', '-o', `size=${ROOM},mode=0777`, 'tmpfs', disk);
  two = await TwoSets.create('plain', path.join(disk, 'repository'));
});
afterEach(() => {
  asRoot('umount', disk);
  fs.rmdirSync(disk);
});

const partials = () =>
  (fs.readdirSync(two.folder, { recursive: true }) as string[]).filter((name) => name.includes('.partial-'));
const noRoom = (what: string, call: string) =>
  `${what} in folder ${two.folder}: There is no room left: prune old sets or make the storage larger. (ENOSPC: no space left on device, ${call})`;

/** Writes until nothing fits any more. */
function fill(): void {
  const file = fs.openSync(path.join(disk, 'filler'), 'w');
  const write = () => fs.writeSync(file, Buffer.alloc(512));
  expect(() => {
    for (;;) write();
  }).toThrow('ENOSPC');
  fs.closeSync(file);
}

test('a backup that does not fit keeps the sets before, and fits when old ones are pruned', async () => {
  const error: Error = await two.backUp('third').then(
    () => new Error('it fitted'),
    (failure) => failure,
  );
  const { id, state } = (await two.sets.list())[2]!;
  expect(state).toBe('incomplete');
  expect(error.message).toBe(
    `two could not be backed up: ${noRoom(`Writing sets/${id}/two/c.tar`, 'write')} The set ${id} is incomplete.`,
  );
  expect(partials()).toEqual([]);
  expect(await two.sets.newest()).toEqual(two.newer);
  await two.expectOlderUnharmed();
  expect(await two.restore(two.newer)).toEqual({ error: undefined, ...textsOf('newer') });

  two.clock = new Date('2030-02-01T00:00:00Z');
  expect(await two.sets.prune({ keepDays: 7, keepLast: 1 }, false)).toEqual([id, two.older.id].sort());
  expect(await two.restore(await two.backUp('third'))).toEqual({ error: undefined, ...textsOf('third') });
});

test('a proof that does not fit leaves the one before', async () => {
  await two.sets.markVerified(two.older.id, {});
  fill();
  two.clock = new Date('2030-02-01T00:00:00Z');
  await expect(two.sets.markVerified(two.older.id, {})).rejects.toMatchObject({
    fault: 'full',
    message: noRoom(`Writing sets/${two.older.id}/verified.json`, 'write'),
  });
  expect((await two.sets.list())[0]!.verifiedAt).toBe('2030-01-03T00:00:00.000Z');
  expect(partials()).toEqual([]);
});

test('files for which this machine has no room are not fetched, and leave nothing', async () => {
  fill();
  const here = path.join(disk, 'here');
  const fetch = () => two.sets.fetch(two.newer, 'one', here, []);
  await expect(fetch()).rejects.toMatchObject({
    message:
      'one/a.dump cannot be written on this machine: ENOSPC: no space left on device, write. Name another folder in TMPDIR.',
  });
  expect(fs.readdirSync(here)).toEqual([]);
  for (const file of [path.join(disk, 'filler'), two.file(two.older, 'one')])
    fs.rmSync(file, { recursive: true });
  const { 'a.dump': dump } = await fetch();
  expect(fs.readFileSync(dump!, 'utf8')).toBe(textsOf('newer').one!['a.dump']);
});
