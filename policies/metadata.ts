import { podTemplate } from './pods';
import { kindOf, labelsOf, objectName, ResourceRule } from './rule';

/** The labels by which people, policies and monitors find what belongs together. */
const required = ['app.kubernetes.io/name', 'app.kubernetes.io/part-of', 'app.kubernetes.io/managed-by'];

/** Every object says what it is, what it belongs to and who manages it. */
export const standardLabels: ResourceRule = {
  name: 'standard-labels',
  description: `Every object and pod has the labels ${required.join(', ')}.`,
  url: 'https://kubernetes.io/docs/concepts/overview/working-with-objects/common-labels/',
  severity: 'low',
  check: (resource) => {
    if (kindOf(resource.type) === undefined) return [];
    const where = objectName(resource);
    const pods = kindOf(resource.type) === 'Pod' ? undefined : podTemplate(resource);
    return [
      ...missing(where, labelsOf(resource)),
      ...(pods ? missing(`The pod template of ${where}`, pods.metadata?.labels ?? {}) : []),
    ];
  },
};

/** The API server refuses pods that break the standard, whoever makes them. */
export const namespacePodSecurity: ResourceRule = {
  name: 'namespace-pod-security',
  description: 'Every namespace enforces the Pod Security Standard restricted.',
  url: 'https://kubernetes.io/docs/concepts/security/pod-security-admission/',
  severity: 'high',
  check: (resource) => {
    if (kindOf(resource.type) !== 'Namespace') return [];
    const label = 'pod-security.kubernetes.io/enforce';
    const level = labelsOf(resource)[label];
    if (level === 'restricted') return [];
    return [`${objectName(resource)} enforces ${level ?? 'nothing'}; set the label ${label}: restricted.`];
  },
};

function missing(where: string, labels: Readonly<Record<string, string>>): string[] {
  const absent = required.filter((label) => !labels[label]);
  return absent.length === 0 ? [] : [`${where} has no ${absent.join(', ')}; set them.`];
}
