import { resource, statefulSet } from './fixtures';
import { cronJobHygiene } from './jobs';

const job = (spec: object) => cronJobHygiene.check(resource('batch/v1:CronJob', 'upkeep', { spec }));
const tidy = { concurrencyPolicy: 'Forbid', successfulJobsHistoryLimit: 1, failedJobsHistoryLimit: 3 };

test('a CronJob that runs once at a time and cleans up passes', () => {
  expect(job(tidy)).toEqual([]);
  expect(job({ ...tidy, successfulJobsHistoryLimit: 0 })).toEqual([]);
  expect(cronJobHygiene.check(statefulSet({}))).toEqual([]);
});

test.each([
  [{ concurrencyPolicy: undefined }, 'has concurrencyPolicy Allow; set it to Forbid.'],
  [{ concurrencyPolicy: 'Replace' }, 'has concurrencyPolicy Replace; set it to Forbid.'],
  [{ successfulJobsHistoryLimit: undefined }, 'has successfulJobsHistoryLimit unset; set it to 10 or less.'],
  [{ failedJobsHistoryLimit: 100 }, 'has failedJobsHistoryLimit 100; set it to 10 or less.'],
  [{ failedJobsHistoryLimit: 0 }, 'keeps no failed run to look into; set failedJobsHistoryLimit.'],
])('%j is a violation', (change, problem) => {
  expect(job({ ...tidy, ...change })).toEqual([`CronJob/data/upkeep ${problem}`]);
});
