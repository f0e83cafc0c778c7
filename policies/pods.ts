import type { V1Container, V1ObjectMeta, V1PodSpec, V1PodTemplateSpec } from '@kubernetes/client-node';
import { kindOf, Resource } from './rule';

/** Kinds whose `spec.template` is a pod template. */
const templateKinds = new Set(['Deployment', 'StatefulSet', 'DaemonSet', 'ReplicaSet', 'Job']);

/** Pod template of a workload; undefined when the resource runs no pods itself. */
export function podTemplate(
  resource: Resource,
): { metadata?: V1ObjectMeta; spec?: Partial<V1PodSpec> } | undefined {
  const kind = kindOf(resource.type);
  if (kind === 'Pod') return resource.props as { metadata?: V1ObjectMeta; spec?: V1PodSpec };
  if (kind === 'CronJob') {
    const spec = resource.props.spec as
      { jobTemplate?: { spec?: { template?: V1PodTemplateSpec } } } | undefined;
    return spec?.jobTemplate?.spec?.template;
  }
  if (kind === undefined || !templateKinds.has(kind)) return undefined;
  return (resource.props.spec as { template?: V1PodTemplateSpec } | undefined)?.template;
}

/** Every container of a pod, init containers first. */
export function containersOf(spec: Partial<V1PodSpec> | undefined): V1Container[] {
  return [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])];
}

/** Runs a check on every container of a workload. */
export function eachContainer(resource: Resource, check: (container: V1Container) => string[]): string[] {
  return containersOf(podTemplate(resource)?.spec).flatMap(check);
}
