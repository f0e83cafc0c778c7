import type { V1ObjectMeta, V1ServiceSpec } from '@kubernetes/client-node';
import { kindOf, objectName, ResourceRule } from './rule';

/** Annotation whose value says why a Service may be reached from outside the cluster. */
export const exposeAnnotation = 'agent-data-platform/expose';

/** A store leaves the cluster only on purpose: a Service of an outside type says why in an annotation. */
export const noUnexplainedExposure: ResourceRule = {
  name: 'no-unexplained-exposure',
  description: `A Service of type LoadBalancer or NodePort carries the annotation ${exposeAnnotation} that says why.`,
  url: 'https://kubernetes.io/docs/concepts/services-networking/service/#publishing-services-service-types',
  severity: 'critical',
  check: (resource) => {
    if (kindOf(resource.type) !== 'Service') return [];
    const type = (resource.props.spec as V1ServiceSpec | undefined)?.type;
    if (type !== 'LoadBalancer' && type !== 'NodePort') return [];
    const annotations = (resource.props.metadata as V1ObjectMeta | undefined)?.annotations;
    if (annotations?.[exposeAnnotation]?.trim()) return [];
    return [
      `${objectName(resource)} is of type ${type}; use ClusterIP, or say why in the annotation ${exposeAnnotation}.`,
    ];
  },
};
