import { resource, statefulSet } from './fixtures';
import { probesPresent } from './probes';

const probe = { tcpSocket: { port: 80 } };

test('one readiness probe per pod and a liveness probe per container are enough', () => {
  expect(probesPresent.check(statefulSet({}))).toEqual([]);
  const containers = [
    { name: 'store', livenessProbe: probe },
    { name: 'proxy', livenessProbe: probe, readinessProbe: probe },
  ];
  expect(probesPresent.check(statefulSet({ pod: { containers } }))).toEqual([]);
});

test('what is missing is a violation', () => {
  const spoiled = statefulSet({ container: { readinessProbe: undefined, livenessProbe: undefined } });
  expect(probesPresent.check(spoiled)).toEqual([
    'No container of StatefulSet/data/redis has a readinessProbe; add one to the container that takes requests.',
    'container redis of StatefulSet/data/redis has no livenessProbe; add one.',
  ]);
});

test('jobs end by themselves', () => {
  const template = { spec: { containers: [{ name: 'upkeep' }] } };
  expect(probesPresent.check(resource('batch/v1:Job', 'upkeep', { spec: { template } }))).toEqual([]);
});
