import { Resource } from './rule';

/** A StatefulSet that satisfies every rule; tests spoil one thing at a time. */
export function statefulSet(change: {
  container?: Record<string, unknown>;
  pod?: Record<string, unknown>;
  spec?: Record<string, unknown>;
}): Resource {
  const container = {
    name: 'redis',
    image: 'docker.io/library/redis:8.0.2',
    resources: { requests: { cpu: '25m', memory: '128Mi' }, limits: { memory: '128Mi' } },
    securityContext: { allowPrivilegeEscalation: false },
    ...change.container,
  };
  return resource('apps/v1:StatefulSet', 'redis', {
    spec: {
      replicas: 3,
      template: {
        metadata: { labels: { app: 'redis', tier: 'data' } },
        spec: { securityContext: { runAsNonRoot: true }, containers: [container], ...change.pod },
      },
      volumeClaimTemplates: [{ spec: { storageClassName: 'retained' } }],
      ...change.spec,
    },
  });
}

/** A Kubernetes object of namespace `data`. */
export function resource(type: string, name: string, props: Record<string, unknown>): Resource {
  const metadata = { name, namespace: 'data', ...(props.metadata as object | undefined) };
  return { type: `kubernetes:${type}`, name, props: { ...props, metadata } };
}
