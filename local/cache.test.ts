import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { cached } from './cache';
import { withLock } from './lock';

let folder: string;
const before = process.env.AGENT_DATA_PLATFORM_CACHE;
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'cache-'));
  process.env.AGENT_DATA_PLATFORM_CACHE = folder;
  jest.spyOn(process.stderr, 'write').mockReturnValue(true);
});
afterEach(() => {
  jest.restoreAllMocks();
  fs.rmSync(folder, { recursive: true, force: true });
  if (before === undefined) delete process.env.AGENT_DATA_PLATFORM_CACHE;
  else process.env.AGENT_DATA_PLATFORM_CACHE = before;
});

const key = { name: 'tools/example', version: 'v1' };
const write = (content: string) => async (dir: string) => fs.writeFileSync(path.join(dir, 'file'), content);

test('builds once, also when asked twice at the same time', async () => {
  const build = jest.fn(write('content'));
  const [first, second] = await Promise.all([cached(key, 'Example', build), cached(key, 'Example', build)]);
  expect(first).toBe(path.join(folder, 'tools/example/v1'));
  expect(second).toBe(first);
  expect(fs.readFileSync(path.join(first, 'file'), 'utf8')).toBe('content');
  expect(build).toHaveBeenCalledTimes(1);
});

test('a failed build leaves nothing, and the next one starts anew', async () => {
  const failing = async (dir: string) => {
    await write('half')(dir);
    throw new Error('interrupted');
  };
  await expect(cached(key, 'Example', failing)).rejects.toThrow('interrupted');
  expect(fs.readdirSync(path.join(folder, 'tools/example'))).toEqual([]);
  const built = await cached(key, 'Example', write('whole'));
  expect(fs.readFileSync(path.join(built, 'file'), 'utf8')).toBe('whole');
});

test('what a killed build left is not taken for finished', async () => {
  const left = path.join(folder, 'tools/example/v1.unfinished');
  fs.mkdirSync(left, { recursive: true });
  fs.writeFileSync(path.join(left, 'old'), '');
  const built = await cached(key, 'Example', write('new'));
  expect(fs.readdirSync(built)).toEqual(['file']);
});

describe('lock', () => {
  test('one holder at a time, and every waiter gets its turn', async () => {
    let holders = 0;
    const most: number[] = [];
    const work = async () => {
      most.push(++holders);
      await new Promise((resolve) => setTimeout(resolve, 5));
      holders--;
    };
    const waited: number[] = [];
    const lock = path.join(folder, 'lock');
    await Promise.all(Array.from({ length: 4 }, () => withLock(lock, work, (pid) => waited.push(pid))));
    expect(most).toEqual([1, 1, 1, 1]);
    expect(new Set(waited)).toEqual(new Set([process.pid]));
    expect(fs.readdirSync(lock)).toEqual([]);
  });

  test('the lock of a process that died is free', async () => {
    const lock = path.join(folder, 'lock');
    const dead = spawnSync('true').pid;
    fs.mkdirSync(lock);
    fs.writeFileSync(path.join(lock, `${dead}.1.claim`), '');
    // The same pid in another life does not hold it either.
    fs.writeFileSync(path.join(lock, `${process.pid}.1.claim`), '');
    expect(await withLock(lock, async () => 'mine', fail)).toBe('mine');
  });

  test('is released when the work fails', async () => {
    const lock = path.join(folder, 'lock');
    await expect(withLock(lock, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(fs.readdirSync(lock)).toEqual([]);
  });
});

function fail(): never {
  throw new Error('waited for a dead holder');
}
