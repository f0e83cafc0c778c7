import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { Argument, type Command } from 'commander';
import { foreground } from '../foreground';
import { projectRoot } from '../paths';
import { step } from '../progress';
import { CommandError, run } from '../process';
import { PROJECT } from '../pulumi/project';
import { type CliContext, exitCodes } from './cli-context';
import {
  failedFiles,
  failedTests,
  type JestReport,
  type JestRun,
  replaced,
  type Tally,
  tallyOf,
} from './jest-report';
import { withTestEnvironment } from './test-environment';

const SUITES = ['unit', 'integration', 'e2e'] as const;
type Suite = (typeof SUITES)[number];

/** More broken files than this are no accident, and are not run again. */
const MOST_REPEATED = 3;

/**
 * Integration tests that share an operator, look at the whole cluster or use the machine as they like: they run alone, after
 * the others.
 */
const ALONE =
  '/(local|policies|components/(certificates|manifest-bundle|postgres|log-shipper|network-policies|elasticsearch-rotation))';
/** Most of a test with servers is waiting for them; more workers than cores make none of them quicker. */
const WORKERS = 2;

/** Checks that come before the tests of a full run; the types were checked when bootstrap.js compiled this code. */
const CHECKS = [
  { title: 'Linting', args: ['eslint/bin/eslint.js', '.'] },
  { title: 'Checking the format', args: ['prettier/bin/prettier.cjs', '--check', '--log-level=warn', '.'] },
] as const;

/** Adds `test`. */
export function addTestCommand(program: Command, { extra, finish }: CliContext): void {
  program
    .command('test')
    .description('lint, type-check and test; with a suite, only its tests')
    .addArgument(new Argument('[suite]', 'which tests').choices(SUITES))
    .option('--keep', 'leave the test cluster running')
    .action(async (suite: Suite | undefined, options: { keep?: boolean }) => {
      let tally: Tally = { passed: 0, failed: 1 };
      try {
        tally = suite
          ? await runSuites([suite], extra, options.keep)
          : add(await check(), await runSuites(SUITES, extra, options.keep));
      } finally {
        process.stdout.write(`${tally.passed} passed, ${tally.failed} failed\n`);
      }
      if (tally.interrupted) finish(exitCodes.interrupted);
      else finish(tally.failed === 0 ? exitCodes.ok : exitCodes.failure);
    });
}

/** Runs the static checks; each one that fails counts as one failure. */
async function check(): Promise<Tally> {
  let failed = 0;
  for (const { title, args } of CHECKS) {
    const [script, ...rest] = args;
    try {
      await step(title, () =>
        run(process.execPath, [path.join(projectRoot(), 'node_modules', script), ...rest], {
          cwd: projectRoot(),
        }),
      );
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      process.stderr.write(`${error.message}\n`);
      failed += 1;
    }
  }
  return { passed: 0, failed };
}

async function runSuites(suites: readonly Suite[], extra: readonly string[], keep = false): Promise<Tally> {
  const unit = suites.includes('unit')
    ? tallyOf(await jest('unit', extra, process.env))
    : { passed: 0, failed: 0 };
  const full = suites.length === SUITES.length;
  const onCluster = suites.filter((suite) => suite !== 'unit');
  if (onCluster.length === 0 || unit.interrupted) return unit;
  return withTestEnvironment(keep, async (env) => {
    let tally: Tally = unit;
    for (const suite of onCluster) {
      if (tally.interrupted) break;
      const whole = full && suite === 'integration';
      tally = add(
        tally,
        whole ? await allIntegration(env) : tallyOf(await jest(suite, ['--runInBand', ...extra], env)),
      );
    }
    return tally;
  });
}

async function jest(suite: Suite, extra: readonly string[], env: NodeJS.ProcessEnv): Promise<JestRun> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), `${PROJECT}-jest-`));
  const report = path.join(folder, 'report.json');
  try {
    const cwd = projectRoot();
    const { exitCode } = await foreground(
      process.execPath,
      [
        path.join(cwd, 'node_modules', 'jest', 'bin', 'jest.js'),
        ...['--selectProjects', suite, '--json', '--outputFile', report],
        // A connection that a failed test left open must not keep the run from ending.
        ...(suite === 'unit' ? [] : ['--forceExit']),
        // A pattern after -- may well match nothing in this suite.
        ...(extra.length > 0 ? ['--passWithNoTests', ...extra] : []),
      ],
      { cwd, env, stdout: 'ignore' },
    );
    return fs.existsSync(report)
      ? { report: JSON.parse(fs.readFileSync(report, 'utf8')) as JestReport, exitCode }
      : { exitCode };
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

/** Runs every integration test, and gives what failed a second chance. */
async function allIntegration(env: NodeJS.ProcessEnv): Promise<Tally> {
  const beside = ['--maxWorkers', String(WORKERS), '--testPathIgnorePatterns', ALONE];
  const first = await jest('integration', beside, env);
  if (!first.report || tallyOf(first).interrupted) return tallyOf(first);
  const alone = await jest('integration', ['--runInBand', '--testPathPatterns', ALONE], env);
  if (!alone.report || tallyOf(alone).interrupted) return add(tallyOf(first), tallyOf(alone));
  const exitCode = Math.max(first.exitCode, alone.exitCode);
  return secondChance({ report: replaced(first.report, alone.report), exitCode }, env);
}

/**
 * Runs the files that failed once more, and names what passes then as flaky: among hundreds of tests with real servers, one
 * whose machine stalled must not hide what the others show.
 */
async function secondChance(first: JestRun, env: NodeJS.ProcessEnv): Promise<Tally> {
  const files = first.report ? failedFiles(first.report) : [];
  if (!first.report || tallyOf(first).interrupted || files.length === 0 || files.length > MOST_REPEATED)
    return tallyOf(first);
  process.stderr.write(`\nFailed, and run once more:\n${indented(files)}`);
  const second = await jest('integration', ['--runInBand', '--runTestsByPath', ...files], env);
  if (!second.report) return tallyOf(second);
  const failedAgain = new Set(failedTests(second.report));
  const flaky = failedTests(first.report).filter((test) => !failedAgain.has(test));
  if (flaky.length > 0)
    process.stderr.write(
      `\nFLAKY, failed and then passed: a fault to find, in the test or in what it tests:\n${indented(flaky)}`,
    );
  return tallyOf({ report: replaced(first.report, second.report), exitCode: second.exitCode });
}

function indented(lines: readonly string[]): string {
  return lines.map((line) => `  ${line}\n`).join('');
}

function add(a: Tally, b: Tally): Tally {
  return {
    passed: a.passed + b.passed,
    failed: a.failed + b.failed,
    ...(a.interrupted || b.interrupted ? { interrupted: true } : {}),
  };
}
