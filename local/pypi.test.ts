import { wheelVersion } from './pypi';

const wheel = { project: 'chromadb', version: '1.5.9', sha256: { [process.arch]: 'a'.repeat(64) } };

test('the version of a wheel changes with its release and its content', () => {
  const versions = [
    wheel,
    { ...wheel, version: '1.5.10' },
    { ...wheel, sha256: { [process.arch]: 'b'.repeat(64) } },
  ].map(wheelVersion);
  expect(new Set(versions).size).toBe(3);
  expect(wheelVersion({ ...wheel })).toBe(versions[0]);
});
