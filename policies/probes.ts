import { podTemplate } from './pods';
import { kindOf, objectName, ResourceRule } from './rule';

const longRunning = new Set(['Deployment', 'StatefulSet', 'DaemonSet', 'ReplicaSet']);

/** Traffic goes to pods that can answer, and a container that hangs is started anew. */
export const probesPresent: ResourceRule = {
  name: 'probes-present',
  description:
    'Every container of a long-running workload has a liveness probe, and every pod a readiness probe.',
  url: 'https://kubernetes.io/docs/concepts/configuration/liveness-readiness-startup-probes/',
  severity: 'medium',
  check: (resource) => {
    if (!longRunning.has(kindOf(resource.type) ?? '')) return [];
    const containers = podTemplate(resource)?.spec?.containers ?? [];
    const where = objectName(resource);
    return [
      // One container may stand for its neighbours, such as a proxy in front of a store.
      ...(containers.some(({ readinessProbe }) => readinessProbe)
        ? []
        : [`No container of ${where} has a readinessProbe; add one to the container that takes requests.`]),
      ...containers
        .filter(({ livenessProbe }) => !livenessProbe)
        .map(({ name }) => `container ${name} of ${where} has no livenessProbe; add one.`),
    ];
  },
};
