import { Postgres } from './postgres';
import { postgresSpec } from './postgres-spec';
import { declaredBy } from './testing/mocks';

const resources = { requests: { cpu: '100m', memory: '256Mi' }, limits: { memory: '256Mi' } };
const args = {
  namespace: 'data',
  image: 'registry.local/postgres:17',
  instances: 3,
  storage: { size: '5Gi' },
  resources,
  pooler: { instances: 2, poolMode: 'transaction', image: 'registry.local/pgbouncer:1', resources },
  podMonitor: true,
  extensions: ['vector'],
} as const;

const root = 'agent-data-platform:data:Postgres';

it('declares exactly these children under itself', async () => {
  const declared = await declaredBy(() => new Postgres('postgres', args));
  expect(declared.map(({ path, name }) => `${path} ${name}`)).toEqual([
    `${root} postgres`,
    `${root}$kubernetes:batch/v1:CronJob postgres-partition-maintenance`,
    `${root}$kubernetes:core/v1:Secret postgres-app`,
    `${root}$kubernetes:core/v1:Secret postgres-app-a`,
    `${root}$kubernetes:core/v1:Secret postgres-backup`,
    `${root}$kubernetes:core/v1:Secret postgres-backup-a`,
    `${root}$kubernetes:core/v1:Secret postgres-monitor`,
    `${root}$kubernetes:core/v1:Secret postgres-monitor-a`,
    `${root}$kubernetes:core/v1:Secret postgres-owner`,
    `${root}$kubernetes:core/v1:Secret postgres-readonly`,
    `${root}$kubernetes:core/v1:Secret postgres-readonly-a`,
    `${root}$kubernetes:core/v1:ServiceAccount postgres-partition-maintenance`,
    `${root}$kubernetes:monitoring.coreos.com/v1:PodMonitor postgres-monitor`,
    `${root}$kubernetes:monitoring.coreos.com/v1:PodMonitor postgres-pooler-ro-monitor`,
    `${root}$kubernetes:monitoring.coreos.com/v1:PodMonitor postgres-pooler-rw-monitor`,
    `${root}$kubernetes:policy/v1:PodDisruptionBudget postgres-pooler-ro-budget`,
    `${root}$kubernetes:policy/v1:PodDisruptionBudget postgres-pooler-rw-budget`,
    `${root}$kubernetes:postgresql.cnpg.io/v1:Cluster postgres-cluster`,
    `${root}$kubernetes:postgresql.cnpg.io/v1:Database postgres-database`,
    `${root}$kubernetes:postgresql.cnpg.io/v1:Pooler postgres-pooler-ro`,
    `${root}$kubernetes:postgresql.cnpg.io/v1:Pooler postgres-pooler-rw`,
    `${root}$pulumi-nodejs:dynamic/kubernetes:PoolerRollout postgres-pooler-ro-rollout`,
    `${root}$pulumi-nodejs:dynamic/kubernetes:PoolerRollout postgres-pooler-rw-rollout`,
    `${root}$pulumi-nodejs:dynamic/postgres:Logins postgres-logins`,
    `${root}$random:index/randomPassword:RandomPassword postgres-app-password`,
    `${root}$random:index/randomPassword:RandomPassword postgres-backup-password`,
    `${root}$random:index/randomPassword:RandomPassword postgres-monitor-password`,
    `${root}$random:index/randomPassword:RandomPassword postgres-owner-password`,
    `${root}$random:index/randomPassword:RandomPassword postgres-readonly-password`,
  ]);
});

it('passes the specification on unchanged', async () => {
  const declared = await declaredBy(() => new Postgres('postgres', args));
  const cluster = declared.find(({ name }) => name === 'postgres-cluster')!;
  expect(cluster.inputs).toEqual(postgresSpec(args).cluster);
});

it('declares only the essentials when nothing more is asked', async () => {
  const declared = await declaredBy(
    () =>
      new Postgres('postgres', {
        ...args,
        instances: 1,
        pooler: undefined,
        podMonitor: false,
        extensions: [],
      }),
  );
  const kinds = new Set(declared.map(({ path }) => path.split(':').pop()));
  expect(kinds).toEqual(
    new Set(['Postgres', 'CronJob', 'Secret', 'ServiceAccount', 'Cluster', 'Logins', 'RandomPassword']),
  );
});

describe('a rotation', () => {
  const at = async (rotation: number) => {
    const declared = await declaredBy(() => new Postgres('postgres', { ...args, rotation }));
    const inputs = (name: string) => declared.find((one) => one.name === `postgres-${name}`)!.inputs;
    return {
      login: (name: string) => inputs(name).stringData.value,
      generation: (name: string) => inputs(name).keepers?.generation,
    };
  };
  const app = { username: 'app', password: 'postgres-app-password-result' };
  const appB = { username: 'app-b', password: 'postgres-app-password-b-result' };

  it('is none at first', async () => {
    const { login, generation } = await at(1);
    expect([login('app'), login('app-a')]).toEqual([app, app]);
    expect([generation('app-password'), generation('owner-password')]).toEqual([undefined, undefined]);
  });

  it('hands out the other login, and keeps the password of the one before', async () => {
    const { login, generation } = await at(2);
    expect([login('app'), login('app-a'), login('app-b')]).toEqual([appB, app, appB]);
    expect([generation('app-password'), generation('app-password-b')]).toEqual([undefined, '2']);
    expect(login('backup').username).toBe('backup-b');
  });

  it('replaces the password before that, and the one of the owner at once', async () => {
    const { login, generation } = await at(3);
    expect([login('app'), login('app-a'), login('app-b')]).toEqual([app, app, appB]);
    expect([generation('app-password'), generation('app-password-b')]).toEqual(['3', '2']);
    expect(generation('owner-password')).toBe('3');
  });

  it('is waited for with every login', async () => {
    const declared = await declaredBy(() => new Postgres('postgres', { ...args, rotation: 2 }));
    const { __provider, ...inputs } = declared.find(({ name }) => name === 'postgres-logins')!.inputs;
    expect(inputs).toEqual({
      namespace: 'data',
      cluster: 'postgres',
      caSecret: 'postgres-ca',
      rotation: 2,
      secrets: [
        'postgres-owner',
        ...['app', 'readonly', 'backup', 'monitor'].flatMap((role) => [
          `postgres-${role}-a`,
          `postgres-${role}-b`,
        ]),
      ],
    });
  });
});

it('waits again for a pooler only when its specification changes', async () => {
  const revisionWith = async (pooler: { instances: number }) => {
    const declared = await declaredBy(
      () => new Postgres('postgres', { ...args, pooler: { ...args.pooler, ...pooler } }),
    );
    return declared.find(({ name }) => name === 'postgres-pooler-rw-rollout')!.inputs.revision;
  };
  const revision = await revisionWith({ instances: 2 });
  expect(await revisionWith({ instances: 2 })).toBe(revision);
  expect(await revisionWith({ instances: 3 })).not.toBe(revision);
});

it('refuses contradictory arguments before it declares anything', async () => {
  let thrown: unknown;
  const declared = await declaredBy(() => {
    try {
      new Postgres('postgres', { ...args, instances: 0 });
    } catch (error) {
      thrown = error;
    }
  });
  expect(thrown).toEqual(new Error('postgres: instances must be an integer of at least 1, got 0.'));
  expect(declared).toEqual([]);
});
