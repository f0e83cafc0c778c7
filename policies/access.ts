import type { V1PolicyRule } from '@kubernetes/client-node';
import { podTemplate } from './pods';
import { kindOf, objectName, ResourceRule } from './rule';
import { isStatefulStore } from './stores';

/** A pod that does not talk to the API server has nothing that an intruder could talk to it with. */
export const serviceAccountToken: ResourceRule = {
  name: 'service-account-token',
  description: 'No pod mounts a ServiceAccount token, unless the rule’s exemptions say what it needs it for.',
  url: 'https://kubernetes.io/docs/tasks/configure-pod-container/configure-service-account/#opt-out-of-api-credential-automounting',
  severity: 'high',
  check: (resource) => {
    const spec = podTemplate(resource)?.spec;
    if (!spec || spec.automountServiceAccountToken === false) return [];
    return [
      `${objectName(resource)} mounts a ServiceAccount token; set automountServiceAccountToken: false, or exempt it with a reason.`,
    ];
  },
};

/** Rights that are ever given to one store's pods are not those of another. */
export const ownServiceAccount: ResourceRule = {
  name: 'own-service-account',
  description: 'Every store runs as a ServiceAccount of its own; operators make those of theirs.',
  url: 'https://kubernetes.io/docs/concepts/security/service-accounts/#default-service-accounts',
  severity: 'medium',
  check: (resource) => {
    const account = podTemplate(resource)?.spec?.serviceAccountName;
    if (!isStatefulStore(resource) || (account && account !== 'default')) return [];
    return [`${objectName(resource)} runs as the default ServiceAccount; set serviceAccountName.`];
  },
};

/** Rights are listed one by one, so that a new kind or verb is not granted by being invented. */
export const rbacWithoutWildcards: ResourceRule = {
  name: 'rbac-without-wildcards',
  description: 'No Role or ClusterRole grants "*", and nothing is bound to cluster-admin.',
  url: 'https://kubernetes.io/docs/concepts/security/rbac-good-practices/',
  severity: 'high',
  check: (resource) => {
    const kind = kindOf(resource.type) ?? '';
    if (/^(Cluster)?Role$/.test(kind)) return wildcards(objectName(resource), resource.props.rules);
    if (!/^(Cluster)?RoleBinding$/.test(kind)) return [];
    const role = (resource.props.roleRef as { name?: string } | undefined)?.name;
    if (role !== 'cluster-admin') return [];
    return [`${objectName(resource)} binds cluster-admin; bind a role that lists what is needed.`];
  },
};

function wildcards(where: string, rules: unknown): string[] {
  return ((rules as V1PolicyRule[] | undefined) ?? []).flatMap((rule, at) =>
    (['apiGroups', 'resources', 'verbs', 'nonResourceURLs'] as const)
      .filter((field) => rule[field]?.includes('*'))
      .map((field) => `${where} grants "*" at rules[${at}].${field}; list what is needed.`),
  );
}
