import { resource } from './fixtures';
import { noUnexplainedExposure } from './network';

const service = (type: string | undefined, annotations?: Record<string, string>) =>
  resource('core/v1:Service', 'redis', { metadata: { annotations }, spec: { type } });

test.each([
  [undefined, undefined],
  ['ClusterIP', undefined],
  ['LoadBalancer', { 'agent-data-platform/expose': 'analytics VPC reads replicas' }],
])('type %s with annotations %j passes', (type, annotations) => {
  expect(noUnexplainedExposure.check(service(type, annotations))).toEqual([]);
});

test.each([
  ['LoadBalancer', undefined],
  ['LoadBalancer', { 'agent-data-platform/expose': ' ' }],
  ['NodePort', { 'service.beta.kubernetes.io/internal': 'true' }],
])('type %s with annotations %j is a violation', (type, annotations) => {
  expect(noUnexplainedExposure.check(service(type, annotations))).toEqual([
    `Service/data/redis is of type ${type}; use ClusterIP, or say why in the annotation agent-data-platform/expose.`,
  ]);
});
