import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { foreground } from './foreground';
import { waitFor } from './process';

// Each test starts processes, which is slow on a busy machine.

let folder: string;
const terminal = process.stdin.isTTY;

beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'foreground-'));
  process.stdin.isTTY = false;
});

afterEach(() => {
  process.stdin.isTTY = terminal;
  fs.rmSync(folder, { recursive: true });
});

const script = (code: string) =>
  foreground(process.execPath, ['-e', code], { cwd: folder, env: process.env, stdout: 'ignore' });

/** A command that counts a signal and ends, by itself, a moment after the first. */
const counting = (signal: string) => `
  let count = 0;
  process.on('${signal}', () => {
    count += 1;
    require('fs').writeFileSync('count', String(count));
    setTimeout(() => process.exit(1), 200);
  });
  require('fs').writeFileSync('ready', '');
  setInterval(() => {}, 1000);`;

const ready = () => waitFor(() => (fs.existsSync(path.join(folder, 'ready')) ? true : undefined), 20_000);

test.each([0, 1, 7])('the exit code %d comes back', async (code) => {
  expect(await script(`process.exit(${code})`)).toEqual({ exitCode: code });
});

test('a command killed by a signal counts as 128 plus its number', async () => {
  expect(await script(`process.kill(process.pid, 'SIGKILL')`)).toEqual({ exitCode: 137 });
});

test('an interrupt that arrives several times is passed on once, and the command ends by itself', async () => {
  const result = script(counting('SIGINT'));
  await ready();
  process.emit('SIGINT', 'SIGINT');
  process.emit('SIGINT', 'SIGINT');
  expect(await result).toEqual({ exitCode: 130 });
  expect(fs.readFileSync(path.join(folder, 'count'), 'utf8')).toBe('1');
});

test('a termination is passed on and gives 143', async () => {
  const result = script(counting('SIGTERM'));
  await ready();
  process.emit('SIGTERM', 'SIGTERM');
  expect(await result).toEqual({ exitCode: 143 });
});

test('a command that cannot be started is an error', async () => {
  await expect(foreground(path.join(folder, 'none'), [], { cwd: folder, env: {} })).rejects.toThrow('ENOENT');
});

test('no signal handler is left behind', async () => {
  const before = process.listenerCount('SIGINT');
  await script('');
  expect(process.listenerCount('SIGINT')).toBe(before);
});
