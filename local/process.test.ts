import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import {
  CommandError,
  daemonPid,
  logTail,
  onPath,
  processStartTime,
  run,
  startDaemon,
  stopDaemon,
  waitFor,
} from './process';

let folder: string;
beforeEach(() => (folder = fs.mkdtempSync(path.join(os.tmpdir(), 'process-'))));
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

describe('run', () => {
  test('gives stdout, stderr and the lines, with environment, folder and input', async () => {
    const lines: string[] = [];
    const logFile = path.join(folder, 'log');
    const output = await run('sh', ['-c', 'echo "$GREETING $(pwd)"; cat; echo warning >&2'], {
      cwd: folder,
      env: { GREETING: 'hello' },
      input: 'typed\n',
      report: (line) => lines.push(line),
      logFile,
    });
    expect(output).toEqual({ stdout: `hello ${folder}\ntyped\n`, stderr: 'warning\n' });
    expect(lines.sort()).toEqual([`hello ${folder}`, 'typed', 'warning']);
    expect(fs.readFileSync(logFile, 'utf8').split('\n').sort()).toEqual(['', ...lines]);
  });

  test('a failed command rejects with its status and the end of its output', async () => {
    const failure = await run('sh', ['-c', 'seq 1 30; exit 3']).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(CommandError);
    const { exitCode, tail, message } = failure as CommandError;
    expect(exitCode).toBe(3);
    expect(tail.split('\n')).toEqual(Array.from({ length: 20 }, (_, i) => String(i + 11)));
    expect(message).toContain('exited with 3');
  });

  test('a command that does not exist, or is killed, says so', async () => {
    await expect(run('no-such-command', [])).rejects.toThrow('no-such-command could not be started');
    await expect(run('sh', ['-c', 'kill -9 $$'])).rejects.toThrow('was killed by SIGKILL');
  });
});

test('onPath finds executables only', () => {
  fs.writeFileSync(path.join(folder, 'tool'), '', { mode: 0o755 });
  fs.writeFileSync(path.join(folder, 'text'), '', { mode: 0o644 });
  const env = { PATH: folder };
  expect(onPath('tool', env)).toBe(path.join(folder, 'tool'));
  expect(onPath('text', env)).toBeUndefined();
  expect(onPath(path.join(folder, 'tool'), {})).toBe(path.join(folder, 'tool'));
});

describe('daemons', () => {
  const daemon = () => ({
    pidFile: path.join(folder, 'd.pid'),
    logFile: path.join(folder, 'd.log'),
    command: 'sh',
    args: ['-c', 'echo "started with $1"; exec sleep 300', 'sh', 'two words'],
  });

  test('starts once, is found by its pid file, and stops', async () => {
    const pid = await startDaemon(daemon());
    expect(daemonPid(daemon().pidFile)).toBe(pid);
    expect(await startDaemon(daemon())).toBe(pid);
    await waitFor(() => logTail(daemon().logFile) || undefined, 5_000);
    expect(logTail(daemon().logFile)).toBe('started with two words');
    await stopDaemon(daemon().pidFile);
    expect(processStartTime(pid)).toBeUndefined();
    expect(fs.existsSync(daemon().pidFile)).toBe(false);
  });

  test('is killed when it does not react to SIGTERM', async () => {
    const stubborn = { ...daemon(), args: ['-c', 'trap "" TERM; echo ready; while :; do sleep 1; done'] };
    const pid = await startDaemon(stubborn);
    await waitFor(() => logTail(stubborn.logFile) || undefined, 5_000);
    await stopDaemon(stubborn.pidFile, 200);
    expect(processStartTime(pid)).toBeUndefined();
  });

  test('a pid that another process has now is not the daemon, and is not killed', async () => {
    fs.writeFileSync(daemon().pidFile, `${process.pid} another-start-time\n`);
    expect(daemonPid(daemon().pidFile)).toBeUndefined();
    await stopDaemon(daemon().pidFile);
    expect(fs.existsSync(daemon().pidFile)).toBe(false);
  });
});

test('waitFor gives up at its deadline', async () => {
  await expect(waitFor(() => undefined, 20, 5)).rejects.toThrow('Nothing happened within 20 ms.');
});
