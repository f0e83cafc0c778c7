import { Chroma } from './chroma';
import { type ChromaArgs, resolveChromaArgs } from './chroma-args';
import { chromaCertificate, chromaSpec } from './chroma-spec';
import { declaredBy } from './testing/mocks';

const args: ChromaArgs = {
  namespace: 'data',
  image: 'chroma:test',
  proxyImage: 'nginx:test',
  storage: { size: '1Gi' },
  resources: { requests: { cpu: '25m', memory: '64Mi' }, limits: { memory: '512Mi' } },
};

test('the server listens on loopback only and cannot be reset', () => {
  const spec = chromaSpec(args);
  expect(spec.configMap.data['chroma.yaml' as keyof typeof spec.configMap.data]).toBe(
    'port: 8001\nlisten_address: "127.0.0.1"\npersist_path: "/data"\nallow_reset: false\n',
  );
  const [server, proxy] = spec.statefulSet.spec.template.spec.containers;
  expect(server).toMatchObject({
    name: 'chroma',
    image: 'chroma:test',
    args: ['run', '/etc/store/chroma.yaml'],
    volumeMounts: [
      { name: 'data', mountPath: '/data' },
      { name: 'tmp', mountPath: '/tmp' },
      { name: 'auth-proxy', mountPath: '/etc/store', readOnly: true },
    ],
  });
  expect(proxy).toMatchObject({ ports: [{ name: 'http-8000', containerPort: 8000 }] });
  expect(spec.endpoints).toEqual({ protocol: 'http', host: 'chroma.data.svc', port: 8000 });
});

test('with a certificate: TLS for every name, and the priority of the stores', () => {
  const secured = { ...args, tlsSecret: 'chroma-tls', priorityClass: 'data-stores' };
  const { statefulSet, endpoints } = chromaSpec(secured);
  expect(statefulSet.spec.template.spec.priorityClassName).toBe('data-stores');
  expect(statefulSet.spec.template.spec.volumes).toContainEqual({
    name: 'auth-proxy-tls',
    secret: { secretName: 'chroma-tls', defaultMode: 0o440 },
  });
  expect(endpoints.protocol).toBe('https');
  const forms = (name: string) => [
    name,
    `${name}.data`,
    `${name}.data.svc`,
    `${name}.data.svc.cluster.local`,
  ];
  expect(chromaCertificate(secured)).toEqual({
    secret: 'chroma-tls',
    dnsNames: [
      ...forms('chroma'),
      ...forms('chroma-nodes'),
      ...forms('*.chroma-nodes').slice(1),
      'localhost',
    ],
  });
});

test('every wrong value is an error', () => {
  expect(() => resolveChromaArgs({ ...args, name: 'Bad', rotation: 1.5 })).toThrow(
    'chroma: name must be a DNS label of at most 40 characters, got "Bad". rotation must be an integer from 1, got 1.5.',
  );
});

test('declares a token per role, which is its user and password, and a new token replaces no pod', async () => {
  const declared = await declaredBy(() => new Chroma('chroma', { ...args, rotation: 2 }));
  const roles = ['app', 'backup', 'monitor', 'owner', 'readonly'];
  const kinds = declared.map(({ name, path }) => `${path.split(/[:$]/).at(-1)} ${name}`).sort();
  expect(kinds).toEqual(
    [
      'Chroma chroma',
      'ConfigMap chroma',
      'NetworkPolicy chroma',
      'ProxyUsers chroma-users',
      ...roles.map((role) => `RandomPassword chroma-${role}-password`),
      ...roles.map((role) => `RandomPassword chroma-${role}-password-b`),
      ...roles.map((role) => `Secret chroma-${role}`),
      'Secret chroma-proxy',
      'Service chroma',
      'Service chroma-nodes',
      'ServiceAccount chroma',
      'StatefulSet chroma',
    ].sort(),
  );
  const secret = declared.find(({ name, path }) => name === 'chroma-app' && path.endsWith('Secret'))!.inputs;
  const token = Buffer.from(secret.stringData.value.token as string, 'base64').toString();
  expect(token).toBe('app-b:chroma-app-password-b-result');
  const set = declared.find(({ path }) => path.endsWith('StatefulSet'))!.inputs;
  expect(set.spec.template.metadata.annotations).toEqual({
    'agent-data-platform/config-checksum': expect.stringMatching(/^[0-9a-f]{64}$/),
  });
});
