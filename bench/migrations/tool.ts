import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BenchChange } from './changes';

/** A database of the bench's server. */
export interface BenchDatabase {
  readonly url: string;
  /** Host, port, user, password and database as libpq's environment variables. */
  readonly env: Record<string, string>;
}

/** One command to measure. */
export interface Invocation {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env?: Record<string, string>;
}

/** One migration tool. */
export interface Tool {
  readonly name: string;
  readonly kind: 'floor' | 'ours' | 'node' | 'other';
  /** Writes the changes in the tool's format. */
  write(folder: string, changes: readonly BenchChange[]): void;
  /** Applies what is pending. */
  invoke(folder: string, database: BenchDatabase): Invocation;
  /** The same as a library in one process, this many times; prints milliseconds as JSON. Only Node.js tools have it. */
  repeat?(folder: string, database: BenchDatabase, times: number): Invocation;
}

/** A tool that this machine cannot install. */
export interface UnavailableTool {
  readonly name: string;
  readonly reason: string;
}

/** A change's number as file names have it. */
export function pad(change: BenchChange, length = 6): string {
  return String(change.number).padStart(length, '0');
}

/** Writes one file for each change; the folder is made. */
export function writeEach(
  folder: string,
  changes: readonly BenchChange[],
  file: (change: BenchChange) => [string, string],
): void {
  mkdirSync(folder, { recursive: true });
  for (const change of changes) {
    const [name, text] = file(change);
    writeFileSync(join(folder, name), text);
  }
}
