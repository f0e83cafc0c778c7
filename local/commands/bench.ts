import * as path from 'node:path';
import type { Command } from 'commander';
import { foreground } from '../foreground';
import { projectRoot } from '../paths';
import { type CliContext, UsageError } from './cli-context';
import { withTestEnvironment } from './test-environment';

/** What can be measured, and the program that does. */
const benches: Record<string, string> = {
  platform: 'bench/main.js',
  migrations: 'bench/migrations/main.js',
  backup: 'bench/backup/main.js',
};

/** Adds `bench`. */
export function addBenchCommand(program: Command, { extra, finish }: CliContext): void {
  program
    .command('bench')
    .description(
      'measure the platform (preview, no-op up, resources, state size) beside a bare Pulumi program, "migrations" beside other migration tools, or "backup" beside other backup tools',
    )
    .argument('[subject]', Object.keys(benches).join(' or '), 'platform')
    .option('--keep', 'leave the test cluster running')
    .action(async (subject: string, options: { keep?: boolean }) => {
      const file = benches[subject];
      if (!file) {
        throw new UsageError(
          `There is no bench "${subject}".`,
          `Use one of: ${Object.keys(benches).join(', ')}.`,
        );
      }
      const main = path.join(projectRoot(), 'dist', file);
      const { exitCode } = await withTestEnvironment(options.keep ?? false, (env) =>
        foreground(process.execPath, [main, ...extra], { cwd: projectRoot(), env }),
      );
      finish(exitCode);
    });
}
