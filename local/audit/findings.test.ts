import { readFileSync } from 'node:fs';
import { UserError } from '../user-error';
import { parseSkips, review } from './findings';

const finding = (check: string, object: string) => ({ check, object, message: 'wrong' });
const reason = 'The image has no other user.';

test('a skip takes out the findings of its check on its objects, and nothing else', () => {
  const findings = [
    finding('user-id', 'StatefulSet/redis'),
    finding('user-id', 'StatefulSet/minio'),
    finding('probes', 'StatefulSet/redis'),
    finding('user-id', 'CronJob/redis'),
  ];
  expect(review(findings, [{ check: 'user-id', objects: ['*/redis'], reason }])).toEqual({
    open: [findings[1], findings[2]],
    skipped: [findings[0], findings[3]],
    unused: [],
  });
  expect(review(findings, [{ check: 'user-id', objects: ['*/*'], reason }]).open).toEqual([findings[2]]);
});

test('a skip that nothing needs any more is named', () => {
  const skips = [{ check: 'user-id', objects: ['StatefulSet/redis', 'Deployment/*'], reason }];
  expect(review([finding('user-id', 'StatefulSet/redis')], skips).unused).toEqual(['user-id Deployment/*']);
});

test.each([
  [{ objects: ['*/*'], reason }],
  [{ check: 'a', reason, objects: [] }],
  [{ check: 'a', objects: ['*/*'] }],
  [{ check: 'a', objects: ['*/*'], reason: 'because' }],
])('%j is no skip', (skip) => {
  expect(() => parseSkips(JSON.stringify({ checkov: [skip] }), 'checkov')).toThrow(UserError);
});

test('the skips of this project are complete', () => {
  const text = readFileSync('policies/audit/skips.json', 'utf8');
  expect(Object.keys(JSON.parse(text) as object)).toEqual(['kube-score', 'checkov']);
  for (const tool of ['kube-score', 'checkov']) expect(parseSkips(text, tool).length).toBeGreaterThan(0);
});
