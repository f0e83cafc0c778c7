import * as pulumi from '@pulumi/pulumi';
import { declaredBy } from '../../components/testing/mocks';
import type { RedisOutputs } from './redis';
import { redisStore } from './redis';

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
const settings = (overrides: object) => redisStore.resolve(redisStore.sizes.dev, overrides);

async function deployed(overrides: object) {
  let outputs: RedisOutputs | undefined;
  const options: pulumi.ComponentResourceOptions & { dependsOn: pulumi.Resource[] } = { dependsOn: [] };
  const declared = await declaredBy(() => {
    outputs = redisStore.deploy(settings(overrides), platform, options, tls);
  });
  const { connection } = declared.find(
    ({ name, path }) => name === 'redis-migrations' && path.includes('dynamic'),
  )!.inputs as {
    connection: object;
  };
  return { outputs: outputs!, declared, connection };
}

test('sentinel: the outputs name the Sentinels, a login per application, and the streams', async () => {
  const { outputs, declared, connection } = await deployed({});
  const { schemaVersion: _schemaVersion, users, streams, tls: offered, ...rest } = outputs;
  expect(offered).toMatchObject({
    mode: 'verify-full',
    caSecret: { name: 'platform-ca', keys: { certificateAuthority: 'ca.crt' } },
  });
  const login = (name: string) => ({ name, keys: { username: 'username', password: 'password' } });
  expect(rest).toEqual({
    mode: 'sentinel',
    sentinels: [{ host: 'redis-sentinel.data.svc', port: 26379 }],
    masterName: 'platform',
    clusterNodes: [],
    credentials: {
      app: login('redis-app'),
      readonly: login('redis-readonly'),
      backup: login('redis-backup'),
      monitor: login('redis-monitor'),
    },
  });
  expect(users).toEqual(
    Object.fromEntries(
      ['a2a', 'agents', 'gateway', 'observability', 'rag', 'tools', 'workflow'].map((user) => [
        user,
        login(`redis-${user}`),
      ]),
    ),
  );
  expect(streams).toContainEqual({
    stream: 'a2a:messages:pending',
    database: 1,
    groups: ['routers'],
    maxLength: 100_000,
    deadLetter: { stream: 'a2a:messages:dead', afterDeliveries: 5 },
  });
  expect(connection).toEqual({
    kind: 'service',
    namespace: 'data',
    service: 'redis-nodes',
    port: 6379,
    everyPod: true,
    credentialsSecret: 'redis-migrations',
    caSecret: 'platform-ca',
  });
  const names = declared.map(({ name }) => name);
  for (const user of Object.keys(users)) expect(names).toContain(`redis-${user}`);
});

test('cluster: the outputs name where clients start, and every stream is in database 0', async () => {
  const { outputs, connection } = await deployed({ mode: 'cluster' });
  expect(outputs).toMatchObject({
    mode: 'cluster',
    sentinels: [],
    masterName: '',
    clusterNodes: [{ host: 'redis-cluster.data.svc', port: 6379 }],
    credentials: { app: { name: 'redis-cluster-app' }, monitor: { name: 'redis-cluster-monitor' } },
    users: { gateway: { name: 'redis-cluster-gateway' } },
  });
  expect(outputs.streams.map(({ database }) => database)).toEqual([0, 0, 0]);
  expect(connection).toMatchObject({
    service: 'redis-cluster-nodes',
    credentialsSecret: 'redis-cluster-migrations',
  });
});

test.each([
  ['sentinel', 'redis', ['redis', 'redis-sentinel']],
  ['cluster', 'redis-cluster', ['redis-cluster']],
])('%s: TLS, rotation and priority reach the pods', async (mode, name, sets) => {
  const { declared } = await deployed({ mode, rotation: 2 });
  for (const set of sets) {
    const { template } = declared.find(
      (resource) => resource.name === set && resource.path.endsWith(':StatefulSet'),
    )!.inputs.spec;
    expect(template.metadata.annotations['agent-data-platform/certificate']).toBe(
      `fingerprint of ${name}-tls`,
    );
    expect(template.spec.priorityClassName).toBe('data-stores');
    expect(template.spec.volumes).toContainEqual({
      name: 'tls',
      secret: { secretName: `${name}-tls`, defaultMode: 0o440 },
    });
  }
  expect(declared.map((resource) => resource.name)).toContain(`${name}-app-password-b`);
  expect(redisStore.certificates!(settings({ mode }), platform).map(({ secret }) => secret)).toEqual([
    `${name}-tls`,
  ]);
});

test('contradictions of the mode that is chosen are found before anything is declared', () => {
  const check = (overrides: object) => () => redisStore.check(settings(overrides), platform);
  expect(check({ mode: 'cluster', clusterNodes: 5 })).toThrow(
    'redis-cluster: nodes must be an even integer of at least 6',
  );
  expect(check({ mode: 'sentinel', clusterNodes: 5 })).not.toThrow();
  expect(check({ replicas: 1 })).toThrow('redis: replicas must be an integer of at least 2');
});
