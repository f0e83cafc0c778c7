import { AsyncLocalStorage } from 'node:async_hooks';

/** Where progress is written; a TTY gets one live line that is rewritten in place. */
export interface ProgressOutput {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

interface ActiveStep {
  readonly title: string;
  readonly depth: number;
  readonly startedAt: number;
  status: string;
}

const HEARTBEAT_MS = 30_000;
const REDRAW_MS = 200;

/** Prints nested steps with their durations; one instance per output. */
export class Progress {
  private readonly scope = new AsyncLocalStorage<ActiveStep>();
  private readonly active: ActiveStep[] = [];
  private timer: NodeJS.Timeout | undefined;
  private liveLine = false;

  /** @param heartbeatMs Milliseconds between status lines where the output is not a TTY; default 30000. */
  constructor(
    private readonly output: ProgressOutput,
    private readonly heartbeatMs = HEARTBEAT_MS,
  ) {}

  /** Runs one step and prints its start, its latest reported line while it runs, and its outcome with the duration. */
  async step<T>(title: string, run: (report: (line: string) => void) => Promise<T>): Promise<T> {
    const parent = this.scope.getStore();
    const step: ActiveStep = {
      title,
      depth: parent ? parent.depth + 1 : 0,
      startedAt: performance.now(),
      status: '',
    };
    this.line(step.depth, `• ${title}`);
    this.begin(step);
    try {
      const result = await this.scope.run(step, () =>
        run((line) => {
          step.status = line.trim();
        }),
      );
      this.end(step, '✓');
      return result;
    } catch (error) {
      this.end(step, '✗');
      throw error;
    }
  }

  /** Prints one line inside the current step. */
  note(text: string): void {
    const parent = this.scope.getStore();
    this.line(parent ? parent.depth + 1 : 0, text);
  }

  private begin(step: ActiveStep): void {
    this.active.push(step);
    this.timer ??= setInterval(() => this.tick(), this.output.isTTY ? REDRAW_MS : this.heartbeatMs);
    // A pending step keeps the process alive by its own work, not by its progress line.
    this.timer.unref();
  }

  private end(step: ActiveStep, mark: string): void {
    this.active.splice(this.active.indexOf(step), 1);
    if (this.active.length === 0) {
      clearInterval(this.timer);
      this.timer = undefined;
    }
    this.line(step.depth, `${mark} ${step.title} (${seconds(performance.now() - step.startedAt)})`);
  }

  private tick(): void {
    const step = this.active.at(-1);
    if (!step) return;
    const elapsed = seconds(performance.now() - step.startedAt);
    const text = `… ${step.title} (${elapsed})${step.status ? `: ${step.status}` : ''}`;
    if (!this.output.isTTY) return this.line(step.depth, text);
    const fitted = `${'  '.repeat(step.depth)}${text}`.slice(0, (this.output.columns ?? 80) - 1);
    this.output.write(`\r\u001b[2K${fitted}`);
    this.liveLine = true;
  }

  private line(depth: number, text: string): void {
    this.output.write(`${this.liveLine ? '\r\u001b[2K' : ''}${'  '.repeat(depth)}${text}\n`);
    this.liveLine = false;
  }
}

/** Duration in words: `0.4 s`, `12.3 s`, `4 min 5 s`. */
export function seconds(ms: number): string {
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  const whole = Math.round(ms / 1000);
  return `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

// stderr, so that stdout carries only data.
const progress = new Progress(process.stderr);

/** Runs one step of work with progress on stderr. */
export const step: Progress['step'] = (title, run) => progress.step(title, run);

/** Prints one line of progress on stderr, indented below the current step. */
export const note: Progress['note'] = (text) => progress.note(text);
