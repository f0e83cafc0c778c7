import * as pulumi from '@pulumi/pulumi';
import { declaredBy } from '../components/testing/mocks';
import type { VaultWrite } from '../components/vault-writes';
import { stores } from './stores';
import { vault, type VaultOutputs, type VaultSettings } from './vault';
import { vaultDatabases } from './vault-databases';

const platform = {
  size: 'dev',
  namespace: 'data',
  storageClass: 'retain',
  priorityClass: 'data-stores',
} as const;
const tls = {
  ca: pulumi.output('the authority'),
  fingerprint: (secret: string) => pulumi.output(`fingerprint of ${secret}`),
};
const settings = (overrides: Partial<VaultSettings> = {}) => vault.resolve(vault.sizes.dev, overrides);
const databases = (redis: object = {}) =>
  vaultDatabases(
    {
      postgres: stores.postgres.sizes.dev,
      redis: stores.redis.resolve(stores.redis.sizes.dev, redis),
    },
    platform,
  );

test('is off until somebody turns it on, in prod with three servers that people open', () => {
  const { dev, prod } = vault.sizes;
  expect([dev.enabled, dev.replicas, dev.seal]).toEqual([false, 1, 'dev-auto']);
  expect([prod.enabled, prod.replicas, prod.seal]).toEqual([false, 3, 'shamir']);
  expect([dev.keyRotationDays, prod.keyRotationDays]).toEqual([90, 90]);
  expect(() => vault.check(prod, { ...platform, size: 'prod' })).not.toThrow();
  expect(() => vault.check(dev, { ...platform, size: 'prod' })).toThrow(
    'vault: seal must be shamir or auto when size is prod, got dev-auto, which keeps the key in a Secret beside Vault.',
  );
});

test.each([
  [{ keys: ['a/../b'] }, 'must be the name of a key'],
  [{ keys: [] }, 'expected array to have >=1 items'],
  [{ applications: { owner: [] } }, 'owner'],
  [{ applications: { app: [{ namespace: 'x', name: '*' }] } }, 'must be a DNS label'],
  [{ keyRotationDays: 0 }, '>=1'],
  [{ image: 'hashicorp/vault:latest' }, 'must not be :latest'],
  [{ token: 'x' }, 'token'],
])('%j is refused', (section, message) => {
  const { error } = vault.schema.safeParse(section);
  expect(error?.message).toContain(message);
});

test('the outputs say how to log in, and hold no secret', async () => {
  let outputs: VaultOutputs | undefined;
  const chosen = settings({ applications: { app: [{ namespace: 'agents', name: 'worker' }] } });
  const declared = await declaredBy(() => {
    outputs = vault.deploy(chosen, platform, { dependsOn: [] }, tls, { databases: databases() });
  });
  const { state: _state, tls: offered, ...rest } = outputs!;
  expect(rest).toEqual({
    address: 'https://vault.data.svc:8200',
    login: { path: 'kubernetes', audience: 'vault', roles: ['app'] },
    keys: ['platform'],
  });
  expect(offered.caSecret).toEqual({ name: 'platform-ca', keys: { certificateAuthority: 'ca.crt' } });
  const { writes } = declared.find(({ path }) => path.endsWith('vault:Configuration'))!.inputs as {
    writes: VaultWrite[];
  };
  const databaseWrites = writes.map(({ path }) => path).filter((path) => path.startsWith('database/config'));
  expect(databaseWrites).toEqual([
    'database/config/postgres',
    'database/config/redis-0',
    'database/config/redis-1',
    'database/config/redis-2',
  ]);
});

test('databases: PostgreSQL’s primary, and every server of Redis by the name in its certificate', () => {
  const { postgres, redis } = databases();
  expect(postgres).toEqual({
    ...{ flow: 'postgres', host: 'postgres-rw.data.svc', port: 5432, cluster: 'postgres', rotation: 1 },
    ...{ caSecret: 'postgres-ca', credentialsSecret: 'postgres-vault' },
  });
  expect(redis!.flow).toBe('redis');
  expect(redis!.servers[2]).toEqual({
    ...{ name: 'redis-2', host: 'redis-2.redis-nodes.data.svc.cluster.local', port: 6379 },
    ...{ credentialsSecret: 'redis-vault', caSecret: 'redis-tls' },
  });
  const cluster = databases({ mode: 'cluster' }).redis!;
  expect([cluster.flow, cluster.servers.length, cluster.servers[5]!.name]).toEqual([
    'redis-cluster',
    6,
    'redis-cluster-5',
  ]);
});
