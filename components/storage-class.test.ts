import { RetainedStorageClass, retainedStorageClassSpec } from './storage-class';
import { declaredBy } from './testing/mocks';

const expected = {
  metadata: {
    name: 'agent-data-platform-retain',
    labels: {
      'app.kubernetes.io/name': 'storage',
      'app.kubernetes.io/part-of': 'agent-data-platform',
      'app.kubernetes.io/managed-by': 'pulumi',
    },
  },
  provisioner: 'rancher.io/local-path',
  reclaimPolicy: 'Retain',
  volumeBindingMode: 'WaitForFirstConsumer',
  allowVolumeExpansion: true,
};

it('keeps volumes, binds late and may grow', () => {
  expect(retainedStorageClassSpec({ provisioner: 'rancher.io/local-path' })).toEqual(expected);
});

it('passes name and parameters on', () => {
  const spec = retainedStorageClassSpec({
    provisioner: 'ebs.csi.aws.com',
    className: 'fast',
    parameters: { type: 'gp3' },
  });
  expect(spec).toMatchObject({ metadata: { name: 'fast' }, parameters: { type: 'gp3' } });
});

it('refuses a provisioner that cannot be one', () => {
  expect(() => retainedStorageClassSpec({ provisioner: 'Local Path' })).toThrow(
    'storage.provisioner must be a provisioner name such as rancher.io/local-path, got "Local Path".',
  );
});

it('declares one StorageClass under itself', async () => {
  const declared = await declaredBy(
    () => new RetainedStorageClass('storage', { provisioner: 'rancher.io/local-path' }),
  );
  expect(declared.map(({ path, name }) => `${path} ${name}`)).toEqual([
    'agent-data-platform:data:RetainedStorageClass storage',
    'agent-data-platform:data:RetainedStorageClass$kubernetes:storage.k8s.io/v1:StorageClass storage',
  ]);
  expect(declared[1]!.inputs).toEqual({
    ...expected,
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
  });
});
