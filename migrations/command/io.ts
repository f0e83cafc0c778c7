import { createInterface } from 'node:readline/promises';

/** Exit codes of `migrate` and `seed`. */
export const exitCodes = {
  ok: 0,
  /** A store, a change or a file refused; the message says which and why. */
  failed: 1,
  /** The command was called in a way that cannot be right. */
  usage: 2,
  /** Nothing failed, but there is something: pending changes, drift, lint findings. */
  found: 3,
} as const;

/** The command was called in a way that cannot be right. */
export class CommandUsageError extends Error {}

/** Where a command prints and whom it asks. */
export interface Io {
  /** The answer, on standard output. */
  out(text: string): void;
  /** Progress and errors, on standard error. */
  note(text: string): void;
  /** Asks yes or no; undefined where there is nobody to ask. */
  readonly ask?: (question: string) => Promise<boolean>;
}

/** The terminal, or whatever the process's streams are. */
export function processIo(): Io {
  return {
    out: (text) => void process.stdout.write(`${text}\n`),
    note: (text) => void process.stderr.write(`${text}\n`),
    ...(process.stdin.isTTY ? { ask } : {}),
  };
}

async function ask(question: string): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await terminal.question(`${question} Go on? [y/N] `)).trim());
  } finally {
    terminal.close();
  }
}

/**
 * Makes sure that a person means it: `--yes`, or an answer.
 * @throws CommandUsageError where there is nobody to ask; Error when the answer is no.
 */
export async function confirm(io: Io, question: string, yes: boolean | undefined): Promise<void> {
  if (yes) return;
  if (!io.ask)
    throw new CommandUsageError(`${question} There is no terminal to ask on: add --yes if it is meant.`);
  if (!(await io.ask(question))) throw new Error('Nothing was changed: the answer was no.');
}

/** Prints what was thrown, as JSON where that was asked for, and sets the exit code. */
export async function guarded(
  { io, finish }: { readonly io: Io; readonly finish: (exitCode: number) => void },
  { json, debug }: { readonly json?: boolean; readonly debug?: boolean },
  run: () => Promise<void>,
): Promise<void> {
  try {
    await run();
  } catch (error) {
    const { message, stack } = error as Error;
    if (json) io.out(JSON.stringify({ error: message }));
    io.note(`error: ${message}`);
    if (debug) io.note(String(stack));
    finish(error instanceof CommandUsageError ? exitCodes.usage : exitCodes.failed);
  }
}
