/**
 * Measures our engine beside other migration tools. Environment: BENCH_RUNS (rounds, default 5), BENCH_CHANGES (default 200),
 * BENCH_URL (superuser's URL of a PostgreSQL; default one in the test cluster). `--json` prints the figures as JSON.
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onPath, run } from '../../local/process';
import { note, step } from '../../local/progress';
import { UserError } from '../../local/user-error';
import { benchChanges } from './changes';
import { measureLint } from './lint';
import { measure, type ToolFigures } from './measure';
import { clusterServer, existingServer } from './server';
import type { UnavailableTool } from './tool';
import { benchFolder, benchTools } from './tools';

const rounds = Number(process.env.BENCH_RUNS ?? 5);
const changeCount = Number(process.env.BENCH_CHANGES ?? 200);
const targets = { freshToPsql: 1.15, noopSeconds: 0.2, inProcessMs: 20, lintSeconds: 0.3 };

/** What one run of the bench found. */
interface Results {
  readonly server: string;
  readonly changes: number;
  readonly rounds: number;
  readonly figures: readonly ToolFigures[];
  readonly unavailable: readonly UnavailableTool[];
  /** Of all files, by our command. */
  readonly lintSeconds: number;
}

/** One target with what was measured. */
interface Verdict {
  readonly target: string;
  readonly measured: string;
  readonly met: boolean;
}

function verdicts({ figures, lintSeconds }: Results): Verdict[] {
  const ours = figures.find((figure) => figure.kind === 'ours')!;
  const floor = figures.find((figure) => figure.kind === 'floor')!;
  const node = figures.filter((figure) => figure.kind === 'node');
  const ratio = ours.freshSeconds / floor.freshSeconds;
  const ahead = node.filter((figure) => figure.freshSeconds > ours.freshSeconds);
  return [
    {
      target: `fresh ≤ ${targets.freshToPsql} × psql`,
      measured: `${ratio.toFixed(2)} ×`,
      met: ratio <= targets.freshToPsql,
    },
    {
      target: 'fresh ahead of every Node.js tool',
      measured: `ahead of ${ahead.length} of ${node.length}`,
      met: ahead.length === node.length,
    },
    {
      target: `no-op command ≤ ${targets.noopSeconds} s`,
      measured: `${ours.noopSeconds.toFixed(3)} s`,
      met: ours.noopSeconds <= targets.noopSeconds,
    },
    {
      target: `in-process no-op ≤ ${targets.inProcessMs} ms`,
      measured: `${ours.inProcessMs!.toFixed(1)} ms`,
      met: ours.inProcessMs! <= targets.inProcessMs,
    },
    {
      target: `lint of all files ≤ ${targets.lintSeconds} s`,
      measured: `${lintSeconds.toFixed(3)} s`,
      met: lintSeconds <= targets.lintSeconds,
    },
  ];
}

function printTable(results: Results): void {
  const { figures, unavailable, lintSeconds, server } = results;
  const floor = figures.find((figure) => figure.kind === 'floor')!;
  console.log(`\n${results.changes} changes, median of ${results.rounds} rounds, ${server}\n`);
  console.log(
    '| rank | tool | fresh (s) | × psql | no-op (s) | no-op in process (ms) |\n|---|---|---|---|---|---|',
  );
  const ranked = figures.toSorted((a, b) => a.freshSeconds - b.freshSeconds);
  ranked.forEach(({ tool, kind, freshSeconds, noopSeconds, inProcessMs }, index) => {
    const noop = kind === 'floor' ? '' : noopSeconds.toFixed(3);
    const ratio = (freshSeconds / floor.freshSeconds).toFixed(2);
    console.log(
      `| ${index + 1} | ${tool} | ${freshSeconds.toFixed(3)} | ${ratio} | ${noop} | ${inProcessMs?.toFixed(1) ?? ''} |`,
    );
  });
  for (const { name, reason } of unavailable) console.log(`| | ${name} | not available: ${reason} | | | |`);
  console.log(`\n| command | s |\n|---|---|\n| lint of all files | ${lintSeconds.toFixed(3)} |\n`);
  for (const { target, measured, met } of verdicts(results))
    console.log(`${met ? 'met' : 'MISSED'}: ${target} (${measured})`);
}

async function prepare(): Promise<void> {
  if (!onPath('psql')) {
    throw new UserError(
      'psql is the floor that is measured against.',
      "Install PostgreSQL's client programs.",
    );
  }
  if (existsSync(join(benchFolder, 'node_modules'))) return;
  await step('Installing the Node.js tools', (report) =>
    run('npm', ['ci', '--no-fund', '--no-audit'], { cwd: benchFolder, report }),
  );
}

async function main(args: readonly string[]): Promise<void> {
  await prepare();
  const { tools, unavailable } = await benchTools();
  const folder = mkdtempSync(join(tmpdir(), 'agent-data-platform-bench-migrations-'));
  const url = process.env.BENCH_URL;
  const server = await step('Starting PostgreSQL', () => (url ? existingServer(url) : clusterServer()));
  try {
    const figures = await step(`Measuring ${tools.length} tools`, (report) =>
      measure(tools, benchChanges(changeCount), server, { folder, rounds, report }),
    );
    const lintSeconds = await step('Measuring lint', () => measureLint(join(folder, 'ours'), rounds));
    const results = {
      ...{ server: server.name, changes: changeCount, rounds },
      ...{ figures, unavailable, lintSeconds },
    };
    const targets = verdicts(results);
    if (args.includes('--json')) console.log(JSON.stringify({ ...results, targets }, null, 2));
    else printTable(results);
    if (targets.some(({ met }) => !met)) process.exitCode = 1;
  } finally {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

main(process.argv.slice(2)).catch((error: Error) => {
  note(error instanceof UserError ? `${error.message}` : (error.stack ?? String(error)));
  process.exitCode = 1;
});
