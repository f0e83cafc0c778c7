import { existsSync } from 'node:fs';
import * as path from 'node:path';
import { minioSource as source, SourceImage, sourceImageSpec } from './source-image';
import { declaredBy } from './testing/mocks';

const imageName = 'agent-data-platform/minio:2026-02-12';
const pinned = `registry.example.com/minio@sha256:${'0123456789abcdef'.repeat(4)}`;

test('without a registry the image is built and stays with the local daemon', () => {
  expect(sourceImageSpec({ imageName, source })).toEqual({
    imageName,
    build: { context: 'local/go/minio', dockerfile: 'components/minio/image/Dockerfile' },
    skipPush: true,
  });
});

test('what the build needs exists', () => {
  const { context, dockerfile } = sourceImageSpec({ imageName, source })!.build;
  for (const file of [dockerfile, path.join(context, 'go.mod'), path.join(context, 'go.sum')])
    expect([file, existsSync(file)]).toEqual([file, true]);
});

test('with a registry the image is pushed there, with its credentials', () => {
  const registry = { server: 'registry.example.com:5000/platform', username: 'ci', password: 'secret' };
  expect(sourceImageSpec({ imageName, source, registry })).toEqual({
    imageName: `registry.example.com:5000/platform/${imageName}`,
    build: { context: 'local/go/minio', dockerfile: 'components/minio/image/Dockerfile' },
    skipPush: false,
    registry: { server: 'registry.example.com:5000', username: 'ci', password: 'secret' },
  });
});

test('an image given by digest is not built', async () => {
  expect(sourceImageSpec({ imageName, source, reference: pinned })).toBeUndefined();
  let reference: string | undefined;
  const declared = await declaredBy(() => {
    new SourceImage('minio-image', { imageName, source, reference: pinned }).reference.apply((value) => {
      reference = value;
    });
  });
  expect(declared.map(({ path }) => path)).toEqual(['agent-data-platform:data:SourceImage']);
  expect(reference).toBe(pinned);
});

test('a built image is declared under the component', async () => {
  const declared = await declaredBy(() => new SourceImage('minio-image', { imageName, source }));
  expect(declared.map(({ path, name }) => `${path} ${name}`)).toEqual([
    'agent-data-platform:data:SourceImage minio-image',
    'agent-data-platform:data:SourceImage$docker:index/image:Image minio-image',
  ]);
});

test.each(['minio:latest', 'minio@sha256:abc', ''])(
  'refuses the reference "%s", which has no digest',
  (reference) => {
    expect(() => sourceImageSpec({ imageName, source, reference })).toThrow(
      `minio: the image must be pinned by digest (name@sha256: and 64 hexadecimal digits), got "${reference}".`,
    );
  },
);

test('refuses a registry that is a URL', () => {
  expect(() =>
    sourceImageSpec({ imageName, source, registry: { server: 'https://registry.example.com' } }),
  ).toThrow(
    'minio: the registry must be a host with an optional port and path, such as registry.example.com/platform, got "https://registry.example.com".',
  );
});
