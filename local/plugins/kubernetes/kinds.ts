import { randomBytes, createHash } from 'node:crypto';
import type { Plain } from '../marshalling';

/** Built-in kinds without a namespace, known without asking a cluster. */
const clusterScoped: ReadonlySet<string> = new Set([
  'v1/Namespace',
  'v1/Node',
  'v1/PersistentVolume',
  'admissionregistration.k8s.io/MutatingAdmissionPolicy',
  'admissionregistration.k8s.io/MutatingAdmissionPolicyBinding',
  'admissionregistration.k8s.io/MutatingWebhookConfiguration',
  'admissionregistration.k8s.io/ValidatingAdmissionPolicy',
  'admissionregistration.k8s.io/ValidatingAdmissionPolicyBinding',
  'admissionregistration.k8s.io/ValidatingWebhookConfiguration',
  'apiextensions.k8s.io/CustomResourceDefinition',
  'apiregistration.k8s.io/APIService',
  'certificates.k8s.io/CertificateSigningRequest',
  'flowcontrol.apiserver.k8s.io/FlowSchema',
  'flowcontrol.apiserver.k8s.io/PriorityLevelConfiguration',
  'networking.k8s.io/IngressClass',
  'networking.k8s.io/IPAddress',
  'networking.k8s.io/ServiceCIDR',
  'node.k8s.io/RuntimeClass',
  'rbac.authorization.k8s.io/ClusterRole',
  'rbac.authorization.k8s.io/ClusterRoleBinding',
  'resource.k8s.io/DeviceClass',
  'scheduling.k8s.io/PriorityClass',
  'storage.k8s.io/CSIDriver',
  'storage.k8s.io/CSINode',
  'storage.k8s.io/StorageClass',
  'storage.k8s.io/VolumeAttachment',
  'storage.k8s.io/VolumeAttributesClass',
]);

/** API groups without a dot (and the core group) are built in and namespaced unless listed above. */
const builtInGroups = /^(v1|apps|autoscaling|batch|policy|[a-z.]+\.k8s\.io)$/;

/** Group and kind without version; the core group is written `v1`. */
export function groupKind(apiVersion: string, kind: string): string {
  const [group] = apiVersion.split('/');
  return `${group}/${kind}`;
}

/** Whether a kind has a namespace; undefined when only the cluster can tell. */
export function builtInNamespaced(apiVersion: string, kind: string): boolean | undefined {
  if (clusterScoped.has(groupKind(apiVersion, kind))) return false;
  const [group] = apiVersion.split('/');
  return builtInGroups.test(group!) && !group!.startsWith('gateway.') ? true : undefined;
}

/** API version and kind of a type token such as `kubernetes:apps/v1:Deployment` or `kubernetes:core/v1:Pod`. */
export function kindOfToken(token: string): { apiVersion: string; kind: string } {
  const [, groupVersion = '', kind = ''] = token.split(':');
  return { apiVersion: groupVersion.replace(/^core\//, ''), kind };
}

/** Words that name an object: `Deployment shop/web`. */
export function describe(object: Plain): string {
  return `${object.kind} ${objectId(object)}`;
}

/** Pulumi id of an object: `namespace/name`, or `name` for kinds without namespace. */
export function objectId({ metadata }: Plain): string {
  return metadata?.namespace ? `${metadata.namespace}/${metadata.name}` : `${metadata?.name}`;
}

/** Namespace and name of a Pulumi id. */
export function parseId(id: string): { namespace?: string; name: string } {
  const slash = id.indexOf('/');
  return slash < 0 ? { name: id } : { namespace: id.slice(0, slash), name: id.slice(slash + 1) };
}

/** Generated name `<prefix>-<8 hex digits>`, the same again for the same non-empty seed. */
export function generatedName(prefix: string, seed: Uint8Array): string {
  const bytes = seed.length > 0 ? createHash('sha256').update(seed).digest() : randomBytes(4);
  return `${prefix}-${bytes.toString('hex').slice(0, 8)}`;
}

/**
 * Field manager of the resource with this URN. Being derived from the URN, it shows after a killed update
 * which objects that update had made.
 */
export function fieldManagerOf(urn: string): string {
  return `pulumi-kubernetes-${createHash('sha256').update(urn).digest('hex').slice(0, 8)}`;
}
