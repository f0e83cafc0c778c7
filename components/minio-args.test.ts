import { MinioArgs, resolveMinioArgs, tolerableServers } from './minio-args';

const single: MinioArgs = {
  namespace: 'data',
  image: 'minio:test',
  mode: 'single',
  storage: { size: '1Gi' },
  resources: { requests: { cpu: '25m', memory: '64Mi' }, limits: { memory: '256Mi' } },
};

test('fills in the defaults of each mode', () => {
  const defaults = {
    name: 'minio',
    drivesPerServer: 1,
    antiAffinity: 'preferred',
    appBuckets: [],
    rotation: 1,
    replicaLogin: false,
    clusterDomain: 'cluster.local',
  };
  expect(resolveMinioArgs(single)).toEqual({ ...single, ...defaults, servers: 1 });
  expect(resolveMinioArgs({ ...single, mode: 'distributed' })).toEqual({
    ...single,
    ...defaults,
    mode: 'distributed',
    servers: 4,
  });
});

test.each<[string, Partial<Record<keyof MinioArgs, unknown>>, string]>([
  ['several servers in mode single', { servers: 4 }, 'servers must be 1 in mode single, got 4.'],
  [
    'several drives in mode single',
    { drivesPerServer: 2 },
    'drivesPerServer must be 1 in mode single, got 2.',
  ],
  [
    'three servers in mode distributed',
    { mode: 'distributed', servers: 3 },
    'servers must be an integer of at least 4 in mode distributed, so that one may fail, got 3.',
  ],
  [
    'no drives',
    { mode: 'distributed', drivesPerServer: 0 },
    'drivesPerServer must be an integer of at least 1, got 0.',
  ],
  [
    'drives that make no erasure set',
    { mode: 'distributed', servers: 17 },
    'servers x drivesPerServer must be a multiple of a number between 4 and 16 (the drives of an erasure set), got 17 x 1 = 17.',
  ],
  [
    'drives that make only tiny erasure sets',
    { mode: 'distributed', servers: 17, drivesPerServer: 2 },
    'servers x drivesPerServer must be a multiple of a number between 4 and 16 (the drives of an erasure set), got 17 x 2 = 34.',
  ],
  ['a bucket that can be none', { appBuckets: ['a/b'] }, 'appBuckets must hold names of buckets, got "a/b".'],
  ['an unknown mode', { mode: 'gateway' }, 'mode must be single or distributed, got "gateway".'],
  ['a bad name', { name: 'MinIO' }, 'name must be a DNS label of at most 40 characters, got "MinIO".'],
  ['no generation', { rotation: 0 }, 'rotation must be an integer of at least 1, got 0.'],
  ['a path as Secret', { tlsSecret: '../x' }, 'tlsSecret must be the name of a Secret, got "../x".'],
  [
    'an unknown affinity',
    { antiAffinity: 'never' },
    'antiAffinity must be preferred or required, got "never".',
  ],
])('refuses %s', (_case, wrong, message) => {
  expect(() => resolveMinioArgs({ ...single, ...wrong } as MinioArgs)).toThrow(
    new Error(`minio: ${message}`),
  );
});

test.each([
  // servers, drives each, servers that may be away: set of 4 with parity 2 writes with 3 drives, and so on.
  [4, 1, 1],
  [5, 1, 2],
  [6, 1, 2],
  [8, 1, 3],
  [16, 1, 4],
  [4, 2, 1],
  [4, 4, 1],
  [4, 5, 1],
  [8, 4, 2],
])('%i servers with %i drives take writes while %i are away', (servers, drivesPerServer, away) => {
  expect(
    tolerableServers(resolveMinioArgs({ ...single, mode: 'distributed', servers, drivesPerServer })),
  ).toBe(away);
});
