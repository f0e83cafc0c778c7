import { resource } from './fixtures';
import { postgresHighlyAvailable } from './postgres';

const cluster = (spec: object | undefined) => resource('postgresql.cnpg.io/v1:Cluster', 'postgres', { spec });
const synchronous = { method: 'any', number: 1 };

test.each([
  [{ instances: 3, postgresql: { synchronous: { ...synchronous, dataDurability: 'required' } } }],
  [{ instances: 5, postgresql: { synchronous } }],
])('%j keeps every acknowledged commit', (spec) => {
  expect(postgresHighlyAvailable.check(cluster(spec))).toEqual([]);
});

test.each([
  [
    { instances: 2, postgresql: { synchronous } },
    ['Cluster/data/postgres has 2 instances; it needs at least 3.'],
  ],
  [
    { instances: 3 },
    [
      'Cluster/data/postgres replicates asynchronously; set spec.postgresql.synchronous with number 1 or more.',
    ],
  ],
  [
    { instances: 3, postgresql: { synchronous: { ...synchronous, dataDurability: 'preferred' } } },
    [
      'Cluster/data/postgres has dataDurability "preferred"; only "required" keeps every acknowledged commit.',
    ],
  ],
])('%j does not', (spec, problems) => {
  expect(postgresHighlyAvailable.check(cluster(spec))).toEqual(problems);
});

test('a Cluster of another operator is none of its business', () => {
  expect(postgresHighlyAvailable.check(resource('example.com/v1:Cluster', 'c', {}))).toEqual([]);
});
