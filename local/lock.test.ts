import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { lockHolder, withLock } from './lock';

let folder: string;
beforeEach(() => (folder = fs.mkdtempSync(path.join(os.tmpdir(), 'lock-'))));
afterEach(() => fs.rmSync(folder, { recursive: true }));

test('the holder of a lock is known while it holds it', async () => {
  const lock = path.join(folder, 'lock');
  expect(lockHolder(lock)).toBeUndefined();
  await withLock(lock, async () => expect(lockHolder(lock)).toBe(process.pid));
  expect(lockHolder(lock)).toBeUndefined();
});

test('a dead process holds nothing', () => {
  fs.writeFileSync(path.join(folder, `${process.pid}.not-its-start-time.claim`), '');
  expect(lockHolder(folder)).toBeUndefined();
});
