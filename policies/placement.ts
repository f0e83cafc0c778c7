import type { V1Affinity, V1PodSpec } from '@kubernetes/client-node';
import { podTemplate } from './pods';
import { isCustom, kindOf, objectName, Resource, ResourceRule } from './rule';
import { isElasticsearch, isPostgres, nodeSets } from './stores';

type Placement = Partial<Pick<V1PodSpec, 'affinity' | 'topologySpreadConstraints'>>;

/** Copies on one node are lost together. */
export const spreadOverNodes: ResourceRule = {
  name: 'spread-over-nodes',
  description:
    'Every workload with more than one replica keeps them apart by anti-affinity or topology spread.',
  url: 'https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node/#inter-pod-affinity-and-anti-affinity',
  severity: 'medium',
  check: (resource) => together(resource).map((who) => `${who} may run on one node; set podAntiAffinity.`),
};

/** Whose replicas nothing keeps apart. */
function together(resource: Resource): string[] {
  const where = objectName(resource);
  if (isPostgres(resource)) {
    const { instances = 1, affinity } = postgres(resource);
    return instances > 1 && affinity?.enablePodAntiAffinity === false ? [`The instances of ${where}`] : [];
  }
  if (isElasticsearch(resource)) {
    // Without an affinity the operator adds one.
    return nodeSets(resource)
      .filter(({ count = 1, podTemplate }) => count > 1 && podTemplate?.spec?.affinity !== undefined)
      .filter(({ podTemplate }) => !keptApart(podTemplate!.spec as Placement))
      .map(({ name }) => `The ${name} nodes of ${where}`);
  }
  const [replicas, pod] = replicated(resource);
  return replicas > 1 && !keptApart(pod) ? [`The replicas of ${where}`] : [];
}

function postgres({ props }: Resource) {
  return (props.spec ?? {}) as { instances?: number; affinity?: { enablePodAntiAffinity?: boolean } };
}

function replicated(resource: Resource): [number, Placement | undefined] {
  const spec = resource.props.spec as
    { replicas?: number; instances?: number; template?: { spec?: Placement } } | undefined;
  if (isCustom(resource, 'postgresql.cnpg.io', 'Pooler')) return [spec?.instances ?? 1, spec?.template?.spec];
  const counted = /^(StatefulSet|Deployment|ReplicaSet)$/.test(kindOf(resource.type) ?? '');
  return counted ? [spec?.replicas ?? 1, podTemplate(resource)?.spec] : [1, undefined];
}

function keptApart(pod: Placement | undefined): boolean {
  const { podAntiAffinity: apart }: V1Affinity = pod?.affinity ?? {};
  const terms = [
    ...(apart?.requiredDuringSchedulingIgnoredDuringExecution ?? []),
    ...(apart?.preferredDuringSchedulingIgnoredDuringExecution ?? []),
  ];
  const spread = (pod?.topologySpreadConstraints ?? []).filter(
    ({ topologyKey }) => topologyKey === 'kubernetes.io/hostname',
  );
  return terms.length + spread.length > 0;
}

/** When a node runs out of room, what can wait makes room for the stores. */
export const priorityClass: ResourceRule = {
  name: 'priority-class',
  description: 'Every store names a PriorityClass, so that other workloads give way to it.',
  url: 'https://kubernetes.io/docs/concepts/scheduling-eviction/pod-priority-preemption/',
  severity: 'medium',
  check: (resource) =>
    unprioritised(resource).map((who) => `${who} has no PriorityClass; set priorityClassName.`),
};

function unprioritised(resource: Resource): string[] {
  const where = objectName(resource);
  const named = (spec: unknown) => Boolean((spec as Partial<V1PodSpec> | undefined)?.priorityClassName);
  if (isPostgres(resource)) return named(resource.props.spec) ? [] : [where];
  if (isElasticsearch(resource)) {
    return nodeSets(resource)
      .filter(({ podTemplate }) => !named(podTemplate?.spec))
      .map(({ name }) => `${where}, node set ${name},`);
  }
  const longRunning = /^(StatefulSet|Deployment)$/.test(kindOf(resource.type) ?? '');
  return longRunning && !named(podTemplate(resource)?.spec) ? [where] : [];
}
