import { changes, formatPath } from '../diff';
import type { PlainProperties } from '../marshalling';
import { parseConfig } from './config';
import { replacementRule } from './replacement';

/** Paths that force a new object when inputs change so. */
function replaced(before: PlainProperties, after: PlainProperties, config: PlainProperties = {}): string[] {
  const rule = replacementRule(before, parseConfig(config));
  return changes(before, after)
    .filter(rule)
    .map(({ path }) => formatPath(path));
}

const statefulSet = (spec: PlainProperties, metadata: PlainProperties = {}) => ({
  apiVersion: 'apps/v1',
  kind: 'StatefulSet',
  metadata: { name: 'store', namespace: 'shop', ...metadata },
  spec: { serviceName: 'store', replicas: 1, template: { spec: {} }, ...spec },
});

test('name, namespace, kind and API version make another object', () => {
  const before = statefulSet({});
  expect(replaced(before, statefulSet({}, { name: 'other' }))).toEqual(['metadata.name']);
  expect(replaced(before, statefulSet({}, { namespace: 'other' }))).toEqual(['metadata.namespace']);
  expect(replaced(before, { ...before, apiVersion: 'apps/v2', kind: 'Store' })).toEqual([
    'apiVersion',
    'kind',
  ]);
  expect(replaced(before, statefulSet({}, { labels: { a: 'b' } }))).toEqual([]);
});

test('a StatefulSet only changes its mutable fields in place', () => {
  const before = statefulSet({});
  expect(replaced(before, statefulSet({ replicas: 3, template: { spec: { a: 1 } } }))).toEqual([]);
  expect(replaced(before, statefulSet({ updateStrategy: {}, minReadySeconds: 5, ordinals: {} }))).toEqual([]);
  expect(replaced(before, statefulSet({ serviceName: 'x', volumeClaimTemplates: [] }))).toEqual([
    'spec.serviceName',
    'spec.volumeClaimTemplates',
  ]);
});

test.each([
  ['batch/v1', 'Job', { spec: { template: 1, backoffLimit: 1 } }, ['spec.template']],
  ['apps/v1', 'Deployment', { spec: { selector: 1, replicas: 1 } }, ['spec.selector']],
  ['v1', 'Service', { spec: { clusterIP: '10.0.0.1', ports: [] } }, ['spec.clusterIP']],
  ['v1', 'PersistentVolumeClaim', { spec: { resources: 1 } }, ['spec']],
  ['rbac.authorization.k8s.io/v1', 'RoleBinding', { roleRef: 1, subjects: [] }, ['roleRef']],
  ['storage.k8s.io/v1', 'StorageClass', { provisioner: 'x', allowVolumeExpansion: true }, ['provisioner']],
])('%s %s', (apiVersion, kind, after, expected) => {
  const empty = 'spec' in after && kind !== 'PersistentVolumeClaim' ? { spec: {} } : {};
  const identity = { apiVersion, kind, metadata: { name: 'x' } };
  expect(replaced({ ...identity, ...empty }, { ...identity, ...after })).toEqual(expected);
});

test('ConfigMaps and Secrets are replaced unless the provider lets them be mutated', () => {
  const of = (kind: string, rest: PlainProperties) => ({
    apiVersion: 'v1',
    kind,
    metadata: { name: 'x' },
    ...rest,
  });
  const configMap = (rest: PlainProperties) => of('ConfigMap', rest);
  expect(replaced(configMap({ data: { a: '1' } }), configMap({ data: { a: '2' } }))).toEqual(['data.a']);
  const mutable = { enableConfigMapMutable: 'true', enableSecretMutable: 'true' };
  expect(replaced(configMap({ data: { a: '1' } }), configMap({ data: { a: '2' } }), mutable)).toEqual([]);
  const frozen = (a: string) => configMap({ data: { a }, immutable: true });
  expect(replaced(frozen('1'), frozen('2'), mutable)).toEqual(['data.a']);
  const secret = (a: string, type: string) => of('Secret', { stringData: { a }, type });
  expect(replaced(secret('1', 'Opaque'), secret('2', 'x'), mutable)).toEqual(['type']);
  expect(replaced(secret('1', 'Opaque'), secret('2', 'Opaque'))).toEqual(['stringData.a']);
});
