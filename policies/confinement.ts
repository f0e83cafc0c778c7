import { containersOf, eachContainer, podTemplate } from './pods';
import { standards } from './pod-security';
import { objectName, ResourceRule } from './rule';

/** What an intruder in a container writes is gone with the container, and cannot replace its programs. */
export const readOnlyRootFilesystem: ResourceRule = {
  name: 'read-only-root-filesystem',
  description: 'Every container has a read-only root file system and writes to volumes only.',
  url: 'https://kubernetes.io/docs/tasks/configure-pod-container/security-context/',
  severity: 'medium',
  check: (resource) =>
    eachContainer(resource, ({ name, securityContext }) =>
      securityContext?.readOnlyRootFilesystem === true
        ? []
        : [
            `container ${name} of ${objectName(resource)} may write to its root file system; set readOnlyRootFilesystem: true and mount an emptyDir for scratch files.`,
          ],
    ),
};

/** The stores need no capability; the one that the standard lets a container add back is not needed either. */
export const capabilitiesDropped: ResourceRule = {
  name: 'capabilities-dropped',
  description: 'Every container drops all Linux capabilities and adds none.',
  url: standards,
  severity: 'high',
  check: (resource) =>
    eachContainer(resource, ({ name, securityContext }) => {
      const where = `container ${name} of ${objectName(resource)}`;
      const { drop = [], add = [] } = securityContext?.capabilities ?? {};
      return [
        ...(drop.includes('ALL') ? [] : [`${where} keeps capabilities; set capabilities.drop: [ALL].`]),
        ...(add.length > 0 ? [`${where} adds the capabilities ${add.join(', ')}; remove them.`] : []),
      ];
    }),
};

const confined = ['RuntimeDefault', 'Localhost'];

/** System calls that no store makes are refused by the kernel. */
export const seccompProfile: ResourceRule = {
  name: 'seccomp-profile',
  description: 'Every container runs under a seccomp profile, its own or its pod’s.',
  url: 'https://kubernetes.io/docs/tutorials/security/seccomp/',
  severity: 'medium',
  check: (resource) => {
    const spec = podTemplate(resource)?.spec;
    return containersOf(spec).flatMap(({ name, securityContext }) => {
      const profile = securityContext?.seccompProfile ?? spec?.securityContext?.seccompProfile;
      if (profile && confined.includes(profile.type)) return [];
      return [
        `container ${name} of ${objectName(resource)} has the seccomp profile ${profile?.type ?? 'none'}; set seccompProfile.type: RuntimeDefault.`,
      ];
    });
  },
};
