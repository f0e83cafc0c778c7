import { goBuildVersion, hash } from './go-build';
import { goBuilds } from './versions';

test('the version of a build changes with its module, packages and flags, and not otherwise', () => {
  const version = goBuildVersion(goBuilds.pause);
  expect(goBuildVersion({ ...goBuilds.pause })).toBe(version);
  expect(goBuildVersion({ ...goBuilds.pause, ldflags: '-s' })).not.toBe(version);
  expect(goBuildVersion({ ...goBuilds.pause, packages: ['./other'] })).not.toBe(version);
  expect(goBuildVersion({ ...goBuilds.pause, name: 'coredns' })).not.toBe(version);
});

test('a hash tells apart parts that read the same when joined', () => {
  expect(hash(['ab', 'c'])).not.toBe(hash(['a', 'bc']));
  expect(hash(['a'])).toMatch(/^[0-9a-f]{20}$/);
});
