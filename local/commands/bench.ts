import * as path from 'node:path';
import type { Command } from 'commander';
import { foreground } from '../foreground';
import { projectRoot } from '../paths';
import type { CliContext } from './cli-context';
import { withTestEnvironment } from './test-environment';

/** Adds `bench`. */
export function addBenchCommand(program: Command, { extra, finish }: CliContext): void {
  program
    .command('bench')
    .description('measure preview, no-op up, resources and state size beside a bare Pulumi program')
    .option('--keep', 'leave the test cluster running')
    .action(async (options: { keep?: boolean }) => {
      const main = path.join(projectRoot(), 'dist', 'bench', 'main.js');
      const { exitCode } = await withTestEnvironment(options.keep ?? false, (env) =>
        foreground(process.execPath, [main, ...extra], { cwd: projectRoot(), env }),
      );
      finish(exitCode);
    });
}
