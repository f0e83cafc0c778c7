import { checkovResult } from './checkov';
import { kubeScoreResult } from './kube-score';
import { npmAuditResult } from './npm';

test('kube-score: critical grades with their comments; skipped checks do not count', () => {
  const check = (id: string, grade: number, skipped = false) => ({
    check: { id },
    grade,
    skipped,
    comments: [
      { path: 'redis', summary: 'CPU limit is not set' },
      { path: '', summary: 'Set one' },
    ],
  });
  const object = (name: string, checks: ReturnType<typeof check>[] | null) => ({
    type_meta: { kind: 'StatefulSet' },
    object_meta: { name },
    checks,
  });
  expect(
    kubeScoreResult([
      object('redis', [check('a', 1), check('b', 5), check('c', 10), check('d', 1, true)]),
      object('minio', null),
    ]),
  ).toEqual({
    checks: 3,
    critical: [{ check: 'a', object: 'StatefulSet/redis', message: 'redis: CPU limit is not set; Set one' }],
  });
});

describe('checkov', () => {
  const report = (parsing_errors: number) => ({
    results: {
      failed_checks: [
        { check_id: 'CKV_K8S_43', check_name: 'Image by digest', resource: 'StatefulSet.data.redis' },
        { check_id: 'CKV_K8S_1', check_name: 'Other', resource: 'Role.data.system.reader' },
      ],
    },
    summary: { passed: 98, failed: 2, parsing_errors },
  });

  test('failures by object, whatever its name', () => {
    expect(checkovResult(report(0))).toEqual({
      passed: 98,
      failed: [
        { check: 'CKV_K8S_43', object: 'StatefulSet/redis', message: 'Image by digest' },
        { check: 'CKV_K8S_1', object: 'Role/system.reader', message: 'Other' },
      ],
    });
  });

  test('a report of a part is no report', () => {
    expect(() => checkovResult(report(1))).toThrow('checkov could not read 1 of the manifests.');
  });
});

describe('npm audit', () => {
  test('vulnerable packages with their versions', () => {
    expect(npmAuditResult({ vulnerabilities: {} })).toEqual({ vulnerable: [] });
    expect(npmAuditResult({ vulnerabilities: { pg: { severity: 'high', range: '<8.1' } } })).toEqual({
      vulnerable: ['pg <8.1 (high)'],
    });
  });

  test('a registry without an answer is not clean', () => {
    expect(npmAuditResult({ message: 'request failed', error: {} })).toEqual({
      vulnerable: [],
      unanswered: 'request failed',
    });
  });
});
