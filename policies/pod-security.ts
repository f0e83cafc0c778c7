import type { V1Container, V1PodSpec } from '@kubernetes/client-node';
import { containersOf, podTemplate } from './pods';
import { objectName, ResourceRule } from './rule';

export const standards = 'https://kubernetes.io/docs/concepts/security/pod-security-standards/';

/** No container is as strong as its node, or can become so. */
export const noPrivilegedPods: ResourceRule = {
  name: 'no-privileged-pods',
  description: 'No container is privileged or may escalate its privileges.',
  url: standards,
  severity: 'critical',
  check: (resource) =>
    containersOf(podTemplate(resource)?.spec).flatMap((container) =>
      escalation(objectName(resource), container),
    ),
};

/** No pod shares the namespaces, files or ports of its node. */
export const noHostAccess: ResourceRule = {
  name: 'no-host-access',
  description: 'No pod uses hostPath, hostPort, or the network, processes or IPC of its node.',
  url: standards,
  severity: 'critical',
  check: (resource) => {
    const spec = podTemplate(resource)?.spec;
    if (!spec) return [];
    return hostAccess(spec).map((field) => `${objectName(resource)} sets ${field}; remove it.`);
  },
};

/** Every container runs as a user other than root, by its own or its pod's security context. */
export const runAsNonRoot: ResourceRule = {
  name: 'run-as-non-root',
  description: 'Every container sets runAsNonRoot: true, itself or through its pod, and no user id 0.',
  url: standards,
  severity: 'high',
  check: (resource) => {
    const spec = podTemplate(resource)?.spec;
    return containersOf(spec).flatMap((container) => {
      const where = `container ${container.name} of ${objectName(resource)}`;
      const { runAsNonRoot: nonRoot, runAsUser: user } = effectiveUser(spec, container);
      if (user === 0) return [`${where} runs as user 0; choose another runAsUser.`];
      return nonRoot === true ? [] : [`${where} may run as root; set runAsNonRoot: true.`];
    });
  },
};

function hostAccess(spec: Partial<V1PodSpec>): string[] {
  const flags = (['hostNetwork', 'hostPID', 'hostIPC'] as const).filter((flag) => spec[flag]);
  const volumes = (spec.volumes ?? []).filter((volume) => volume.hostPath);
  const ports = containersOf(spec).flatMap(({ name, ports = [] }) =>
    ports
      .filter(({ hostPort }) => hostPort)
      .map(({ hostPort }) => `hostPort ${hostPort} in container ${name}`),
  );
  return [...flags, ...volumes.map((volume) => `hostPath in volume ${volume.name}`), ...ports];
}

function escalation(where: string, { name, securityContext }: V1Container): string[] {
  const container = `container ${name} of ${where}`;
  return [
    ...(securityContext?.privileged ? [`${container} is privileged; remove it.`] : []),
    ...(securityContext?.allowPrivilegeEscalation === false
      ? []
      : [`${container} may escalate privileges; set allowPrivilegeEscalation: false.`]),
  ];
}

function effectiveUser(spec: Partial<V1PodSpec> | undefined, container: V1Container) {
  const pod = spec?.securityContext;
  const own = container.securityContext;
  return {
    runAsNonRoot: own?.runAsNonRoot ?? pod?.runAsNonRoot,
    runAsUser: own?.runAsUser ?? pod?.runAsUser,
  };
}
