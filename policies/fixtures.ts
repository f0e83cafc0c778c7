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
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    },
    readinessProbe: { tcpSocket: { port: 6379 } },
    livenessProbe: { tcpSocket: { port: 6379 } },
    ...change.container,
  };
  return resource('apps/v1:StatefulSet', 'redis', {
    metadata: { labels: standardLabels },
    spec: {
      replicas: 3,
      template: {
        metadata: { labels: { ...standardLabels, app: 'redis', tier: 'data' } },
        spec: {
          automountServiceAccountToken: false,
          serviceAccountName: 'redis',
          priorityClassName: 'stores',
          securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
          affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{}] } },
          containers: [container],
          ...change.pod,
        },
      },
      persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Retain' },
      volumeClaimTemplates: [{ spec: { storageClassName: 'retained' } }],
      ...change.spec,
    },
  });
}

/** The labels that every object has. */
export const standardLabels = {
  'app.kubernetes.io/name': 'redis',
  'app.kubernetes.io/part-of': 'agent-data-platform',
  'app.kubernetes.io/managed-by': 'pulumi',
};

/** A Kubernetes object of namespace `data`. */
export function resource(type: string, name: string, props: Record<string, unknown>): Resource {
  const metadata = { name, namespace: 'data', ...(props.metadata as object | undefined) };
  return { type: `kubernetes:${type}`, name, props: { ...props, metadata } };
}
