import { resource, standardLabels as labels, statefulSet } from './fixtures';
import { namespacePodSecurity, standardLabels } from './metadata';

describe('standard-labels', () => {
  test('an object with its labels passes, as does what is no Kubernetes object', () => {
    expect(standardLabels.check(statefulSet({}))).toEqual([]);
    expect(standardLabels.check(resource('core/v1:Service', 'redis', { metadata: { labels } }))).toEqual([]);
    expect(standardLabels.check({ type: 'random:index:RandomPassword', name: 'p', props: {} })).toEqual([]);
  });

  test('objects and pod templates without some are violations', () => {
    const { 'app.kubernetes.io/name': name } = labels;
    const service = resource('core/v1:Service', 'redis', {
      metadata: { labels: { 'app.kubernetes.io/name': name } },
    });
    expect(standardLabels.check(service)).toEqual([
      'Service/data/redis has no app.kubernetes.io/part-of, app.kubernetes.io/managed-by; set them.',
    ]);
    expect(standardLabels.check(statefulSet({ spec: { template: { metadata: {} } } }))).toEqual([
      'The pod template of StatefulSet/data/redis has no app.kubernetes.io/name, app.kubernetes.io/part-of, app.kubernetes.io/managed-by; set them.',
    ]);
  });
});

describe('namespace-pod-security', () => {
  const namespace = (level?: string) => ({
    type: 'kubernetes:core/v1:Namespace',
    name: 'namespace',
    props: {
      metadata: { name: 'data', labels: { 'pod-security.kubernetes.io/enforce': level } },
    },
  });

  test('restricted passes', () => {
    expect(namespacePodSecurity.check(namespace('restricted'))).toEqual([]);
  });

  test.each([
    ['baseline', 'baseline'],
    [undefined, 'nothing'],
  ])('%s is a violation', (level, got) => {
    expect(namespacePodSecurity.check(namespace(level))).toEqual([
      `Namespace/data enforces ${got}; set the label pod-security.kubernetes.io/enforce: restricted.`,
    ]);
  });
});
