import { replicaPolicy } from './minio-policies';
import { minioSpec } from './minio-spec';

const args = {
  namespace: 'data',
  image: 'minio:test',
  mode: 'single' as const,
  storage: { size: '1Gi', className: 'retain' },
  resources: { requests: { cpu: '25m', memory: '64Mi' }, limits: { memory: '256Mi' } },
};

test('another MinIO is trusted, and servers start again when its authority changes', () => {
  const trusting = (trustedAuthority: string) =>
    minioSpec({ ...args, tlsSecret: 'minio-tls', trustedAuthority });
  const { trustedConfig, statefulSet } = trusting('PEM');
  expect(trustedConfig).toMatchObject({
    metadata: { name: 'minio-trusted', namespace: 'data' },
    data: { 'trusted.crt': 'PEM' },
  });
  expect(statefulSet.spec.template.spec.volumes[1]).toEqual({
    name: 'certificates',
    projected: {
      defaultMode: 0o440,
      sources: [
        {
          secret: {
            name: 'minio-tls',
            items: [
              { key: 'tls.crt', path: 'public.crt' },
              { key: 'tls.key', path: 'private.key' },
              { key: 'ca.crt', path: 'CAs/ca.crt' },
            ],
          },
        },
        {
          configMap: { name: 'minio-trusted', items: [{ key: 'trusted.crt', path: 'CAs/trusted.crt' }] },
        },
      ],
    },
  });
  const annotations = [statefulSet, trusting('other').statefulSet].map(
    ({ spec }) => spec.template.metadata.annotations,
  );
  expect(annotations[0]).toBeDefined();
  expect(annotations[0]).not.toEqual(annotations[1]);
  expect(() => minioSpec({ ...args, trustedAuthority: 'PEM' })).toThrow(
    'minio: trustedAuthority needs a tlsSecret: without TLS nobody is verified.',
  );
});

test('another MinIO may copy its buckets here, and do no more', () => {
  const { logins } = minioSpec({ ...args, appBuckets: ['second', 'first'], replicaLogin: true });
  expect(logins.replica).toMatchObject({
    secret: { metadata: { name: 'minio-replica' } },
    user: { accessKeys: ['platform-replica'], policy: replicaPolicy(['first', 'second']) },
  });
  expect(minioSpec({ ...args, appBuckets: ['first'] }).logins.replica).toBeUndefined();
  expect(() => minioSpec({ ...args, replicaLogin: true })).toThrow(
    'minio: replicaLogin needs appBuckets, got none.',
  );
});
