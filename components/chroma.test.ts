import { Chroma } from './chroma';
import { type ChromaArgs, resolveChromaArgs } from './chroma-args';
import { chromaSpec } from './chroma-spec';
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
  expect(spec.endpoints).toEqual({ host: 'chroma.data.svc', port: 8000 });
});

test('a name that is no DNS label is an error', () => {
  expect(() => resolveChromaArgs({ ...args, name: 'Bad' })).toThrow(
    'chroma: name must be a DNS label of at most 40 characters, got "Bad".',
  );
});

test('declares a token per role, and a new token replaces the pod', async () => {
  const declared = await declaredBy(() => new Chroma('chroma', args));
  const kinds = declared.map(({ name, path }) => `${path.split(/[:$]/).at(-1)} ${name}`).sort();
  expect(kinds).toEqual([
    'Chroma chroma',
    'ConfigMap chroma',
    'NetworkPolicy chroma',
    'RandomPassword chroma-app-password',
    'RandomPassword chroma-owner-password',
    'Secret chroma-app',
    'Secret chroma-owner',
    'Secret chroma-proxy',
    'Service chroma',
    'Service chroma-nodes',
    'StatefulSet chroma',
  ]);
  const set = declared.find(({ path }) => path.endsWith('StatefulSet'))!.inputs;
  expect(set.spec.template.metadata.annotations).toEqual({
    'agent-data-platform/config-checksum': expect.stringMatching(/^[0-9a-f]{64}$/),
    'agent-data-platform/credentials-checksum': expect.stringMatching(/^[0-9a-f]{64}$/),
  });
});
