import { execFileSync, spawn, type StdioOptions } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { createInterface } from 'node:readline';

const TAIL_LINES = 20;

/** A command that could not be started, failed, or was killed; the message carries the end of its output. */
export class CommandError extends Error {
  constructor(
    readonly command: string,
    /** Exit status; null when it was killed by a signal or never started. */
    readonly exitCode: number | null,
    /** Last lines of stdout and stderr together. */
    readonly tail: string,
    why: string,
  ) {
    super(`${command} ${why}${tail ? `:\n${tail}` : '.'}`);
    this.name = 'CommandError';
  }
}

/** Options of {@link run}. */
export interface RunOptions {
  cwd?: string;
  /** Added to the environment of this process; undefined removes a variable. */
  env?: NodeJS.ProcessEnv;
  /** Text given on stdin; without it stdin is empty. */
  input?: string;
  /** Called with each line of output, for {@link step}. */
  report?: (line: string) => void;
  /** File that all output is appended to. */
  logFile?: string;
}

/** Runs a command to its end without a shell; rejects with {@link CommandError} when it does not exit with 0. */
export function run(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<{ stdout: string; stderr: string }> {
  const shown = [path.basename(command), ...args.slice(0, 4)].join(' ') + (args.length > 4 ? ' …' : '');
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const output = { stdout: '', stderr: '' };
    const tail: string[] = [];
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].setEncoding('utf8').on('data', (chunk: string) => {
        output[name] += chunk;
        // At once: a stream would still be opening or writing the file when this promise settles.
        if (options.logFile) fs.appendFileSync(options.logFile, chunk);
      });
      createInterface({ input: child[name] }).on('line', (line) => {
        tail.push(line);
        if (tail.length > TAIL_LINES) tail.shift();
        options.report?.(line);
      });
    }
    child.on('error', (error) => {
      reject(new CommandError(shown, null, '', `could not be started: ${error.message}`));
    });
    child.on('close', (code, signal) => {
      if (code === 0) return resolve(output);
      reject(
        new CommandError(
          shown,
          code,
          tail.join('\n'),
          signal ? `was killed by ${signal}` : `exited with ${code}`,
        ),
      );
    });
    // A command that exits without reading its input must not take this process down with EPIPE.
    child.stdin.on('error', () => undefined);
    child.stdin.end(options.input ?? '');
  });
}

/** Whether a command is an executable file on PATH (or at an absolute path). */
export function onPath(command: string, env: NodeJS.ProcessEnv = process.env): string | undefined {
  const folders = path.isAbsolute(command) ? [''] : (env.PATH ?? '').split(path.delimiter).filter(Boolean);
  return folders
    .map((folder) => path.join(folder, command))
    .find((file) => {
      try {
        fs.accessSync(file, fs.constants.X_OK);
        return fs.statSync(file).isFile();
      } catch {
        return false;
      }
    });
}

/**
 * Start time of a process, as an opaque value that tells it from a later process with the same pid;
 * undefined when there is no such process.
 */
export function processStartTime(pid: number): string | undefined {
  try {
    if (process.platform !== 'linux') {
      const line = execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim();
      return line.replace(/\W+/g, '-') || undefined;
    }
    // Field 22; the command name before it is in parentheses and may itself contain spaces.
    const stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? undefined : `${bootId()}-${fields[19]}`;
  } catch {
    return undefined;
  }
}

/** Start times count from the boot, so that pid and start time can repeat after a reboot. */
function bootId(): string {
  return fs.readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').slice(0, 8);
}

/** A process that outlives this one, known by its pid file. */
export interface Daemon {
  /** File that holds pid and start time; its folder must exist. */
  pidFile: string;
  /** File that stdout and stderr are appended to. */
  logFile: string;
  command: string;
  args: readonly string[];
  /** The whole environment, so that a daemon keeps no secret of whoever started it; default only PATH. */
  env?: NodeJS.ProcessEnv;
  /** Default `/`. */
  cwd?: string;
}

/** Pid of a running daemon; undefined when it does not run (also when its pid now belongs to another process). */
export function daemonPid(pidFile: string): number | undefined {
  let text: string;
  try {
    text = fs.readFileSync(pidFile, 'utf8');
  } catch {
    return undefined;
  }
  const [pid, startTime] = text.trim().split(' ');
  return pid && startTime && processStartTime(Number(pid)) === startTime ? Number(pid) : undefined;
}

/** Starts a daemon (Linux only) unless it runs already; returns its pid once the pid file is written. */
export async function startDaemon(daemon: Daemon): Promise<number> {
  const running = daemonPid(daemon.pidFile);
  if (running !== undefined) return running;
  fs.rmSync(daemon.pidFile, { force: true });
  const log = fs.openSync(daemon.logFile, 'a', 0o600);
  try {
    // The new process writes its own pid file before it becomes the daemon: killing us cannot lose track of it.
    const script =
      'stat=$(cat /proc/$$/stat); start=$(echo "${stat##*) }" | cut -d" " -f20); ' +
      'read -r boot < /proc/sys/kernel/random/boot_id; pid_file=$1; shift; ' +
      'echo "$$ $(echo "$boot" | cut -c1-8)-$start" > "$pid_file.tmp" && mv "$pid_file.tmp" "$pid_file"; exec "$@"';
    const stdio: StdioOptions = ['ignore', log, log];
    const child = spawn('/bin/sh', ['-c', script, 'sh', daemon.pidFile, daemon.command, ...daemon.args], {
      cwd: daemon.cwd ?? '/',
      env: daemon.env ?? { PATH: process.env.PATH },
      detached: true,
      stdio,
    });
    child.unref();
    const failed = new Promise<never>((_, reject) => child.once('error', reject));
    failed.catch(() => undefined);
    return await Promise.race([
      waitFor(() => daemonPid(daemon.pidFile) ?? earlyExit(child, daemon), 10_000),
      failed,
    ]);
  } finally {
    fs.closeSync(log);
  }
}

function earlyExit(child: { exitCode: number | null }, daemon: Daemon): undefined {
  if (child.exitCode === null) return undefined;
  throw new CommandError(
    path.basename(daemon.command),
    child.exitCode,
    logTail(daemon.logFile),
    `exited with ${child.exitCode} at its start`,
  );
}

/** Stops a daemon with SIGTERM, then SIGKILL after the grace time; resolves when it is gone and its pid file removed. */
export async function stopDaemon(pidFile: string, graceMs = 20_000): Promise<void> {
  const pid = daemonPid(pidFile);
  if (pid !== undefined) {
    const gone = () => (daemonPid(pidFile) === undefined ? true : undefined);
    process.kill(pid, 'SIGTERM');
    try {
      await waitFor(gone, graceMs);
    } catch {
      if (daemonPid(pidFile) === pid) process.kill(pid, 'SIGKILL');
      await waitFor(gone, graceMs);
    }
  }
  fs.rmSync(pidFile, { force: true });
}

/** What was waited for did not happen in time. */
export class DeadlineError extends Error {
  constructor(deadlineMs: number) {
    super(`Nothing happened within ${deadlineMs} ms.`);
    this.name = 'DeadlineError';
  }
}

/** Polls until the probe gives a value; rejects when the deadline (milliseconds) passes first. */
export async function waitFor<T>(
  probe: () => T | undefined | Promise<T | undefined>,
  deadlineMs: number,
  intervalMs = 50,
): Promise<T> {
  const deadline = Date.now() + deadlineMs;
  for (;;) {
    const value = await probe();
    if (value !== undefined) return value;
    if (Date.now() >= deadline) throw new DeadlineError(deadlineMs);
    await new Promise((resolve) => setTimeout(resolve, intervalMs));
  }
}

/** Last lines of a log file; empty when it does not exist. */
export function logTail(file: string, lines = TAIL_LINES): string {
  try {
    return fs.readFileSync(file, 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
  } catch {
    return '';
  }
}
