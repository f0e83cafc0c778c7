import { spawn } from 'node:child_process';
import { constants } from 'node:os';

/** How a foreground command ended. */
export interface ForegroundResult {
  /** Exit code; 128 + signal number when the command or we were interrupted (130 for Ctrl-C). */
  readonly exitCode: number;
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Milliseconds in which the same signal counts as one: npm, a supervisor and a terminal may each deliver it. */
const SAME_SIGNAL_MS = 1000;

/**
 * Runs a command on this process's terminal, passes signals on exactly once, and waits for its own clean end.
 * @param options.stdout `inherit` (default), or `ignore` for commands whose standard output nobody wants.
 */
export function foreground(
  command: string,
  args: readonly string[],
  options: { env: NodeJS.ProcessEnv; cwd: string; stdout?: 'inherit' | 'ignore' },
): Promise<ForegroundResult> {
  // With a terminal, Ctrl-C reaches the whole foreground group by itself. Without one the command gets its own
  // group, so that a signal sent to our group arrives only through us: a second SIGINT makes Pulumi give up at once.
  const terminal = Boolean(process.stdin.isTTY);
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: options.env,
    stdio: ['inherit', options.stdout ?? 'inherit', 'inherit'],
    detached: !terminal,
  });
  let interruptedBy: NodeJS.Signals | undefined;
  let lastAt = -Infinity;
  const onSignal = (signal: NodeJS.Signals) => {
    const repeated = signal === interruptedBy && performance.now() - lastAt < SAME_SIGNAL_MS;
    if (!repeated && !(terminal && signal === 'SIGINT')) child.kill(signal);
    interruptedBy = signal;
    lastAt = performance.now();
  };
  for (const signal of SIGNALS) process.on(signal, onSignal);
  return new Promise<ForegroundResult>((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code, signal) => {
      const by = signal ?? (code === 0 ? undefined : interruptedBy);
      resolve({ exitCode: by ? 128 + constants.signals[by] : (code ?? 1) });
    });
  }).finally(() => {
    for (const signal of SIGNALS) process.off(signal, onSignal);
  });
}
