import { resource, statefulSet } from './fixtures';
import { containerResources } from './resources';

test('requests and a memory limit are enough', () => {
  expect(containerResources.check(statefulSet({}))).toEqual([]);
});

test('what is missing is named, container by container', () => {
  const bare = statefulSet({ container: { resources: undefined } });
  expect(containerResources.check(bare)).toEqual([
    'container redis of StatefulSet/data/redis has no resources.requests.cpu, resources.requests.memory, resources.limits.memory; set them.',
  ]);
  const unlimited = statefulSet({ container: { resources: { requests: { cpu: '1', memory: '1Gi' } } } });
  expect(containerResources.check(unlimited)).toEqual([
    'container redis of StatefulSet/data/redis has no resources.limits.memory; set them.',
  ]);
});

test('resources that run no pods have nothing to limit', () => {
  expect(containerResources.check(resource('core/v1:ConfigMap', 'settings', { data: {} }))).toEqual([]);
});
