import { join } from 'node:path';
import { run } from '../../local/process';
import type { BenchChange } from './changes';
import type { BenchServer } from './server';
import type { Invocation, Tool } from './tool';

/** Medians of one tool. */
export interface ToolFigures {
  readonly tool: string;
  readonly kind: Tool['kind'];
  readonly freshSeconds: number;
  readonly noopSeconds: number;
  /** Milliseconds of a run without work in a process that has done one before. */
  readonly inProcessMs?: number;
}

/** Runs in one process, of which the first is the warm-up. */
const IN_PROCESS_RUNS = 11;

export const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;

/** Measures every tool in each round, so that all share the machine's moods; the first round is discarded. */
export async function measure(
  tools: readonly Tool[],
  changes: readonly BenchChange[],
  server: BenchServer,
  options: { folder: string; rounds: number; report: (line: string) => void },
): Promise<ToolFigures[]> {
  for (const tool of tools) tool.write(join(options.folder, tool.name), changes);
  const samples = tools.map((tool) => ({
    tool,
    fresh: [] as number[],
    noop: [] as number[],
    inProcess: [] as number[],
  }));
  for (let round = 0; round <= options.rounds; round++) {
    for (const { tool, fresh, noop, inProcess } of samples) {
      options.report(`round ${round} of ${options.rounds}: ${tool.name}`);
      const folder = join(options.folder, tool.name);
      await server.withDatabase(async (database) => {
        const invocation = tool.invoke(folder, database);
        const times = { fresh: await seconds(invocation), noop: 0 };
        await server.assertApplied(database, changes.length);
        if (tool.kind !== 'floor') times.noop = await seconds(invocation);
        const repeated = tool.repeat?.(folder, database, IN_PROCESS_RUNS);
        const inOneProcess = repeated ? (JSON.parse((await start(repeated)).stdout) as number[]) : [];
        if (round === 0) return;
        fresh.push(times.fresh);
        noop.push(times.noop);
        inProcess.push(...inOneProcess.slice(1));
      });
    }
  }
  return samples.map(({ tool, fresh, noop, inProcess }) => ({
    tool: tool.name,
    kind: tool.kind,
    freshSeconds: median(fresh),
    noopSeconds: median(noop),
    ...(inProcess.length > 0 ? { inProcessMs: median(inProcess) } : {}),
  }));
}

function start({ command, args, cwd, env }: Invocation): Promise<{ stdout: string }> {
  return run(command, args, { cwd, env });
}

async function seconds(invocation: Invocation): Promise<number> {
  const from = performance.now();
  await start(invocation);
  return (performance.now() - from) / 1000;
}
