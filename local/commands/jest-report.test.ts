import { failedFiles, failedTests, type JestReport, replaced, tallyOf } from './jest-report';

const counts = (passed: number, failed: number, broken: number): JestReport => ({
  numPassedTests: passed,
  numFailedTests: failed,
  numRuntimeErrorTestSuites: broken,
  testResults: [],
});

test.each([
  ['all passed', counts(12, 0, 0), 0, { passed: 12, failed: 0 }],
  ['some failed', counts(10, 2, 0), 1, { passed: 10, failed: 2 }],
  ['a file could not run', counts(10, 0, 1), 1, { passed: 10, failed: 1 }],
  ['jest failed without a failed test', counts(10, 0, 0), 1, { passed: 10, failed: 1 }],
  ['jest crashed before its report', undefined, 134, { passed: 0, failed: 1 }],
  ['jest ended well without a report', undefined, 0, { passed: 0, failed: 1 }],
  ['interrupted', undefined, 130, { passed: 0, failed: 1, interrupted: true }],
])('%s', (_, report, exitCode, expected) => {
  expect(tallyOf({ report, exitCode })).toEqual(expected);
});

/** A file whose tests are named by their outcomes; without tests it could not be run. */
const file = (name: string, ...statuses: string[]) => ({
  name,
  status: statuses.length === 0 || statuses.includes('failed') ? 'failed' : 'passed',
  assertionResults: statuses.map((status, index) => ({ fullName: `${name} ${index}`, status })),
});
const first: JestReport = {
  ...counts(3, 1, 1),
  testResults: [file('good', 'passed', 'passed'), file('mixed', 'passed', 'failed'), file('broken')],
};

test('what failed: files to run again, and tests by name', () => {
  expect(failedFiles(first)).toEqual(['mixed', 'broken']);
  expect(failedTests(first)).toEqual(['mixed 1', 'broken']);
});

test.each([
  ['pass', [file('mixed', 'passed', 'passed'), file('broken', 'passed')], { passed: 5, failed: 0 }],
  ['fail again', [file('mixed', 'passed', 'failed'), file('broken')], { passed: 3, failed: 2 }],
  ['fail otherwise', [file('mixed', 'failed', 'passed'), file('broken', 'passed')], { passed: 4, failed: 1 }],
])('files that are run again and %s count as in that run', (_, testResults, expected) => {
  const exitCode = expected.failed > 0 ? 1 : 0;
  const report = replaced(first, { ...counts(0, 0, 0), testResults });
  expect(tallyOf({ report, exitCode })).toEqual(expected);
});
