import { capabilitiesDropped, readOnlyRootFilesystem, seccompProfile } from './confinement';
import { statefulSet } from './fixtures';

const withContext = (securityContext: object) => statefulSet({ container: { securityContext } });
const where = 'container redis of StatefulSet/data/redis';

test('a confined pod passes', () => {
  for (const rule of [readOnlyRootFilesystem, capabilitiesDropped, seccompProfile])
    expect(rule.check(statefulSet({}))).toEqual([]);
});

test.each([[{}], [{ readOnlyRootFilesystem: false }]])(
  '%j leaves the root file system writable',
  (context) => {
    expect(readOnlyRootFilesystem.check(withContext(context))).toEqual([
      `${where} may write to its root file system; set readOnlyRootFilesystem: true and mount an emptyDir for scratch files.`,
    ]);
  },
);

test('init containers are checked too', () => {
  const spoiled = statefulSet({ pod: { initContainers: [{ name: 'copy' }] } });
  expect(readOnlyRootFilesystem.check(spoiled)).toEqual([
    'container copy of StatefulSet/data/redis may write to its root file system; set readOnlyRootFilesystem: true and mount an emptyDir for scratch files.',
  ]);
});

test('some capabilities dropped are not all of them, and none may be added', () => {
  expect(capabilitiesDropped.check(withContext({ capabilities: { drop: ['NET_RAW'] } }))).toEqual([
    `${where} keeps capabilities; set capabilities.drop: [ALL].`,
  ]);
  expect(
    capabilitiesDropped.check(withContext({ capabilities: { drop: ['ALL'], add: ['NET_BIND_SERVICE'] } })),
  ).toEqual([`${where} adds the capabilities NET_BIND_SERVICE; remove them.`]);
});

test('a container may have a profile of its own, but not none', () => {
  const local = { seccompProfile: { type: 'Localhost', localhostProfile: 'redis.json' } };
  expect(seccompProfile.check(withContext(local))).toEqual([]);
  expect(seccompProfile.check(withContext({ seccompProfile: { type: 'Unconfined' } }))).toEqual([
    `${where} has the seccomp profile Unconfined; set seccompProfile.type: RuntimeDefault.`,
  ]);
  expect(seccompProfile.check(statefulSet({ pod: { securityContext: {} } }))).toEqual([
    `${where} has the seccomp profile none; set seccompProfile.type: RuntimeDefault.`,
  ]);
});
