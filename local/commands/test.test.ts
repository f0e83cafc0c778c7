import { tallyOf } from './test';

const jestReport = (passed: number, failed: number, broken: number) =>
  JSON.stringify({ numPassedTests: passed, numFailedTests: failed, numRuntimeErrorTestSuites: broken });

test.each([
  ['all passed', jestReport(12, 0, 0), 0, { passed: 12, failed: 0 }],
  ['some failed', jestReport(10, 2, 0), 1, { passed: 10, failed: 2 }],
  ['a file could not run', jestReport(10, 0, 1), 1, { passed: 10, failed: 1 }],
  ['jest failed without a failed test', jestReport(10, 0, 0), 1, { passed: 10, failed: 1 }],
  ['jest crashed before its report', undefined, 134, { passed: 0, failed: 1 }],
  ['jest ended well without a report', undefined, 0, { passed: 0, failed: 1 }],
  ['interrupted', undefined, 130, { passed: 0, failed: 1, interrupted: true }],
])('%s', (_, report, exitCode, expected) => {
  expect(tallyOf(report, exitCode)).toEqual(expected);
});
