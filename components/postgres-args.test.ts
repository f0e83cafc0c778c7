import { PostgresArgs, resolvePostgresArgs } from './postgres-args';

const base: PostgresArgs = {
  namespace: 'data',
  image: 'registry.local/postgres:17',
  instances: 3,
  storage: { size: '10Gi' },
  resources: { requests: { cpu: '100m', memory: '256Mi' }, limits: { memory: '256Mi' } },
};
const synchronous = { method: 'any', number: 1, dataDurability: 'required' } as const;
const pooler = {
  instances: 1,
  poolMode: 'transaction',
  image: 'registry.local/pgbouncer:1',
  resources: base.resources,
} as const;

it('fills in the defaults', () => {
  expect(resolvePostgresArgs(base)).toEqual({
    ...base,
    name: 'postgres',
    database: 'platform',
    owner: 'platform_owner',
    antiAffinity: 'preferred',
    extensions: [],
    rotation: 1,
    partitionMaintenance: { schedule: '17 3 * * *' },
  });
});

it.each<[Partial<PostgresArgs>, string]>([
  [{ instances: 0 }, 'instances must be an integer of at least 1, got 0.'],
  [{ rotation: 0 }, 'rotation must be an integer of at least 1, got 0.'],
  [{ instances: 1.5 }, 'instances must be an integer of at least 1, got 1.5.'],
  [{ storage: { size: '10GB' } }, 'storage.size must be a Kubernetes quantity such as 10Gi, got "10GB".'],
  [{ walStorage: { size: '0' } }, 'walStorage.size must be a Kubernetes quantity such as 10Gi, got "0".'],
  [{ name: 'Postgres' }, 'name must be a DNS label of at most 40 characters, got "Postgres".'],
  [{ database: 'my-db' }, 'database must be an identifier of a-z, 0-9 and _, got "my-db".'],
  [
    { partitionMaintenance: { schedule: 'at night' } },
    'partitionMaintenance.schedule must be a cron expression such as 17 3 * * *, got "at night".',
  ],
  [{ antiAffinity: 'none' as 'required' }, 'antiAffinity must be preferred or required, got "none".'],
  [{ extensions: ['a;b'] }, 'extensions must be names of extensions such as vector, got "a;b".'],
  [
    { synchronous: { ...synchronous, number: 3 } },
    'synchronous.number must be less than instances (3), got 3: there are only 2 standbys.',
  ],
  [
    { instances: 2, synchronous },
    'synchronous.dataDurability "required" with number 1 needs at least 3 instances, got 2: the loss of one standby would stop all writes; raise instances or use "preferred".',
  ],
  [
    { synchronous: { ...synchronous, method: 'quorum' as 'any' } },
    'synchronous.method must be any or first, got "quorum".',
  ],
  [
    { synchronous: { ...synchronous, dataDurability: 'eventual' as 'required' } },
    'synchronous.dataDurability must be required or preferred, got "eventual".',
  ],
  [
    { pooler: { ...pooler, poolMode: 'statement' as 'session' } },
    'pooler.poolMode must be session or transaction, got "statement".',
  ],
  [{ pooler: { ...pooler, instances: 0 } }, 'pooler.instances must be an integer of at least 1, got 0.'],
])('refuses %j', (change, message) => {
  expect(() => resolvePostgresArgs({ ...base, ...change })).toThrow(`postgres: ${message}`);
});

it('names every problem at once', () => {
  expect(() => resolvePostgresArgs({ ...base, instances: 0, storage: { size: 'big' } })).toThrow(
    'postgres: instances must be an integer of at least 1, got 0. storage.size must be a Kubernetes quantity such as 10Gi, got "big".',
  );
});

it.each([
  { instances: 3, synchronous },
  { instances: 2, synchronous: { ...synchronous, dataDurability: 'preferred' as const } },
])('accepts %j', (change) => {
  expect(resolvePostgresArgs({ ...base, ...change })).toMatchObject(change);
});
