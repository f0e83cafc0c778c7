import { opsImageName } from '../../components/ops-image';
import { images } from '../../components/versions';
import { UserError } from '../user-error';
import { addOnImages } from '../versions';
import { isLaterPatch, upstreamVersion } from './debian';
import { imageArchive, imageVersion } from './index';
import { workloadImages } from './manifest';
import { recipes } from './recipes';

test('there is a recipe for every image that the platform and the cluster run', () => {
  expect(Object.keys(recipes).sort()).toEqual(
    [opsImageName(), ...Object.values(images), ...Object.values(addOnImages)].sort(),
  );
});

test('no image of a store runs as root', () => {
  for (const reference of Object.values(images)) {
    const user = recipes[reference]?.config.User ?? 'root';
    expect([reference, user]).toEqual([reference, expect.stringMatching(/^[1-9]\d*(:\d+)?$/)]);
  }
});

test('every image has its own version', () => {
  const versions = Object.keys(recipes).map(imageVersion);
  expect(new Set(versions).size).toBe(versions.length);
});

test('an unknown reference is an error that lists the known ones', async () => {
  await expect(imageArchive('example.org/other:1')).rejects.toThrow(UserError);
  await expect(imageArchive('example.org/other:1')).rejects.toThrow(
    /^There is no recipe for the image "example.org\/other:1"\. Use one of: .*postgresql/,
  );
});

test.each([
  ['5:8.0.2-3+deb13u1', '8.0.2'],
  ['17.12-0+deb13u1', '17.12'],
  ['1.24.1-1', '1.24.1'],
  ['3.13.3~rc1-1', '3.13.3'],
])('Debian version %s is upstream %s', (debian, upstream) => expect(upstreamVersion(debian)).toBe(upstream));

test.each([
  ['17.12', '17.11', true],
  ['17.9', '17.11', false],
  ['18.12', '17.11', false],
  ['8.0.3', '8.0.2', true],
  ['8.2.3', '8.0.2', false],
  ['', '8.0.2', false],
])('%s is a later patch of %s: %s', (found, pinned, expected) =>
  expect(isLaterPatch(found, pinned)).toBe(expected),
);

test('a manifest’s images are those of containers and of the operator’s own pods', () => {
  const manifest = `
spec:
  containers:
  - env:
    - name: OPERATOR_IMAGE_NAME
      value: ghcr.io/a/operator:1
    image: ghcr.io/a/operator:2
  - image: ghcr.io/a/sidecar:1
  properties:
    image:
      type: string
`;
  expect(workloadImages(manifest)).toEqual([
    'ghcr.io/a/operator:1',
    'ghcr.io/a/operator:2',
    'ghcr.io/a/sidecar:1',
  ]);
});
