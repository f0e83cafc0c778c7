/** Where the pods of one workload run: the only place that writes affinities and spreads. */

/** Whether pods must, or should, run on different nodes. */
export type PlacementStrength = 'preferred' | 'required';

type MatchLabels = Readonly<Record<string, string>>;

/**
 * Keeps the pods with these labels on different nodes.
 * @see https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node/#inter-pod-affinity-and-anti-affinity
 */
export function antiAffinity(strength: PlacementStrength, matchLabels: MatchLabels) {
  const podAffinityTerm = { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels } };
  return {
    podAntiAffinity:
      strength === 'required'
        ? { requiredDuringSchedulingIgnoredDuringExecution: [podAffinityTerm] }
        : { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 100, podAffinityTerm }] },
  };
}

/**
 * Keeps the pods with these labels on different nodes and, where it can, spreads them over the zones.
 * @see https://kubernetes.io/docs/concepts/scheduling-eviction/topology-spread-constraints/
 */
export function spread(strength: PlacementStrength, matchLabels: MatchLabels) {
  return {
    affinity: antiAffinity(strength, matchLabels),
    topologySpreadConstraints: [
      {
        maxSkew: 1,
        topologyKey: 'topology.kubernetes.io/zone',
        whenUnsatisfiable: 'ScheduleAnyway',
        labelSelector: { matchLabels },
      },
    ],
  };
}
