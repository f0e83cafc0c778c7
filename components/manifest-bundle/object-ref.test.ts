import { describeRefs, formatRef, inOrder, parseRef } from './object-ref';

const deployment = { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'ops', name: 'controller' };
const role = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', name: 'operator' };

it.each([
  [deployment, 'apps/v1 Deployment ops/controller'],
  [role, 'rbac.authorization.k8s.io/v1 ClusterRole operator'],
])('writes and reads %j', (ref, line) => {
  expect(formatRef(ref)).toBe(line);
  expect(parseRef(line)).toEqual(ref);
});

it('orders namespaces, definitions, the rest as written, webhooks', () => {
  const kinds = ['ValidatingWebhookConfiguration', 'Deployment', 'ClusterRole', 'CustomResourceDefinition'];
  expect(inOrder([...kinds, 'Namespace'].map((kind) => ({ kind }))).map(({ kind }) => kind)).toEqual([
    'Namespace',
    'CustomResourceDefinition',
    'Deployment',
    'ClusterRole',
    'ValidatingWebhookConfiguration',
  ]);
});

it('describes references by kind', () => {
  expect(describeRefs([deployment, role, { ...role, name: 'viewer' }])).toEqual([
    'Deployment ops/controller',
    'ClusterRole operator, viewer',
  ]);
});
