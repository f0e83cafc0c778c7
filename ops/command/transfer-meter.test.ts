import { buffer } from 'node:stream/consumers';
import { Readable } from 'node:stream';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { FolderRepository } from '../repository/folder';
import { metered, TransferMeter } from './transfer-meter';

let written: string;
let clock: number;
let meter: TransferMeter;
beforeEach(() => {
  [written, clock] = ['', 1000];
  meter = new TransferMeter({ write: (text) => (written += text) }, () => clock);
});

const MIB = 2 ** 20;

test('bytes are counted on one line, which the next message takes', () => {
  meter.note('postgres: copying');
  clock += 1000;
  meter.count(2 * MIB);
  meter.count(5 * MIB);
  clock += 1000;
  meter.count(1 * MIB);
  meter.note('postgres: 2 files');
  expect(written.split('\r\x1b[K')).toEqual([
    'postgres: copying\n',
    '  2.0 MiB, 2.0 MiB/s',
    '  8.0 MiB, 4.0 MiB/s',
    'postgres: 2 files\n',
  ]);
});

test('where the end is known there is a bar, which never passes it', () => {
  meter.note('redis: fetching and checking', 4 * MIB);
  for (const mebibytes of [3, 3]) {
    clock += 1000;
    meter.count(mebibytes * MIB);
  }
  meter.clear();
  expect(written.split('\r\x1b[K')).toEqual([
    'redis: fetching and checking\n',
    '  [##################------] 75 %, 3.0 of 4.0 MiB, 3.0 MiB/s',
    '  [########################] 100 %, 6.0 of 4.0 MiB, 3.0 MiB/s',
    '',
  ]);
});

describe('a repository whose traffic is counted', () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'meter-'));
  const inner = new FolderRepository(folder);
  afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

  test('gives and takes the same bytes', async () => {
    const repository = metered(inner, meter);
    const content = Buffer.alloc(3 * MIB, 7);
    await repository.put('a/b', Readable.from([content.subarray(0, MIB), content.subarray(MIB)]));
    expect(content.equals(await buffer(await inner.get('a/b')))).toBe(true);
    expect(content.equals(await buffer(await repository.get('a/b')))).toBe(true);
    expect(written).toContain('MiB/s');
    expect((await repository.list('a/')).map(({ key }) => key)).toEqual(['a/b']);
    await repository.delete('a/b');
    await expect(repository.get('a/b')).rejects.toThrow('a/b');
  });

  test('fails as what it is given does, and leaves nothing', async () => {
    const failing = Readable.from(
      (async function* () {
        yield Buffer.from('some');
        throw new Error('the dump ended');
      })(),
    );
    await expect(metered(inner, meter).put('c', failing)).rejects.toThrow('the dump ended');
    expect(await inner.list('')).toEqual([]);
  });
});
