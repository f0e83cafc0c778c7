/**
 * Measures backups beside other tools, and what they cost as data grows. Environment: BENCH_RUNS (rounds, default 3), BENCH_SCALE
 * (of 1 GB, default 1), BENCH_SIZES (of the curve, default 1,4,16), TMPDIR (where everything is written, about 8 GB). `--json`
 * prints the figures as JSON; `--tools` and `--curve` measure only one of the two.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { note, step } from '../../local/progress';
import { UserError } from '../../local/user-error';
import { usePostgresPrograms, useRedisPrograms } from '../../ops/testing/programs';
import { median } from '../migrations/measure';
import { type CurvePoint, measureCurve } from './curve';
import { fill } from './data';
import { printCurve, printTools, type ToolFigures, type ToolResults, verdicts } from './report';
import { BenchRoot } from './root';
import { BenchPostgres } from './server';
import { type BackupTool, backupTools } from './tools';

const rounds = Number(process.env.BENCH_RUNS ?? 3);
const scale = Number(process.env.BENCH_SCALE ?? 1);
const SOURCE_PORT = 54_401;

async function measureTools(folder: string): Promise<ToolResults> {
  const root = await BenchRoot.open(folder);
  const source = new BenchPostgres(root, 'source', SOURCE_PORT);
  try {
    const databaseBytes = await step('Filling PostgreSQL', async () => {
      await source.create({ scratch: false });
      return fill(source, root, scale);
    });
    const tools = backupTools(root, source);
    for (const tool of tools) await tool.prepare?.();
    const [server] = await source.query<{ server_version: string }>('SHOW server_version');
    const figures = await step(`Measuring ${tools.length} tools`, (report) => rotate(tools, source, report));
    return { server: `PostgreSQL ${server!.server_version}`, databaseBytes, rounds, figures };
  } finally {
    await source.stop();
  }
}

/** Every tool in each round, so that all share the machine's moods. */
async function rotate(
  tools: readonly BackupTool[],
  source: BenchPostgres,
  report: (line: string) => void,
): Promise<ToolFigures[]> {
  const samples = tools.map((tool) => ({ tool, backup: [] as number[], restore: [] as number[], bytes: 0 }));
  for (let round = 1; round <= rounds; round++) {
    for (const sample of samples) {
      const { tool } = sample;
      report(`round ${round} of ${rounds}: ${tool.name}`);
      // What one tool left to write must not be written in the next one's time.
      await source.query('CHECKPOINT');
      try {
        sample.backup.push(await seconds(() => tool.backup()));
        sample.bytes = await tool.bytes();
        sample.restore.push(await seconds(() => tool.restore()));
      } finally {
        await tool.clean();
      }
    }
  }
  return samples.map(({ tool: { name, kind, proof }, backup, restore, bytes }) => ({
    ...{ tool: name, kind, proof, bytes },
    backupSeconds: median(backup),
    restoreSeconds: median(restore),
  }));
}

async function seconds(action: () => Promise<unknown>): Promise<number> {
  const from = performance.now();
  await action();
  return (performance.now() - from) / 1000;
}

async function main(args: readonly string[]): Promise<void> {
  await Promise.all([usePostgresPrograms(), useRedisPrograms()]);
  const folder = mkdtempSync(join(tmpdir(), 'agent-data-platform-bench-backup-'));
  try {
    const tools = args.includes('--curve') ? undefined : await measureTools(folder);
    const curve: CurvePoint[] | undefined = args.includes('--tools') ? undefined : await measureCurve(folder);
    const targets = tools ? verdicts(tools) : [];
    if (args.includes('--json')) console.log(JSON.stringify({ tools, curve, targets }, null, 2));
    else {
      if (tools) printTools(tools);
      if (curve) printCurve(curve);
    }
    if (targets.some(({ met }) => !met)) process.exitCode = 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

main(process.argv.slice(2)).catch((error: Error) => {
  note(error instanceof UserError ? error.message : (error.stack ?? String(error)));
  process.exitCode = 1;
});
