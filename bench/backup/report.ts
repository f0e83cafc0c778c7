/** Tables of the bench, and whether its targets are met. */
import type { CurvePoint } from './curve';
import type { BackupTool } from './tools';

/** Medians of one tool. */
export interface ToolFigures {
  readonly tool: string;
  readonly kind: BackupTool['kind'];
  readonly proof: string;
  readonly backupSeconds: number;
  /** With the proof, and with the server that is restored into. */
  readonly restoreSeconds: number;
  readonly bytes: number;
}

/** What the comparison found. */
export interface ToolResults {
  readonly server: string;
  readonly databaseBytes: number;
  readonly rounds: number;
  readonly figures: readonly ToolFigures[];
}

/** One target with what was measured. */
export interface Verdict {
  readonly target: string;
  readonly measured: string;
  readonly met: boolean;
}

const targets = { backup: 1.1, restore: 1.3 };
const MIB = 2 ** 20;

/** Our targets, in times of pgBackRest's. */
export function verdicts({ figures }: ToolResults): Verdict[] {
  const ours = figures.find(({ kind }) => kind === 'ours')!;
  const reference = figures.find(({ tool }) => tool === 'pgBackRest')!;
  const verdict = (what: string, ratio: number, most: number) => ({
    target: `${what} ≤ ${most} × pgBackRest`,
    measured: `${ratio.toFixed(2)} ×`,
    met: ratio <= most,
  });
  return [
    verdict('backup', ours.backupSeconds / reference.backupSeconds, targets.backup),
    verdict('restore and verify', ours.restoreSeconds / reference.restoreSeconds, targets.restore),
  ];
}

export function printTools(results: ToolResults): void {
  const { figures, rounds, server, databaseBytes } = results;
  const reference = figures.find(({ tool }) => tool === 'pgBackRest')!;
  console.log(`\n${server}, ${mib(databaseBytes)} MiB, median of ${rounds} rounds\n`);
  console.log(
    '| tool | backup (s) | × pgBackRest | copy (MiB) | restore and proof (s) | × pgBackRest | proves |\n|---|---|---|---|---|---|---|',
  );
  for (const { tool, backupSeconds, restoreSeconds, bytes, proof } of figures) {
    const times = (own: number, other: number) => (own / other).toFixed(2);
    console.log(
      `| ${tool} | ${backupSeconds.toFixed(1)} | ${times(backupSeconds, reference.backupSeconds)} | ${mib(bytes)} | ${restoreSeconds.toFixed(1)} | ${times(restoreSeconds, reference.restoreSeconds)} | ${proof} |`,
    );
  }
  for (const { target, measured, met } of verdicts(results))
    console.log(`${met ? 'met' : 'MISSED'}: ${target} (${measured})`);
}

export function printCurve(points: readonly CurvePoint[]): void {
  console.log(
    '\n| data | store | backup (s) | copy (MiB) | restore and compare (s) |\n|---|---|---|---|---|',
  );
  for (const { times, stores } of points)
    for (const { store, backupSeconds, bytes, restoreSeconds } of stores)
      console.log(
        `| ${times} × | ${store} | ${backupSeconds.toFixed(2)} | ${mib(bytes)} | ${restoreSeconds.toFixed(2)} |`,
      );
}

function mib(bytes: number): string {
  return (bytes / MIB).toFixed(1);
}
