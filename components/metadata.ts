/** Labels, security contexts and checksums of every object the platform declares: the only place that writes them. */
import { createHash } from 'node:crypto';

/** Label values that identify one store instance. */
export interface Identity {
  /** Store or concern, such as `redis`. */
  readonly name: string;
  /** Role inside the store, such as `sentinel`; omitted for the store's main workload. */
  readonly component?: string;
}

/**
 * Recommended Kubernetes labels for an object of the platform.
 * @see https://kubernetes.io/docs/concepts/overview/working-with-objects/common-labels/
 */
export function labels({ name, component }: Identity): Record<string, string> {
  return {
    'app.kubernetes.io/name': name,
    ...(component ? { 'app.kubernetes.io/component': component } : {}),
    'app.kubernetes.io/part-of': 'agent-data-platform',
    'app.kubernetes.io/managed-by': 'pulumi',
  };
}

/** The subset of {@link labels} that selects pods; immutable once a StatefulSet exists. */
export function selectorLabels({ name, component }: Identity): Record<string, string> {
  return {
    'app.kubernetes.io/name': name,
    ...(component ? { 'app.kubernetes.io/component': component } : {}),
    'app.kubernetes.io/part-of': 'agent-data-platform',
  };
}

/**
 * Pod security context that Pod Security Standard `restricted` admits.
 * @see https://kubernetes.io/docs/concepts/security/pod-security-standards/
 */
export function podSecurityContext(uid: number) {
  return {
    runAsNonRoot: true,
    runAsUser: uid,
    runAsGroup: uid,
    fsGroup: uid,
    fsGroupChangePolicy: 'OnRootMismatch',
    seccompProfile: { type: 'RuntimeDefault' },
  };
}

/** Container security context that Pod Security Standard `restricted` admits. */
export function containerSecurityContext() {
  return {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
  };
}

/** Annotation of pods that changes with what they read at their start, so that they are replaced. */
export function configurationAnnotation(text: string): Record<string, string> {
  return { 'agent-data-platform/config-checksum': checksum(text) };
}

/** SHA-256 (hex) of a text. */
export function checksum(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
