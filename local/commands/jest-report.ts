/** What is read of jest's JSON report. */
import { exitCodes } from './cli-context';

/** How many checks or tests passed and failed, and whether the person stopped them. */
export interface Tally {
  readonly passed: number;
  readonly failed: number;
  readonly interrupted?: boolean;
}

/** The part of jest's JSON report that is used. */
export interface JestReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  /** Files that could not be run at all, whose tests are in no other number. */
  readonly numRuntimeErrorTestSuites: number;
  readonly testResults: readonly {
    /** Path of the file. */
    readonly name: string;
    readonly status: string;
    readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[];
  }[];
}

/** One run of jest. */
export interface JestRun {
  /** Undefined when jest ended before writing one. */
  readonly report?: JestReport;
  readonly exitCode: number;
}

/** Counts what a run showed; one that failed without a failed test, or crashed, counts as one failure. */
export function tallyOf({ report, exitCode }: JestRun): Tally {
  const interrupted = exitCode === exitCodes.interrupted ? { interrupted: true } : {};
  if (report === undefined) return { passed: 0, failed: 1, ...interrupted };
  const failed = report.numFailedTests + report.numRuntimeErrorTestSuites;
  return {
    passed: report.numPassedTests,
    failed: failed === 0 && exitCode !== 0 ? 1 : failed,
    ...interrupted,
  };
}

/** Paths of the files in which something failed. */
export function failedFiles({ testResults }: JestReport): string[] {
  return testResults.filter(({ status }) => status === 'failed').map(({ name }) => name);
}

/** Names of the tests that failed, and, of a file that could not be run, its path. */
export function failedTests({ testResults }: JestReport): string[] {
  return testResults
    .filter(({ status }) => status === 'failed')
    .flatMap(({ name, assertionResults }) => {
      const failed = assertionResults.filter(({ status }) => status === 'failed');
      return failed.length > 0 ? failed.map(({ fullName }) => fullName) : [name];
    });
}

/** The report of a run in which the files of another report took the place of its own. */
export function replaced(first: JestReport, second: JestReport): JestReport {
  const again = new Set(second.testResults.map(({ name }) => name));
  const testResults = [...first.testResults.filter(({ name }) => !again.has(name)), ...second.testResults];
  const count = (wanted: string) =>
    testResults.flatMap(({ assertionResults }) => assertionResults).filter(({ status }) => status === wanted)
      .length;
  const broken = testResults.filter(
    ({ status, assertionResults }) =>
      status === 'failed' && !assertionResults.some((test) => test.status === 'failed'),
  );
  return {
    numPassedTests: count('passed'),
    numFailedTests: count('failed'),
    numRuntimeErrorTestSuites: broken.length,
    testResults,
  };
}
