import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { CommandError, run } from '../../local/process';
import { exitCodes } from '../../migrations/command/io';
import { median } from './measure';
import { ourCommand } from './tools';

/** Seconds that `migrate lint` takes for the files of a folder: median of the rounds after a first that is not counted. */
export async function measureLint(folder: string, rounds: number): Promise<number> {
  const files = readdirSync(folder).map((file) => join(folder, file));
  const samples: number[] = [];
  for (let round = 0; round <= rounds; round++) {
    const from = performance.now();
    await lint(files);
    if (round > 0) samples.push((performance.now() - from) / 1000);
  }
  return median(samples);
}

/** The bench's changes do without what squawk asks of changes to large tables, so there are findings. */
async function lint(files: readonly string[]): Promise<void> {
  try {
    await run(process.execPath, [ourCommand, 'migrate', 'lint', '--store', 'postgres', ...files]);
  } catch (error) {
    if (!(error instanceof CommandError) || error.exitCode !== exitCodes.found) throw error;
    if (!error.tail.includes(` in ${files.length} files.`)) throw error;
  }
}
