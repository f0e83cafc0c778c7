import type { V1Container } from '@kubernetes/client-node';
import { eachContainer } from './pods';
import { objectName, ResourceRule } from './rule';

const required = [
  ['requests', 'cpu'],
  ['requests', 'memory'],
  ['limits', 'memory'],
] as const;

/** Every container asks for CPU and memory and has a memory limit; a CPU limit is left to the team. */
export const containerResources: ResourceRule = {
  name: 'container-resources',
  description: 'Every container requests CPU and memory and limits memory, so that no store starves another.',
  url: 'https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/',
  severity: 'medium',
  check: (resource) =>
    eachContainer(resource, (container) => {
      const missing = required.filter(([kind, unit]) => !quantity(container, kind, unit));
      if (missing.length === 0) return [];
      const paths = missing.map(([kind, unit]) => `resources.${kind}.${unit}`).join(', ');
      return [`container ${container.name} of ${objectName(resource)} has no ${paths}; set them.`];
    }),
};

function quantity({ resources }: V1Container, kind: 'requests' | 'limits', unit: string): string | undefined {
  return resources?.[kind]?.[unit];
}
